/* Fuzzes the safetensors header: what is accepted must cover the file exactly. */
#include "io/safetensors_header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds) abort();
}

static void check_table(const pc_tensor_table *table, uint64_t data_start, uint64_t file_bytes)
{
    uint64_t end = data_start;
    for (size_t i = 0; i < table->count; i++) {
        const pc_tensor *tensor = &table->tensors[i];
        require(tensor->rank >= 0 && tensor->rank <= PC_TENSOR_MAX_RANK);
        require(tensor->offset == end && tensor->bytes <= file_bytes - end);
        require(pc_tensor_elements(tensor) >= 0 && pc_dtype_name(tensor->dtype));
        require(strlen(tensor->name) < file_bytes);
        end += tensor->bytes;
    }
    require(end == file_bytes);
}

static void parse(const char *header, size_t length, uint64_t file_bytes)
{
    pc_tensor_table table;
    pc_status status = pc_safetensors_parse(&table, header, length, file_bytes, "input");
    if (status == PC_OK) check_table(&table, 8 + (uint64_t)length, file_bytes);
    else require(table.count == 0 && strncmp(pc_last_error(), "input", 5) == 0);
    pc_tensor_table_free(&table);
}

/* The input twice: as a whole file, and as a header of a file as large as its first 8 bytes say. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length;
    if (pc_safetensors_header_length(&length, data, size, "input") == PC_OK)
        parse((const char *)data + 8, length, size);
    if (size < 8) return 0;
    uint64_t claimed;
    memcpy(&claimed, data, sizeof claimed);
    if (claimed >= size) parse((const char *)data + 8, size - 8, claimed);
    return 0;
}

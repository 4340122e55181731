/* Writes a safetensors file: its header's length, the header, the tensors. */
#include "io/safetensors_write.h"

#include "base/file.h"
#include "base/text.h"
#include "io/safetensors_header.h"

#include <string.h>

static size_t count_bytes(const pc_tensor_out *t)
{
    size_t n = sizeof *t->values;
    for (int i = 0; i < t->n_dims; i++)
        n *= (size_t)t->dims[i];
    return n;
}

static void put_entry(pc_text *header, const pc_tensor_out *t, size_t first)
{
    pc_text_put_json_string(header, t->name);
    pc_text_put(header, ":{\"dtype\":\"F32\",\"shape\":[");
    for (int i = 0; i < t->n_dims; i++)
        pc_text_printf(header, i ? ",%d" : "%d", t->dims[i]);
    pc_text_printf(header, "],\"data_offsets\":[%zu,%zu]}", first, first + count_bytes(t));
}

/* Padded with blanks, so that the tensors begin at a multiple of 8. */
static void put_header(pc_text *header, const pc_tensor_out *tensors, int n)
{
    size_t first = 0;
    for (int i = 0; i < n; i++) {
        pc_text_put(header, i ? "," : "{");
        put_entry(header, &tensors[i], first);
        first += count_bytes(&tensors[i]);
    }
    pc_text_put(header, "}");
    while (header->length % 8 != 0 && !header->has_failed)
        pc_text_put(header, " ");
}

static void put_little_endian(pc_text *out, uint64_t value, int n_bytes)
{
    char bytes[8];
    for (int i = 0; i < n_bytes; i++)
        bytes[i] = (char)(value >> (8 * i) & 0xff);
    pc_text_put_bytes(out, bytes, (size_t)n_bytes);
}

static void put_values(pc_text *out, const pc_tensor_out *t)
{
    for (size_t i = 0; i < count_bytes(t) / sizeof *t->values; i++) {
        uint32_t bits;
        memcpy(&bits, &t->values[i], sizeof bits);
        put_little_endian(out, bits, sizeof bits);
    }
}

pc_status pc_safetensors_write(const char *path, const pc_tensor_out *tensors, int n)
{
    pc_text header = {0}, file = {0};
    put_header(&header, tensors, n);
    put_little_endian(&file, header.length, PC_SAFETENSORS_PREFIX_BYTES);
    if (header.length > 0) pc_text_put_bytes(&file, header.data, header.length);
    for (int i = 0; i < n; i++)
        put_values(&file, &tensors[i]);
    pc_status status = pc_text_status(&header);
    if (status == PC_OK) status = pc_text_status(&file);
    if (status == PC_OK) status = pc_file_replace(path, file.data, file.length);
    pc_text_free(&file);
    pc_text_free(&header);
    return status;
}

/* The header of one safetensors file, checked in full against the file's size. */
#ifndef PC_IO_SAFETENSORS_HEADER_H
#define PC_IO_SAFETENSORS_HEADER_H

#include "io/safetensors.h"

enum { PC_SAFETENSORS_PREFIX_BYTES = 8 }; /* the header's length, little endian */

/* In the order of the data; each begins where the last one ends, and the last one ends the file. */
typedef struct pc_tensor_table {
    pc_tensor *tensors; /* `file` is 0 */
    size_t count;
    char *names; /* what the tensors' names point into */
} pc_tensor_table;

/* The length of the JSON text that follows the first 8 bytes of a file of `file_bytes`, which holds
 * it whole. `first` is as long as the file, at most 8 bytes. */
pc_status pc_safetensors_header_length(size_t *out, const unsigned char *first, uint64_t file_bytes,
                                       const char *name);

/* Parses that JSON text. Nothing is read: file_bytes, at least 8 + length, is what the file is said
 * to have. `name` is the file as messages should call it. Free with pc_tensor_table_free(). */
pc_status pc_safetensors_parse(pc_tensor_table *out, const char *header, size_t length,
                               uint64_t file_bytes, const char *name);
void pc_tensor_table_free(pc_tensor_table *table);

#endif

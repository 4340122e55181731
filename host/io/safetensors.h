/* The weights of one model directory, in one or many safetensors files: which tensors there are,
 * and reading them as float. */
#ifndef PC_IO_SAFETENSORS_H
#define PC_IO_SAFETENSORS_H

#include "base/digest.h"
#include "base/fail.h"

#include <stddef.h>
#include <stdint.h>

enum { PC_TENSOR_MAX_RANK = 8 };

/* Every element type of the format. */
typedef enum pc_dtype {
    PC_DTYPE_BOOL,
    PC_DTYPE_F4,
    PC_DTYPE_F6_E2M3,
    PC_DTYPE_F6_E3M2,
    PC_DTYPE_U8,
    PC_DTYPE_I8,
    PC_DTYPE_F8_E5M2,
    PC_DTYPE_F8_E4M3,
    PC_DTYPE_F8_E8M0,
    PC_DTYPE_F8_E4M3FNUZ,
    PC_DTYPE_F8_E5M2FNUZ,
    PC_DTYPE_I16,
    PC_DTYPE_U16,
    PC_DTYPE_F16,
    PC_DTYPE_BF16,
    PC_DTYPE_I32,
    PC_DTYPE_U32,
    PC_DTYPE_F32,
    PC_DTYPE_C64,
    PC_DTYPE_F64,
    PC_DTYPE_I64,
    PC_DTYPE_U64
} pc_dtype;

/* The format's own name: "F32". */
const char *pc_dtype_name(pc_dtype dtype);

/* The product of max(1, extent) fits an int64_t, so any product of extents does. */
typedef struct pc_tensor {
    const char *name;
    pc_dtype dtype;
    int rank; /* 0 = a scalar */
    int64_t shape[PC_TENSOR_MAX_RANK];
    uint64_t offset, bytes; /* of the data, within the file */
    int file;
} pc_tensor;

/* The product of the shape. */
int64_t pc_tensor_elements(const pc_tensor *tensor);

/* Immutable once open: any thread may use it. The files stay open. */
typedef struct pc_checkpoint pc_checkpoint;

/* Opens `directory`/model.safetensors; or else the shards that model.safetensors.index.json names;
 * or else the only *.safetensors file there is.
 *
 * All headers are checked by the format's rules; a file with a hole, an overlap or bytes that
 * belong to no tensor is refused, as is one whose shape times element size is not its data's size.
 * Stricter than the format: no further keys in a tensor's entry, rank at most 8
 * (PC_ERR_UNSUPPORTED), the rule of pc_tensor for empty tensors too. The limits: a header of
 * 100,000,000 bytes (the format's own), 100,000 tensors and 1,500,000 JSON values a file, the index
 * 64 MiB, 1024 shards.
 *
 * In an index only weight_map counts, of it only entries whose value is a string, and that must be
 * the bare name of a *.safetensors file. Each listed tensor must lie in the shard it is listed
 * with; what else a shard holds is ignored. Bad files are PC_ERR_INPUT. Free with
 * pc_checkpoint_free(). */
pc_status pc_checkpoint_open(pc_checkpoint **out, const char *directory);
void pc_checkpoint_free(pc_checkpoint *checkpoint);

/* NULL if there is none of this name. */
const pc_tensor *pc_checkpoint_find(const pc_checkpoint *checkpoint, const char *name);

/* The tensors in the byte order of their names. */
size_t pc_checkpoint_count(const pc_checkpoint *checkpoint);
const pc_tensor *pc_checkpoint_at(const pc_checkpoint *checkpoint, size_t i);

/* Path of the file a tensor lies in, for messages. */
const char *pc_checkpoint_file(const pc_checkpoint *checkpoint, const pc_tensor *tensor);

/* Elements [first, first + count) of the flattened tensor. F32, F16 and BF16 are converted exactly,
 * NaN payloads included; F64 is rounded (infinite beyond float's range). Other types are
 * PC_ERR_UNSUPPORTED, a range outside the tensor PC_ERR_ARG, a file that became shorter
 * PC_ERR_INPUT. */
pc_status pc_checkpoint_read_f32(float *out, const pc_checkpoint *checkpoint,
                                 const pc_tensor *tensor, int64_t first, int64_t count);

/* The same elements of an F16 or BF16 tensor as their bits, in the machine's byte order. */
pc_status pc_checkpoint_read_bits16(uint16_t *out, const pc_checkpoint *checkpoint,
                                    const pc_tensor *tensor, int64_t first, int64_t count);

/* n numbers given as the bits of F16 or BF16, exactly. */
void pc_widen_bits16(float *out, const uint16_t *bits, int64_t n, pc_dtype dtype);

/* Adds the bytes of all files, in the order of their names: of a single file, its SHA-256. */
pc_status pc_checkpoint_digest(pc_digest *into, const pc_checkpoint *checkpoint);

#endif

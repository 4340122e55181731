/* Writing a checkpoint of float32 tensors. */
#ifndef PC_IO_SAFETENSORS_WRITE_H
#define PC_IO_SAFETENSORS_WRITE_H

#include "base/fail.h"

#include <stdint.h>

enum { PC_OUT_NAME_BYTES = 64, PC_OUT_DIMS = 3 };

typedef struct pc_tensor_out {
    char name[PC_OUT_NAME_BYTES];
    int n_dims; /* 1 .. PC_OUT_DIMS */
    int dims[PC_OUT_DIMS];
    const float *values; /* row-major */
} pc_tensor_out;

/* Writes n tensors, one behind the other in their order, as F32. The file is replaced whole. */
pc_status pc_safetensors_write(const char *path, const pc_tensor_out *tensors, int n);

#endif

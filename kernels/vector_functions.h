/* The functions of vector_math.h over arrays: out = function(x), element by element. */
#ifndef PC_KERNELS_VECTOR_FUNCTIONS_H
#define PC_KERNELS_VECTOR_FUNCTIONS_H

#include <stdint.h>

typedef enum pc_function {
    PC_FUNCTION_EXP,
    PC_FUNCTION_EXPM1,
    PC_FUNCTION_TANH,
    PC_FUNCTION_ERF
} pc_function;

/* out and x have n elements and may be the same array. */
typedef void pc_vector_function_fn(float *out, const float *x, int64_t n, pc_function function);

pc_vector_function_fn pc_vector_function_baseline, pc_vector_function_avx2;

#endif

/* The elementary functions over arrays: for tests, and for what is computed once a run. */
#include "kernels/vector_functions.h"

#include "kernels/instruction_set.h"
#include "kernels/vector_math.h"

void PC_FOR_SET(pc_vector_function)(float *out, const float *x, int64_t n, pc_function function)
{
    switch (function) {
    case PC_FUNCTION_EXP:
        for (int64_t i = 0; i < n; i++)
            out[i] = pc_expf(x[i]);
        break;
    case PC_FUNCTION_EXPM1:
        for (int64_t i = 0; i < n; i++)
            out[i] = pc_expm1f(x[i]);
        break;
    case PC_FUNCTION_TANH:
        for (int64_t i = 0; i < n; i++)
            out[i] = pc_tanhf(x[i]);
        break;
    case PC_FUNCTION_ERF:
        for (int64_t i = 0; i < n; i++)
            out[i] = pc_erff(x[i]);
        break;
    }
}

/* What a change d of its input changes in a root-mean-square norm's output: layernorm_delta.h
 * without centring, that is with x_c = x, d_c = d and var = mean(x^2). */
#ifndef PC_KERNELS_RMSNORM_DELTA_H
#define PC_KERNELS_RMSNORM_DELTA_H

#include "kernels/layernorm_delta.h"

pc_norm_delta_fn pc_rmsnorm_delta_baseline, pc_rmsnorm_delta_avx2;

/* The definition, in double; as pc_ref_layernorm_delta(). */
void pc_ref_rmsnorm_delta(double *dy, const pc_norm_delta_args *args);

#endif

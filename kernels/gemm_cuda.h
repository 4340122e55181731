/* The product of gemm.h on a CUDA device, through cuBLASLt: C = A W, or C += A W, so that a row of
 * C does not depend on how many rows there are, nor on which of them it is.
 *
 *   W  (n_in, n_out) row-major, rows w_stride apart
 *   A  (rows, n_in)             rows a_stride apart
 *   C  (rows, n_out)            rows c_stride apart; must not overlap A
 *
 * A library promises no such thing. So the rows go through in chunks of chunk_rows, always as many
 * (the last chunk is filled up with zeros in scratch memory), by one algorithm chosen once, which
 * sums without splitting n_in. What is left to trust, that within a chunk every row is treated
 * alike, is tested on each kind of GPU. */
#ifndef PC_KERNELS_GEMM_CUDA_H
#define PC_KERNELS_GEMM_CUDA_H

#include "kernels/gemm.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library and the workspace that its algorithms share: products of one pck_blas run on one
 * stream at a time. */
typedef struct pck_blas pck_blas;

cudaError_t pck_blas_open(pck_blas **out, size_t workspace_bytes);
void pck_blas_close(pck_blas *blas);

/* How products are computed; sums are in float32 always.
 *
 *   FP32    float32
 *   TF32    inputs rounded to 11 bits
 *   BF16X3  inputs split into two bfloat16 each, x = hi + lo: hi hi + (hi lo + lo hi), about 16
 * bits BF16    inputs rounded to bfloat16, 8 bits */
typedef enum pck_gemm_precision {
    PCK_GEMM_FP32,
    PCK_GEMM_TF32,
    PCK_GEMM_BF16X3,
    PCK_GEMM_BF16
} pck_gemm_precision;

typedef struct pck_gemm_shape {
    int64_t n_in, n_out;
    int64_t a_stride, w_stride, c_stride;
    int64_t chunk_rows;
    pc_gemm_mode mode;
    pck_gemm_precision precision;
} pck_gemm_shape;

/* One shape with its algorithm. Free it before its pck_blas is closed. cudaErrorNotSupported when
 * the library has no algorithm that does not split the sum. */
typedef struct pck_gemm pck_gemm;
cudaError_t pck_gemm_new(pck_gemm **out, const pck_blas *blas, const pck_gemm_shape *shape);
void pck_gemm_free(pck_gemm *gemm);

/* Which algorithm was chosen, in the library's numbers; part of the numeric fingerprint. */
typedef struct pck_gemm_algorithm {
    int32_t id, tile, stages, split_k, reduction, swizzle, custom;
    uint32_t inner_shape, cluster_shape;
} pck_gemm_algorithm;
pck_gemm_algorithm pck_gemm_chosen(const pck_gemm *gemm);

/* Device memory that pck_gemm_run() needs beside its arrays; any that hold as much will do. */
size_t pck_gemm_scratch_bytes(const pck_gemm *gemm);

/* W as the precision wants it: `w` for FP32 and TF32; `hi`, and for BF16X3 `lo`, made from it by
 * pck_gemm_split(). All have rows w_stride elements apart. */
typedef struct pck_gemm_weights {
    const float *w;
    const uint16_t *hi, *lo;
} pck_gemm_weights;

/* Any rows >= 0. All pointers are the device's, the first element of every array at a multiple of
 * 16 bytes (else cudaErrorInvalidValue). Enqueues on `stream`. */
cudaError_t pck_gemm_run(const pck_gemm *gemm, float *c, const float *a,
                         const pck_gemm_weights *weights, int64_t rows, void *scratch,
                         cudaStream_t stream);

/* hi = x rounded to bfloat16, to nearest, ties to even; lo = x - hi likewise, or not written if
 * NULL. NaN stays NaN; beyond the largest bfloat16 hi is infinite. Rows from `rows` up to all_rows
 * become zeros.
 *
 *   hi, lo  (all_rows, width) rows to_stride apart
 *   x       (rows, width)     rows x_stride apart */
typedef struct pck_split_args {
    uint16_t *hi, *lo;
    const float *x;
    int64_t to_stride, x_stride, width, rows, all_rows;
} pck_split_args;

cudaError_t pck_gemm_split(const pck_split_args *args, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif

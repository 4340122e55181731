/* Products with weights that are packed once: C = A W, or C += A W, in fp32.
 *
 *   W  (n_in, n_out) weights, in pc_packed
 *   A  (rows, k_count) row-major, rows a_stride apart
 *   C  (rows, n_count) row-major, rows c_stride apart; must not overlap A
 *
 * Columns n_first ... n_first + n_count - 1 of W are used, and of its rows k_first ... k_first +
 * k_count - 1: all of them, a head's, or none.
 *
 * The sum of an output runs over the blocks [0, 384), [384, 768), ... of W's rows. Within a block
 * it is one chain of fused multiply-adds from +0, ascending in k; the blocks' sums are then added
 * in order, in PC_GEMM_ADD to what C holds, in PC_GEMM_SET to the first block's. An output depends
 * on its row of A, its column of W and the range of k alone: not on rows, the row's place, the
 * columns computed beside it, the thread or the instruction set, to the last bit (of a NaN, only
 * that it is one). */
#ifndef PC_KERNELS_GEMM_H
#define PC_KERNELS_GEMM_H

#include "patchclamp/status.h"

#include <stdint.h>

enum { PC_GEMM_BLOCK = 384 };

typedef struct pc_packed pc_packed;

/* An n_in x n_out matrix of zeros; free it. n_in, n_out >= 0. PC_ERR_NOMEM. */
pc_status pc_packed_new(pc_packed **out, int64_t n_in, int64_t n_out);
void pc_packed_free(pc_packed *packed);

/* The bytes that pc_packed_new() asks for; INT64_MAX when they cannot be counted. */
int64_t pc_packed_bytes(int64_t n_in, int64_t n_out);

int64_t pc_packed_n_in(const pc_packed *packed);
int64_t pc_packed_n_out(const pc_packed *packed);

/* A rectangle of W and where its values stand: W(k_first + i, n_first + j) is
 * source[i * k_stride + j * n_stride], for i < n_k and j < n_n. A transposed source has k_stride 1;
 * matrices side by side, or one a head, are put in one by one. */
typedef struct pc_packed_part {
    int64_t k_first, n_first, n_k, n_n;
    const float *source;
    int64_t k_stride, n_stride;
} pc_packed_part;

void pc_packed_put(pc_packed *packed, const pc_packed_part *part);

/* W(k, n). */
float pc_packed_at(const pc_packed *packed, int64_t k, int64_t n);

typedef enum pc_gemm_mode { PC_GEMM_SET, PC_GEMM_ADD } pc_gemm_mode;

typedef struct pc_gemm_args {
    float *c;
    const float *a;
    int64_t c_stride, a_stride, rows;
    const pc_packed *w;
    int64_t k_first, k_count, n_first, n_count;
    pc_gemm_mode mode;
} pc_gemm_args;

typedef void pc_gemm_fn(const pc_gemm_args *args);

/* One for each instruction set; host/backend/cpu_ops.h chooses. Inputs may be unaligned. */
pc_gemm_fn pc_gemm_baseline, pc_gemm_avx2, pc_gemm_avx512;

/* The definition, in double: c (rows, n_count) without gaps; args->c is what PC_GEMM_ADD adds to,
 * and is not written. */
void pc_ref_gemm(double *c, const pc_gemm_args *args);

#endif

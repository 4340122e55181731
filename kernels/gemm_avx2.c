/* The product's tiles for AVX2 with FMA: up to 6 rows by 16 columns, the sums in registers. */
#include "kernels/gemm_tile.h"

#include <immintrin.h>

enum { MOST_ROWS = 6, LANES = 8 };

static inline void finish(float *c, __m256 sum, pc_gemm_mode mode)
{
    _mm256_storeu_ps(c, mode == PC_GEMM_ADD ? _mm256_add_ps(_mm256_loadu_ps(c), sum) : sum);
}

/* The compiler sees rows as a number and unrolls all but the loop over k. */
static inline __attribute__((always_inline)) void run_shape(const pc_gemm_tile *tile, int rows)
{
    __m256 sum[MOST_ROWS][2];
    const float *a = tile->a, *w = tile->w;
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
        sum[i][0] = sum[i][1] = _mm256_setzero_ps();
    for (int64_t k = 0; k < tile->depth; k++, a++, w += PC_PANEL) {
        const __m256 left = _mm256_load_ps(w), right = _mm256_load_ps(w + LANES);
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            const __m256 value = _mm256_broadcast_ss(a + i * PC_TILE_A_STRIDE);
            sum[i][0] = _mm256_fmadd_ps(value, left, sum[i][0]);
            sum[i][1] = _mm256_fmadd_ps(value, right, sum[i][1]);
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        float *c = tile->c + i * tile->c_stride;
        finish(c, sum[i][0], tile->mode);
        finish(c + LANES, sum[i][1], tile->mode);
    }
}

static void run(const pc_gemm_tile *tile, int rows, int n_panels)
{
    (void)n_panels; /* always 1 */
    switch (rows) {
    case 1:
        run_shape(tile, 1);
        break;
    case 2:
        run_shape(tile, 2);
        break;
    case 3:
        run_shape(tile, 3);
        break;
    case 4:
        run_shape(tile, 4);
        break;
    case 5:
        run_shape(tile, 5);
        break;
    default:
        run_shape(tile, 6);
        break;
    }
}

void pc_gemm_avx2(const pc_gemm_args *args)
{
    static const pc_gemm_tiles tiles = {.most_rows = MOST_ROWS, .most_panels = 1, .run = run};
    pc_gemm_by_tiles(args, &tiles);
}

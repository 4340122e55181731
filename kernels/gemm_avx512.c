/* The product's tiles for AVX-512: up to 14 rows by 32 columns, the sums in registers. */
#include "kernels/gemm_tile.h"

#include <immintrin.h>

enum { MOST_ROWS = 14 };

static inline void finish(float *c, __m512 sum, pc_gemm_mode mode)
{
    _mm512_storeu_ps(c, mode == PC_GEMM_ADD ? _mm512_add_ps(_mm512_loadu_ps(c), sum) : sum);
}

/* The compiler sees rows and n_panels as numbers and unrolls all but the loop over k. */
static inline __attribute__((always_inline)) void run_shape(const pc_gemm_tile *tile, int rows,
                                                            int n_panels)
{
    __m512 sum[MOST_ROWS][2];
    const float *a = tile->a, *w = tile->w, *w_second = tile->w + tile->panel_stride;
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
        sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (int64_t k = 0; k < tile->depth; k++, a++, w += PC_PANEL, w_second += PC_PANEL) {
        const __m512 first = _mm512_load_ps(w);
        const __m512 second = n_panels > 1 ? _mm512_load_ps(w_second) : first;
#pragma GCC unroll 14
        for (int i = 0; i < rows; i++) {
            const __m512 value = _mm512_set1_ps(a[i * PC_TILE_A_STRIDE]);
            sum[i][0] = _mm512_fmadd_ps(value, first, sum[i][0]);
            if (n_panels > 1) sum[i][1] = _mm512_fmadd_ps(value, second, sum[i][1]);
        }
    }
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) {
        float *c = tile->c + i * tile->c_stride;
        finish(c, sum[i][0], tile->mode);
        if (n_panels > 1) finish(c + PC_PANEL, sum[i][1], tile->mode);
    }
}

static void run_wide(const pc_gemm_tile *tile, int rows)
{
    switch (rows) {
    case 1:
        run_shape(tile, 1, 2);
        break;
    case 2:
        run_shape(tile, 2, 2);
        break;
    case 3:
        run_shape(tile, 3, 2);
        break;
    case 4:
        run_shape(tile, 4, 2);
        break;
    case 5:
        run_shape(tile, 5, 2);
        break;
    case 6:
        run_shape(tile, 6, 2);
        break;
    case 7:
        run_shape(tile, 7, 2);
        break;
    case 8:
        run_shape(tile, 8, 2);
        break;
    case 9:
        run_shape(tile, 9, 2);
        break;
    case 10:
        run_shape(tile, 10, 2);
        break;
    case 11:
        run_shape(tile, 11, 2);
        break;
    case 12:
        run_shape(tile, 12, 2);
        break;
    case 13:
        run_shape(tile, 13, 2);
        break;
    default:
        run_shape(tile, 14, 2);
        break;
    }
}

static void run_narrow(const pc_gemm_tile *tile, int rows)
{
    switch (rows) {
    case 1:
        run_shape(tile, 1, 1);
        break;
    case 2:
        run_shape(tile, 2, 1);
        break;
    case 3:
        run_shape(tile, 3, 1);
        break;
    case 4:
        run_shape(tile, 4, 1);
        break;
    case 5:
        run_shape(tile, 5, 1);
        break;
    case 6:
        run_shape(tile, 6, 1);
        break;
    case 7:
        run_shape(tile, 7, 1);
        break;
    case 8:
        run_shape(tile, 8, 1);
        break;
    case 9:
        run_shape(tile, 9, 1);
        break;
    case 10:
        run_shape(tile, 10, 1);
        break;
    case 11:
        run_shape(tile, 11, 1);
        break;
    case 12:
        run_shape(tile, 12, 1);
        break;
    case 13:
        run_shape(tile, 13, 1);
        break;
    default:
        run_shape(tile, 14, 1);
        break;
    }
}

static void run(const pc_gemm_tile *tile, int rows, int n_panels)
{
    if (n_panels > 1) run_wide(tile, rows);
    else run_narrow(tile, rows);
}

void pc_gemm_avx512(const pc_gemm_args *args)
{
    static const pc_gemm_tiles tiles = {.most_rows = MOST_ROWS, .most_panels = 2, .run = run};
    pc_gemm_by_tiles(args, &tiles);
}

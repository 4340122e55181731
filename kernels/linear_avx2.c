/* The linear map in double with AVX2: the sums of linear_ref.c, to the bit. Columns are taken eight
 * at a time, their weights widened and put side by side once for all rows; inputs in stretches, so
 * that these stay in the cache. */
#include "kernels/linear.h"

#include <immintrin.h>

#include <stddef.h>

enum { COLUMNS = 8, STRETCH = 256, ROWS = 4 };

/* panel (n, COLUMNS) = a stretch of the columns' weights, 0 behind the last column. */
static void pack(double *panel, const float *w, int64_t n, int64_t n_columns, int64_t n_out)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t o = 0; o < COLUMNS; o++)
            panel[i * COLUMNS + o] = o < n_columns ? (double)w[i * n_out + o] : 0;
}

/* sums (ROWS, COLUMNS) += x (ROWS, n), rows x_stride apart, times the panel: eight chains of
 * additions, which hide an addition's latency. */
static void add_rows(double *sums, const double *x, int64_t x_stride, const double *panel,
                     int64_t n)
{
    __m256d s[ROWS][2];
    for (int r = 0; r < ROWS; r++)
        for (int half = 0; half < 2; half++)
            s[r][half] = _mm256_loadu_pd(sums + r * COLUMNS + 4 * half);
    for (int64_t i = 0; i < n; i++) {
        const __m256d low = _mm256_loadu_pd(panel + i * COLUMNS);
        const __m256d high = _mm256_loadu_pd(panel + i * COLUMNS + 4);
        for (int r = 0; r < ROWS; r++) {
            const __m256d a = _mm256_broadcast_sd(x + r * x_stride + i);
            s[r][0] = _mm256_add_pd(s[r][0], _mm256_mul_pd(a, low));
            s[r][1] = _mm256_add_pd(s[r][1], _mm256_mul_pd(a, high));
        }
    }
    for (int r = 0; r < ROWS; r++)
        for (int half = 0; half < 2; half++)
            _mm256_storeu_pd(sums + r * COLUMNS + 4 * half, s[r][half]);
}

static void add_row(double *sums, const double *x, const double *panel, int64_t n)
{
    __m256d low = _mm256_loadu_pd(sums), high = _mm256_loadu_pd(sums + 4);
    for (int64_t i = 0; i < n; i++) {
        const __m256d a = _mm256_broadcast_sd(x + i);
        low = _mm256_add_pd(low, _mm256_mul_pd(a, _mm256_loadu_pd(panel + i * COLUMNS)));
        high = _mm256_add_pd(high, _mm256_mul_pd(a, _mm256_loadu_pd(panel + i * COLUMNS + 4)));
    }
    _mm256_storeu_pd(sums, low);
    _mm256_storeu_pd(sums + 4, high);
}

static void load(double *sums, const double *out, int64_t n_columns)
{
    for (int64_t o = 0; o < COLUMNS; o++)
        sums[o] = o < n_columns ? out[o] : 0;
}

static void store(double *out, const double *sums, int64_t n_columns)
{
    for (int64_t o = 0; o < n_columns; o++)
        out[o] = sums[o];
}

/* out's columns += a stretch of n inputs; out and x point at its first row. */
static void add_stretch(double *out, const double *x, const double *panel, int64_t rows, int64_t n,
                        int64_t n_columns, int64_t n_in, int64_t n_out)
{
    double sums[ROWS * COLUMNS];
    for (int64_t row = 0, together; row < rows; row += together) {
        together = rows - row >= ROWS ? ROWS : 1;
        for (int64_t r = 0; r < together; r++)
            load(sums + r * COLUMNS, out + (row + r) * n_out, n_columns);
        if (together == ROWS) add_rows(sums, x + row * n_in, n_in, panel, n);
        else add_row(sums, x + row * n_in, panel, n);
        for (int64_t r = 0; r < together; r++)
            store(out + (row + r) * n_out, sums + r * COLUMNS, n_columns);
    }
}

void pc_linear_avx2(double *out, const double *x, const float *w, const float *bias, int64_t rows,
                    int64_t n_in, int64_t n_out)
{
    double panel[STRETCH * COLUMNS];
    for (int64_t row = 0; row < rows; row++)
        for (int64_t o = 0; o < n_out; o++)
            out[row * n_out + o] = bias ? (double)bias[o] : 0;
    for (int64_t o = 0; o < n_out; o += COLUMNS) {
        const int64_t n_columns = n_out - o < COLUMNS ? n_out - o : COLUMNS;
        for (int64_t i = 0; i < n_in; i += STRETCH) {
            const int64_t n = n_in - i < STRETCH ? n_in - i : STRETCH;
            pack(panel, w + i * n_out + o, n, n_columns, n_out);
            add_stretch(out + o, x + i, panel, rows, n, n_columns, n_in, n_out);
        }
    }
}

/* Inner products in blocks of 3 by 3 vectors, a stretch of all of them at a time, so that what is
 * loaded is used three times and the stretches stay in the cache. */
#include "kernels/pair_dots.h"

#include "kernels/instruction_set.h"
#include "kernels/lanes.h"

enum { BLOCK = 3 };

static inline float add_lanes(const float *lanes)
{
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
           ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/* One pair; n is at most a stretch. */
static float dot(const float *a, const float *b, int64_t n)
{
    float lanes[PC_LANES] = {0};
    int64_t k = 0;
    for (; k + PC_LANES <= n; k += PC_LANES)
        for (int lane = 0; lane < PC_LANES; lane++)
            lanes[lane] += a[k + lane] * b[k + lane];
    for (; k < n; k++)
        lanes[k % PC_LANES] += a[k] * b[k];
    return add_lanes(lanes);
}

/* Nine pairs, the same sums. */
static void dot_block(float sums[BLOCK][BLOCK], const float *a, int64_t a_stride, const float *b,
                      int64_t b_stride, int64_t n)
{
    float l00[PC_LANES] = {0}, l01[PC_LANES] = {0}, l02[PC_LANES] = {0};
    float l10[PC_LANES] = {0}, l11[PC_LANES] = {0}, l12[PC_LANES] = {0};
    float l20[PC_LANES] = {0}, l21[PC_LANES] = {0}, l22[PC_LANES] = {0};
    const float *a0 = a, *a1 = a + a_stride, *a2 = a + 2 * a_stride;
    const float *b0 = b, *b1 = b + b_stride, *b2 = b + 2 * b_stride;
    int64_t k = 0;
    for (; k + PC_LANES <= n; k += PC_LANES) {
        for (int lane = 0; lane < PC_LANES; lane++) {
            l00[lane] += a0[k + lane] * b0[k + lane];
            l01[lane] += a0[k + lane] * b1[k + lane];
            l02[lane] += a0[k + lane] * b2[k + lane];
            l10[lane] += a1[k + lane] * b0[k + lane];
            l11[lane] += a1[k + lane] * b1[k + lane];
            l12[lane] += a1[k + lane] * b2[k + lane];
            l20[lane] += a2[k + lane] * b0[k + lane];
            l21[lane] += a2[k + lane] * b1[k + lane];
            l22[lane] += a2[k + lane] * b2[k + lane];
        }
    }
    float *lanes[BLOCK][BLOCK] = {{l00, l01, l02}, {l10, l11, l12}, {l20, l21, l22}};
    for (int i = 0; i < BLOCK; i++)
        for (int j = 0; j < BLOCK; j++) {
            for (int64_t rest = k; rest < n; rest++)
                lanes[i][j][rest % PC_LANES] += a[i * a_stride + rest] * b[j * b_stride + rest];
            sums[i][j] = add_lanes(lanes[i][j]);
        }
}

static void add_block(const pc_pair_dots_args *args, double *out, const float *a, const float *b,
                      int64_t n)
{
    float sums[BLOCK][BLOCK];
    dot_block(sums, a, args->a_stride, b, args->b_stride, n);
    for (int i = 0; i < BLOCK; i++)
        for (int j = 0; j < BLOCK; j++)
            out[i * args->out_stride + j] += args->weight * (double)sums[i][j];
}

static void add_stretch(const pc_pair_dots_args *args, double *out, const float *a, const float *b,
                        int64_t n)
{
    const int64_t whole_a = args->n_a / BLOCK * BLOCK, whole_b = args->n_b / BLOCK * BLOCK;
    for (int64_t i = 0; i < whole_a; i += BLOCK)
        for (int64_t j = 0; j < whole_b; j += BLOCK)
            add_block(args, out + i * args->out_stride + j, a + i * args->a_stride,
                      b + j * args->b_stride, n);
    for (int64_t i = 0; i < args->n_a; i++)
        for (int64_t j = i < whole_a ? whole_b : 0; j < args->n_b; j++)
            out[i * args->out_stride + j] +=
                args->weight * (double)dot(a + i * args->a_stride, b + j * args->b_stride, n);
}

void PC_FOR_SET(pc_pair_dots)(const pc_pair_dots_args *args)
{
    for (int64_t item = 0; item < args->n_items; item++) {
        const pc_dot_item *it = &args->items[item];
        for (int64_t k = 0; k < it->n; k += PC_DOT_STRETCH) {
            const int64_t rest = it->n - k, n = rest < PC_DOT_STRETCH ? rest : PC_DOT_STRETCH;
            add_stretch(args, args->out + it->out, args->a + it->a + k, args->b + it->b + k, n);
        }
    }
}

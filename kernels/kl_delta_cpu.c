/* The divergence of a change of the logits: exponentials in fp32, sums in double. */
#include "kernels/kl_delta.h"

#include "kernels/instruction_set.h"
#include "kernels/lanes.h"
#include "kernels/scalar_math.h"
#include "kernels/vector_math.h"

#include <math.h>

/* Terms are computed a stretch at a time, then added: the compiler vectorises each by itself. A
 * whole number of lanes, so that a row's chains go on from stretch to stretch. */
enum { STRETCH = 64 * PC_LANES };

/* Chains of sums over a row. */
typedef struct sums {
    double lanes[PC_LANES];
} sums;

static inline void add(sums *s, const float *x, int64_t n)
{
    int64_t i = 0;
    for (; i + PC_LANES <= n; i += PC_LANES)
        for (int lane = 0; lane < PC_LANES; lane++)
            s->lanes[lane] += (double)x[i + lane];
    for (; i < n; i++)
        s->lanes[i % PC_LANES] += (double)x[i];
}

static inline void add_products(sums *s, const float *x, const float *y, int64_t n)
{
    int64_t i = 0;
    for (; i + PC_LANES <= n; i += PC_LANES)
        for (int lane = 0; lane < PC_LANES; lane++)
            s->lanes[lane] += (double)x[i + lane] * (double)y[i + lane];
    for (; i < n; i++)
        s->lanes[i % PC_LANES] += (double)x[i] * (double)y[i];
}

static int64_t stretch(int64_t from, int64_t vocab)
{
    return vocab - from < STRETCH ? vocab - from : STRETCH;
}

/* sum exp(l), and sum exp(l) d over it. */
typedef struct moments {
    double mass, mean;
} moments;

static moments moments_of(const float *l, const float *d, int64_t vocab)
{
    sums mass = {{0}}, moment = {{0}};
    float p[STRETCH];
    for (int64_t from = 0; from < vocab; from += STRETCH) {
        const int64_t n = stretch(from, vocab);
        for (int64_t i = 0; i < n; i++)
            p[i] = pc_expf(l[from + i]);
        add(&mass, p, n);
        add_products(&moment, p, d + from, n);
    }
    const double total = pc_add_lanes(mass.lanes);
    return (moments){.mass = total, .mean = pc_add_lanes(moment.lanes) / total};
}

/* The largest l + d; NaN are passed over. */
static float largest(const float *l, const float *d, int64_t vocab)
{
    float lanes[PC_LANES], most = -INFINITY;
    for (int lane = 0; lane < PC_LANES; lane++)
        lanes[lane] = -INFINITY;
    int64_t i = 0;
    for (; i + PC_LANES <= vocab; i += PC_LANES)
        for (int lane = 0; lane < PC_LANES; lane++) {
            const float value = l[i + lane] + d[i + lane];
            lanes[lane] = value > lanes[lane] ? value : lanes[lane];
        }
    for (; i < vocab; i++)
        most = l[i] + d[i] > most ? l[i] + d[i] : most;
    for (int lane = 0; lane < PC_LANES; lane++)
        most = lanes[lane] > most ? lanes[lane] : most;
    return most;
}

/* log(sum exp(l + d)) - log(sum exp(l)) - mean. */
static double large_change(const float *l, const float *d, int64_t vocab, moments m)
{
    const float most = largest(l, d, vocab);
    sums total = {{0}};
    float terms[STRETCH];
    for (int64_t from = 0; from < vocab; from += STRETCH) {
        const int64_t n = stretch(from, vocab);
        for (int64_t i = 0; i < n; i++)
            terms[i] = pc_expf(l[from + i] + d[from + i] - most);
        add(&total, terms, n);
    }
    /* both sums are at least about 1 */
    const double after = pc_log1p(pc_add_lanes(total.lanes) - 1);
    return (double)most + after - pc_log1p(m.mass - 1) - m.mean;
}

/* exp(l) (exp(t) - 1 - t); a large exp(t) may belong to an exp(l) that is 0 in float. */
static inline float term(float l, float t)
{
    const float p = pc_expf(l), near = p * pc_exp_restf(t);
    const float far = pc_expf(l + t) - p * (1 + t);
    return t > 1 ? far : near;
}

static double divergence(const float *l, const float *d, int64_t vocab)
{
    const moments m = moments_of(l, d, vocab);
    const double most = 80;
    if ((double)largest(l, d, vocab) - m.mean > most) return large_change(l, d, vocab, m);
    sums total = {{0}};
    float terms[STRETCH];
    for (int64_t from = 0; from < vocab; from += STRETCH) {
        const int64_t n = stretch(from, vocab);
        for (int64_t i = 0; i < n; i++)
            terms[i] = term(l[from + i], (float)((double)d[from + i] - m.mean));
        add(&total, terms, n);
    }
    return pc_log1p(pc_add_lanes(total.lanes) / m.mass);
}

void PC_FOR_SET(pc_kl_delta)(const pc_kl_delta_args *args)
{
    for (int64_t row = 0; row < args->rows; row++)
        args->kl[row] = divergence(args->l + args->base_row[row] * args->vocab,
                                   args->d + row * args->vocab, args->vocab);
}

/* The norms' changes on a device against their definitions: small and large changes, a dominant
 * writer removed, any shape, any order of threads, any batch. */
#include "on_device.h"
#include "kernels/layernorm_delta_cuda.h"
#include "kernels/rmsnorm_delta_cuda.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

/* Relative to a row's largest change: some 30 roundings of 6e-8 in sums and centres, whose terms
 * are at most a few times larger than the change. But for the RMS norm of one channel, a sign but
 * for eps: there the terms d / s' and x pull all but cancel, and the larger of them counts. */
static const double relative = 4e-6;

typedef enum norm { LAYER, RMS, N_NORMS } norm;

static const char *const norm_names[N_NORMS] = {"layer norm", "RMS norm"};

typedef struct shape {
    const char *name;
    int64_t rows, n_base, width;
    float x_mean, spread; /* of the change */
    float outlier;        /* a channel of x with this value, which the change removes; 0: none */
    int has_gain;
    float gain_offset;
    double eps;
} shape;

static const shape shapes[] = {
    {"one channel", 3, 2, 1, 0, 1, 0, 1, 0, 1e-5},
    {"narrower than a warp", 5, 2, 17, 0, 1, 0, 1, 0, 1e-5},
    {"one warp", 2, 2, 32, 0, 1, 0, 0, 0, 1e-5},
    {"a channel more", 19, 3, 33, 0, 1, 0, 1, 1, 1e-5},
    {"GPT-2 small", 9, 4, 768, 0, 1, 0, 1, 0, 1e-5},
    {"a small change", 3, 2, 768, 0, 1e-4f, 0, 1, 0, 1e-5},
    {"a tiny change far from zero", 3, 2, 768, 10, 1e-6f, 0, 1, 0, 1e-5},
    {"a large change", 3, 2, 768, 0, 50, 0, 1, 0, 1e-5},
    {"a dominant writer removed", 3, 2, 768, 0, 0.1f, 3000, 1, 0, 1e-5},
    {"no eps", 3, 2, 96, 0, 1, 0, 0, 0, 0},
    {"one row", 1, 1, 100, 0, 1, 0, 1, 1, 1e-6},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, MOST = 9 * 768, MOST_ROWS = 19 };

static float d[MOST], x[MOST], mean[MOST_ROWS], variance[MOST_ROWS], gain[MOST];
static int32_t base_row[MOST_ROWS];

/* The RMS norm's mean is a NaN, which nobody may look at. */
static void fill_statistics(const shape *s, norm kind)
{
    for (int64_t row = 0; row < s->n_base; row++) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < s->width && kind == LAYER; i++)
            sum += (double)x[row * s->width + i];
        sum /= (double)s->width;
        for (int64_t i = 0; i < s->width; i++)
            squares += pow((double)x[row * s->width + i] - sum, 2);
        mean[row] = kind == LAYER ? (float)sum : NAN;
        variance[row] = (float)(squares / (double)s->width);
    }
}

static void fill(const shape *s, norm kind)
{
    device_fill(x, s->n_base * s->width, s->x_mean, 2, 1);
    device_fill(d, s->rows * s->width, 0, s->spread, 2);
    device_fill(gain, s->width, 1, 0.5f, 3);
    for (int64_t row = 0; row < s->rows; row++)
        base_row[row] = (int32_t)((s->rows - 1 - row) * 7 / 2 % s->n_base); /* repeated, reversed */
    for (int64_t row = 0; row < s->n_base && s->outlier != 0; row++)
        x[row * s->width + 5] = s->outlier;
    for (int64_t row = 0; row < s->rows && s->outlier != 0; row++)
        d[row * s->width + 5] = -s->outlier;
    fill_statistics(s, kind);
}

static pc_norm_delta_args args_of(const shape *s, int64_t first_row, int64_t rows)
{
    return (pc_norm_delta_args){.d = d + first_row * s->width,
                                .base_row = base_row + first_row,
                                .x = x,
                                .mean = mean,
                                .variance = variance,
                                .gain = s->has_gain ? gain : NULL,
                                .gain_offset = s->gain_offset,
                                .eps = s->eps,
                                .rows = rows,
                                .width = s->width};
}

typedef enum place { APART, IN_PLACE } place;

static cudaError_t launch(const pc_norm_delta_args *args, norm kind)
{
    return kind == LAYER ? pck_layernorm_delta(args, NULL) : pck_rmsnorm_delta(args, NULL);
}

static void run(float *out, const shape *s, norm kind, int64_t first_row, int64_t rows, place where)
{
    pc_norm_delta_args args = args_of(s, first_row, rows);
    float *in = device_copy(args.d, rows * s->width);
    args.dy = where == IN_PLACE ? in : device_fresh(rows * s->width);
    args.d = in;
    args.base_row = device_copy_int32(args.base_row, rows);
    args.x = device_copy(x, s->n_base * s->width);
    args.mean = device_copy(mean, s->n_base);
    args.variance = device_copy(variance, s->n_base);
    args.gain = device_copy(args.gain, s->width);
    device_expect(launch(&args, kind), s->name);
    device_read(out, args.dy, rows * s->width);
    device_free_all();
}

/* |d / s'| of a row of one channel. */
static double term_of_one(const shape *s, int64_t row)
{
    const double from = (double)x[base_row[row]], by = (double)d[row];
    return fabs(by) / sqrt((from + by) * (from + by) + s->eps);
}

static void expect_defined(const shape *s, norm kind, const float *out)
{
    static double expected[MOST];
    const pc_norm_delta_args args = args_of(s, 0, s->rows);
    if (kind == LAYER) pc_ref_layernorm_delta(expected, &args);
    else pc_ref_rmsnorm_delta(expected, &args);
    for (int64_t row = 0; row < s->rows; row++) {
        const double *from = expected + row * s->width;
        double most = kind == RMS && s->width == 1 ? term_of_one(s, row) : 0;
        for (int64_t i = 0; i < s->width; i++)
            most = fmax(most, fabs(from[i]));
        device_expect_near(s->name, out + row * s->width, from, s->width, relative * most, 0);
    }
}

ParameterizedTestParameters(cuda_norm_delta, agrees_with_its_definition_in_every_order)
{
    static size_t indices[N_NORMS * N_SHAPES];
    for (size_t i = 0; i < N_NORMS * N_SHAPES; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, N_NORMS * N_SHAPES);
}

ParameterizedTest(size_t *index, cuda_norm_delta, agrees_with_its_definition_in_every_order)
{
    static float first[MOST], out[MOST];
    const shape *s = &shapes[*index / N_NORMS];
    const norm kind = (norm)(*index % N_NORMS);
    fill(s, kind);
    for (int order = 0; order < device_n_orders(); order++) {
        const char *name = device_use_order(order);
        run(order == 0 ? first : out, s, kind, 0, s->rows, APART);
        if (order > 0) device_expect_same_bits(name, out, first, s->rows * s->width);
    }
    expect_defined(s, kind, first);
    device_shift(1);
    run(out, s, kind, 0, s->rows, IN_PLACE);
    device_expect_same_bits("unaligned, in place", out, first, s->rows * s->width);
}

Test(cuda_norm_delta, a_row_does_not_depend_on_the_others)
{
    static float together[MOST], alone[MOST];
    const shape *s = &shapes[4];
    for (norm kind = LAYER; kind < N_NORMS; kind++) {
        fill(s, kind);
        run(together, s, kind, 0, s->rows, APART);
        for (int64_t row = 0; row < s->rows; row++) {
            run(alone, s, kind, row, 1, APART);
            device_expect_same_bits(norm_names[kind], alone, together + row * s->width, s->width);
        }
    }
}

static void expect_nans_stay(norm kind)
{
    static float out[MOST];
    const shape *s = &shapes[4];
    fill(s, kind);
    memset(d, 0, (size_t)s->width * sizeof *d);
    d[2 * s->width + 9] = NAN;
    d[4 * s->width + 700] = INFINITY;
    run(out, s, kind, 0, s->rows, APART);
    for (int64_t i = 0; i < s->width; i++) {
        cr_assert(out[i] == 0, "%s: channel %d of a row without change: %g", norm_names[kind],
                  (int)i, (double)out[i]);
        cr_assert(isnan(out[2 * s->width + i]), "channel %d of a row with a NaN", (int)i);
        cr_assert(isfinite(out[3 * s->width + i]), "channel %d of the next row", (int)i);
        cr_assert(isnan(out[4 * s->width + i]), "channel %d of a row with an infinity", (int)i);
    }
}

Test(cuda_norm_delta, no_change_gives_zero_and_a_nan_stays_in_its_row)
{
    expect_nans_stay(LAYER);
    expect_nans_stay(RMS);
}

Test(cuda_norm_delta, no_rows_launch_nothing)
{
    const pc_norm_delta_args none = {.width = 768};
    device_expect(pck_layernorm_delta(&none, NULL), "no rows");
    device_expect(pck_rmsnorm_delta(&none, NULL), "no rows");
    device_expect(cudaDeviceSynchronize(), "nothing");
}

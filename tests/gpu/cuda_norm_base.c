/* The norms of the base run on a device against their definitions: any shape, any order of threads,
 * any batch, a large mean. */
#include "on_device.h"
#include "kernels/layernorm.h"
#include "kernels/norm_base_cuda.h"
#include "kernels/rmsnorm.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

typedef enum norm { LAYER, RMS, N_NORMS } norm;

static const char *const norm_names[N_NORMS] = {"layer norm", "RMS norm"};

typedef struct shape {
    const char *name;
    int64_t rows, width;
    float x_mean, spread;
    int has_gain, has_bias;
    float gain_offset;
    double eps;
} shape;

static const shape shapes[] = {
    {"one channel", 3, 1, 0, 1, 1, 1, 0, 1e-5},
    {"narrower than a warp", 5, 17, 0, 1, 1, 0, 0, 1e-5},
    {"one warp", 2, 32, 0, 1, 0, 1, 0, 1e-5},
    {"a channel more", 19, 33, 0, 1, 1, 0, 1, 1e-5},
    {"GPT-2 small", 9, 768, 0, 1, 1, 1, 0, 1e-5},
    {"a large mean", 3, 768, 4096, 1, 1, 1, 0, 1e-5},
    {"no eps", 3, 96, 0, 1, 0, 0, 0, 0},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, MOST = 9 * 768, MOST_ROWS = 19 };

static float x[MOST], gain[MOST], bias[MOST];

/* What comes back: the rows, and a float a row of each statistic. */
typedef struct output {
    float y[MOST], mean[MOST_ROWS], variance[MOST_ROWS];
} output;

static void fill(const shape *s)
{
    device_fill(x, s->rows * s->width, s->x_mean, s->spread, 1);
    device_fill(gain, s->width, 1, 0.5f, 3);
    device_fill(bias, s->width, 0, 1, 4);
}

typedef enum place { APART, IN_PLACE } place;

static void run(output *out, const shape *s, norm kind, int64_t first_row, int64_t rows,
                place where)
{
    float *in = device_copy(x + first_row * s->width, rows * s->width);
    const pc_norm_base_args args = {.y = where == IN_PLACE ? in : device_fresh(rows * s->width),
                                    .mean = device_fresh(rows),
                                    .variance = device_fresh(rows),
                                    .x = in,
                                    .gain = s->has_gain ? device_copy(gain, s->width) : NULL,
                                    .bias = s->has_bias ? device_copy(bias, s->width) : NULL,
                                    .gain_offset = s->gain_offset,
                                    .eps = s->eps,
                                    .rows = rows,
                                    .width = s->width};
    device_expect(kind == LAYER ? pck_layernorm_base(&args, NULL) : pck_rmsnorm_base(&args, NULL),
                  s->name);
    device_read(out->y, args.y, rows * s->width);
    device_read(out->mean, args.mean, rows);
    device_read(out->variance, args.variance, rows);
    device_free_all();
}

static void expect_same(const char *what, const output *found, const output *expected,
                        const shape *s, norm kind)
{
    device_expect_same_bits(what, found->y, expected->y, s->rows * s->width);
    device_expect_same_bits(what, found->variance, expected->variance, s->rows);
    if (kind == LAYER) device_expect_same_bits(what, found->mean, expected->mean, s->rows);
}

/* All is in double and rounded once (6e-8), the bias after it. */
static void expect_defined(const shape *s, norm kind, const output *out)
{
    static double in[MOST], expected[MOST];
    static float gains[MOST];
    for (int64_t i = 0; i < s->rows * s->width; i++)
        in[i] = (double)x[i];
    for (int64_t i = 0; i < s->width; i++)
        gains[i] = s->has_gain ? gain[i] + s->gain_offset : 1; /* 1 more: exact to 6e-8 */
    if (kind == LAYER) pc_ref_layernorm(expected, in, gains, NULL, s->rows, s->width, s->eps);
    else pc_ref_rmsnorm(expected, in, gains, 0, s->rows, s->width, s->eps);
    for (int64_t i = 0; i < s->rows * s->width; i++)
        expected[i] += s->has_bias ? (double)bias[i % s->width] : 0;
    device_expect_near(s->name, out->y, expected, s->rows * s->width, 2e-7, 1.2e-7);
    for (int64_t row = 0; row < s->rows; row++) {
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < s->width && kind == LAYER; i++)
            mean += in[row * s->width + i] / (double)s->width;
        for (int64_t i = 0; i < s->width; i++)
            variance += pow(in[row * s->width + i] - mean, 2) / (double)s->width;
        device_expect_near(s->name, &out->variance[row], &variance, 1, 1e-12, 1e-7);
        if (kind == LAYER) device_expect_near(s->name, &out->mean[row], &mean, 1, 1e-12, 1e-7);
        else cr_assert(isnan(out->mean[row]), "the RMS norm wrote a mean");
    }
}

ParameterizedTestParameters(cuda_norm_base, agrees_with_its_definition_in_every_order)
{
    static size_t indices[N_NORMS * N_SHAPES];
    for (size_t i = 0; i < N_NORMS * N_SHAPES; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, N_NORMS * N_SHAPES);
}

ParameterizedTest(size_t *index, cuda_norm_base, agrees_with_its_definition_in_every_order)
{
    static output first, out;
    const shape *s = &shapes[*index / N_NORMS];
    const norm kind = (norm)(*index % N_NORMS);
    fill(s);
    for (int order = 0; order < device_n_orders(); order++) {
        const char *name = device_use_order(order);
        run(order == 0 ? &first : &out, s, kind, 0, s->rows, APART);
        if (order > 0) expect_same(name, &out, &first, s, kind);
    }
    expect_defined(s, kind, &first);
    device_shift(1);
    run(&out, s, kind, 0, s->rows, IN_PLACE);
    expect_same("unaligned, in place", &out, &first, s, kind);
}

Test(cuda_norm_base, a_row_does_not_depend_on_the_others)
{
    static output together, alone;
    const shape *s = &shapes[4];
    for (norm kind = LAYER; kind < N_NORMS; kind++) {
        fill(s);
        x[2 * s->width + 5] = NAN;
        run(&together, s, kind, 0, s->rows, APART);
        for (int64_t row = 0; row < s->rows; row++) {
            run(&alone, s, kind, row, 1, APART);
            cr_assert_eq(isnan(alone.y[0]) != 0, row == 2, "row %d", (int)row);
            if (row == 2) continue; /* NaNs have many bits */
            device_expect_same_bits(norm_names[kind], alone.y, together.y + row * s->width,
                                    s->width);
        }
    }
}

Test(cuda_norm_base, no_rows_launch_nothing)
{
    const pc_norm_base_args none = {.width = 768};
    device_expect(pck_layernorm_base(&none, NULL), "no rows");
    device_expect(pck_rmsnorm_base(&none, NULL), "no rows");
    device_expect(cudaDeviceSynchronize(), "nothing");
}

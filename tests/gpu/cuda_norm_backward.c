/* The norms backwards on a device against their definitions: gradients and relevance, any shape,
 * any order of threads, any batch. */
#include "on_device.h"
#include "kernels/norm_backward_cuda.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

typedef enum norm { LAYER, RMS, N_NORMS } norm;

static const char *const norm_names[N_NORMS] = {"layer norm", "RMS norm"};

typedef struct shape {
    const char *name;
    int64_t rows, n_base, width;
    float x_mean, spread; /* of the gradient */
    int has_gain;
    float gain_offset;
    double eps;
    pc_gradient_rule rule;
} shape;

static const shape shapes[] = {
    {"one channel", 3, 2, 1, 0, 1, 1, 0, 1e-5, PC_GRADIENT},
    {"narrower than a warp", 5, 2, 17, 0, 1, 1, 0, 1e-5, PC_GRADIENT},
    {"one warp", 2, 2, 32, 0, 1, 0, 0, 1e-5, PC_GRADIENT},
    {"a channel more", 19, 3, 33, 0, 1, 1, 1, 1e-5, PC_GRADIENT},
    {"GPT-2 small", 9, 4, 768, 0, 1, 1, 0, 1e-5, PC_GRADIENT},
    {"relevance", 9, 4, 768, 0, 1, 1, 1, 1e-5, PC_RELEVANCE},
    {"a small gradient far from zero", 3, 2, 768, 100, 1e-6f, 1, 0, 1e-5, PC_GRADIENT},
    {"no eps", 3, 1, 96, 0, 1, 0, 0, 0, PC_GRADIENT},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, MOST = 9 * 768, MOST_ROWS = 19 };

static float dy[MOST], x[MOST], mean[MOST_ROWS], variance[MOST_ROWS], gain[MOST];

/* The RMS norm's mean is a NaN, which nobody may look at. */
static void fill(const shape *s, norm kind)
{
    device_fill(x, s->n_base * s->width, s->x_mean, 2, 1);
    device_fill(dy, s->rows * s->width, 0, s->spread, 2);
    device_fill(gain, s->width, 1, 0.5f, 3);
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

/* Rows first ... of the gradient; base rows begin with the first one's. */
static pc_norm_backward_args args_of(const shape *s, int64_t first, int64_t rows)
{
    const int64_t base = rows == s->rows ? 0 : first % s->n_base;
    return (pc_norm_backward_args){.dy = dy + first * s->width,
                                   .x = x + base * s->width,
                                   .mean = mean + base,
                                   .variance = variance + base,
                                   .gain = s->has_gain ? gain : NULL,
                                   .gain_offset = s->gain_offset,
                                   .eps = s->eps,
                                   .rows = rows,
                                   .width = s->width,
                                   .n_base = s->n_base - base,
                                   .rule = s->rule};
}

typedef enum place { APART, IN_PLACE } place;

static cudaError_t launch(const pc_norm_backward_args *args, norm kind)
{
    return kind == LAYER ? pck_layernorm_backward(args, NULL) : pck_rmsnorm_backward(args, NULL);
}

static void run(float *out, const shape *s, norm kind, int64_t first, int64_t rows, place where)
{
    pc_norm_backward_args args = args_of(s, first, rows);
    float *in = device_copy(args.dy, rows * s->width);
    args.dx = where == IN_PLACE ? in : device_fresh(rows * s->width);
    args.dy = in;
    args.x = device_copy(args.x, args.n_base * s->width);
    args.mean = device_copy(args.mean, args.n_base);
    args.variance = device_copy(args.variance, args.n_base);
    args.gain = device_copy(args.gain, s->width);
    device_expect(launch(&args, kind), s->name);
    device_read(out, args.dx, rows * s->width);
    device_free_all();
}

/* The processor's bound (tests/cpu_norm_backward.c), for the same formulas in double: dx is rounded
 * once, mean and variance are floats (6e-8 at most each, the variance under a root). The terms of
 * dx are h, its mean and y mean(y h), for h up to 2.5 dy, each times the scale; y itself is off by
 * the mean's rounding. */
static void expect_defined(const shape *s, norm kind, const float *out)
{
    static double expected[MOST];
    const pc_norm_backward_args args = args_of(s, 0, s->rows);
    if (kind == LAYER) pc_ref_layernorm_backward(expected, &args);
    else pc_ref_rmsnorm_backward(expected, &args);
    for (int64_t row = 0; row < s->rows; row++) {
        const int64_t at = row * s->width, base = row % s->n_base;
        const double scale = 1 / sqrt((double)variance[base] + s->eps);
        const double m = kind == LAYER ? (double)mean[base] : 0;
        double y = 0;
        for (int64_t i = 0; i < s->width; i++)
            y = fmax(y, fabs(((double)x[base * s->width + i] - m) * scale));
        device_expect_near(s->name, out + at, expected + at, s->width,
                           6e-8 * 2.5 * (double)s->spread * scale * (1 + y) * (1 + fabs(m) * scale),
                           0);
    }
}

ParameterizedTestParameters(cuda_norm_backward, agrees_with_its_definition_in_every_order)
{
    static size_t indices[N_NORMS * N_SHAPES];
    for (size_t i = 0; i < N_NORMS * N_SHAPES; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, N_NORMS * N_SHAPES);
}

ParameterizedTest(size_t *index, cuda_norm_backward, agrees_with_its_definition_in_every_order)
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

Test(cuda_norm_backward, a_row_does_not_depend_on_the_others)
{
    static float together[MOST], alone[MOST];
    const shape *s = &shapes[4];
    for (norm kind = LAYER; kind < N_NORMS; kind++) {
        fill(s, kind);
        dy[2 * s->width + 5] = NAN;
        run(together, s, kind, 0, s->rows, APART);
        for (int64_t row = 0; row < s->rows; row++) {
            run(alone, s, kind, row, 1, APART);
            cr_assert_eq(isnan(alone[0]) != 0, row == 2, "row %d", (int)row);
            if (row == 2) continue; /* NaNs have many bits */
            device_expect_same_bits(norm_names[kind], alone, together + row * s->width, s->width);
        }
    }
}

Test(cuda_norm_backward, no_rows_launch_nothing)
{
    const pc_norm_backward_args none = {.width = 768, .n_base = 1};
    device_expect(pck_layernorm_backward(&none, NULL), "no rows");
    device_expect(pck_rmsnorm_backward(&none, NULL), "no rows");
    device_expect(cudaDeviceSynchronize(), "nothing");
}

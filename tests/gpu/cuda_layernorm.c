/* The layer norm on a device against its definition: any shape, any order of threads, any batch. */
#include "on_device.h"
#include "kernels/layernorm.h"
#include "kernels/layernorm_cuda.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>

/* Sums of up to 1,600 terms in float32, 256 chains of them at most 7 long plus a tree of depth 13:
 * some 20 roundings of 6e-8, on values near 1. */
static const double absolute = 2e-6, relative = 2e-6;

static const float eps = 1e-5f;

typedef struct shape {
    const char *name;
    int64_t rows, width;
    float mean;
    int has_gain, has_bias;
} shape;

static const shape shapes[] = {
    {"one channel", 3, 1, 0, 1, 1},   {"narrower than a warp", 5, 17, 0, 1, 1},
    {"one warp", 2, 32, 0, 1, 0},     {"a channel less than a block", 2, 255, 0, 0, 1},
    {"a block", 2, 256, 0, 0, 0},     {"a channel more than a block", 2, 257, 0, 1, 1},
    {"GPT-2 small", 4, 768, 0, 1, 1}, {"GPT-2 XL, far from zero", 3, 1600, 10, 1, 1},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, MOST = 4 * 1600 };

static float x[MOST], gain[MOST], bias[MOST];

static void fill(const shape *s)
{
    device_fill(x, s->rows * s->width, s->mean, 2, 1);
    device_fill(gain, s->width, 1, 0.5f, 2);
    device_fill(bias, s->width, 0, 1, 3);
}

static void run(float *out, const shape *s, int64_t first_row, int64_t rows)
{
    float *device_x = device_copy(x + first_row * s->width, rows * s->width);
    float *device_gain = device_copy(s->has_gain ? gain : NULL, s->width);
    float *device_bias = device_copy(s->has_bias ? bias : NULL, s->width);
    float *device_out = device_fresh(rows * s->width);
    device_expect(
        pck_layernorm(device_out, device_x, device_gain, device_bias, rows, s->width, eps, NULL),
        s->name);
    device_read(out, device_out, rows * s->width);
    device_free(device_out);
    device_free(device_bias);
    device_free(device_gain);
    device_free(device_x);
}

static void define(double *out, const shape *s)
{
    static double wide_x[MOST];
    for (int64_t i = 0; i < s->rows * s->width; i++)
        wide_x[i] = (double)x[i];
    pc_ref_layernorm(out, wide_x, s->has_gain ? gain : NULL, s->has_bias ? bias : NULL, s->rows,
                     s->width, (double)eps);
}

ParameterizedTestParameters(cuda_layernorm, agrees_with_its_definition_in_every_order)
{
    static size_t indices[N_SHAPES];
    for (size_t i = 0; i < N_SHAPES; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, N_SHAPES);
}

ParameterizedTest(size_t *index, cuda_layernorm, agrees_with_its_definition_in_every_order)
{
    static double expected[MOST];
    static float first[MOST], out[MOST];
    const shape *s = &shapes[*index];
    fill(s);
    define(expected, s);
    for (int order = 0; order < device_n_orders(); order++) {
        const char *name = device_use_order(order);
        run(order == 0 ? first : out, s, 0, s->rows);
        if (order > 0) device_expect_same_bits(name, out, first, s->rows * s->width);
    }
    device_expect_near(s->name, first, expected, s->rows * s->width, absolute, relative);
}

Test(cuda_layernorm, a_row_does_not_depend_on_the_others)
{
    static float together[MOST], alone[MOST];
    const shape *s = &shapes[6];
    fill(s);
    run(together, s, 0, s->rows);
    for (int64_t row = 0; row < s->rows; row++) {
        run(alone, s, row, 1);
        device_expect_same_bits("a row alone", alone, together + row * s->width, s->width);
    }
}

Test(cuda_layernorm, no_rows_launch_nothing)
{
    device_expect(pck_layernorm(NULL, NULL, NULL, NULL, 0, 768, eps, NULL), "no rows");
    device_expect(cudaDeviceSynchronize(), "nothing");
}

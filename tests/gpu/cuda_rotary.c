/* Rotary positions on a device against their definition: both ways to pair, part of a head, any
 * shape, any order of threads, any batch. */
#include "on_device.h"
#include "kernels/rotary.h"
#include "kernels/rotary_cuda.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

enum {
    MOST_ROWS = 6,
    MOST_PAIRS = 40,
    MOST_WIDTH = 30 * 80,
    GAP = 3,
    MOST_STRIDE = MOST_WIDTH + GAP,
    N_POSITIONS = 2100,
    MOST = MOST_ROWS * MOST_STRIDE
};

/* Neither sorted nor without repetition. */
static const int32_t position[MOST_ROWS] = {2099, 700, 700, 4, 3, 0};
static double frequency[MOST_PAIRS], reference[MOST];
static float table[N_POSITIONS * MOST_PAIRS * 2];
static float x[MOST], turned[MOST], first[MOST];

typedef struct shape {
    int64_t rows;
    pc_rotary_kind kind;
} shape;

static const shape shapes[] = {
    {MOST_ROWS, {.n_heads = 3, .d_head = 80, .n_pairs = 40, .pairs = PC_ROTARY_HALVES}},
    {MOST_ROWS, {.n_heads = 3, .d_head = 80, .n_pairs = 10, .pairs = PC_ROTARY_HALVES}},
    {2, {.n_heads = 30, .d_head = 80, .n_pairs = 40, .pairs = PC_ROTARY_ADJACENT}},
    {3, {.n_heads = 2, .d_head = 11, .n_pairs = 5, .pairs = PC_ROTARY_ADJACENT}},
    {3, {.n_heads = 2, .d_head = 11, .n_pairs = 5, .pairs = PC_ROTARY_HALVES}},
    {1, {.n_heads = 1, .d_head = 2, .n_pairs = 1, .pairs = PC_ROTARY_HALVES}},
    {1, {.n_heads = 1, .d_head = 4, .n_pairs = 0, .pairs = PC_ROTARY_HALVES}},
    {0, {.n_heads = 1, .d_head = 4, .n_pairs = 2, .pairs = PC_ROTARY_HALVES}},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static int64_t width_of(const shape *s)
{
    return s->kind.n_heads * s->kind.d_head;
}

/* The kind with its frequencies; x and the table are filled. */
static pc_rotary_kind fill(const shape *s)
{
    pc_rotary_kind kind = s->kind;
    for (int pair = 0; pair < MOST_PAIRS; pair++)
        frequency[pair] = pow(10000, -pair / (double)MOST_PAIRS);
    kind.frequency = frequency;
    pc_rotary_table(table, &kind, N_POSITIONS);
    device_fill(x, s->rows * (width_of(s) + GAP), 0, 1, 1);
    return kind;
}

static void run(float *out, const shape *s, const pc_rotary_kind *kind, int64_t row, int64_t rows)
{
    const int64_t stride = width_of(s) + GAP;
    pc_rotary_kind without = *kind;
    without.frequency = NULL;
    const pc_rotary_args args = {.x = device_copy(x + row * stride, rows * stride),
                                 .x_stride = stride,
                                 .rows = rows,
                                 .position = device_copy_int32(position + row, rows),
                                 .kind = &without,
                                 .table = device_copy(table, N_POSITIONS * 2 * kind->n_pairs)};
    device_expect(pck_rotary(&args, NULL), "rotary");
    device_read(out, args.x, rows * stride);
    device_free_all();
}

/* Three roundings of numbers up to sqrt(2), and the table's: 2e-7. What lies between rows stays. */
static void expect_defined(const char *what, const shape *s, const pc_rotary_kind *kind)
{
    const int64_t width = width_of(s), stride = width + GAP;
    for (int64_t at = 0; at < s->rows * width; at++)
        reference[at] = (double)x[at / width * stride + at % width];
    pc_ref_rotary(reference, position, s->rows, kind);
    for (int64_t row = 0; row < s->rows; row++) {
        device_expect_near(what, first + row * stride, reference + row * width, width, 2e-7, 0);
        device_expect_same_bits(what, first + row * stride + width, x + row * stride + width, GAP);
    }
}

Test(cuda_rotary, agrees_with_its_definition_in_every_order_and_shape)
{
    for (int i = 0; i < N_SHAPES; i++) {
        const shape *s = &shapes[i];
        const pc_rotary_kind kind = fill(s);
        char what[64];
        for (int order = 0; order < device_n_orders(); order++) {
            snprintf(what, sizeof what, "shape %d, %s", i, device_use_order(order));
            run(order == 0 ? first : turned, s, &kind, 0, s->rows);
            if (order > 0)
                device_expect_same_bits(what, turned, first, s->rows * (width_of(s) + GAP));
        }
        expect_defined(what, s, &kind);
    }
}

Test(cuda_rotary, a_row_does_not_depend_on_the_others_nor_on_where_arrays_stand)
{
    const shape *s = &shapes[0];
    const int64_t stride = width_of(s) + GAP;
    const pc_rotary_kind kind = fill(s);
    run(first, s, &kind, 0, s->rows);
    device_shift(1);
    for (int64_t row = 0; row < s->rows; row++) {
        run(turned, s, &kind, row, 1);
        device_expect_same_bits("a row alone", turned, first + row * stride, stride);
    }
}

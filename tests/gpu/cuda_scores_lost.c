/* Whether float32 loses the changes of scores, on a device against its definition: what changes and
 * where, any head size, any order of threads, any batch. */
#include "on_device.h"
#include "kernels/scores_lost_cuda.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { SEQ = 21, MOST_HEAD = 37, N_HEADS = 2, MOST = SEQ * MOST_HEAD * N_HEADS };

static float q[MOST], k[MOST], dq[MOST], dk[MOST];

/* Items of two heads: changes of both, of one, of none; from different positions; not watched
 * before some; zeros in the first changes. */
typedef struct test_item {
    int32_t head, first, q_first, watch_from;
    int has_dq, has_dk;
} test_item;

static const test_item tests[] = {
    {0, 0, 0, 0, 1, 1}, {1, 5, 9, 0, 1, 1},  {0, 3, 3, 0, 0, 1},   {1, 3, 12, 0, 1, 0},
    {0, 2, 2, 0, 0, 0}, {1, 7, 7, 18, 1, 1}, {0, 7, 7, SEQ, 1, 1}, {1, 20, 20, 0, 1, 1},
};
enum { N_ITEMS = sizeof tests / sizeof *tests };

/* All items' changes begin at the same places: rows of all heads. */
static pc_attention_item item_of(const test_item *t, int64_t d_head)
{
    const int64_t at = t->head * d_head;
    return (pc_attention_item){.dz = -1,
                               .dq = t->has_dq ? at : -1,
                               .dk = t->has_dk ? at : -1,
                               .dv = -1,
                               .q = at,
                               .k = at,
                               .seq = SEQ,
                               .first = t->first,
                               .q_first = t->q_first};
}

static void fill(int64_t d_head)
{
    const int64_t stride = N_HEADS * d_head;
    device_fill(q, SEQ * stride, 0, 1, 1);
    device_fill(k, SEQ * stride, 0, 1, 2);
    device_fill(dq, SEQ * stride, 0, 1, 3);
    device_fill(dk, SEQ * stride, 0, 1, 4);
    memset(dq, 0, (size_t)(2 * stride) * sizeof *dq);
    memset(dk, 0, (size_t)(3 * stride) * sizeof *dk);
}

static double size_of(const test_item *t, int64_t d_head)
{
    const pc_attention_kind kind = {d_head, 1, 0, 0};
    const int64_t stride = N_HEADS * d_head, at = t->head * d_head;
    const pc_attention_base base = {
        .q = q + at, .k = k + at, .q_stride = stride, .k_stride = stride};
    const pc_attention_delta_args args = {.dq = t->has_dq ? dq + at : NULL,
                                          .dk = t->has_dk ? dk + at : NULL,
                                          .dq_stride = stride,
                                          .dk_stride = stride,
                                          .seq = SEQ,
                                          .first = t->first,
                                          .q_first = t->q_first,
                                          .kind = &kind,
                                          .base = &base};
    return pc_ref_scores_lost(&args, t->watch_from);
}

/* `is_asked` false: of items that nobody asks about. */
static void run(uint8_t *out, int64_t d_head, double scale, int first, int count, int is_asked)
{
    pc_attention_item items[N_ITEMS];
    for (int i = 0; i < count; i++) {
        items[i] = item_of(&tests[first + i], d_head);
        items[i].watch_from = is_asked ? tests[first + i].watch_from : -1;
    }
    const int64_t stride = N_HEADS * d_head;
    const pc_attention_batch batch = {.dq = device_copy(dq, SEQ * stride),
                                      .dk = device_copy(dk, SEQ * stride),
                                      .q = device_copy(q, SEQ * stride),
                                      .k = device_copy(k, SEQ * stride),
                                      .dq_stride = stride,
                                      .dk_stride = stride,
                                      .q_stride = stride,
                                      .k_stride = stride,
                                      .items = device_copy_any(items, count, sizeof *items),
                                      .n_items = count,
                                      .most_seq = SEQ,
                                      .most_queries = SEQ,
                                      .kind = {d_head, scale, 0, 0}};
    uint8_t *lost = device_copy_any(out, count, 1);
    device_expect(pck_scores_lost(lost, &batch, NULL), "scores");
    device_read_any(out, lost, count, 1);
    device_free_all();
}

/* The scale is put a hundredth below and above each item's bound. */
static void expect_defined(int64_t d_head, double by, const char *name)
{
    for (int i = 0; i < N_ITEMS; i++) {
        uint8_t lost[N_ITEMS];
        memset(lost, 77, sizeof lost);
        const double own = size_of(&tests[i], d_head);
        const double scale = PC_SCORES_LOST * by / (own > 0 ? own : 1);
        run(lost, d_head, scale, 0, N_ITEMS, 1);
        for (int k_item = 0; k_item < N_ITEMS; k_item++) {
            const double size = scale * size_of(&tests[k_item], d_head);
            cr_assert(lost[k_item] == (size > PC_SCORES_LOST), "%s, %d channels, item %d: %d, %g",
                      name, (int)d_head, k_item, lost[k_item], size);
        }
    }
}

Test(cuda_scores_lost, the_bound_is_the_definitions_in_every_order)
{
    static const int64_t heads[] = {1, 8, 33, MOST_HEAD};
    for (int i = 0; i < 4; i++) {
        fill(heads[i]);
        for (int order = 0; order < device_n_orders(); order++) {
            const char *name = device_use_order(order);
            device_shift(order % 2);
            expect_defined(heads[i], 0.99, name);
            expect_defined(heads[i], 1.01, name);
        }
    }
}

Test(cuda_scores_lost, an_item_does_not_depend_on_the_others)
{
    uint8_t together[N_ITEMS] = {0}, alone = 0;
    fill(33);
    const double scale = PC_SCORES_LOST * 0.999 / size_of(&tests[1], 33);
    run(together, 33, scale, 0, N_ITEMS, 1);
    for (int i = 0; i < N_ITEMS; i++) {
        run(&alone, 33, scale, i, 1, 1);
        cr_assert(alone == together[i], "item %d", i);
    }
}

Test(cuda_scores_lost, an_item_that_is_not_asked_about_has_lost_nothing)
{
    uint8_t lost[N_ITEMS];
    memset(lost, 77, sizeof lost);
    fill(33);
    run(lost, 33, 1e6, 0, N_ITEMS, 0);
    for (int i = 0; i < N_ITEMS; i++)
        cr_expect(lost[i] == 0, "item %d: %d", i, lost[i]);
}

Test(cuda_scores_lost, no_items_launch_nothing)
{
    const pc_attention_batch none = {.kind = {8, 1, 0, 0}};
    device_expect(pck_scores_lost(NULL, &none, NULL), "no items");
    device_expect(cudaDeviceSynchronize(), "nothing");
}

/* Whether float32 loses the changes of scores: by hand, and in every instruction set. */
#include "kernels/scores_lost.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { SEQ = 9, FIRST = 2, Q_FIRST = 4, MOST_HEAD = 37, STRIDE = 41, N = SEQ * STRIDE };

static float q[N], k[N], dq[N], dk[N];
static const pc_attention_base base = {.q = q, .k = k, .q_stride = STRIDE, .k_stride = STRIDE};

static pc_attention_delta_args args_of(const pc_attention_kind *kind, int has_dq, int has_dk)
{
    return (pc_attention_delta_args){.dq = has_dq ? dq : NULL,
                                     .dk = has_dk ? dk : NULL,
                                     .dq_stride = STRIDE,
                                     .dk_stride = STRIDE,
                                     .seq = SEQ,
                                     .first = FIRST,
                                     .q_first = Q_FIRST,
                                     .kind = kind,
                                     .base = &base};
}

static void clear(void)
{
    memset(q, 0, sizeof q);
    memset(k, 0, sizeof k);
    memset(dq, 0, sizeof dq);
    memset(dk, 0, sizeof dk);
}

/* Four channels, scale 2. */
Test(cpu_scores, the_definition_by_hand)
{
    const pc_attention_kind kind = {4, 2, 0, 0};
    const pc_attention_delta_args args = args_of(&kind, 1, 1);
    clear();
    k[1 * STRIDE] = 5;   /* before the changes */
    q[5 * STRIDE] = 100; /* before the query that changes first */
    q[6 * STRIDE] = 7;
    dk[(6 - FIRST) * STRIDE + 1] = 3;
    k[6 * STRIDE + 1] = -3; /* which the change takes away */
    dq[(7 - Q_FIRST) * STRIDE + 2] = 11;
    cr_expect_eq(pc_ref_scores_lost(&args, 0), 2 * (11 * 5 + 7 * 3) / 2.0);
    cr_expect_eq(pc_ref_scores_lost(&args, 7), 2 * (11 * 5 + 0 * 3) / 2.0);
    cr_expect_eq(pc_ref_scores_lost(&args, 8), 0);
    dk[(6 - FIRST) * STRIDE + 1] = 0;
    cr_expect_eq(pc_ref_scores_lost(&args, 0), 2 * (11 * 5) / 2.0);
}

/* The scale is put a hundredth below and above the bound. */
static void expect_bound(int64_t d_head, int has_dq, int has_dk, int64_t watch_from)
{
    pc_attention_kind kind = {d_head, 1, 0, 0};
    const pc_attention_delta_args args = args_of(&kind, has_dq, has_dk);
    const double size = pc_ref_scores_lost(&args, watch_from);
    for (int is_lost = 0; is_lost < 2; is_lost++)
        for (int set = 0; set < compare_n_sets(); set++) {
            kind.scale = PC_SCORES_LOST * (is_lost ? 1.01 : 0.99) / (size > 0 ? size : 1);
            cr_assert(compare_set(set)->scores_lost(&args, watch_from) == (is_lost && size > 0),
                      "%s, %d channels, from %d", compare_set(set)->name, (int)d_head,
                      (int)watch_from);
        }
}

Test(cpu_scores, the_bound_is_the_definitions)
{
    static const int64_t heads[] = {1, 8, 31, MOST_HEAD}, from[] = {0, 5, SEQ - 1, SEQ};
    compare_fill(q, N, 1, 1);
    compare_fill(k, N, 1, 2);
    compare_fill(dq, N, 1, 3);
    compare_fill(dk, N, 1, 4);
    memset(dq, 0, 2 * STRIDE * sizeof *dq);
    memset(dk, 0, 3 * STRIDE * sizeof *dk);
    for (int i = 0; i < 4 * 4 * 4; i++)
        expect_bound(heads[i / 16], i & 1, i >> 1 & 1, from[i / 4 % 4]);
}

Test(cpu_scores, no_change_loses_nothing)
{
    const pc_attention_kind kind = {MOST_HEAD, 1e30, 0, 0};
    const pc_attention_delta_args args = args_of(&kind, 1, 1), none = args_of(&kind, 0, 0);
    clear();
    compare_fill(q, N, 1, 1);
    compare_fill(k, N, 1, 2);
    for (int set = 0; set < compare_n_sets(); set++) {
        cr_expect(!compare_set(set)->scores_lost(&args, 0));
        cr_expect(!compare_set(set)->scores_lost(&none, 0));
    }
}

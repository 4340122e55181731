/* The CPU's attention backwards against its definition, in every instruction set. */
#include "kernels/attention_backward.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SEQ = 40, MOST_D = 70, MOST_HEADS = 3, WIDTH = MOST_HEADS * MOST_D };
enum { STRIDE = WIDTH + 5, N = MOST_SEQ * STRIDE, N_PATTERN = MOST_HEADS * MOST_SEQ * MOST_SEQ };

static float q[N], k[N], v[N], dz[N], z[N], dq[N], dk[N], dv[N], first[3][N];
static float log_pattern[N_PATTERN], scratch[MOST_SEQ];
static double room[2 * MOST_SEQ];

/* What is expected, without gaps. */
static double expected_dq[N], expected_dk[N], expected_dv[N];

typedef struct test_case {
    const char *name;
    int32_t seq, n_heads;
    pc_attention_kind kind;
    double size; /* of q, k, v */
} test_case;

static const test_case cases[] = {
    {"one head", 15, 1, {.d_head = 64, .scale = 0.125}, 1},
    {"one position", 1, 2, {.d_head = 7, .scale = 0.5}, 1},
    {"no position", 0, 2, {.d_head = 7, .scale = 0.5}, 1},
    {"one channel", 9, 2, {.d_head = 1, .scale = 1}, 1},
    {"a group of three", 40, 3, {.d_head = 33, .scale = 0.2}, 1},
    {"a wide head", 15, 2, {.d_head = 70, .scale = 0.125}, 2},
    {"window", 40, 2, {.d_head = 16, .scale = 0.3, .window = 7}, 1},
    {"window of one", 9, 1, {.d_head = 16, .scale = 0.3, .window = 1}, 1},
    {"softcap", 20, 2, {.d_head = 16, .scale = 1, .softcap = 5}, 2},
    {"softcap, window", 20, 2, {.d_head = 16, .scale = 1, .softcap = 30, .window = 6}, 2},
    {"sharp pattern", 20, 2, {.d_head = 32, .scale = 1}, 3},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static pc_attention_backward_item item;

static void find_pattern(const test_case *c)
{
    for (int64_t head = 0; head < c->n_heads; head++) {
        const pc_attention_base_args args = {.z = z,
                                             .log_pattern = log_pattern + head * c->seq * c->seq,
                                             .q = q + head * c->kind.d_head,
                                             .k = k,
                                             .v = v,
                                             .z_stride = STRIDE,
                                             .pattern_stride = c->seq,
                                             .q_stride = STRIDE,
                                             .k_stride = STRIDE,
                                             .v_stride = STRIDE,
                                             .seq = c->seq,
                                             .kind = &c->kind};
        compare_set(0)->attention_base(&args);
    }
}

static pc_attention_backward_batch fill(const test_case *c)
{
    float *const arrays[] = {q, k, v, dz};
    for (uint64_t i = 0; i < 4; i++)
        compare_fill(arrays[i], N, i < 3 ? c->size : 1, i);
    find_pattern(c);
    item = (pc_attention_backward_item){.seq = c->seq, .n_heads = c->n_heads};
    return (pc_attention_backward_batch){.dq = dq,
                                         .dk = dk,
                                         .dv = dv,
                                         .dz = dz,
                                         .q = q,
                                         .k = k,
                                         .v = v,
                                         .log_pattern = log_pattern,
                                         .dq_stride = STRIDE,
                                         .dk_stride = STRIDE,
                                         .dv_stride = STRIDE,
                                         .dz_stride = STRIDE,
                                         .q_stride = STRIDE,
                                         .k_stride = STRIDE,
                                         .v_stride = STRIDE,
                                         .items = &item,
                                         .n_items = 1,
                                         .most_seq = MOST_SEQ,
                                         .kind = c->kind,
                                         .scratch = scratch};
}

static const float mark = 77; /* where nothing may be written */

static void run(const pc_cpu_ops *ops, const pc_attention_backward_batch *b)
{
    float *const outputs[] = {dq, dk, dv};
    for (int array = 0; array < 3; array++)
        for (int i = 0; i < N; i++)
            outputs[array][i] = mark;
    ops->attention_backward(b);
}

/* The largest score, by whose rounding the logarithms of the pattern are off. */
static double largest_score(const test_case *c)
{
    double most = 0;
    for (int64_t i = 0; i < c->seq; i++)
        for (int64_t h = 0; h < c->n_heads * c->kind.d_head; h += c->kind.d_head)
            for (int64_t j = 0; j <= i; j++) {
                double sum = 0;
                for (int64_t at = 0; at < c->kind.d_head; at++)
                    sum += fabs((double)q[i * STRIDE + h + at] * (double)k[j * STRIDE + at]);
                most = fmax(most, c->kind.scale * sum);
            }
    return most;
}

static void expect_rows(const char *name, const float *found, const double *expected,
                        const test_case *c, int64_t width, double bound)
{
    for (int64_t t = 0; t < c->seq; t++)
        compare_near(name, found + t * STRIDE, expected + t * width, width, bound, 0);
    for (int i = 0; i < N; i++)
        cr_assert((i / STRIDE < c->seq && i % STRIDE < width) || found[i] == mark,
                  "%s: written at %d", name, i);
}

/* A weight p is off by the rounding of its logarithm, whose size is that of the scores, and p dp
 * by dp's, a sum of d_head terms. dv sums p dz over up to n_heads seq queries; dq and dk sum scale
 * p (dp - mean) k, whose terms are at most 2 scale |dp| |k|, the weights of a query adding up to 1.
 * Of the roundings, a few 6e-8 each, some add up. */
static void expect_near(const char *name, const test_case *c, pc_gradient_rule rule)
{
    const double rounding = 4e-7 + 1e-7 * largest_score(c);
    const double d = (double)c->kind.d_head, queries = (double)(c->n_heads * c->seq);
    const double dp = c->size * sqrt(d), by_score = 2 * c->kind.scale * dp * c->size;
    const int64_t width = c->n_heads * c->kind.d_head;
    const double held = rule == PC_RELEVANCE ? 0 : 1;
    expect_rows(name, dv, expected_dv, c, c->kind.d_head, rounding * sqrt(queries));
    expect_rows(name, dq, expected_dq, c, width, held * rounding * by_score);
    expect_rows(name, dk, expected_dk, c, c->kind.d_head,
                held * rounding * by_score * sqrt(queries));
}

static void expect_case(const test_case *c, pc_gradient_rule rule)
{
    char name[128];
    pc_attention_backward_batch b = fill(c);
    b.rule = rule;
    pc_ref_attention_backward(expected_dq, expected_dk, expected_dv, room, &b, 0);
    for (int set = 0; set < compare_n_sets(); set++) {
        snprintf(name, sizeof name, "%s, %s, rule %d", compare_set(set)->name, c->name, (int)rule);
        run(compare_set(set), &b);
        expect_near(name, c, rule);
        const float *const outputs[] = {dq, dk, dv};
        for (int array = 0; array < 3; array++) {
            if (set == 0) memcpy(first[array], outputs[array], sizeof first[array]);
            compare_bits(name, outputs[array], first[array], N);
        }
    }
}

Test(cpu_attention_backward, gradients_are_the_definitions)
{
    for (int i = 0; i < N_CASES; i++) {
        expect_case(&cases[i], PC_GRADIENT);
        expect_case(&cases[i], PC_RELEVANCE);
    }
}

/* Two groups side by side in one call: heads 0 and 1 with the first keys, head 2 with the next. */
Test(cpu_attention_backward, an_item_does_not_depend_on_the_others)
{
    static const test_case c = {"", 20, 2, {.d_head = 24, .scale = 0.3}, 1};
    static const int64_t d = 24;
    for (int set = 0; set < compare_n_sets(); set++) {
        pc_attention_backward_batch b = fill(&c);
        const pc_attention_backward_item items[] = {{.seq = 20, .n_heads = 2},
                                                    {.dz = 2 * d,
                                                     .dq = 2 * d,
                                                     .dk = d,
                                                     .dv = d,
                                                     .q = 2 * d,
                                                     .k = d,
                                                     .v = d,
                                                     .log_pattern = 20 * 20,
                                                     .seq = 20,
                                                     .n_heads = 1}};
        b.items = items;
        b.n_items = 2;
        run(compare_set(set), &b);
        memcpy(first[0], dq, sizeof dq);
        memcpy(first[1], dk, sizeof dk);
        b.n_items = 1;
        for (int i = 0; i < 2; i++) {
            b.items = &items[i];
            run(compare_set(set), &b);
            for (int t = 0; t < 20; t++) {
                const int64_t at = t * STRIDE + items[i].dq, key = t * STRIDE + items[i].dk;
                compare_bits("dq", dq + at, first[0] + at, items[i].n_heads * d);
                compare_bits("dk", dk + key, first[1] + key, d);
            }
        }
    }
}

/* Query 5's gradient reaches keys up to 5; key 5's value reaches queries from 5 on. */
Test(cpu_attention_backward, nan_stays_where_it_is_seen)
{
    const test_case *c = &cases[0];
    for (int set = 0; set < compare_n_sets(); set++) {
        pc_attention_backward_batch b = fill(c);
        v[5 * STRIDE + 1] = NAN;
        run(compare_set(set), &b);
        for (int t = 0; t < c->seq; t++)
            cr_assert_eq(isnan(dq[t * STRIDE]) != 0, t >= 5, "query %d", t);
        b = fill(c);
        dz[5 * STRIDE + 1] = NAN;
        run(compare_set(set), &b);
        for (int t = 0; t < c->seq; t++) {
            cr_assert_eq(isnan(dv[t * STRIDE + 1]) != 0, t <= 5, "key %d", t);
            cr_assert_eq(isnan(dk[t * STRIDE]) != 0, t <= 5, "key %d", t);
        }
    }
}

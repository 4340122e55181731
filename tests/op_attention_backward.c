/* Attention backwards: derivatives of its definition, group by group of heads that share keys. */
#include "kernels/attention_backward.h"

#include "base/rng.h"
#include "kernels/attention.h"
#include "support/derivative.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { MOST_SEQ = 7, MOST_D = 5, MOST_HEADS = 3, MOST_WIDTH = MOST_HEADS * MOST_D };
enum { GAP = 2, STRIDE = MOST_WIDTH + GAP, MOST = MOST_SEQ * STRIDE };

static float q[MOST], k[MOST], v[MOST], dz[MOST];
static double dq[MOST], dk[MOST], dv[MOST], room[2 * MOST_SEQ];

typedef struct test_case {
    const char *name;
    int32_t seq, n_heads;
    pc_attention_kind kind;
} test_case;

static const test_case cases[] = {
    {"one head", 7, 1, {.d_head = 5, .scale = 0.7}},
    {"one position", 1, 2, {.d_head = 3, .scale = 0.7}},
    {"one channel", 6, 2, {.d_head = 1, .scale = 1}},
    {"a group of three", 7, 3, {.d_head = 4, .scale = 0.5}},
    {"a window", 7, 2, {.d_head = 3, .scale = 0.7, .window = 3}},
    {"a softcap", 6, 2, {.d_head = 4, .scale = 1, .softcap = 0.8}},
    {"a softcap and a window", 7, 2, {.d_head = 4, .scale = 1, .softcap = 1.5, .window = 2}},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static pc_attention_backward_item item;

static pc_attention_backward_batch batch_of(const test_case *c)
{
    item = (pc_attention_backward_item){.seq = c->seq, .n_heads = c->n_heads};
    return (pc_attention_backward_batch){.dz = dz,
                                         .q = q,
                                         .k = k,
                                         .v = v,
                                         .dz_stride = STRIDE,
                                         .q_stride = STRIDE - 1,
                                         .k_stride = MOST_D + 1,
                                         .v_stride = MOST_D + 2,
                                         .items = &item,
                                         .n_items = 1,
                                         .most_seq = c->seq,
                                         .kind = c->kind};
}

static void fill(void)
{
    float *const arrays[] = {q, k, v, dz};
    pc_rng rng = {.seed = 8};
    for (int array = 0; array < 4; array++)
        for (int i = 0; i < MOST; i++)
            arrays[array][i] = (float)(2 * pc_rng_unit(&rng) - 1);
}

/* dz . z, of all heads of the group; q is (n_heads, seq, d_head), k and v (seq, d_head). */
typedef struct objective {
    const test_case *c;
    const pc_attention_backward_batch *b;
    double q[MOST_HEADS * MOST_SEQ * MOST_D], k[MOST_SEQ * MOST_D], v[MOST_SEQ * MOST_D];
} objective;

static void widen(double *to, const float *from, const test_case *c, int64_t stride)
{
    for (int64_t i = 0; i < c->seq; i++)
        for (int64_t h = 0; h < c->kind.d_head; h++)
            to[i * c->kind.d_head + h] = (double)from[i * stride + h];
}

static objective objective_of(const test_case *c, const pc_attention_backward_batch *b)
{
    objective o = {.c = c, .b = b};
    const int64_t d = c->kind.d_head;
    for (int64_t n = 0; n < c->n_heads; n++)
        widen(o.q + n * c->seq * d, q + n * d, c, b->q_stride);
    widen(o.k, k, c, b->k_stride);
    widen(o.v, v, c, b->v_stride);
    return o;
}

static double value_of_head(const objective *o, int64_t n)
{
    double z[MOST_SEQ * MOST_D], pattern[MOST_SEQ * MOST_SEQ], sum = 0;
    const int64_t seq = o->c->seq, d = o->c->kind.d_head;
    const pc_attention_options options = {o->c->kind.scale, o->c->kind.softcap, o->c->kind.window};
    pc_ref_attention(z, pattern, o->q + n * seq * d, o->k, o->v, seq, d, &options);
    for (int64_t i = 0; i < seq; i++)
        for (int64_t h = 0; h < d; h++)
            sum += z[i * d + h] * (double)dz[i * o->b->dz_stride + n * d + h];
    return sum;
}

static double value_of(void *context)
{
    const objective *o = context;
    double sum = 0;
    for (int64_t n = 0; n < o->c->n_heads; n++)
        sum += value_of_head(o, n);
    return sum;
}

static void expect_slope(const test_case *c, const char *what, double found, objective *o,
                         double *x)
{
    const double tolerance = 1e-9; /* softcaps of 0.8 have fifth derivatives of a hundred */
    const double slope = derivative(value_of, o, x);
    cr_assert(fabs(found - slope) < tolerance, "%s, %s: %.15g, not %.15g", c->name, what, found,
              slope);
}

static void run(const pc_attention_backward_batch *b)
{
    pc_ref_attention_backward(dq, dk, dv, room, b, 0);
}

Test(op_attention_backward, gradients_are_the_derivatives_of_attention)
{
    fill();
    for (int i = 0; i < N_CASES; i++) {
        const test_case *c = &cases[i];
        const int64_t d = c->kind.d_head, width = c->n_heads * d;
        const pc_attention_backward_batch b = batch_of(c);
        objective o = objective_of(c, &b);
        run(&b);
        for (int64_t t = 0; t < c->seq; t++) {
            for (int64_t h = 0; h < width; h++)
                expect_slope(c, "dq", dq[t * width + h], &o,
                             &o.q[(h / d * c->seq + t) * d + h % d]);
            for (int64_t h = 0; h < d; h++) {
                expect_slope(c, "dk", dk[t * d + h], &o, &o.k[t * d + h]);
                expect_slope(c, "dv", dv[t * d + h], &o, &o.v[t * d + h]);
            }
        }
    }
}

/* z is linear in v: the pattern is a constant of dv anyway. */
Test(op_attention_backward, relevance_keeps_dv_and_holds_the_pattern)
{
    static double kept[MOST];
    fill();
    for (int i = 0; i < N_CASES; i++) {
        const test_case *c = &cases[i];
        const int64_t n = c->seq * c->kind.d_head;
        pc_attention_backward_batch b = batch_of(c);
        run(&b);
        memcpy(kept, dv, sizeof kept);
        b.rule = PC_RELEVANCE;
        run(&b);
        for (int64_t at = 0; at < n; at++)
            cr_assert(dv[at] == kept[at] && dk[at] == 0, "%s, %d", c->name, (int)at);
        for (int64_t at = 0; at < n * c->n_heads; at++)
            cr_assert(dq[at] == 0, "%s, %d", c->name, (int)at);
    }
}

/* Two queries of one channel, scores 1 and 2 of the second, both keys' values 10 and 20. */
Test(op_attention_backward, two_positions_by_hand)
{
    const test_case c = {"by hand", 2, 1, {.d_head = 1, .scale = 0.5}};
    pc_attention_backward_batch b = batch_of(&c);
    const float one[] = {1, 2}, value[] = {10, 20}, at[] = {7, 1};
    b.q = b.k = one, b.v = value, b.dz = at;
    b.q_stride = b.k_stride = b.v_stride = b.dz_stride = 1;
    run(&b);
    const double p = 1 / (1 + exp(1)), by = 10 * p * (1 - p); /* dz/ds of the second key */
    const double expected_dq[] = {0, 0.5 * by * (2 - 1)}, expected_dk[] = {-0.5 * by * 2, by};
    const double expected_dv[] = {7 + p, 1 - p};
    for (int i = 0; i < 2; i++) {
        cr_expect(fabs(dq[i] - expected_dq[i]) < 1e-14, "dq %d: %.17g", i, dq[i]);
        cr_expect(fabs(dk[i] - expected_dk[i]) < 1e-14, "dk %d: %.17g", i, dk[i]);
        cr_expect(fabs(dv[i] - expected_dv[i]) < 1e-14, "dv %d: %.17g", i, dv[i]);
    }
}

/* A later query's gradient reaches no earlier query; a later key's value reaches no gradient of an
 * earlier query. */
Test(op_attention_backward, nothing_looks_ahead)
{
    fill();
    const test_case *c = &cases[3];
    const int64_t width = c->n_heads * c->kind.d_head;
    const pc_attention_backward_batch b = batch_of(c);
    v[4 * (MOST_D + 2)] = k[5 * (MOST_D + 1)] = NAN;
    run(&b);
    for (int64_t t = 0; t < c->seq; t++)
        for (int64_t h = 0; h < width; h++)
            cr_assert_eq(isnan(dq[t * width + h]) != 0, t >= 4, "query %d", (int)t);
}

/* Attention backwards on a device against its definition: groups of heads that share keys, windows,
 * softcaps, short and long prompts; many items in one call are the same as each alone. */
#include "on_device.h"
#include "kernels/attention.h"
#include "kernels/attention_backward_cuda.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

/* Two prompts: one of seq positions, and one half as long; each in all groups. */
typedef struct shape {
    const char *name;
    int64_t seq, d_head, n_groups, n_heads; /* heads of a group */
    double scale, softcap;
    int64_t window;
    pc_gradient_rule rule;
} shape;

static const shape shapes[] = {
    {"one position", 1, 8, 1, 2, 0.3, 0, 0, PC_GRADIENT},
    {"one channel", 9, 1, 2, 1, 1, 0, 0, PC_GRADIENT},
    {"a short prompt", 15, 64, 2, 1, 0.125, 0, 0, PC_GRADIENT},
    {"shared keys", 20, 5, 2, 3, 0.4, 0, 0, PC_GRADIENT},
    {"a softcap", 18, 12, 1, 2, 1, 2, 0, PC_GRADIENT},
    {"a window", 40, 6, 1, 2, 0.4, 0, 7, PC_GRADIENT},
    {"a window and a softcap", 37, 4, 1, 1, 1, 3, 20, PC_GRADIENT},
    {"relevance", 20, 5, 2, 3, 0.4, 0, 0, PC_RELEVANCE},
    {"relevance, a softcap", 9, 5, 1, 2, 1, 2, 0, PC_RELEVANCE},
    {"a wide head", 5, 70, 1, 1, 0.125, 0, 0, PC_GRADIENT},
    {"a very wide head", 3, 260, 1, 2, 0.06, 0, 0, PC_GRADIENT},
    {"long", 131, 3, 1, 1, 0.5, 0, 0, PC_GRADIENT},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, N_PROMPTS = 2, MOST_ITEMS = 4 };
enum { GAP = 2, MOST = 8000, MOST_PATTERN = 40000, MOST_SEQ = 131 };

static float q[MOST], k[MOST], v[MOST], dz[MOST], log_pattern[MOST_PATTERN];
static pc_attention_backward_item items[MOST_ITEMS];
static int64_t n_items, n_rows, n_patterns;

/* Of the queries' rows, and of the keys'. */
static int64_t width_of(const shape *s)
{
    return s->n_groups * s->n_heads * s->d_head + GAP;
}

static int64_t kv_width_of(const shape *s)
{
    return s->n_groups * s->d_head + GAP;
}

static void add_prompt(const shape *s, int64_t seq)
{
    for (int64_t group = 0; group < s->n_groups; group++) {
        const int64_t query = n_rows * width_of(s) + group * s->n_heads * s->d_head;
        const int64_t key = n_rows * kv_width_of(s) + group * s->d_head;
        items[n_items++] = (pc_attention_backward_item){.dz = query,
                                                        .dq = query,
                                                        .dk = key,
                                                        .dv = key,
                                                        .q = query,
                                                        .k = key,
                                                        .v = key,
                                                        .log_pattern = n_patterns,
                                                        .seq = (int32_t)seq,
                                                        .n_heads = (int32_t)s->n_heads};
        n_patterns += s->n_heads * seq * seq;
    }
    n_rows += seq;
}

static void widen(double *to, const float *from, const shape *s, int64_t seq, int64_t stride)
{
    for (int64_t i = 0; i < seq; i++)
        for (int64_t c = 0; c < s->d_head; c++)
            to[i * s->d_head + c] = (double)from[i * stride + c];
}

/* Of a head of an item; what a query does not see is NaN. */
static void fill_pattern(const shape *s, const pc_attention_backward_item *item, int64_t head)
{
    static double wide_q[MOST], wide_k[MOST], z[MOST], pattern[MOST_PATTERN];
    const pc_attention_options options = {s->scale, s->softcap, s->window};
    const int64_t seq = item->seq;
    widen(wide_q, q + item->q + head * s->d_head, s, seq, width_of(s));
    widen(wide_k, k + item->k, s, seq, kv_width_of(s));
    pc_ref_attention(z, pattern, wide_q, wide_k, wide_k, seq, s->d_head, &options);
    for (int64_t i = 0; i < seq * seq; i++)
        log_pattern[item->log_pattern + head * seq * seq + i] =
            pattern[i] > 0 ? (float)log(pattern[i]) : NAN;
}

static void fill(const shape *s)
{
    n_items = n_rows = n_patterns = 0;
    add_prompt(s, s->seq);
    add_prompt(s, s->seq / 2);
    device_fill(q, n_rows * width_of(s), 0, 1, 1);
    device_fill(k, n_rows * kv_width_of(s), 0, 1, 2);
    device_fill(v, n_rows * kv_width_of(s), 0, 1, 3);
    device_fill(dz, n_rows * width_of(s), 0, 1, 4);
    for (int64_t i = 0; i < n_items; i++)
        for (int64_t head = 0; head < s->n_heads; head++)
            fill_pattern(s, &items[i], head);
}

/* dq, dk, dv of all rows; what nothing wrote stays NaN. */
typedef struct gradients {
    float dq[MOST], dk[MOST], dv[MOST];
} gradients;

static void run(gradients *to, const shape *s, int64_t first, int64_t count)
{
    const int64_t wide = n_rows * width_of(s), narrow = n_rows * kv_width_of(s);
    const pc_attention_backward_batch batch = {
        .dq = device_fresh(wide),
        .dk = device_fresh(narrow),
        .dv = device_fresh(narrow),
        .dz = device_copy(dz, wide),
        .q = device_copy(q, wide),
        .k = device_copy(k, narrow),
        .v = device_copy(v, narrow),
        .log_pattern = device_copy(log_pattern, n_patterns),
        .dq_stride = width_of(s),
        .dk_stride = kv_width_of(s),
        .dv_stride = kv_width_of(s),
        .dz_stride = width_of(s),
        .q_stride = width_of(s),
        .k_stride = kv_width_of(s),
        .v_stride = kv_width_of(s),
        .items = device_copy_any(items + first, count, sizeof *items),
        .n_items = count,
        .most_seq = s->seq,
        .kind = {s->d_head, s->scale, s->softcap, s->window},
        .rule = s->rule};
    device_expect(pck_attention_backward(&batch, NULL), s->name);
    device_read(to->dq, batch.dq, wide);
    device_read(to->dk, batch.dk, narrow);
    device_read(to->dv, batch.dv, narrow);
    device_free_all();
}

static void expect_rows(const char *what, float *found, const double *expected, int64_t seq,
                        int64_t width, int64_t stride, double bound)
{
    for (int64_t t = 0; t < seq; t++) {
        device_expect_near(what, found + t * stride, expected + t * width, width, bound, 0);
        for (int64_t c = 0; c < width; c++)
            found[t * stride + c] = NAN; /* looked at */
    }
}

/* The processor's bound (tests/cpu_attention_backward.c), whose queries' mean is not rounded: a
 * weight is off by its own rounding and by its logarithm's (here the definition's, rounded once),
 * dp, the mean and the sums by a few roundings each. dv sums p dz over up to n_heads seq queries;
 * dq and dk sum scale p (dp - mean) k, at most 2 scale |dp| |k| by query. */
static void expect_item(const shape *s, const pc_attention_backward_item *item, gradients *found)
{
    static double dq[MOST], dk[MOST], dv[MOST], room[2 * MOST_SEQ];
    const pc_attention_backward_batch batch = {.dz = dz,
                                               .q = q,
                                               .k = k,
                                               .v = v,
                                               .dz_stride = width_of(s),
                                               .q_stride = width_of(s),
                                               .k_stride = kv_width_of(s),
                                               .v_stride = kv_width_of(s),
                                               .items = item,
                                               .kind = {s->d_head, s->scale, s->softcap, s->window},
                                               .rule = s->rule};
    const double rounding = s->softcap > 0 ? 1e-6 : 4e-7, queries = (double)(s->n_heads * s->seq);
    const double by_score = s->rule == PC_RELEVANCE ? 0 : 2 * s->scale * sqrt((double)s->d_head);
    pc_ref_attention_backward(dq, dk, dv, room, &batch, 0);
    expect_rows(s->name, found->dv + item->dv, dv, item->seq, s->d_head, kv_width_of(s),
                rounding * sqrt(queries));
    expect_rows(s->name, found->dq + item->dq, dq, item->seq, s->n_heads * s->d_head, width_of(s),
                rounding * by_score);
    expect_rows(s->name, found->dk + item->dk, dk, item->seq, s->d_head, kv_width_of(s),
                rounding * by_score * sqrt(queries));
}

static void expect_rest_unwritten(const shape *s, const gradients *found)
{
    for (int64_t i = 0; i < n_rows * width_of(s); i++)
        cr_assert(isnan(found->dq[i]), "%s: dq written beside the items", s->name);
    for (int64_t i = 0; i < n_rows * kv_width_of(s); i++)
        cr_assert(isnan(found->dk[i]) && isnan(found->dv[i]), "%s: written beside the items",
                  s->name);
}

static void expect_same(const char *what, const gradients *found, const gradients *expected,
                        const shape *s)
{
    device_expect_same_bits(what, found->dq, expected->dq, n_rows * width_of(s));
    device_expect_same_bits(what, found->dk, expected->dk, n_rows * kv_width_of(s));
    device_expect_same_bits(what, found->dv, expected->dv, n_rows * kv_width_of(s));
}

ParameterizedTestParameters(cuda_attention_backward, agrees_with_the_definition_in_every_order)
{
    static size_t indices[N_SHAPES];
    for (size_t i = 0; i < N_SHAPES; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, N_SHAPES);
}

ParameterizedTest(size_t *index, cuda_attention_backward, agrees_with_the_definition_in_every_order)
{
    static gradients first, found;
    const shape *s = &shapes[*index];
    fill(s);
    for (int order = 0; order < device_n_orders(); order++) {
        const char *name = device_use_order(order);
        device_shift(order % 2);
        run(order == 0 ? &first : &found, s, 0, n_items);
        if (order > 0) expect_same(name, &found, &first, s);
    }
    for (int64_t i = 0; i < n_items; i++)
        expect_item(s, &items[i], &first);
    expect_rest_unwritten(s, &first);
}

Test(cuda_attention_backward, an_item_does_not_depend_on_the_others)
{
    static gradients together, alone;
    const shape *s = &shapes[3];
    fill(s);
    run(&together, s, 0, n_items);
    for (int64_t i = 0; i < n_items; i++) {
        const pc_attention_backward_item *item = &items[i];
        run(&alone, s, i, 1);
        for (int64_t t = 0; t < item->seq; t++) {
            const int64_t query = item->dq + t * width_of(s), key = item->dk + t * kv_width_of(s);
            device_expect_same_bits("dq", alone.dq + query, together.dq + query,
                                    s->n_heads * s->d_head);
            device_expect_same_bits("dk", alone.dk + key, together.dk + key, s->d_head);
            device_expect_same_bits("dv", alone.dv + key, together.dv + key, s->d_head);
        }
    }
}

/* A value reaches the queries that see it, a gradient the keys that its query sees. */
Test(cuda_attention_backward, a_nan_stays_where_it_is_seen)
{
    static gradients found;
    const shape *s = &shapes[5];
    fill(s);
    v[items[0].v + 18 * kv_width_of(s) + 1] = NAN;
    run(&found, s, 0, 1);
    for (int64_t t = 0; t < s->seq; t++)
        cr_assert_eq(isnan(found.dq[items[0].dq + t * width_of(s)]) != 0, t >= 18 && t < 18 + 7,
                     "query %d", (int)t);
    fill(s);
    dz[items[0].dz + 18 * width_of(s) + 1] = NAN;
    run(&found, s, 0, 1);
    for (int64_t t = 0; t < s->seq; t++) {
        const int64_t at = items[0].dv + t * kv_width_of(s);
        cr_assert_eq(isnan(found.dv[at + 1]) != 0, t <= 18 && t > 18 - 7, "value %d", (int)t);
        cr_assert_eq(isnan(found.dk[at]) != 0, t <= 18 && t > 18 - 7, "key %d", (int)t);
    }
}

Test(cuda_attention_backward, nothing_launches_nothing)
{
    pc_attention_backward_batch batch = {.kind = {8, 1, 0, 0}, .most_seq = 3};
    device_expect(pck_attention_backward(&batch, NULL), "no items");
    batch.n_items = 1;
    batch.most_seq = 0;
    device_expect(pck_attention_backward(&batch, NULL), "no positions");
    device_expect(cudaDeviceSynchronize(), "nothing");
}

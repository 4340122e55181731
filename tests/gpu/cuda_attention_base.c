/* Attention of the base run on a device against the definition of attention: masks, softcap, shared
 * keys, short and long prompts; many items in one launch are the same as each alone. */
#include "on_device.h"
#include "kernels/attention.h"
#include "kernels/attention_base_cuda.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

/* Two prompts: one of seq positions, and one half as long; each in all heads. */
typedef struct shape {
    const char *name;
    int64_t seq, d_head, n_heads, n_kv_heads;
    float spread; /* of the queries */
    double softcap;
    int64_t window;
} shape;

static const shape shapes[] = {
    {"one position", 1, 8, 1, 1, 1, 0, 0},     {"one channel", 9, 1, 2, 2, 1, 0, 0},
    {"a short prompt", 15, 64, 2, 2, 1, 0, 0}, {"an odd head", 33, 5, 3, 3, 1, 0, 0},
    {"shared keys", 20, 8, 4, 2, 1, 0, 0},     {"a softcap", 20, 16, 2, 2, 10, 5, 0},
    {"a window", 40, 16, 1, 1, 1, 0, 7},       {"sharp patterns", 20, 32, 1, 1, 30, 0, 0},
    {"long", 150, 12, 2, 2, 1, 0, 0},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, N_PROMPTS = 2, MOST_ITEMS = 8 };
enum { GAP = 2, MOST = 100000, MOST_ROWS = 25000 };

static float q[MOST_ROWS], k[MOST_ROWS], v[MOST_ROWS];
static pc_attention_base_item items[MOST_ITEMS];
static int64_t n_items, n_rows, n_patterns;

static int64_t width_of(const shape *s)
{
    return s->n_heads * s->d_head;
}

static int64_t kv_width_of(const shape *s)
{
    return s->n_kv_heads * s->d_head;
}

static void add_prompt(const shape *s, int64_t seq)
{
    for (int64_t head = 0; head < s->n_heads; head++) {
        const int64_t kv_head = head * s->n_kv_heads / s->n_heads;
        items[n_items++] =
            (pc_attention_base_item){.z = n_rows * width_of(s) + head * s->d_head,
                                      .log_pattern = n_patterns,
                                      .q = n_rows * width_of(s) + head * s->d_head,
                                      .k = n_rows * kv_width_of(s) + kv_head * s->d_head,
                                      .v = n_rows * kv_width_of(s) + kv_head * s->d_head,
                                      .pattern_stride = seq + GAP,
                                      .seq = seq};
        n_patterns += seq * (seq + GAP);
    }
    n_rows += seq;
}

static void fill(const shape *s)
{
    n_items = n_rows = n_patterns = 0;
    add_prompt(s, s->seq);
    add_prompt(s, s->seq / 2);
    device_fill(q, n_rows * width_of(s), 0, s->spread, 1);
    device_fill(k, n_rows * kv_width_of(s), 0, 1, 2);
    device_fill(v, n_rows * kv_width_of(s), 0, 1, 3);
}

static double scale_of(const shape *s)
{
    return 1 / sqrt((double)s->d_head);
}

/* Runs items first ... first + count - 1; all other places stay NaN. */
static void run(float *z, float *log_pattern, const shape *s, int64_t first, int64_t count)
{
    const pc_attention_base_batch batch = {
        .z = device_fresh(n_rows * width_of(s)),
        .log_pattern = device_fresh(n_patterns),
        .q = device_copy(q, n_rows * width_of(s)),
        .k = device_copy(k, n_rows * kv_width_of(s)),
        .v = device_copy(v, n_rows * kv_width_of(s)),
        .z_stride = width_of(s),
        .q_stride = width_of(s),
        .k_stride = kv_width_of(s),
        .v_stride = kv_width_of(s),
        .items = device_copy_any(items + first, count, sizeof *items),
        .n_items = count,
        .most_seq = s->seq,
        .kind = {s->d_head, scale_of(s), s->softcap, s->window}};
    device_expect(pck_attention_base(&batch, NULL), s->name);
    device_read(z, batch.z, n_rows * width_of(s));
    device_read(log_pattern, batch.log_pattern, n_patterns);
    device_free_all();
}

static void widen(double *to, const float *from, const shape *s, int64_t seq, int64_t stride)
{
    for (int64_t i = 0; i < seq; i++)
        for (int64_t c = 0; c < s->d_head; c++)
            to[i * s->d_head + c] = (double)from[i * stride + c];
}

/* A score is off by the roundings of its terms, 6e-8 of up to spread sqrt(d_head) each, some of
 * which add up; a logarithm by that and its own last bit; z, of weights and values up to 1, alike.
 */
static void expect_item(const shape *s, const pc_attention_base_item *item, const float *z,
                        const float *log_pattern)
{
    static double dq[MOST], dk[MOST], dv[MOST], expected_z[MOST], pattern[MOST];
    const int64_t seq = item->seq;
    const pc_attention_options options = {scale_of(s), s->softcap, s->window};
    const double score = (double)s->spread * sqrt((double)s->d_head);
    const double bound = 2e-6 + 4e-7 * score;
    widen(dq, q + item->q, s, seq, width_of(s));
    widen(dk, k + item->k, s, seq, kv_width_of(s));
    widen(dv, v + item->v, s, seq, kv_width_of(s));
    pc_ref_attention(expected_z, pattern, dq, dk, dv, seq, s->d_head, &options);
    for (int64_t i = 0; i < seq; i++) {
        const float *row = log_pattern + item->log_pattern + i * item->pattern_stride;
        for (int64_t j = 0; j < seq; j++) {
            const int is_seen = j <= i && (s->window == 0 || i - j < s->window);
            cr_assert(is_seen ? fabs((double)row[j] - log(pattern[i * seq + j])) <= bound
                              : row[j] == -INFINITY,
                      "%s, query %d, key %d: %g, not %g", s->name, (int)i, (int)j, (double)row[j],
                      log(pattern[i * seq + j]));
        }
        for (int64_t j = seq; j < item->pattern_stride; j++)
            cr_assert(isnan(row[j]), "%s: written beside the pattern", s->name);
        device_expect_near(s->name, z + item->z + i * width_of(s), expected_z + i * s->d_head,
                           s->d_head, bound, 0);
    }
}

ParameterizedTestParameters(cuda_attention_base, agrees_with_the_definition_in_every_order)
{
    static size_t indices[N_SHAPES];
    for (size_t i = 0; i < N_SHAPES; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, N_SHAPES);
}

ParameterizedTest(size_t *index, cuda_attention_base, agrees_with_the_definition_in_every_order)
{
    static float z[MOST], pattern[MOST], first_z[MOST], first[MOST];
    const shape *s = &shapes[*index];
    fill(s);
    for (int order = 0; order < device_n_orders(); order++) {
        const char *name = device_use_order(order);
        device_shift(order % 2);
        run(order == 0 ? first_z : z, order == 0 ? first : pattern, s, 0, n_items);
        if (order == 0) continue;
        device_expect_same_bits(name, z, first_z, n_rows * width_of(s));
        device_expect_same_bits(name, pattern, first, n_patterns);
    }
    for (int64_t i = 0; i < n_items; i++)
        expect_item(s, &items[i], first_z, first);
}

Test(cuda_attention_base, an_item_does_not_depend_on_the_others)
{
    static float z[MOST], pattern[MOST], z_alone[MOST], alone[MOST];
    const shape *s = &shapes[3];
    fill(s);
    run(z, pattern, s, 0, n_items);
    for (int64_t i = 0; i < n_items; i++) {
        const pc_attention_base_item *item = &items[i];
        run(z_alone, alone, s, i, 1);
        device_expect_same_bits("pattern", alone + item->log_pattern, pattern + item->log_pattern,
                                item->seq * item->pattern_stride);
        for (int64_t t = 0; t < item->seq; t++)
            device_expect_same_bits("z", z_alone + item->z + t * width_of(s),
                                    z + item->z + t * width_of(s), s->d_head);
    }
}

Test(cuda_attention_base, patterns_can_be_had_without_z)
{
    static float z[MOST], with[MOST], without[MOST];
    const shape *s = &shapes[2];
    fill(s);
    run(z, with, s, 0, n_items);
    for (int64_t i = 0; i < n_items; i++)
        items[i].z = -1;
    run(z, without, s, 0, n_items);
    device_expect_same_bits("patterns", without, with, n_patterns);
    for (int64_t i = 0; i < n_rows * width_of(s); i++)
        cr_assert(isnan(z[i]), "z is not wanted");
}

/* A key that is not finite makes a NaN of every query that sees it, and of no other. */
Test(cuda_attention_base, what_is_not_finite_shows_where_it_is_seen)
{
    static const float values[] = {NAN, INFINITY};
    static float z[MOST], pattern[MOST];
    const shape *s = &shapes[2];
    for (int i = 0; i < 2; i++) {
        fill(s);
        k[6 * kv_width_of(s) + 1] = values[i];
        for (int64_t t = 0; t < s->seq; t++)
            q[t * width_of(s) + 1] = 1;
        run(z, pattern, s, 0, n_items);
        for (int64_t t = 0; t < s->seq; t++) {
            const float first = pattern[t * (s->seq + GAP)];
            cr_assert(t < 6 ? isfinite(first) : isnan(first), "%g, query %d: %g", (double)values[i],
                      (int)t, (double)first);
        }
    }
}

Test(cuda_attention_base, nothing_launches_nothing)
{
    pc_attention_base_batch batch = {.kind = {8, 1, 0, 0}, .most_seq = 3};
    device_expect(pck_attention_base(&batch, NULL), "no items");
    batch.n_items = 1;
    batch.most_seq = 0;
    device_expect(pck_attention_base(&batch, NULL), "no positions");
    device_expect(cudaDeviceSynchronize(), "nothing");
}

/* Attention's change on a device against its definition: what changes, masks, softcap, sizes, short
 * and long prompts; many items in one launch are the same as each alone. */
#include "on_device.h"
#include "kernels/attention_delta.h"
#include "kernels/attention_delta_cuda.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum changes { OF_Q = 1, OF_K = 2, OF_V = 4, OF_ALL = 7 } changes;

/* A prompt with one base; its variants change at different positions, each in all heads. */
typedef struct shape {
    const char *name;
    int64_t seq, d_head, n_heads, n_kv_heads, n_variants;
    int what;               /* of changes */
    float spread, q_spread; /* of the changes, of the base's queries */
    double softcap;
    int64_t window;
    int64_t last_queries; /* how many are wanted; 0: all from the first change on */
    double relative;      /* tolerance, to an item's largest change */
} shape;

/* Tolerances: a weight carries the rounding of its logarithm, 6e-8 times 10 (or times some 1,000
 * where scores are that large), and that of sums with up to 64 terms. */

static const shape shapes[] = {
    {"one position", 1, 8, 1, 1, 1, OF_ALL, 1, 1, 0, 0, 0, 1e-5},
    {"GPT-2 on a short prompt", 15, 64, 2, 2, 3, OF_ALL, 0.5f, 1, 0, 0, 0, 1e-5},
    {"queries alone", 9, 16, 2, 2, 3, OF_Q, 0.5f, 1, 0, 0, 0, 1e-5},
    {"keys alone", 9, 16, 2, 2, 3, OF_K, 0.5f, 1, 0, 0, 0, 1e-5},
    {"values alone: a frozen pattern", 9, 16, 2, 2, 3, OF_V, 0.5f, 1, 0, 0, 0, 1e-5},
    {"nothing", 9, 16, 1, 1, 2, 0, 0.5f, 1, 0, 0, 0, 1e-5},
    {"small changes", 12, 32, 2, 2, 2, OF_ALL, 1e-5f, 1, 0, 0, 0, 1e-5},
    {"large changes", 12, 32, 2, 2, 2, OF_ALL, 8, 1, 0, 0, 0, 1e-5},
    {"weights that would overflow", 6, 64, 1, 1, 2, OF_K, 600, 1, 0, 0, 0, 5e-4},
    {"weights that had vanished", 9, 64, 1, 1, 2, OF_K, 3, 100, 0, 0, 0, 5e-4},
    {"shared keys and values", 10, 8, 4, 2, 2, OF_ALL, 0.5f, 1, 0, 0, 0, 1e-5},
    {"softcap", 11, 16, 2, 2, 2, OF_ALL, 0.5f, 1, 5, 0, 0, 1e-5},
    {"a window", 20, 16, 1, 1, 2, OF_ALL, 0.5f, 1, 0, 4, 0, 1e-5},
    {"the last query alone", 13, 16, 2, 2, 3, OF_ALL, 0.5f, 1, 0, 0, 1, 1e-5},
    {"an odd head", 7, 5, 3, 3, 2, OF_ALL, 0.5f, 1, 0, 0, 0, 1e-5},
    {"more keys than a warp", 70, 12, 1, 1, 1, OF_ALL, 0.5f, 1, 0, 0, 0, 1e-5},
    {"a softcap and large changes", 11, 16, 2, 2, 2, OF_ALL, 30, 2, 5, 0, 0, 1e-5},
    {"the longest short one", 128, 8, 1, 1, 1, OF_ALL, 0.5f, 1, 0, 0, 9, 1e-5},
    {"long", 140, 12, 1, 1, 2, OF_ALL, 0.5f, 1, 0, 0, 40, 1e-5},
    {"long: all queries", 129, 5, 1, 1, 1, OF_ALL, 0.5f, 1, 0, 0, 0, 1e-5},
    {"long: queries alone", 129, 16, 1, 1, 2, OF_Q, 0.5f, 1, 0, 0, 18, 1e-5},
    {"long: keys alone", 130, 16, 1, 1, 2, OF_K, 0.5f, 1, 0, 0, 18, 1e-5},
    {"long: values alone", 161, 16, 1, 1, 2, OF_V, 0.5f, 1, 0, 0, 18, 1e-5},
    {"long: nothing", 129, 5, 1, 1, 1, 0, 0.5f, 1, 0, 0, 18, 1e-5},
    {"long: small changes", 140, 32, 1, 1, 1, OF_ALL, 1e-5f, 1, 0, 0, 18, 1e-5},
    {"long: weights that would overflow", 132, 64, 1, 1, 1, OF_K, 600, 1, 0, 0, 18, 5e-4},
    {"long: weights that had vanished", 132, 64, 1, 1, 1, OF_K, 3, 100, 0, 0, 5, 5e-4},
    {"long: shared keys and values", 129, 8, 4, 2, 1, OF_ALL, 0.5f, 1, 0, 0, 18, 1e-5},
    {"long: softcap", 140, 16, 1, 1, 1, OF_ALL, 0.5f, 1, 5, 0, 18, 1e-5},
    {"long: a window", 150, 16, 1, 1, 2, OF_ALL, 0.5f, 1, 0, 37, 50, 1e-5},
    {"long: the last query alone", 140, 16, 1, 1, 2, OF_ALL, 0.5f, 1, 0, 0, 1, 1e-5},
    {"long: channels in two parts", 129, 70, 1, 1, 1, OF_ALL, 0.5f, 1, 0, 0, 3, 1e-5},
    {"long: channels in two passes", 129, 257, 1, 1, 1, OF_ALL, 0.2f, 1, 0, 0, 3, 1e-5},
    {"long: one channel", 129, 1, 1, 1, 1, OF_ALL, 0.5f, 1, 0, 0, 18, 1e-5},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, MOST = 70000, MOST_ITEMS = 12 };
enum { SHORT_ONE = 1, LONG_ONE = 18 };

/* Base rows hold all heads of a position, as a model's do; changes hold all heads of a row. */
static float q[MOST], k[MOST], v[MOST], log_pattern[MOST], dq[MOST], dk[MOST], dv[MOST];
static pc_attention_item items[MOST_ITEMS];
static int64_t n_items, n_query_rows, n_key_rows;

static int64_t first_of(const shape *s, int64_t variant)
{
    return variant * s->seq / (s->n_variants + 1);
}

static double score(const shape *s, int64_t head, int64_t query, int64_t key)
{
    const int64_t kv_head = head * s->n_kv_heads / s->n_heads;
    double sum = 0;
    for (int64_t c = 0; c < s->d_head; c++)
        sum += (double)q[(query * s->n_heads + head) * s->d_head + c] *
               (double)k[(key * s->n_kv_heads + kv_head) * s->d_head + c];
    sum /= sqrt((double)s->d_head);
    return s->softcap > 0 ? s->softcap * tanh(sum / s->softcap) : sum;
}

/* NaN where the query does not see: nobody may look there. */
static void fill_log_pattern(const shape *s, int64_t head)
{
    float *pattern = log_pattern + head * s->seq * s->seq;
    for (int64_t i = 0; i < s->seq; i++) {
        const int64_t first = s->window > 0 && i >= s->window ? i - s->window + 1 : 0;
        double sum = 0;
        for (int64_t j = first; j <= i; j++)
            sum += exp(score(s, head, i, j));
        for (int64_t j = 0; j < s->seq; j++)
            pattern[i * s->seq + j] =
                j < first || j > i ? NAN : (float)(score(s, head, i, j) - log(sum));
    }
}

static void add_item(const shape *s, int64_t variant, int64_t head)
{
    const int64_t kv_head = head * s->n_kv_heads / s->n_heads, first = first_of(s, variant);
    const int64_t q_first = s->last_queries ? s->seq - s->last_queries : first;
    const int64_t kv_at = (n_key_rows * s->n_kv_heads + kv_head) * s->d_head;
    const int64_t q_at = (n_query_rows * s->n_heads + head) * s->d_head;
    items[n_items++] = (pc_attention_item){.dz = q_at,
                                           .dq = s->what & OF_Q ? q_at : -1,
                                           .dk = s->what & OF_K ? kv_at : -1,
                                           .dv = s->what & OF_V ? kv_at : -1,
                                           .q = head * s->d_head,
                                           .k = kv_head * s->d_head,
                                           .v = kv_head * s->d_head,
                                           .log_pattern = head * s->seq * s->seq,
                                           .pattern_stride = s->seq,
                                           .seq = (int32_t)s->seq,
                                           .first = (int32_t)first,
                                           .q_first = (int32_t)q_first};
    if (head + 1 < s->n_heads) return;
    n_key_rows += s->seq - first;
    n_query_rows += s->seq - q_first;
}

static void fill(const shape *s)
{
    n_items = n_query_rows = n_key_rows = 0;
    for (int64_t variant = 0; variant < s->n_variants; variant++)
        for (int64_t head = 0; head < s->n_heads; head++)
            add_item(s, variant, head);
    device_fill(q, s->seq * s->n_heads * s->d_head, 0, s->q_spread, 1);
    device_fill(k, s->seq * s->n_kv_heads * s->d_head, 0, 1, 2);
    device_fill(v, s->seq * s->n_kv_heads * s->d_head, 0, 1, 3);
    device_fill(dq, n_query_rows * s->n_heads * s->d_head, 0, s->spread, 4);
    device_fill(dk, n_key_rows * s->n_kv_heads * s->d_head, 0, s->spread, 5);
    device_fill(dv, n_key_rows * s->n_kv_heads * s->d_head, 0, s->spread, 6);
    for (int64_t head = 0; head < s->n_heads; head++)
        fill_log_pattern(s, head);
}

static int64_t dz_floats(const shape *s)
{
    return n_query_rows * s->n_heads * s->d_head;
}

static pc_attention_kind kind_of(const shape *s)
{
    return (pc_attention_kind){s->d_head, 1 / sqrt((double)s->d_head), s->softcap, s->window};
}

enum { OF_DQ, OF_DK, OF_DV, OF_BASE_Q, OF_BASE_K, OF_BASE_V, OF_PATTERN, N_ARRAYS };

static void copy_arrays(float **arrays, const shape *s)
{
    const int64_t width = s->n_heads * s->d_head, kv_width = s->n_kv_heads * s->d_head;
    arrays[OF_DQ] = device_copy(dq, n_query_rows * width);
    arrays[OF_DK] = device_copy(dk, n_key_rows * kv_width);
    arrays[OF_DV] = device_copy(dv, n_key_rows * kv_width);
    arrays[OF_BASE_Q] = device_copy(q, s->seq * width);
    arrays[OF_BASE_K] = device_copy(k, s->seq * kv_width);
    arrays[OF_BASE_V] = device_copy(v, s->seq * kv_width);
    arrays[OF_PATTERN] = device_copy(log_pattern, s->n_heads * s->seq * s->seq);
}

static int64_t q_stride; /* of the base's queries; 0: as they lie */
static int64_t most_seq; /* that a batch states at least */

/* Items first ... first + count - 1, without their place on the device. */
static pc_attention_batch batch_of(float **arrays, const shape *s, int64_t first, int64_t count)
{
    const int64_t width = s->n_heads * s->d_head, kv_width = s->n_kv_heads * s->d_head;
    pc_attention_batch batch = {.dq = arrays[OF_DQ],
                                .dk = arrays[OF_DK],
                                .dv = arrays[OF_DV],
                                .q = arrays[OF_BASE_Q],
                                .k = arrays[OF_BASE_K],
                                .v = arrays[OF_BASE_V],
                                .log_pattern = arrays[OF_PATTERN],
                                .dz_stride = width,
                                .dq_stride = width,
                                .dk_stride = kv_width,
                                .dv_stride = kv_width,
                                .q_stride = q_stride ? q_stride : width,
                                .k_stride = kv_width,
                                .v_stride = kv_width,
                                .n_items = count,
                                .most_seq = most_seq,
                                .kind = kind_of(s)};
    for (int64_t i = first; i < first + count; i++) {
        const int64_t queries = items[i].seq - items[i].q_first;
        if (items[i].seq > batch.most_seq) batch.most_seq = items[i].seq;
        if (queries > batch.most_queries) batch.most_queries = queries;
    }
    return batch;
}

/* Runs items first ... first + count - 1; the others' rows of dz stay NaN. */
static void run(float *dz, const shape *s, int64_t first, int64_t count)
{
    const size_t bytes = (size_t)count * sizeof *items;
    float *arrays[N_ARRAYS], *device_dz = device_fresh(dz_floats(s));
    void *device_items = NULL;
    copy_arrays(arrays, s);
    device_expect(cudaMalloc(&device_items, bytes), "items");
    device_expect(cudaMemcpy(device_items, items + first, bytes, cudaMemcpyHostToDevice), "items");
    pc_attention_batch batch = batch_of(arrays, s, first, count);
    batch.dz = device_dz;
    batch.items = device_items;
    device_expect(pck_attention_delta(&batch, NULL), s->name);
    device_read(dz, device_dz, dz_floats(s));
    device_free(device_items);
    for (int i = 0; i < N_ARRAYS; i++)
        device_free(arrays[i]);
    device_free(device_dz);
}

/* ---- one item, as the definition and as rows of dz ---- */

static int64_t n_queries(const pc_attention_item *item)
{
    return item->seq - item->q_first;
}

static void define(double *dz, const shape *s, const pc_attention_item *item)
{
    const int64_t width = s->n_heads * s->d_head, kv_width = s->n_kv_heads * s->d_head;
    const pc_attention_kind kind = kind_of(s);
    const pc_attention_base base = {.q = q + item->q,
                                    .k = k + item->k,
                                    .v = v + item->v,
                                    .q_stride = width,
                                    .k_stride = kv_width,
                                    .v_stride = kv_width};
    const pc_attention_delta_args args = {.dq = item->dq < 0 ? NULL : dq + item->dq,
                                          .dk = item->dk < 0 ? NULL : dk + item->dk,
                                          .dv = item->dv < 0 ? NULL : dv + item->dv,
                                          .dq_stride = width,
                                          .dk_stride = kv_width,
                                          .dv_stride = kv_width,
                                          .seq = item->seq,
                                          .first = item->first,
                                          .q_first = item->q_first,
                                          .kind = &kind,
                                          .base = &base};
    pc_ref_attention_delta(dz, &args);
}

static void gather(float *rows, const float *dz, const shape *s, const pc_attention_item *item)
{
    for (int64_t i = 0; i < n_queries(item); i++)
        memcpy(rows + i * s->d_head, dz + item->dz + i * s->n_heads * s->d_head,
               (size_t)s->d_head * sizeof *rows);
}

static void expect_defined(const shape *s, const float *dz)
{
    static double expected[MOST];
    static float rows[MOST];
    for (int64_t i = 0; i < n_items; i++) {
        const int64_t n = n_queries(&items[i]) * s->d_head;
        double most = 0;
        define(expected, s, &items[i]);
        gather(rows, dz, s, &items[i]);
        for (int64_t at = 0; at < n; at++)
            most = fmax(most, fabs(expected[at]));
        device_expect_near(s->name, rows, expected, n, s->relative * most, 0);
    }
}

ParameterizedTestParameters(cuda_attention_delta, agrees_with_its_definition_in_every_order)
{
    static size_t indices[N_SHAPES];
    for (size_t i = 0; i < N_SHAPES; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, N_SHAPES);
}

ParameterizedTest(size_t *index, cuda_attention_delta, agrees_with_its_definition_in_every_order)
{
    static float first[MOST], dz[MOST];
    const shape *s = &shapes[*index];
    fill(s);
    for (int order = 0; order < device_n_orders(); order++) {
        const char *name = device_use_order(order);
        run(order == 0 ? first : dz, s, 0, n_items);
        if (order > 0) device_expect_same_bits(name, dz, first, dz_floats(s));
    }
    expect_defined(s, first);
    device_shift(1);
    run(dz, s, 0, n_items);
    device_expect_same_bits("unaligned", dz, first, dz_floats(s));
}

static void expect_alone_as_together(const shape *s)
{
    static float together[MOST], alone[MOST], rows[MOST], rows_alone[MOST];
    run(together, s, 0, n_items);
    for (int64_t i = 0; i < n_items; i++) {
        run(alone, s, i, 1);
        gather(rows, together, s, &items[i]);
        gather(rows_alone, alone, s, &items[i]);
        device_expect_same_bits("an item alone", rows_alone, rows,
                                n_queries(&items[i]) * s->d_head);
    }
}

Test(cuda_attention_delta, an_item_does_not_depend_on_the_others)
{
    fill(&shapes[SHORT_ONE]);
    expect_alone_as_together(&shapes[SHORT_ONE]);
    fill(&shapes[LONG_ONE]);
    expect_alone_as_together(&shapes[LONG_ONE]);
}

/* Every second item ends earlier, and goes the other way. */
Test(cuda_attention_delta, short_and_long_items_go_together)
{
    const shape *s = &shapes[LONG_ONE];
    fill(s);
    for (int64_t i = 0; i < n_items; i += 2)
        items[i].seq = PCK_ATTENTION_SHORT;
    expect_alone_as_together(s);
}

/* A query does not see what comes after it, so that it may go both ways. */
Test(cuda_attention_delta, the_way_of_long_items_agrees_with_that_of_short_ones)
{
    static float of_long[MOST], of_short[MOST], rows[MOST];
    static double expected[MOST];
    const shape *s = &shapes[LONG_ONE];
    fill(s);
    run(of_long, s, 0, n_items);
    for (int64_t i = 0; i < n_items; i++)
        items[i].seq = PCK_ATTENTION_SHORT;
    run(of_short, s, 0, n_items);
    for (int64_t i = 0; i < n_items; i++) {
        const int64_t n = n_queries(&items[i]) * s->d_head;
        double most = 0;
        gather(rows, of_short, s, &items[i]);
        for (int64_t at = 0; at < n; at++) {
            expected[at] = (double)rows[at];
            most = fmax(most, fabs(expected[at]));
        }
        gather(rows, of_long, s, &items[i]);
        device_expect_near(s->name, rows, expected, n, s->relative * most, 0);
    }
}

/* The other way is then launched too, and finds nothing to do. */
Test(cuda_attention_delta, a_batch_may_state_more_positions_than_it_has)
{
    static float plain[MOST], roomy[MOST];
    const shape *s = &shapes[SHORT_ONE];
    fill(s);
    run(plain, s, 0, n_items);
    most_seq = 5000;
    run(roomy, s, 0, n_items);
    device_expect_same_bits("stated", roomy, plain, dz_floats(s));
}

/* Only the last query is looked at: its row may be the only one there is, however far rows are
 * apart. An offset that an int held would be another one. */
Test(cuda_attention_delta, rows_may_be_further_apart_than_an_int_counts)
{
    static float near[MOST], far[MOST];
    const int64_t apart = (int64_t)1 << 29;
    const shape *s = &shapes[13];
    cr_assert_eq(s->last_queries, 1);
    fill(s);
    run(near, s, 0, n_items);
    for (int64_t i = 0; i < n_items; i++) {
        items[i].q -= (s->seq - 1) * (apart - s->n_heads * s->d_head);
        items[i].log_pattern -= (s->seq - 1) * (apart - s->seq);
        items[i].pattern_stride = apart;
    }
    q_stride = apart;
    run(far, s, 0, n_items);
    device_expect_same_bits("far apart", far, near, dz_floats(s));
}

static void expect_zero(const shape *s)
{
    static float dz[MOST];
    fill(s);
    memset(dq, 0, sizeof dq);
    memset(dk, 0, sizeof dk);
    memset(dv, 0, sizeof dv);
    run(dz, s, 0, n_items);
    for (int64_t i = 0; i < dz_floats(s); i++)
        cr_assert(dz[i] == 0, "%s, element %d: %g", s->name, (int)i, (double)dz[i]);
}

Test(cuda_attention_delta, no_change_gives_zero)
{
    expect_zero(&shapes[SHORT_ONE]);
    expect_zero(&shapes[LONG_ONE]);
}

static void expect_nan_from(const shape *s, float *change, int64_t at, int64_t position)
{
    static float dz[MOST], rows[MOST];
    const pc_attention_item *item = &items[0];
    fill(s);
    change[at + (position - item->first) * s->n_kv_heads * s->d_head + 3] = NAN;
    run(dz, s, 0, n_items);
    gather(rows, dz, s, item);
    for (int64_t query = 0; query < n_queries(item); query++) {
        const int is_seen = item->q_first + query >= position;
        cr_assert((isnan(rows[query * s->d_head + 3]) != 0) == is_seen, "%s, query %d", s->name,
                  (int)query);
    }
}

Test(cuda_attention_delta, a_nan_shows_in_every_query_that_sees_it_and_in_no_other)
{
    static const int both[] = {SHORT_ONE, LONG_ONE};
    for (int i = 0; i < 2; i++) {
        fill(&shapes[both[i]]);
        expect_nan_from(&shapes[both[i]], dk, items[0].dk, items[0].first + 4);
        expect_nan_from(&shapes[both[i]], dv, items[0].dv, items[0].first + 4);
    }
    expect_nan_from(&shapes[LONG_ONE], dk, items[0].dk, 101);
    expect_nan_from(&shapes[LONG_ONE], dv, items[0].dv, 101);
}

Test(cuda_attention_delta, nothing_launches_nothing)
{
    const pc_attention_kind kind = {8, 1, 0, 0};
    pc_attention_batch batch = {.kind = kind, .most_queries = 1, .most_seq = 1};
    device_expect(pck_attention_delta(&batch, NULL), "no items");
    batch.n_items = 1;
    batch.most_queries = 0;
    device_expect(pck_attention_delta(&batch, NULL), "no queries");
    device_expect(cudaDeviceSynchronize(), "nothing");
}

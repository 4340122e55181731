/* Causal attention: hand-computed patterns and the identities of a softmax. */
#include "kernels/attention.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>

enum { SEQ = 7, D_HEAD = 5 };

static double q[SEQ * D_HEAD], k[SEQ * D_HEAD], v[SEQ * D_HEAD];
static double z[SEQ * D_HEAD], pattern[SEQ * SEQ];

static void fill(double size)
{
    pc_rng rng = {.seed = 3};
    for (int i = 0; i < SEQ * D_HEAD; i++) {
        q[i] = size * (2 * pc_rng_unit(&rng) - 1);
        k[i] = size * (2 * pc_rng_unit(&rng) - 1);
        v[i] = 2 * pc_rng_unit(&rng) - 1;
    }
}

Test(op_attention, two_positions_by_hand)
{
    const double one[] = {1, 2}, value[] = {10, 20};
    double out[2], weights[4];
    /* second query: scores 2 * 1 * 0.5 = 1 and 2 * 2 * 0.5 = 2 */
    pc_ref_attention(out, weights, one, one, value, 2, 1, &(pc_attention_options){.scale = 0.5});
    const double first = 1 / (1 + exp(1));
    cr_expect(out[0] == 10 && weights[0] == 1 && weights[1] == 0);
    cr_expect(fabs(weights[2] - first) < 1e-15, "%.17g", weights[2]);
    cr_expect(fabs(out[1] - (10 * first + 20 * (1 - first))) < 1e-14, "%.17g", out[1]);
}

Test(op_attention, rows_are_distributions_over_the_past)
{
    fill(1);
    pc_ref_attention(z, pattern, q, k, v, SEQ, D_HEAD, &(pc_attention_options){.scale = 0.3});
    for (int query = 0; query < SEQ; query++) {
        double sum = 0;
        for (int key = 0; key < SEQ; key++) {
            const double weight = pattern[query * SEQ + key];
            cr_expect(key <= query ? weight > 0 : weight == 0, "%d attends to %d", query, key);
            sum += weight;
        }
        cr_expect(fabs(sum - 1) < 1e-14, "query %d: %.17g", query, sum);
    }
}

Test(op_attention, a_zero_scale_averages_the_past)
{
    fill(1);
    pc_ref_attention(z, pattern, q, k, v, SEQ, D_HEAD, &(pc_attention_options){.scale = 0});
    for (int query = 0; query < SEQ; query++)
        for (int c = 0; c < D_HEAD; c++) {
            double mean = 0;
            for (int key = 0; key <= query; key++)
                mean += v[key * D_HEAD + c] / (query + 1);
            cr_expect(fabs(z[query * D_HEAD + c] - mean) < 1e-14, "query %d", query);
        }
}

Test(op_attention, large_scores_do_not_overflow)
{
    fill(1000);
    pc_ref_attention(z, pattern, q, k, v, SEQ, D_HEAD, &(pc_attention_options){.scale = 1});
    for (int i = 0; i < SEQ * D_HEAD; i++)
        cr_expect(isfinite(z[i]), "%d", i);
}

Test(op_attention, nan_in_a_key_reaches_every_later_query_and_no_earlier_one)
{
    fill(1);
    k[3 * D_HEAD] = NAN;
    pc_ref_attention(z, pattern, q, k, v, SEQ, D_HEAD, &(pc_attention_options){.scale = 1});
    for (int query = 0; query < SEQ; query++)
        cr_expect_eq(isnan(z[query * D_HEAD]) != 0, query >= 3, "query %d", query);
}

Test(op_attention, a_window_is_the_same_as_a_shorter_past)
{
    enum { WINDOW = 3 };
    double alone_z[WINDOW * D_HEAD], alone[WINDOW * WINDOW];
    fill(1);
    pc_ref_attention(z, pattern, q, k, v, SEQ, D_HEAD,
                     &(pc_attention_options){.scale = 0.7, .window = WINDOW});
    for (int query = WINDOW - 1; query < SEQ; query++) {
        const int first = query - WINDOW + 1;
        pc_ref_attention(alone_z, alone, q + first * D_HEAD, k + first * D_HEAD, v + first * D_HEAD,
                         WINDOW, D_HEAD, &(pc_attention_options){.scale = 0.7});
        for (int key = 0; key < SEQ; key++) {
            const double want =
                key < first || key > query ? 0 : alone[(WINDOW - 1) * WINDOW + key - first];
            cr_expect(pattern[query * SEQ + key] == want, "%d attends to %d", query, key);
        }
        for (int c = 0; c < D_HEAD; c++)
            cr_expect(z[query * D_HEAD + c] == alone_z[(WINDOW - 1) * D_HEAD + c], "%d", query);
    }
}

Test(op_attention, a_softcap_bends_the_scores_before_the_softmax)
{
    const double one[] = {1, 2}, value[] = {10, 20};
    double out[2], weights[4];
    /* second query: scores 4 and 8, capped at 3 */
    pc_ref_attention(out, weights, one, one, value, 2, 1,
                     &(pc_attention_options){.scale = 2, .softcap = 3});
    const double ratio = exp(3 * tanh(8.0 / 3) - 3 * tanh(4.0 / 3));
    cr_expect(fabs(weights[3] / weights[2] - ratio) < 1e-14, "%.17g", weights[3] / weights[2]);
}

/* Attention's change: the difference of two attentions, and what windows, softcaps and prefixes
 * must do. */
#include "kernels/attention_delta.h"

#include "kernels/attention.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

enum { SEQ = 9, D_HEAD = 5, N = SEQ * D_HEAD };

static float q[N], k[N], v[N], dq[N], dk[N], dv[N];
static pc_attention_kind kind;
static pc_attention_base base;

/* Changes of every position. */
static pc_attention_delta_args fill(void)
{
    float *const all[] = {q, k, v, dq, dk, dv};
    pc_rng rng = {.seed = 11};
    for (int a = 0; a < 6; a++)
        for (int i = 0; i < N; i++)
            all[a][i] = 2 * (float)pc_rng_unit(&rng) - 1;
    kind = (pc_attention_kind){.d_head = D_HEAD, .scale = 0.7};
    base = (pc_attention_base){
        .q = q, .k = k, .v = v, .q_stride = D_HEAD, .k_stride = D_HEAD, .v_stride = D_HEAD};
    return (pc_attention_delta_args){.dq = dq,
                                     .dk = dk,
                                     .dv = dv,
                                     .dq_stride = D_HEAD,
                                     .dk_stride = D_HEAD,
                                     .dv_stride = D_HEAD,
                                     .seq = SEQ,
                                     .kind = &kind,
                                     .base = &base};
}

/* The plain operator at base + share change. */
static void plain(double *z, double share)
{
    double at[3][N], pattern[SEQ * SEQ];
    for (int i = 0; i < N; i++) {
        at[0][i] = (double)q[i] + share * (double)dq[i];
        at[1][i] = (double)k[i] + share * (double)dk[i];
        at[2][i] = (double)v[i] + share * (double)dv[i];
    }
    pc_ref_attention(z, pattern, at[0], at[1], at[2], SEQ, D_HEAD,
                     &(pc_attention_options){.scale = kind.scale});
}

/* Sums of up to nine terms below 2 in another order. */
static const double tolerance = 1e-14;

static void expect_near(const char *what, const double *found, const double *expected, int n)
{
    for (int i = 0; i < n; i++)
        cr_expect(fabs(found[i] - expected[i]) < tolerance, "%s, %d: %.17g, not %.17g", what, i,
                  found[i], expected[i]);
}

Test(op_attention_delta, it_is_attention_after_less_attention_before)
{
    double dz[N], before[N], after[N];
    const pc_attention_delta_args args = fill();
    pc_ref_attention_delta(dz, &args);
    plain(before, 0);
    plain(after, 1);
    for (int i = 0; i < N; i++)
        after[i] -= before[i];
    expect_near("plain", dz, after, N);
}

Test(op_attention_delta, null_is_no_change_and_no_change_is_zero)
{
    double dz[N], with_null[N];
    pc_attention_delta_args args = fill();
    const float *const changes[3] = {dq, dk, dv};
    const float **fields[3] = {&args.dq, &args.dk, &args.dv};
    static const float none[N];
    for (int field = 0; field < 3; field++) {
        *fields[field] = NULL;
        pc_ref_attention_delta(with_null, &args);
        *fields[field] = none;
        pc_ref_attention_delta(dz, &args);
        cr_expect(memcmp(dz, with_null, sizeof dz) == 0, "field %d", field);
        *fields[field] = changes[field];
    }
    args.dq = args.dk = args.dv = NULL;
    pc_ref_attention_delta(dz, &args);
    for (int i = 0; i < N; i++)
        cr_expect(dz[i] == 0, "%d", i);
}

Test(op_attention_delta, later_rows_come_out_the_same_alone)
{
    enum { FIRST = 3, Q_FIRST = 6 };
    double all[N], late[(SEQ - Q_FIRST) * D_HEAD];
    pc_attention_delta_args args = fill();
    memset(dq, 0, FIRST * D_HEAD * sizeof *dq); /* nothing changes before position 3 */
    memset(dk, 0, FIRST * D_HEAD * sizeof *dk);
    memset(dv, 0, FIRST * D_HEAD * sizeof *dv);
    pc_ref_attention_delta(all, &args);
    for (int i = 0; i < FIRST * D_HEAD; i++)
        cr_expect(all[i] == 0, "before the first change, %d", i);
    args.first = FIRST;
    args.q_first = Q_FIRST;
    args.dq += Q_FIRST * D_HEAD;
    args.dk += FIRST * D_HEAD;
    args.dv += FIRST * D_HEAD;
    pc_ref_attention_delta(late, &args);
    cr_expect(memcmp(late, all + Q_FIRST * D_HEAD, sizeof late) == 0);
}

Test(op_attention_delta, a_window_of_one_sees_the_query_itself)
{
    double dz[N];
    const pc_attention_delta_args args = fill();
    kind.window = 1;
    pc_ref_attention_delta(dz, &args);
    for (int i = 0; i < N; i++)
        cr_expect(fabs(dz[i] - (double)dv[i]) < 1e-15, "%d", i);
}

Test(op_attention_delta, a_window_hides_the_keys_before_it)
{
    double whole[N], windowed[N];
    const pc_attention_delta_args args = fill();
    pc_ref_attention_delta(whole, &args);
    kind.window = 4;
    pc_ref_attention_delta(windowed, &args);
    cr_expect(memcmp(whole, windowed, 4 * D_HEAD * sizeof *whole) == 0, "the first four see all");
    for (int i = 0; i < 5 * D_HEAD; i++) /* the last query sees positions 5 to 8 */
        k[i] = v[i] = dk[i] = dv[i] = 100;
    pc_ref_attention_delta(whole, &args);
    cr_expect(memcmp(whole + 8 * D_HEAD, windowed + 8 * D_HEAD, D_HEAD * sizeof *whole) == 0);
}

Test(op_attention_delta, a_softcap_bounds_the_scores)
{
    double dz[N], uncapped[N];
    const pc_attention_delta_args args = fill();
    pc_ref_attention_delta(uncapped, &args);
    kind.softcap = 1e9; /* far above every score: tanh is the identity to 1e-18 */
    pc_ref_attention_delta(dz, &args);
    expect_near("a high cap", dz, uncapped, N);
    kind.softcap = 1e-12; /* scores almost 0: the pattern is uniform, before and after */
    pc_ref_attention_delta(dz, &args);
    for (int query = 0; query < SEQ; query++) {
        double mean = 0;
        for (int key = 0; key <= query; key++)
            mean += (double)dv[key * D_HEAD] / (query + 1);
        cr_expect(fabs(dz[query * D_HEAD] - mean) < 1e-11, "query %d", query);
    }
}

/* The CPU's attention, of the base run and of changes, in every instruction set. */
#include "kernels/attention_delta.h"

#include "backend/cpu_ops.h"
#include "kernels/attention.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SEQ = 40, MOST_D = 70, STRIDE = MOST_D + 5, N = MOST_SEQ * STRIDE };

static float q[N], k[N], v[N], dq[N], dk[N], dv[N], z[N], dz[N], first_dz[N];
static float log_pattern[MOST_SEQ * MOST_SEQ], scratch[PC_ATTENTION_SCRATCH * MOST_SEQ];
static double reference[N];

/* A head, what changes in it, and from where. */
typedef struct test_case {
    const char *name;
    int64_t seq, first, q_first;
    pc_attention_kind kind;
    double base_size, size; /* of q, k, v; of their changes */
    int has_dq, has_dk, has_dv;
} test_case;

static const test_case cases[] = {
    {"all change", 15, 0, 0, {.d_head = 64, .scale = 0.125}, 1, 0.1, 1, 1, 1},
    {"tiny changes", 15, 0, 0, {.d_head = 64, .scale = 0.125}, 1, 1e-6, 1, 1, 1},
    {"large changes", 15, 0, 0, {.d_head = 64, .scale = 0.125}, 1, 8, 1, 1, 1},
    {"one position", 1, 0, 0, {.d_head = 7, .scale = 0.5}, 1, 1, 1, 1, 1},
    {"one channel", 9, 2, 3, {.d_head = 1, .scale = 1}, 1, 1, 1, 1, 1},
    {"from position 10", 15, 10, 10, {.d_head = 64, .scale = 0.125}, 2, 0.1, 1, 1, 1},
    {"the last query", 15, 6, 14, {.d_head = 70, .scale = 0.125}, 2, 0.1, 1, 1, 1},
    {"no query", 15, 6, 15, {.d_head = 64, .scale = 0.125}, 2, 0.1, 1, 1, 1},
    {"q", 40, 11, 12, {.d_head = 33, .scale = 0.2}, 1, 0.3, 1, 0, 0},
    {"k", 40, 11, 12, {.d_head = 33, .scale = 0.2}, 1, 0.3, 0, 1, 0},
    {"v", 40, 11, 12, {.d_head = 33, .scale = 0.2}, 1, 0.3, 0, 0, 1},
    {"q and v", 20, 3, 3, {.d_head = 16, .scale = 0.2}, 1, 0.3, 1, 0, 1},
    {"nothing", 20, 3, 3, {.d_head = 16, .scale = 0.2}, 1, 0.3, 0, 0, 0},
    {"window", 40, 5, 5, {.d_head = 16, .scale = 0.3, .window = 7}, 1, 0.3, 1, 1, 1},
    {"window of one", 9, 2, 2, {.d_head = 16, .scale = 0.3, .window = 1}, 1, 0.3, 1, 1, 1},
    {"softcap", 20, 2, 2, {.d_head = 16, .scale = 1, .softcap = 5}, 2, 0.05, 1, 1, 1},
    {"softcap, large", 20, 2, 2, {.d_head = 16, .scale = 1, .softcap = 5}, 2, 3, 1, 1, 1},
    {"softcap, window",
     20,
     2,
     4,
     {.d_head = 16, .scale = 1, .softcap = 30, .window = 6},
     2,
     .1,
     1,
     1,
     1},
    {"sharp pattern", 20, 4, 4, {.d_head = 32, .scale = 1}, 3, 0.01, 1, 1, 1},
    {"pattern turned over", 20, 4, 4, {.d_head = 32, .scale = 1}, 6, 12, 1, 1, 1},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static pc_attention_base base;

static pc_attention_delta_args fill(const test_case *c)
{
    float *const bases[] = {q, k, v}, *const changes[] = {dq, dk, dv};
    for (int i = 0; i < 3; i++) {
        compare_fill(bases[i], N, c->base_size, (uint64_t)i);
        compare_fill(changes[i], N, c->size, 10 + (uint64_t)i);
    }
    base = (pc_attention_base){.q = q,
                               .k = k,
                               .v = v,
                               .log_pattern = log_pattern,
                               .q_stride = STRIDE,
                               .k_stride = STRIDE,
                               .v_stride = STRIDE,
                               .pattern_stride = MOST_SEQ};
    return (pc_attention_delta_args){.dz = dz,
                                     .dq = c->has_dq ? dq : NULL,
                                     .dk = c->has_dk ? dk : NULL,
                                     .dv = c->has_dv ? dv : NULL,
                                     .dz_stride = STRIDE,
                                     .dq_stride = STRIDE,
                                     .dk_stride = STRIDE,
                                     .dv_stride = STRIDE,
                                     .seq = c->seq,
                                     .first = c->first,
                                     .q_first = c->q_first,
                                     .kind = &c->kind,
                                     .base = &base,
                                     .scratch = scratch};
}

static void run_base(const pc_cpu_ops *ops, const test_case *c)
{
    const pc_attention_base_args args = {.z = z,
                                         .log_pattern = log_pattern,
                                         .q = q,
                                         .k = k,
                                         .v = v,
                                         .z_stride = STRIDE,
                                         .pattern_stride = MOST_SEQ,
                                         .q_stride = STRIDE,
                                         .k_stride = STRIDE,
                                         .v_stride = STRIDE,
                                         .seq = c->seq,
                                         .kind = &c->kind};
    ops->attention_base(&args);
}

/* The largest score, by whose rounding the logarithms of the pattern are off. */
static double largest_score(const test_case *c)
{
    double most = 0;
    for (int64_t i = 0; i < c->seq; i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = 0;
            for (int64_t h = 0; h < c->kind.d_head; h++)
                sum += fabs((double)q[i * STRIDE + h] * (double)k[j * STRIDE + h]);
            most = fmax(most, c->kind.scale * sum);
        }
    return most;
}

/* Relative to the head's largest change. The new pattern carries the base pattern's relative
 * error, that of a score (its terms' roundings, 6e-8 of their sum's size, a few of which add up);
 * each product and sum over channels or keys adds a few roundings. */
static double allowed(const test_case *c, int64_t n)
{
    return (1e-6 + 2.5e-7 * largest_score(c)) * compare_size(reference, n);
}

static void expect_case(const test_case *c)
{
    char name[128];
    pc_attention_delta_args args = fill(c);
    const int64_t d_head = c->kind.d_head, rows = c->seq - c->q_first;
    pc_ref_attention_delta(reference, &args);
    const double bound = allowed(c, rows * d_head);
    for (int set = 0; set < compare_n_sets(); set++) {
        snprintf(name, sizeof name, "%s, %s", compare_set(set)->name, c->name);
        for (int i = 0; i < N; i++)
            dz[i] = 77; /* a mark where nothing may be written */
        run_base(compare_set(set), c);
        compare_set(set)->attention_delta(&args);
        for (int64_t row = 0; row < rows; row++)
            compare_near(name, dz + row * STRIDE, reference + row * d_head, d_head, bound, 0);
        for (int i = 0; i < N; i++)
            cr_assert(i / STRIDE < rows && i % STRIDE < d_head ? 1 : dz[i] == 77, "%s, %d", name,
                      i);
        if (set == 0) memcpy(first_dz, dz, sizeof dz);
        compare_bits(name, dz, first_dz, N);
    }
}

Test(cpu_attention, changes_are_right_relative_to_the_change)
{
    for (int i = 0; i < N_CASES; i++)
        expect_case(&cases[i]);
}

Test(cpu_attention, no_change_gives_zero_whether_null_or_zeros)
{
    const test_case *c = &cases[0];
    pc_attention_delta_args args = fill(c);
    memset(dq, 0, sizeof dq);
    memset(dk, 0, sizeof dk);
    memset(dv, 0, sizeof dv);
    for (int set = 0; set < compare_n_sets(); set++) {
        run_base(compare_set(set), c);
        compare_set(set)->attention_delta(&args);
        for (int64_t row = 0; row < c->seq; row++)
            for (int64_t h = 0; h < c->kind.d_head; h++)
                cr_assert(dz[row * STRIDE + h] == 0);
    }
}

/* Leaving out what does not change, or is not wanted, changes no bit of the rest. */
Test(cpu_attention, prefixes_and_queries_left_out_change_no_bit)
{
    enum { SEQ = 20, FIRST = 7, Q_FIRST = 12 };
    const test_case c = {"", SEQ, 0, 0, {.d_head = 24, .scale = 0.3}, 1, 0.2, 1, 1, 1};
    static float late[N];
    for (int set = 0; set < compare_n_sets(); set++) {
        pc_attention_delta_args args = fill(&c);
        memset(dq, 0, FIRST * STRIDE * sizeof *dq);
        memset(dk, 0, FIRST * STRIDE * sizeof *dk);
        memset(dv, 0, FIRST * STRIDE * sizeof *dv);
        run_base(compare_set(set), &c);
        compare_set(set)->attention_delta(&args);
        args.first = FIRST;
        args.q_first = Q_FIRST;
        args.dq += Q_FIRST * STRIDE;
        args.dk += FIRST * STRIDE;
        args.dv += FIRST * STRIDE;
        args.dz = late;
        compare_set(set)->attention_delta(&args);
        for (int row = Q_FIRST; row < SEQ; row++)
            compare_bits("late rows", late + (row - Q_FIRST) * STRIDE, dz + row * STRIDE, 24);
    }
}

Test(cpu_attention, nan_in_a_key_reaches_every_later_query_and_no_earlier_one)
{
    const test_case *c = &cases[0];
    for (int set = 0; set < compare_n_sets(); set++) {
        pc_attention_delta_args args = fill(c);
        dk[3 * STRIDE + 5] = NAN;
        dk[9 * STRIDE] = INFINITY;
        run_base(compare_set(set), c);
        compare_set(set)->attention_delta(&args);
        for (int64_t row = 0; row < c->seq; row++)
            cr_expect_eq(!isfinite(dz[row * STRIDE]), row >= 3, "row %d", (int)row);
    }
}

/* z is rounded relative to v's size; the pattern relative to itself, by the score's rounding. */
Test(cpu_attention, the_base_runs_attention_is_the_plain_one)
{
    enum { SEQ = 20, D = 24 };
    static double at[3][SEQ * D], plain_z[SEQ * D], pattern[SEQ * SEQ];
    const test_case c = {"", SEQ, 0, 0, {.d_head = D, .scale = 0.3}, 1, 0.2, 1, 1, 1};
    fill(&c);
    const float *const from[3] = {q, k, v};
    for (int a = 0; a < 3; a++)
        for (int i = 0; i < SEQ * D; i++)
            at[a][i] = (double)from[a][i / D * STRIDE + i % D];
    pc_ref_attention(plain_z, pattern, at[0], at[1], at[2], SEQ, D,
                     &(pc_attention_options){.scale = c.kind.scale});
    for (int set = 0; set < compare_n_sets(); set++) {
        run_base(compare_set(set), &c);
        for (int row = 0; row < SEQ; row++) {
            compare_near("z", z + row * STRIDE, plain_z + row * D, D, 1e-6, 0);
            for (int key = 0; key < SEQ; key++) {
                const float log_p = log_pattern[row * MOST_SEQ + key];
                if (key > row) cr_assert(isinf(log_p) && log_p < 0);
                else
                    cr_assert(fabs((double)log_p - log(pattern[row * SEQ + key])) < 1e-6, "%d, %d",
                              row, key);
            }
        }
    }
}

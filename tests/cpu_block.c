/* The CPU's operators one after the other: transformer blocks carry a change from the embedding to
 * the end, as the engine will, and keep its digits however small it is. */
#include "backend/cpu_ops.h"
#include "kernels/attention.h"
#include "kernels/layernorm.h"
#include "kernels/linear.h"
#include "support/compare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LAYERS = 3, SEQ = 8, FIRST = 3, HEADS = 4, D_HEAD = 16, D = HEADS * D_HEAD, MLP = 4 * D };
enum { LATE = SEQ - FIRST }; /* positions that change */

static float w_qkv[LAYERS][D * 3 * D], w_o[LAYERS][D * D], w_in[LAYERS][D * MLP],
    w_out[LAYERS][MLP * D], gain[D];
static const double eps = 1e-5, scale = 0.25;

/* ---- in double, the whole run ---- */

static void attend(double *z, const double *qkv)
{
    static double part[3][SEQ * D_HEAD], head_z[SEQ * D_HEAD], pattern[SEQ * SEQ];
    const pc_attention_options options = {.scale = scale};
    for (int head = 0; head < HEADS; head++) {
        for (int which = 0; which < 3; which++)
            for (int i = 0; i < SEQ * D_HEAD; i++)
                part[which][i] = qkv[i / D_HEAD * 3 * D + which * D + head * D_HEAD + i % D_HEAD];
        pc_ref_attention(head_z, pattern, part[0], part[1], part[2], SEQ, D_HEAD, &options);
        for (int i = 0; i < SEQ * D_HEAD; i++)
            z[i / D_HEAD * D + head * D_HEAD + i % D_HEAD] = head_z[i];
    }
}

static void run_in_double(double *x)
{
    static double y[SEQ * D], qkv[SEQ * 3 * D], z[SEQ * D], out[SEQ * D], a[SEQ * MLP];
    for (int layer = 0; layer < LAYERS; layer++) {
        pc_ref_layernorm(y, x, gain, NULL, SEQ, D, eps);
        pc_ref_linear(qkv, y, w_qkv[layer], NULL, SEQ, D, 3 * D);
        attend(z, qkv);
        pc_ref_linear(out, z, w_o[layer], NULL, SEQ, D, D);
        for (int i = 0; i < SEQ * D; i++)
            x[i] += out[i];
        pc_ref_layernorm(y, x, gain, NULL, SEQ, D, eps);
        pc_ref_linear(a, y, w_in[layer], NULL, SEQ, D, MLP);
        pc_ref_activation(a, a, SEQ * MLP, PC_ACTIVATION_GELU_TANH);
        pc_ref_linear(out, a, w_out[layer], NULL, SEQ, MLP, D);
        for (int i = 0; i < SEQ * D; i++)
            x[i] += out[i];
    }
}

/* ---- in fp32, the base run with its cache, then changes alone ---- */

typedef struct cache {
    float x[SEQ * D], mean[SEQ], variance[SEQ];
    float qkv[SEQ * 3 * D], z[SEQ * D], log_pattern[HEADS][SEQ * SEQ];
    float x_mid[SEQ * D], mean_mid[SEQ], variance_mid[SEQ];
    float a[SEQ * MLP];
} cache;

static cache caches[LAYERS];
static pc_packed *packed[LAYERS][4];
static const pc_attention_kind kind = {.d_head = D_HEAD, .scale = 0.25};

static void multiply(const pc_cpu_ops *ops, float *c, const float *a, int rows, const pc_packed *w,
                     pc_gemm_mode mode)
{
    const int64_t n_in = pc_packed_n_in(w), n_out = pc_packed_n_out(w);
    const pc_gemm_args args = {.c = c,
                               .a = a,
                               .c_stride = n_out,
                               .a_stride = n_in,
                               .rows = rows,
                               .w = w,
                               .k_count = n_in,
                               .n_count = n_out,
                               .mode = mode};
    ops->gemm(&args);
}

static void base_norm(const pc_cpu_ops *ops, float *y, float *mean, float *variance, const float *x)
{
    const pc_norm_base_args args = {.y = y,
                                    .mean = mean,
                                    .variance = variance,
                                    .x = x,
                                    .gain = gain,
                                    .eps = eps,
                                    .rows = SEQ,
                                    .width = D};
    ops->layernorm_base(&args);
}

static void run_base(const pc_cpu_ops *ops, const float *input)
{
    static float x[SEQ * D], y[SEQ * D], f[SEQ * MLP];
    memcpy(x, input, sizeof x);
    for (int layer = 0; layer < LAYERS; layer++) {
        cache *c = &caches[layer];
        memcpy(c->x, x, sizeof x);
        base_norm(ops, y, c->mean, c->variance, x);
        multiply(ops, c->qkv, y, SEQ, packed[layer][0], PC_GEMM_SET);
        for (int head = 0; head < HEADS; head++) {
            const float *q = c->qkv + head * D_HEAD;
            const pc_attention_base_args args = {.z = c->z + head * D_HEAD,
                                                 .log_pattern = c->log_pattern[head],
                                                 .q = q,
                                                 .k = q + D,
                                                 .v = q + 2 * D,
                                                 .z_stride = D,
                                                 .pattern_stride = SEQ,
                                                 .q_stride = 3 * D,
                                                 .k_stride = 3 * D,
                                                 .v_stride = 3 * D,
                                                 .seq = SEQ,
                                                 .kind = &kind};
            ops->attention_base(&args);
        }
        multiply(ops, x, c->z, SEQ, packed[layer][1], PC_GEMM_ADD);
        memcpy(c->x_mid, x, sizeof x);
        base_norm(ops, y, c->mean_mid, c->variance_mid, x);
        multiply(ops, c->a, y, SEQ, packed[layer][2], PC_GEMM_SET);
        const pc_activation_base_args args = {
            .out = f, .a = c->a, .n = SEQ * MLP, .kind = PC_ACTIVATION_GELU_TANH};
        ops->activation_base(&args);
        multiply(ops, x, f, SEQ, packed[layer][3], PC_GEMM_ADD);
    }
}

static void change_norm(const pc_cpu_ops *ops, float *dy, const float *d, const float *x,
                        const float *mean, const float *variance)
{
    static const int32_t base_row[LATE] = {3, 4, 5, 6, 7};
    const pc_norm_delta_args args = {.dy = dy,
                                     .d = d,
                                     .base_row = base_row,
                                     .x = x,
                                     .mean = mean,
                                     .variance = variance,
                                     .gain = gain,
                                     .eps = eps,
                                     .rows = LATE,
                                     .width = D};
    ops->layernorm_delta(&args);
}

static void change_attention(const pc_cpu_ops *ops, float *dz, const float *dqkv, const cache *c)
{
    static float scratch[PC_ATTENTION_SCRATCH * SEQ];
    for (int head = 0; head < HEADS; head++) {
        const float *q = c->qkv + head * D_HEAD, *dq = dqkv + head * D_HEAD;
        const pc_attention_base base = {.q = q,
                                        .k = q + D,
                                        .v = q + 2 * D,
                                        .log_pattern = c->log_pattern[head],
                                        .q_stride = 3 * D,
                                        .k_stride = 3 * D,
                                        .v_stride = 3 * D,
                                        .pattern_stride = SEQ};
        const pc_attention_delta_args args = {.dz = dz + head * D_HEAD,
                                              .dq = dq,
                                              .dk = dq + D,
                                              .dv = dq + 2 * D,
                                              .dz_stride = D,
                                              .dq_stride = 3 * D,
                                              .dk_stride = 3 * D,
                                              .dv_stride = 3 * D,
                                              .seq = SEQ,
                                              .first = FIRST,
                                              .q_first = FIRST,
                                              .kind = &kind,
                                              .base = &base,
                                              .scratch = scratch};
        ops->attention_delta(&args);
    }
}

/* d (LATE, D), in place. */
static void run_change(const pc_cpu_ops *ops, float *d)
{
    static const int32_t base_row[LATE] = {3, 4, 5, 6, 7};
    static float dy[LATE * D], dqkv[LATE * 3 * D], dz[LATE * D], da[LATE * MLP];
    for (int layer = 0; layer < LAYERS; layer++) {
        const cache *c = &caches[layer];
        change_norm(ops, dy, d, c->x, c->mean, c->variance);
        multiply(ops, dqkv, dy, LATE, packed[layer][0], PC_GEMM_SET);
        change_attention(ops, dz, dqkv, c);
        multiply(ops, d, dz, LATE, packed[layer][1], PC_GEMM_ADD);
        change_norm(ops, dy, d, c->x_mid, c->mean_mid, c->variance_mid);
        multiply(ops, da, dy, LATE, packed[layer][2], PC_GEMM_SET);
        const pc_activation_delta_args args = {.out = da,
                                               .da = da,
                                               .base_row = base_row,
                                               .a = c->a,
                                               .rows = LATE,
                                               .width = MLP,
                                               .kind = PC_ACTIVATION_GELU_TANH};
        ops->activation_delta(&args);
        multiply(ops, d, da, LATE, packed[layer][3], PC_GEMM_ADD);
    }
}

static void pack(pc_packed **out, float *w, int n_in, int n_out, uint64_t seed)
{
    compare_fill(w, (int64_t)n_in * n_out, 1.7 / sqrt(n_in), seed);
    cr_assert_eq(pc_packed_new(out, n_in, n_out), PC_OK);
    const pc_packed_part part = {
        .n_k = n_in, .n_n = n_out, .source = w, .k_stride = n_out, .n_stride = 1};
    pc_packed_put(*out, &part);
}

static void make_model(void)
{
    for (int layer = 0; layer < LAYERS; layer++) {
        const uint64_t seed = 10 * (uint64_t)layer;
        pack(&packed[layer][0], w_qkv[layer], D, 3 * D, seed + 1);
        pack(&packed[layer][1], w_o[layer], D, D, seed + 2);
        pack(&packed[layer][2], w_in[layer], D, MLP, seed + 3);
        pack(&packed[layer][3], w_out[layer], MLP, D, seed + 4);
    }
    compare_fill(gain, D, 0.3, 5);
    for (int i = 0; i < D; i++)
        gain[i] += 1;
}

static void free_model(void)
{
    for (int layer = 0; layer < LAYERS; layer++)
        for (int i = 0; i < 4; i++)
            pc_packed_free(packed[layer][i]);
}

/* What the change of the input makes of the output, in double. */
static void change_in_double(double *out, const float *input, const float *d)
{
    static double before[SEQ * D], after[SEQ * D];
    for (int i = 0; i < SEQ * D; i++) {
        before[i] = after[i] = (double)input[i];
        if (i >= FIRST * D) after[i] += (double)d[i - FIRST * D];
    }
    run_in_double(before);
    run_in_double(after);
    for (int i = 0; i < LATE * D; i++)
        out[i] = after[FIRST * D + i] - before[FIRST * D + i];
}

/* Relative to the largest change: the base run's own rounding (1e-6 of its values after three
 * layers) moves the place at which the change is taken, and the products round. A run in fp32 minus
 * another has lost all digits at 1e-7. */
Test(cpu_block, a_change_keeps_its_digits_through_three_layers)
{
    static const double sizes[] = {1e-7, 1e-4, 1e-2, 1};
    static float input[SEQ * D], d[LATE * D], first[LATE * D];
    static double expected[LATE * D];
    make_model();
    compare_fill(input, SEQ * D, 2, 6);
    for (int s = 0; s < 4; s++) {
        compare_fill(d, LATE * D, sizes[s], 7);
        change_in_double(expected, input, d);
        for (int set = 0; set < compare_n_sets(); set++) {
            char name[64];
            snprintf(name, sizeof name, "%s, size %g", compare_set(set)->name, sizes[s]);
            compare_fill(d, LATE * D, sizes[s], 7);
            run_base(compare_set(set), input);
            run_change(compare_set(set), d);
            compare_near(name, d, expected, LATE * D, 3e-6 * compare_size(expected, LATE * D), 0);
            if (set == 0) memcpy(first, d, sizeof d);
            compare_bits(name, d, first, LATE * D);
        }
    }
    free_model();
}

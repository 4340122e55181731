/* How fast the CPU's operators are: products beside OpenBLAS on one thread, the others by element.
 *
 *   bench_kernels [ROUNDS] [SECONDS]     medians of ROUNDS (7), each SECONDS (0.05) long
 *
 * All candidates of a line take turns in one process. OPENBLAS_CORETYPE=Haswell holds OpenBLAS to
 * AVX2. */
#include "rival.h"
#include "timing.h"

#include "backend/cpu_ops.h"
#include "support/compare.h"

#include <stdio.h>
#include <stdlib.h>

static int rounds = 7;
static double seconds = 0.05;

/* The sets, fastest first; the baseline last. */
static const pc_cpu_ops *set_at(int i)
{
    return compare_set(compare_n_sets() - 1 - i);
}

static float *numbers(int64_t n, double size)
{
    float *x = malloc((size_t)(n > 0 ? n : 1) * sizeof *x);
    if (!x) abort();
    compare_fill(x, n, size, 1);
    return x;
}

/* One product, for a set or for the rival. */
typedef struct product {
    const pc_cpu_ops *ops; /* NULL: the rival */
    pc_gemm_args args;
    const float *w;
} product;

static void run_product(void *context)
{
    const product *p = context;
    if (p->ops) p->ops->gemm(&p->args);
    else rival_gemm(p->args.c, p->args.a, p->w, p->args.rows, p->args.k_count, p->args.n_count);
}

/* Beyond this the baseline, which is slow, is left out. */
static const double most_baseline_flop = 1e8;

static void print_product(const pc_gemm_args *args, const float *w)
{
    product products[BENCH_MOST_JOBS];
    bench_job jobs[BENCH_MOST_JOBS];
    double medians[BENCH_MOST_JOBS];
    const int has_rival = rival_name() != NULL;
    int n = 0;
    if (has_rival) products[n++] = (product){.args = *args, .w = w};
    const double flop = 2.0 * (double)args->rows * (double)args->k_count * (double)args->n_count;
    const int n_sets = compare_n_sets() - (flop > most_baseline_flop);
    for (int set = 0; set < n_sets; set++)
        products[n++] = (product){.ops = set_at(set), .args = *args};
    for (int i = 0; i < n; i++)
        jobs[i] = (bench_job){run_product, &products[i]};
    bench_interleave(medians, jobs, n, rounds, seconds);
    printf("%5d x %4d -> %4d ", (int)args->rows, (int)args->k_count, (int)args->n_count);
    for (int i = 0; i < n; i++) {
        printf(" %8.1f", flop / medians[i] / 1e9);
        if (has_rival && i > 0) printf(" %5.2f", medians[0] / medians[i]);
    }
    printf("\n");
    fflush(stdout);
}

static void bench_product(int64_t rows, int64_t n_in, int64_t n_out)
{
    float *a = numbers(rows * n_in, 1), *w = numbers(n_in * n_out, 1),
          *c = numbers(rows * n_out, 1);
    pc_packed *packed;
    if (pc_packed_new(&packed, n_in, n_out) != PC_OK) abort();
    const pc_packed_part part = {
        .n_k = n_in, .n_n = n_out, .source = w, .k_stride = n_out, .n_stride = 1};
    pc_packed_put(packed, &part);
    const pc_gemm_args args = {.c = c,
                               .a = a,
                               .c_stride = n_out,
                               .a_stride = n_in,
                               .rows = rows,
                               .w = packed,
                               .k_count = n_in,
                               .n_count = n_out};
    print_product(&args, w);
    pc_packed_free(packed);
    free(c);
    free(w);
    free(a);
}

static void print_product_head(void)
{
    printf("rows x n_in -> n_out, GFLOP/s");
    if (rival_name()) printf(" (and the ratio to %s)", rival_name());
    else printf(" (OpenBLAS: skipped, it was not found at configuring)");
    printf("\n                     ");
    if (rival_name()) printf(" OpenBLAS");
    for (int set = 0; set < compare_n_sets(); set++)
        printf(" %8s%s", set_at(set)->name, rival_name() ? "      " : "");
    printf("\n");
}

static void bench_products(void)
{
    static const int64_t gpt2[][2] = {{768, 2304}, {768, 768}, {768, 3072},
                                      {3072, 768}, {768, 64},  {64, 768}};
    static const int64_t rows[] = {15, 60, 240, 1000};
    static const int64_t others[][3] = {{768, 768, 768},    {1024, 1024, 1024}, {1536, 1536, 1536},
                                        {2048, 2048, 2048}, {1024, 768, 3072},  {1024, 3072, 768},
                                        {64, 768, 768},     {16, 768, 768},     {64, 768, 64},
                                        {32, 64, 32},       {1, 768, 768}};
    print_product_head();
    for (size_t shape = 0; shape < sizeof gpt2 / sizeof *gpt2; shape++)
        for (size_t row = 0; row < sizeof rows / sizeof *rows; row++)
            bench_product(rows[row], gpt2[shape][0], gpt2[shape][1]);
    for (size_t shape = 0; shape < sizeof others / sizeof *others; shape++)
        bench_product(others[shape][0], others[shape][1], others[shape][2]);
}

/* An operator other than the product, over rows of GPT-2 small's widths. */
enum { ROWS = 60, D_MODEL = 768, D_MLP = 3072, VOCAB = 50257, SEQ = 15, HEADS = 12, D_HEAD = 64 };

typedef struct row_job {
    const pc_cpu_ops *ops;
    const struct row_operator *operator;
} row_job;

/* Arrays large enough for every operator, shared by all. */
static float *x, *d, *second, *third, *stats, *out;
static int32_t base_row[ROWS], position[ROWS];
static float log_pattern[SEQ * SEQ], scratch[PC_ATTENTION_SCRATCH * SEQ];
static pc_activation activation;

static void run_layernorm(const pc_cpu_ops *ops)
{
    const pc_norm_delta_args args = {.dy = out,
                                     .d = d,
                                     .base_row = base_row,
                                     .x = x,
                                     .mean = stats,
                                     .variance = stats,
                                     .gain = second,
                                     .eps = 1e-5,
                                     .rows = ROWS,
                                     .width = D_MODEL};
    ops->layernorm_delta(&args);
}

static void run_rmsnorm(const pc_cpu_ops *ops)
{
    const pc_norm_delta_args args = {.dy = out,
                                     .d = d,
                                     .base_row = base_row,
                                     .x = x,
                                     .variance = stats,
                                     .gain = second,
                                     .eps = 1e-5,
                                     .rows = ROWS,
                                     .width = D_MODEL};
    ops->rmsnorm_delta(&args);
}

static void run_activation(const pc_cpu_ops *ops)
{
    const pc_activation_delta_args args = {.out = out,
                                           .da = d,
                                           .base_row = base_row,
                                           .a = x,
                                           .rows = ROWS,
                                           .width = D_MLP,
                                           .kind = activation};
    ops->activation_delta(&args);
}

static void run_gated_activation(const pc_cpu_ops *ops)
{
    const pc_activation_delta_args args = {.out = out,
                                           .da = d,
                                           .du = second,
                                           .base_row = base_row,
                                           .a = x,
                                           .u = third,
                                           .rows = ROWS,
                                           .width = D_MLP,
                                           .kind = activation};
    ops->activation_delta(&args);
}

static void run_divergence(const pc_cpu_ops *ops)
{
    static const pc_answer_columns columns = {0, 1, 0};
    static double probs[VOCAB], wide[VOCAB], effect;
    const pc_target_delta_args args = {.effect = &effect,
                                       .d = d,
                                       .target = base_row,
                                       .columns = &columns,
                                       .tokens = base_row,
                                       .base = {.probs = probs},
                                       .scratch = wide,
                                       .metric = PC_METRIC_KL,
                                       .rows = 1,
                                       .vocab = VOCAB};
    for (int i = 0; probs[VOCAB - 1] == 0 && i < VOCAB; i++)
        probs[i] = 1.0 / VOCAB;
    ops->target_delta(&args);
}

static void run_rotary(const pc_cpu_ops *ops)
{
    static const double frequency[D_HEAD / 2] = {0};
    const pc_rotary_kind kind = {.n_heads = HEADS,
                                 .d_head = D_HEAD,
                                 .n_pairs = D_HEAD / 2,
                                 .pairs = PC_ROTARY_HALVES,
                                 .frequency = frequency};
    const pc_rotary_args args = {.x = out,
                                 .x_stride = D_MODEL,
                                 .rows = ROWS,
                                 .position = position,
                                 .kind = &kind,
                                 .table = stats};
    ops->rotary(&args);
}

/* The heads of one variant of a prompt of 15 tokens, all of which change, q, k and v. */
static void run_attention(const pc_cpu_ops *ops)
{
    const pc_attention_kind kind = {.d_head = D_HEAD, .scale = 0.125};
    for (int head = 0; head < HEADS; head++) {
        const int64_t at = head * D_HEAD, stride = 3 * D_MODEL;
        const pc_attention_base base = {.q = x + at,
                                        .k = x + D_MODEL + at,
                                        .v = x + 2 * D_MODEL + at,
                                        .log_pattern = log_pattern,
                                        .q_stride = stride,
                                        .k_stride = stride,
                                        .v_stride = stride,
                                        .pattern_stride = SEQ};
        const pc_attention_delta_args args = {.dz = out + at,
                                              .dq = d + at,
                                              .dk = d + D_MODEL + at,
                                              .dv = d + 2 * D_MODEL + at,
                                              .dz_stride = D_MODEL,
                                              .dq_stride = stride,
                                              .dk_stride = stride,
                                              .dv_stride = stride,
                                              .seq = SEQ,
                                              .kind = &kind,
                                              .base = &base,
                                              .scratch = scratch};
        ops->attention_delta(&args);
    }
}

static void run_norm_backward(const pc_cpu_ops *ops)
{
    const pc_norm_backward_args args = {.dx = out,
                                        .dy = d,
                                        .x = x,
                                        .mean = stats,
                                        .variance = stats,
                                        .gain = second,
                                        .eps = 1e-5,
                                        .rows = ROWS,
                                        .width = D_MODEL,
                                        .n_base = SEQ};
    ops->layernorm_backward(&args);
}

static void run_activation_backward(const pc_cpu_ops *ops)
{
    const pc_activation_backward_args args = {
        .da = out, .dout = d, .a = x, .n = ROWS * D_MLP, .kind = activation};
    ops->activation_backward(&args);
}

static void run_attention_backward(const pc_cpu_ops *ops)
{
    pc_attention_backward_item items[HEADS];
    for (int head = 0; head < HEADS; head++) {
        const int64_t at = head * D_HEAD;
        items[head] = (pc_attention_backward_item){.dz = at,
                                                   .dq = at,
                                                   .dk = at,
                                                   .dv = at,
                                                   .q = at,
                                                   .k = at,
                                                   .v = at,
                                                   .seq = SEQ,
                                                   .n_heads = 1};
    }
    ops->attention_backward(
        &(pc_attention_backward_batch){.dq = out,
                                       .dk = out + D_MODEL,
                                       .dv = out + 2 * D_MODEL,
                                       .dz = d,
                                       .q = x,
                                       .k = x + D_MODEL,
                                       .v = x + 2 * D_MODEL,
                                       .log_pattern = log_pattern,
                                       .dq_stride = 3 * D_MODEL,
                                       .dk_stride = 3 * D_MODEL,
                                       .dv_stride = 3 * D_MODEL,
                                       .dz_stride = D_MODEL,
                                       .q_stride = 3 * D_MODEL,
                                       .k_stride = 3 * D_MODEL,
                                       .v_stride = 3 * D_MODEL,
                                       .items = items,
                                       .n_items = HEADS,
                                       .most_seq = SEQ,
                                       .kind = {.d_head = D_HEAD, .scale = 0.125},
                                       .scratch = scratch});
}

/* A layer's readers with what some writers change, in a prompt of 15 tokens. */
enum { DOT_WRITERS = 13, DOT_READERS = 37, DOT_LENGTH = SEQ * D_MODEL };

static void run_pair_dots(const pc_cpu_ops *ops)
{
    static double sums[DOT_WRITERS * DOT_READERS];
    static float *writers, *readers;
    if (!writers) writers = numbers(DOT_WRITERS * DOT_LENGTH, 1);
    if (!readers) readers = numbers(DOT_READERS * DOT_LENGTH, 1);
    const pc_dot_item item = {.n = DOT_LENGTH};
    ops->pair_dots(&(pc_pair_dots_args){.out = sums,
                                        .a = writers,
                                        .b = readers,
                                        .out_stride = DOT_READERS,
                                        .a_stride = DOT_LENGTH,
                                        .b_stride = DOT_LENGTH,
                                        .n_a = DOT_WRITERS,
                                        .n_b = DOT_READERS,
                                        .items = &item,
                                        .n_items = 1,
                                        .weight = 1});
}

static const struct row_operator {
    const char *name;
    void (*run)(const pc_cpu_ops *ops);
    double elements;
    pc_activation activation;
} operators[] = {
    {"layer norm", run_layernorm, ROWS *D_MODEL, PC_ACTIVATION_RELU},
    {"RMS norm", run_rmsnorm, ROWS *D_MODEL, PC_ACTIVATION_RELU},
    {"relu", run_activation, ROWS *D_MLP, PC_ACTIVATION_RELU},
    {"gelu", run_activation, ROWS *D_MLP, PC_ACTIVATION_GELU},
    {"gelu, tanh form", run_activation, ROWS *D_MLP, PC_ACTIVATION_GELU_TANH},
    {"silu", run_activation, ROWS *D_MLP, PC_ACTIVATION_SILU},
    {"silu, gated", run_gated_activation, ROWS *D_MLP, PC_ACTIVATION_SILU},
    {"gelu, tanh form, gated", run_gated_activation, ROWS *D_MLP, PC_ACTIVATION_GELU_TANH},
    {"attention, 15 tokens", run_attention, SEQ *D_MODEL, PC_ACTIVATION_RELU},
    {"rotary", run_rotary, ROWS *D_MODEL, PC_ACTIVATION_RELU},
    {"layer norm, backwards", run_norm_backward, ROWS *D_MODEL, PC_ACTIVATION_RELU},
    {"gelu, backwards", run_activation_backward, ROWS *D_MLP, PC_ACTIVATION_GELU},
    {"gelu, tanh form, backw.", run_activation_backward, ROWS *D_MLP, PC_ACTIVATION_GELU_TANH},
    {"attention, backwards", run_attention_backward, SEQ *D_MODEL, PC_ACTIVATION_RELU},
    {"pair dots, a product", run_pair_dots, 1.0 * DOT_WRITERS *DOT_READERS *DOT_LENGTH,
     PC_ACTIVATION_RELU},
    {"divergence", run_divergence, VOCAB, PC_ACTIVATION_RELU},
};

static void run_row_job(void *context)
{
    const row_job *job = context;
    activation = job->operator->activation;
    job->operator->run(job->ops);
}

static void bench_operator(const struct row_operator *operator)
{
    row_job row_jobs[BENCH_MOST_JOBS];
    bench_job jobs[BENCH_MOST_JOBS];
    double medians[BENCH_MOST_JOBS];
    const int n = compare_n_sets();
    for (int i = 0; i < n; i++) {
        row_jobs[i] = (row_job){set_at(i), operator};
        jobs[i] = (bench_job){run_row_job, &row_jobs[i]};
    }
    bench_interleave(medians, jobs, n, rounds, seconds);
    printf("%-24s", operator->name);
    for (int i = 0; i < n; i++)
        printf(" %8.2f", 1e9 * medians[i] / operator->elements);
    printf("\n");
    fflush(stdout);
}

/* Base rows shared by four rows each, as variants of a prompt share them. */
static void make_inputs(void)
{
    const int64_t n = ROWS * D_MLP;
    x = numbers(n, 3);
    d = numbers(n, 0.1);
    second = numbers(n, 1);
    third = numbers(n, 1);
    out = numbers(n, 1);
    stats = numbers(SEQ * D_HEAD, 1);
    for (int i = 0; i < SEQ * D_HEAD; i++)
        stats[i] = 1 + 0.1f * stats[i];
    for (int i = 0; i < ROWS; i++)
        base_row[i] = position[i] = i % SEQ;
    for (int i = 0; i < SEQ * SEQ; i++)
        log_pattern[i] = -2;
}

static void bench_row_operators(void)
{
    make_inputs();
    printf("\nnanoseconds an output's element\n%-24s", "");
    for (int set = 0; set < compare_n_sets(); set++)
        printf(" %8s", set_at(set)->name);
    printf("\n");
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        bench_operator(&operators[i]);
}

int main(int argc, char **argv)
{
    if (argc > 1) rounds = atoi(argv[1]);
    if (argc > 2) seconds = atof(argv[2]);
    if (argc > 3 || rounds < 1 || rounds > BENCH_MOST_ROUNDS || !(seconds >= 0)) {
        fprintf(stderr, "usage: bench_kernels [ROUNDS] [SECONDS]\n");
        return 3;
    }
    bench_products();
    bench_row_operators();
    return 0;
}

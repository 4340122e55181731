/* The probe's look at our operators: are they right on this device, and how fast. */
#include "kernels/attention_delta_cuda.h"
#include "kernels/gemm_cuda.h"
#include "kernels/layernorm.h"
#include "kernels/layernorm_cuda.h"
#include "kernels/layernorm_delta_cuda.h"
#include "probe_parts.h"
#include "probe_run.h"

#include <math.h>
#include <stdlib.h>

typedef struct measured {
    const char *name;
    char shape[PROBE_CELL];
    double error, allowed; /* |out - definition| / |definition| */
    double ms, bytes, flops;
} measured;

static void *host_array(int64_t n, size_t size)
{
    void *array = calloc((size_t)n, size);
    if (!array) abort();
    return array;
}

static float *host_copy(const float *device, int64_t n)
{
    float *host = host_array(n, sizeof *host);
    probe_read(host, device, (size_t)n * sizeof *host);
    return host;
}

static double relative_error(const float *found, const double *expected, int64_t n)
{
    double difference = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        difference += pow((double)found[i] - expected[i], 2);
        size += pow(expected[i], 2);
    }
    return sqrt(difference / size);
}

static int add_line(probe_table *table, const measured *m, double copy_rate)
{
    const int is_right = m->error <= m->allowed; /* a NaN is not */
    const double rate = m->bytes / m->ms * 1e3;
    probe_cell(table, "%s", m->name);
    probe_cell(table, "%s", m->shape);
    probe_cell(table, "%.2e", m->error);
    probe_cell(table, "%s", is_right ? "right" : "WRONG");
    probe_cell(table, "%.5f", m->ms);
    if (m->flops > 0) {
        probe_cell(table, "%.1f TFLOP/s", m->flops / m->ms * 1e-9);
        probe_cell(table, "-");
    } else {
        probe_cell(table, "%.0f GB/s", rate * 1e-9);
        probe_cell(table, "%.0f", 100 * rate / copy_rate);
    }
    return !is_right;
}

/* ---- norms: rows with base rows, in sets that are used in turn ---- */

typedef struct norms {
    float *out, *d, *x, *mean, *variance, *gain;
    int32_t *base_row;
    int64_t rows, width, n_base, sets;
} norms;

enum { N_BASE = 1500 }; /* 100 prompts of 15 tokens */

static void fill_bases(norms *s)
{
    const int64_t n = s->n_base * s->width;
    float *x = host_copy(s->x, n), *mean = host_array(s->n_base, sizeof *mean),
          *variance = host_array(s->n_base, sizeof *variance);
    int32_t *base_row = host_array(s->rows, sizeof *base_row);
    for (int64_t row = 0; row < s->n_base; row++) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < s->width; i++)
            sum += (double)x[row * s->width + i];
        for (int64_t i = 0; i < s->width; i++)
            squares += pow((double)x[row * s->width + i] - sum / (double)s->width, 2);
        mean[row] = (float)(sum / (double)s->width);
        variance[row] = (float)(squares / (double)s->width);
    }
    for (int64_t row = 0; row < s->rows; row++)
        base_row[row] = (int32_t)(row % s->n_base);
    const size_t bytes = (size_t)s->n_base * sizeof *mean;
    probe_expect(cudaMemcpy(s->mean, mean, bytes, cudaMemcpyHostToDevice), "copy");
    probe_expect(cudaMemcpy(s->variance, variance, bytes, cudaMemcpyHostToDevice), "copy");
    probe_expect(cudaMemcpy(s->base_row, base_row, (size_t)s->rows * sizeof *base_row,
                            cudaMemcpyHostToDevice),
                 "copy");
    free(base_row);
    free(variance);
    free(mean);
    free(x);
}

static void take_norms(norms *s, int64_t rows, int64_t width, int64_t sets)
{
    *s = (norms){.rows = rows, .width = width, .sets = sets};
    s->n_base = rows < N_BASE ? rows : N_BASE;
    s->out = probe_take((size_t)(sets * rows * width) * sizeof *s->out);
    s->d = probe_take_random(sets * rows * width, 0.1f, 11);
    s->x = probe_take_random(s->n_base * width, 2, 12);
    s->gain = probe_take_random(width, 1, 13);
    s->mean = probe_take((size_t)s->n_base * sizeof *s->mean);
    s->variance = probe_take((size_t)s->n_base * sizeof *s->variance);
    s->base_row = probe_take((size_t)rows * sizeof *s->base_row);
    fill_bases(s);
}

static void give_norms(norms *s)
{
    probe_give(s->base_row);
    probe_give(s->variance);
    probe_give(s->mean);
    probe_give(s->gain);
    probe_give(s->x);
    probe_give(s->d);
    probe_give(s->out);
}

static void run_layernorm(void *state, int round)
{
    const norms *s = state;
    const int64_t at = round % s->sets * s->rows * s->width;
    probe_expect(
        pck_layernorm(s->out + at, s->d + at, s->gain, NULL, s->rows, s->width, 1e-5f, NULL),
        "layernorm");
}

static pc_norm_delta_args delta_args(const norms *s, int64_t at)
{
    return (pc_norm_delta_args){.dy = s->out + at,
                                .d = s->d + at,
                                .base_row = s->base_row,
                                .x = s->x,
                                .mean = s->mean,
                                .variance = s->variance,
                                .gain = s->gain,
                                .eps = 1e-5,
                                .rows = s->rows,
                                .width = s->width};
}

static void run_layernorm_delta(void *state, int round)
{
    const norms *s = state;
    const pc_norm_delta_args args = delta_args(s, round % s->sets * s->rows * s->width);
    probe_expect(pck_layernorm_delta(&args, NULL), "layernorm-delta");
}

static double layernorm_error(const norms *s)
{
    const int64_t n = s->rows * s->width;
    float *x = host_copy(s->d, n), *gain = host_copy(s->gain, s->width),
          *out = host_copy(s->out, n);
    double *wide = host_array(n, sizeof *wide), *expected = host_array(n, sizeof *expected);
    for (int64_t i = 0; i < n; i++)
        wide[i] = (double)x[i];
    pc_ref_layernorm(expected, wide, gain, NULL, s->rows, s->width, (double)1e-5f);
    const double error = relative_error(out, expected, n);
    free(expected);
    free(wide);
    free(out);
    free(gain);
    free(x);
    return error;
}

static double layernorm_delta_error(const norms *s)
{
    const int64_t n = s->rows * s->width;
    float *d = host_copy(s->d, n), *x = host_copy(s->x, s->n_base * s->width);
    float *gain = host_copy(s->gain, s->width), *out = host_copy(s->out, n);
    int32_t *base_row = host_array(s->rows, sizeof *base_row);
    double *expected = host_array(n, sizeof *expected);
    probe_read(base_row, s->base_row, (size_t)s->rows * sizeof *base_row);
    pc_norm_delta_args args = delta_args(s, 0);
    args.d = d;
    args.x = x;
    args.gain = gain;
    args.base_row = base_row;
    pc_ref_layernorm_delta(expected, &args);
    const double error = relative_error(out, expected, n);
    free(expected);
    free(base_row);
    free(out);
    free(gain);
    free(x);
    free(d);
    return error;
}

static int measure_norms(probe_table *table, int64_t width, const probe_sizes *sizes, double rate)
{
    norms s;
    measured m = {.name = "layernorm", .allowed = 1e-6};
    take_norms(&s, sizes->rows, width, sizes->sets);
    snprintf(m.shape, sizeof m.shape, "%lld x %lld", (long long)s.rows, (long long)width);
    m.bytes = 2.0 * sizeof(float) * (double)(s.rows * width);
    m.ms = probe_median_ms(run_layernorm, &s);
    run_layernorm(&s, 0);
    m.error = layernorm_error(&s);
    int n_wrong = add_line(table, &m, rate);
    m.name = "layernorm-delta";
    m.bytes += sizeof(float) * (double)(s.n_base * width);
    m.ms = probe_median_ms(run_layernorm_delta, &s);
    run_layernorm_delta(&s, 0);
    m.error = layernorm_delta_error(&s);
    n_wrong += add_line(table, &m, rate);
    give_norms(&s);
    return n_wrong;
}

/* ---- attention: variants of one prompt that change in every position, all heads ---- */

typedef struct heads {
    pc_attention_batch batch;
    pc_attention_item *items;
    float *arrays[7];
    int64_t sizes[7];
    float *dz;
    int64_t width, seq, n_items;
} heads;

enum { OF_DQ, OF_DK, OF_DV, OF_Q, OF_K, OF_V, OF_PATTERN };

/* A pattern that is a softmax's, of scores that do not matter here: uniform. */
static float *take_pattern(int64_t n_heads, int64_t seq)
{
    const size_t bytes = (size_t)(n_heads * seq * seq) * sizeof(float);
    float *host = host_array(n_heads * seq * seq, sizeof *host), *device = probe_take(bytes);
    for (int64_t i = 0; i < n_heads * seq * seq; i++)
        host[i] = -logf((float)(i / seq % seq + 1));
    probe_expect(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice), "copy");
    free(host);
    return device;
}

static void take_items(heads *s, int64_t n_heads, int64_t d_head, int64_t variants)
{
    const int64_t seq = s->seq;
    s->n_items = variants * n_heads;
    s->items = host_array(s->n_items, sizeof *s->items);
    for (int64_t i = 0; i < s->n_items; i++) {
        const int64_t head = i % n_heads, at = i / n_heads * seq * s->width + head * d_head;
        s->items[i] = (pc_attention_item){.dz = at,
                                          .dq = at,
                                          .dk = at,
                                          .dv = at,
                                          .q = head * d_head,
                                          .k = head * d_head,
                                          .v = head * d_head,
                                          .log_pattern = head * seq * seq,
                                          .pattern_stride = seq,
                                          .seq = (int32_t)seq};
    }
    const size_t bytes = (size_t)s->n_items * sizeof *s->items;
    void *device_items = probe_take(bytes);
    probe_expect(cudaMemcpy(device_items, s->items, bytes, cudaMemcpyHostToDevice), "copy");
    s->batch.items = device_items;
    s->batch.n_items = s->n_items;
}

/* Queries and keys of zero: the uniform pattern is their softmax. They are small, not zero. */
static void take_heads(heads *s, const probe_sizes *sizes, int64_t seq)
{
    const int64_t width = sizes->d_model, n_heads = width / sizes->d_head;
    const int64_t variants = sizes->variants * sizes->positions / seq;
    const int64_t rows = (variants > 0 ? variants : 1) * seq;
    *s = (heads){.width = width, .seq = seq};
    for (int i = 0; i < OF_PATTERN; i++) {
        s->sizes[i] = (i <= OF_DV ? rows : seq) * width;
        s->arrays[i] = probe_take_random(s->sizes[i], i == OF_Q ? 1e-6f : 1, (uint32_t)(21 + i));
    }
    s->arrays[OF_PATTERN] = take_pattern(n_heads, seq);
    s->dz = probe_take((size_t)(rows * width) * sizeof *s->dz);
    s->batch = (pc_attention_batch){
        .dz = s->dz,
        .dq = s->arrays[OF_DQ],
        .dk = s->arrays[OF_DK],
        .dv = s->arrays[OF_DV],
        .q = s->arrays[OF_Q],
        .k = s->arrays[OF_K],
        .v = s->arrays[OF_V],
        .log_pattern = s->arrays[OF_PATTERN],
        .dz_stride = width,
        .dq_stride = width,
        .dk_stride = width,
        .dv_stride = width,
        .q_stride = width,
        .k_stride = width,
        .v_stride = width,
        .most_seq = seq,
        .most_queries = seq,
        .kind = {.d_head = sizes->d_head, .scale = 1 / sqrt((double)sizes->d_head)}};
    take_items(s, n_heads, sizes->d_head, rows / seq);
}

static void give_heads(heads *s)
{
    probe_give((void *)s->batch.items);
    free(s->items);
    probe_give(s->dz);
    for (int i = 0; i <= OF_PATTERN; i++)
        probe_give(s->arrays[i]);
}

static void run_attention(void *state, int round)
{
    const heads *s = state;
    (void)round;
    probe_expect(pck_attention_delta(&s->batch, NULL), "attention-delta");
}

enum { SAMPLED_ITEMS = 24 };

/* An item's error against the definition, from the arrays on the host. */
static double item_error(const heads *s, const pc_attention_item *item, float *const *host,
                         const float *dz)
{
    const int64_t d_head = s->batch.kind.d_head, n = s->seq * d_head;
    double *expected = host_array(n, sizeof *expected);
    float *rows = host_array(n, sizeof *rows);
    const pc_attention_base base = {.q = host[OF_Q] + item->q,
                                    .k = host[OF_K] + item->k,
                                    .v = host[OF_V] + item->v,
                                    .q_stride = s->width,
                                    .k_stride = s->width,
                                    .v_stride = s->width};
    const pc_attention_delta_args args = {.dq = host[OF_DQ] + item->dq,
                                          .dk = host[OF_DK] + item->dk,
                                          .dv = host[OF_DV] + item->dv,
                                          .dq_stride = s->width,
                                          .dk_stride = s->width,
                                          .dv_stride = s->width,
                                          .seq = s->seq,
                                          .kind = &s->batch.kind,
                                          .base = &base};
    pc_ref_attention_delta(expected, &args);
    for (int64_t at = 0; at < n; at++)
        rows[at] = dz[item->dz + at / d_head * s->width + at % d_head];
    const double error = relative_error(rows, expected, n);
    free(rows);
    free(expected);
    return error;
}

/* The largest of some items, spread over the batch; a NaN is the largest. */
static double attention_error(const heads *s)
{
    const int64_t step = s->n_items > SAMPLED_ITEMS ? s->n_items / SAMPLED_ITEMS : 1;
    float *host[OF_PATTERN], *dz = host_copy(s->dz, s->sizes[OF_DQ]);
    double most = 0;
    for (int i = 0; i < OF_PATTERN; i++)
        host[i] = host_copy(s->arrays[i], s->sizes[i]);
    for (int64_t i = 0; i < s->n_items && !isnan(most); i += step) {
        const double error = item_error(s, &s->items[i], host, dz);
        if (!(error <= most)) most = error;
    }
    for (int i = 0; i < OF_PATTERN; i++)
        free(host[i]);
    free(dz);
    return most;
}

static int measure_attention(probe_table *table, const probe_sizes *sizes, int64_t seq, double rate)
{
    heads s;
    measured m = {.name = "attention-delta", .allowed = 1e-5};
    take_heads(&s, sizes, seq);
    snprintf(m.shape, sizeof m.shape, "%lld heads of %lld, %lld positions", (long long)s.n_items,
             (long long)sizes->d_head, (long long)seq);
    m.bytes = 4.0 * sizeof(float) * (double)s.sizes[OF_DQ];
    m.ms = probe_median_ms(run_attention, &s);
    m.error = attention_error(&s);
    const int n_wrong = add_line(table, &m, rate);
    give_heads(&s);
    return n_wrong;
}

/* ---- products ---- */

typedef struct product {
    pck_blas *blas;
    pck_gemm *gemm;
    pck_gemm_shape shape;
    float *a, *w, *c;
    uint16_t *hi, *lo;
    void *scratch;
    int64_t rows;
} product;

static void take_product(product *s, const pck_gemm_shape *shape, int64_t rows)
{
    const size_t w_elements = (size_t)(shape->n_in * shape->w_stride);
    *s = (product){.shape = *shape, .rows = rows};
    probe_expect(pck_blas_open(&s->blas, 64 << 20), "cuBLASLt");
    probe_expect(pck_gemm_new(&s->gemm, s->blas, shape), "a pinned algorithm");
    s->a = probe_take_random(rows * shape->a_stride, 1, 31);
    s->w = probe_take_random((int64_t)w_elements, 0.1f, 32);
    s->hi = probe_take(w_elements * sizeof *s->hi);
    s->lo = probe_take(w_elements * sizeof *s->lo);
    s->c = probe_take((size_t)(rows * shape->c_stride) * sizeof *s->c);
    s->scratch = probe_take(pck_gemm_scratch_bytes(s->gemm));
    const pck_split_args split = {.hi = s->hi,
                                  .lo = s->lo,
                                  .x = s->w,
                                  .to_stride = shape->w_stride,
                                  .x_stride = shape->w_stride,
                                  .width = shape->n_out,
                                  .rows = shape->n_in,
                                  .all_rows = shape->n_in};
    probe_expect(pck_gemm_split(&split, NULL), "splitting weights");
}

static void give_product(product *s)
{
    probe_give(s->scratch);
    probe_give(s->c);
    probe_give(s->lo);
    probe_give(s->hi);
    probe_give(s->w);
    probe_give(s->a);
    pck_gemm_free(s->gemm);
    pck_blas_close(s->blas);
}

static void run_product(void *state, int round)
{
    const product *s = state;
    const pck_gemm_weights weights = {s->w, s->hi, s->lo};
    (void)round;
    probe_expect(pck_gemm_run(s->gemm, s->c, s->a, &weights, s->rows, s->scratch, NULL), "product");
}

enum { SAMPLED_ROWS = 16 };

/* Over the first rows and the last. */
static double product_error(const product *s)
{
    const int64_t n_in = s->shape.n_in, n_out = s->shape.n_out;
    const int64_t sampled = s->rows < SAMPLED_ROWS ? s->rows : SAMPLED_ROWS;
    float *a = host_copy(s->a, s->rows * n_in), *w = host_copy(s->w, n_in * n_out);
    float *c = host_copy(s->c, s->rows * n_out),
          *found = host_array(sampled * n_out, sizeof *found);
    double *expected = host_array(sampled * n_out, sizeof *expected);
    for (int64_t i = 0; i < sampled; i++) {
        const int64_t row = i % 2 ? s->rows - 1 - i / 2 : i / 2;
        for (int64_t k = 0; k < n_in; k++)
            for (int64_t n = 0; n < n_out; n++)
                expected[i * n_out + n] += (double)a[row * n_in + k] * (double)w[k * n_out + n];
        for (int64_t n = 0; n < n_out; n++)
            found[i * n_out + n] = c[row * n_out + n];
    }
    const double error = relative_error(found, expected, sampled * n_out);
    free(expected);
    free(found);
    free(c);
    free(w);
    free(a);
    return error;
}

static const struct {
    const char *name;
    pck_gemm_precision precision;
    double allowed;
} products[] = {{"gemm fp32", PCK_GEMM_FP32, 2e-6},
                {"gemm tf32", PCK_GEMM_TF32, 1e-3},
                {"gemm bf16x3", PCK_GEMM_BF16X3, 1e-5},
                {"gemm bf16", PCK_GEMM_BF16, 5e-3}};

static int measure_product(probe_table *table, int which, const probe_sizes *sizes, int64_t rows,
                           double rate)
{
    const pck_gemm_shape shape = {.n_in = sizes->d_model,
                                  .n_out = sizes->d_mlp,
                                  .a_stride = sizes->d_model,
                                  .w_stride = sizes->d_mlp,
                                  .c_stride = sizes->d_mlp,
                                  .chunk_rows = sizes->rows,
                                  .precision = products[which].precision};
    product s;
    measured m = {.name = products[which].name, .allowed = products[which].allowed};
    take_product(&s, &shape, rows);
    snprintf(m.shape, sizeof m.shape, "%lld x %lld x %lld", (long long)rows, (long long)shape.n_out,
             (long long)shape.n_in);
    m.flops = 2.0 * (double)rows * (double)shape.n_out * (double)shape.n_in;
    m.ms = probe_median_ms(run_product, &s);
    m.error = product_error(&s);
    const int n_wrong = add_line(table, &m, rate);
    give_product(&s);
    return n_wrong;
}

int probe_operators(probe_table *table, const probe_sizes *sizes, double copy_rate)
{
    static const char *const columns[] = {"operator", "shape", "error",     "is",
                                          "ms",       "rate",  "% of copy", NULL};
    int n_wrong = 0;
    probe_table_start(
        table, "Operators", columns,
        "error: of the norm, against the definition in double; bytes: what must move");
    n_wrong += measure_norms(table, sizes->d_model, sizes, copy_rate);
    n_wrong += measure_norms(table, sizes->wide, sizes, copy_rate);
    n_wrong += measure_attention(table, sizes, sizes->positions, copy_rate);
    n_wrong += measure_attention(table, sizes, 8 * sizes->positions, copy_rate);
    for (int i = 0; i < (int)(sizeof products / sizeof *products); i++) {
        n_wrong += measure_product(table, i, sizes, sizes->rows, copy_rate);
        n_wrong += measure_product(table, i, sizes, sizes->rows - sizes->rows / 8, copy_rate);
    }
    return n_wrong;
}

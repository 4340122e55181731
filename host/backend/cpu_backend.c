/* The processor as a backend: memory is the host's, calls are carried out at once, arrays and lists
 * are used where they stand. Precisions below float32 are simulated: what a product multiplies is
 * rounded first, so that their error can be seen without a GPU, at no gain in speed. */
#include "backend/cpu_backend.h"

#include "backend/cpu_ops.h"
#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 512, /* enough for the products, little enough for the cache */
    HISTORY_ROWS = 128,
    MOST_VARIANTS = 128,
    LOGIT_ROWS = 16
};

/* Immutable. */
struct pc_device_state {
    const pc_cpu_ops *ops;
    pc_precision precision;
};

/* Nothing waits in it. */
struct pc_queue {
    const pc_cpu_ops *ops;
    pc_precision precision;
    float *rounded; /* (2, ROUNDED_ROWS, widest) unless FP32 */
    int64_t widest;
};
enum { ROUNDED_ROWS = 64 };

static pc_status out_of_memory(pc_fault *fault, size_t bytes)
{
    fault->status = PC_ERR_NOMEM;
    snprintf(fault->text, sizeof fault->text, "out of memory: cannot allocate %zu bytes", bytes);
    return PC_ERR_NOMEM;
}

/* ---- devices ---- */

static int count(pc_fault *fault)
{
    (void)fault;
    return 1;
}

static pc_status open_processor(pc_device_state **out, pc_device_facts *facts, int index,
                                pc_precision precision, pc_fault *fault)
{
    static pc_device_state processors[PC_N_PRECISIONS];
    (void)index, (void)fault;
    processors[precision] = (pc_device_state){pc_cpu_ops_best(), precision};
    *out = &processors[precision];
    *facts = (pc_device_facts){.rows = ROWS,
                               .history_rows = HISTORY_ROWS,
                               .most_variants = MOST_VARIANTS,
                               .logit_rows = LOGIT_ROWS};
    snprintf(facts->name, sizeof facts->name, "the processor, %s", (*out)->ops->name);
    return PC_OK;
}

static void close_processor(pc_device_state *device)
{
    (void)device;
}

/* ---- memory ---- */

static int64_t unused(pc_device_state *device)
{
    (void)device;
    return 0;
}

enum { ALIGNMENT = 64 }; /* a cache line; the widest vector */

/* What the system gave stands in front of what was asked for. Zeroed by the system where it is
 * large, and not touched yet. */
static pc_status allocate(void **out, pc_device_state *device, size_t bytes, pc_fault *fault)
{
    const size_t room = 2 * ALIGNMENT;
    (void)device;
    char *start = bytes < SIZE_MAX - room ? calloc(1, bytes + room) : NULL;
    if (!start) return out_of_memory(fault, bytes);
    char *at = start + ALIGNMENT + (ALIGNMENT - (uintptr_t)start % ALIGNMENT) % ALIGNMENT;
    ((void **)at)[-1] = start;
    *out = at;
    return PC_OK;
}

static void release(pc_device_state *device, void *memory)
{
    (void)device;
    free(((void **)memory)[-1]);
}

static pc_status place(const void **out, pc_device_state *device, const void *host, size_t bytes,
                       pc_fault *fault)
{
    (void)device, (void)bytes, (void)fault;
    *out = host;
    return PC_OK;
}

static void unplace(pc_device_state *device, const void *placed)
{
    (void)device, (void)placed;
}

/* ---- rounding ---- */

/* x to `bits` bits of significand, to nearest, ties to even; infinite beyond the largest. */
static float rounded(float x, int bits)
{
    const int dropped = 24 - bits;
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    if ((u & 0x7f800000u) == 0x7f800000u) return x; /* infinity and NaN */
    u += (1u << (dropped - 1)) - 1 + (u >> dropped & 1);
    u &= ~((1u << dropped) - 1);
    memcpy(&x, &u, sizeof x);
    return x;
}

enum { BF16_BITS = 8, TF32_BITS = 11 };

/* hi = what the precision keeps of x; lo = what bf16x3 adds to it. Either may be NULL. */
static void split(float *hi, float *lo, float x, pc_precision precision)
{
    const float kept = rounded(x, precision == PC_PRECISION_TF32 ? TF32_BITS : BF16_BITS);
    if (hi) *hi = kept;
    if (lo) *lo = rounded(x - kept, BF16_BITS);
}

/* ---- weights ---- */

struct pc_matrix {
    pc_packed *w, *lo; /* lo of bf16x3 alone */
    pc_precision precision;
};

static int64_t matrix_bytes(int64_t n_in, int64_t n_out, pc_precision precision)
{
    return pc_packed_bytes(n_in, n_out) * (precision == PC_PRECISION_BF16X3 ? 2 : 1);
}

static void matrix_free(pc_matrix *m)
{
    if (!m) return;
    pc_packed_free(m->lo);
    pc_packed_free(m->w);
    free(m);
}

static pc_status matrix_new(pc_matrix **out, pc_device_state *device, int64_t n_in, int64_t n_out,
                            pc_fault *fault)
{
    pc_matrix *m = calloc(1, sizeof *m);
    *out = NULL;
    pc_status status = m ? pc_packed_new(&m->w, n_in, n_out) : PC_ERR_NOMEM;
    if (status == PC_OK && device->precision == PC_PRECISION_BF16X3)
        status = pc_packed_new(&m->lo, n_in, n_out);
    if (status != PC_OK) {
        matrix_free(m);
        return out_of_memory(fault, (size_t)pc_packed_bytes(n_in, n_out));
    }
    m->precision = device->precision;
    *out = m;
    return PC_OK;
}

/* A row of a part at a time. */
static void put_rounded(pc_matrix *m, const pc_packed_part *part, float *hi, float *lo)
{
    for (int64_t k = 0; k < part->n_k; k++) {
        for (int64_t j = 0; j < part->n_n; j++)
            split(hi + j, lo + j, part->source[k * part->k_stride + j * part->n_stride],
                  m->precision);
        pc_packed_part row = *part;
        row.k_first += k;
        row.n_k = 1;
        row.k_stride = part->n_n;
        row.n_stride = 1;
        row.source = hi;
        pc_packed_put(m->w, &row);
        row.source = lo;
        if (m->lo) pc_packed_put(m->lo, &row);
    }
}

static pc_status matrix_put(pc_matrix *m, const pc_packed_part *part, pc_fault *fault)
{
    if (m->precision == PC_PRECISION_FP32) {
        pc_packed_put(m->w, part);
        return PC_OK;
    }
    float *rows = malloc(2 * (size_t)part->n_n * sizeof *rows);
    if (!rows) return out_of_memory(fault, 2 * (size_t)part->n_n * sizeof *rows);
    put_rounded(m, part, rows, rows + part->n_n);
    free(rows);
    return PC_OK;
}

/* ---- queues ---- */

static pc_status queue_new(pc_queue **out, pc_device_state *device, const pc_queue_needs *needs,
                           pc_fault *fault)
{
    const bool rounds = device->precision != PC_PRECISION_FP32;
    const size_t n = rounds ? 2 * ROUNDED_ROWS * (size_t)needs->widest : 0;
    pc_queue *q = calloc(1, sizeof *q);
    *out = NULL;
    if (q && n) q->rounded = malloc(n * sizeof *q->rounded);
    if (!q || (n && !q->rounded)) {
        free(q);
        return out_of_memory(fault, n * sizeof *q->rounded);
    }
    q->ops = device->ops;
    q->precision = device->precision;
    q->widest = needs->widest;
    *out = q;
    return PC_OK;
}

static void queue_free(pc_queue *queue)
{
    if (queue) free(queue->rounded);
    free(queue);
}

static pc_status wait_for(pc_queue *queue, pc_fault *fault)
{
    (void)queue, (void)fault;
    return PC_OK;
}

static void copy_in(pc_queue *queue, void *to, const void *from, size_t bytes)
{
    (void)queue;
    if (bytes) memcpy(to, from, bytes);
}

static void clear(pc_queue *queue, void *memory, size_t bytes)
{
    (void)queue;
    if (bytes) memset(memory, 0, bytes);
}

static const void *list(pc_queue *queue, const void *host, size_t bytes)
{
    (void)queue, (void)bytes;
    return host;
}

/* ---- operators ---- */

static void multiply(const pc_queue *queue, const pc_product *p, const pc_packed *w,
                     pc_gemm_mode mode)
{
    queue->ops->gemm(&(pc_gemm_args){.c = p->c,
                                     .a = p->a,
                                     .c_stride = p->c_stride,
                                     .a_stride = p->a_stride,
                                     .rows = p->rows,
                                     .w = w,
                                     .k_first = p->k_first,
                                     .k_count = p->k_count,
                                     .n_first = p->n_first,
                                     .n_count = p->n_count,
                                     .mode = mode});
}

/* Some rows: the small products first, as on a device. */
static void multiply_rounded(const pc_queue *queue, const pc_product *p)
{
    const bool has_lo = queue->precision == PC_PRECISION_BF16X3;
    float *hi = queue->rounded, *lo = hi + ROUNDED_ROWS * queue->widest;
    for (int64_t row = 0; row < p->rows; row++)
        for (int64_t k = 0; k < p->k_count; k++)
            split(hi + row * p->k_count + k, has_lo ? lo + row * p->k_count + k : NULL,
                  p->a[row * p->a_stride + k], queue->precision);
    pc_product part = *p;
    part.a = hi;
    part.a_stride = p->k_count;
    if (!has_lo) {
        multiply(queue, &part, p->w->w, p->mode);
        return;
    }
    part.a = lo;
    multiply(queue, &part, p->w->w, p->mode);
    part.a = hi;
    multiply(queue, &part, p->w->lo, PC_GEMM_ADD);
    multiply(queue, &part, p->w->w, PC_GEMM_ADD);
}

static void product(pc_queue *queue, const pc_product *p)
{
    if (queue->precision == PC_PRECISION_FP32) {
        multiply(queue, p, p->w->w, p->mode);
        return;
    }
    for (int64_t row = 0; row < p->rows; row += ROUNDED_ROWS) {
        pc_product some = *p;
        some.a += row * p->a_stride;
        some.c += row * p->c_stride;
        some.rows = p->rows - row < ROUNDED_ROWS ? p->rows - row : ROUNDED_ROWS;
        multiply_rounded(queue, &some);
    }
}

static const float *at(const float *array, int64_t offset)
{
    return offset >= 0 ? array + offset : NULL;
}

/* Item i as a call of its own. */
static pc_attention_delta_args item_of(pc_attention_base *base, const pc_attention_batch *b,
                                       int64_t i)
{
    const pc_attention_item *item = &b->items[i];
    *base = (pc_attention_base){.q = b->q + item->q,
                                .k = b->k + item->k,
                                .v = b->v + item->v,
                                .log_pattern = b->log_pattern + item->log_pattern,
                                .q_stride = b->q_stride,
                                .k_stride = b->k_stride,
                                .v_stride = b->v_stride,
                                .pattern_stride = item->pattern_stride};
    return (pc_attention_delta_args){.dz = b->dz + item->dz,
                                     .dq = at(b->dq, item->dq),
                                     .dk = at(b->dk, item->dk),
                                     .dv = at(b->dv, item->dv),
                                     .dz_stride = b->dz_stride,
                                     .dq_stride = b->dq_stride,
                                     .dk_stride = b->dk_stride,
                                     .dv_stride = b->dv_stride,
                                     .seq = item->seq,
                                     .first = item->first,
                                     .q_first = item->q_first,
                                     .kind = &b->kind,
                                     .base = base,
                                     .scratch = b->scratch};
}

static void attention_delta(pc_queue *queue, const pc_attention_batch *batch)
{
    pc_attention_base base;
    for (int64_t i = 0; i < batch->n_items; i++) {
        const pc_attention_delta_args args = item_of(&base, batch, i);
        queue->ops->attention_delta(&args);
    }
}

static void scores_lost(pc_queue *queue, uint8_t *is_lost, const pc_attention_batch *batch)
{
    pc_attention_base base;
    for (int64_t i = 0; i < batch->n_items; i++) {
        const pc_attention_delta_args args = item_of(&base, batch, i);
        const int64_t from = batch->items[i].watch_from;
        is_lost[i] = from >= 0 && queue->ops->scores_lost(&args, from);
    }
}

static void attention_base(pc_queue *queue, const pc_attention_base_batch *b)
{
    for (int64_t i = 0; i < b->n_items; i++) {
        const pc_attention_base_item *item = &b->items[i];
        queue->ops->attention_base(
            &(pc_attention_base_args){.z = item->z >= 0 ? b->z + item->z : NULL,
                                      .log_pattern = b->log_pattern + item->log_pattern,
                                      .q = b->q + item->q,
                                      .k = b->k + item->k,
                                      .v = item->z >= 0 ? b->v + item->v : NULL,
                                      .z_stride = b->z_stride,
                                      .pattern_stride = item->pattern_stride,
                                      .q_stride = b->q_stride,
                                      .k_stride = b->k_stride,
                                      .v_stride = b->v_stride,
                                      .seq = item->seq,
                                      .kind = &b->kind});
    }
}

/* The operator as the instruction set has it. */
#define PASS(name, args_type)                                                                      \
    static void name(pc_queue *queue, const args_type *args)                                       \
    {                                                                                              \
        queue->ops->name(args);                                                                    \
    }
PASS(layernorm_delta, pc_norm_delta_args)
PASS(rmsnorm_delta, pc_norm_delta_args)
PASS(activation_delta, pc_activation_delta_args)
PASS(rotary, pc_rotary_args)
PASS(add_change, pc_add_change_args)
PASS(copy_rows, pc_copy_rows_args)
PASS(cut_rows, pc_cut_rows_args)
PASS(vanishing, pc_vanishing_args)
PASS(answer_delta, pc_answer_delta_args)
PASS(target_delta, pc_target_delta_args)
PASS(layernorm_base, pc_norm_base_args)
PASS(rmsnorm_base, pc_norm_base_args)
PASS(activation_base, pc_activation_base_args)
PASS(layernorm_backward, pc_norm_backward_args)
PASS(rmsnorm_backward, pc_norm_backward_args)
PASS(activation_backward, pc_activation_backward_args)
PASS(attention_backward, pc_attention_backward_batch)
PASS(pair_dots, pc_pair_dots_args)
PASS(column_dots, pc_column_dots_args)
#undef PASS

const pc_ops pc_cpu_backend = {
    .abi = PC_OPS_ABI,
    .name = "cpu",
    .count = count,
    .open = open_processor,
    .close = close_processor,
    .unused = unused,
    .allocate = allocate,
    .release = release,
    .place = place,
    .unplace = unplace,
    .matrix_bytes = matrix_bytes,
    .matrix_new = matrix_new,
    .matrix_put = matrix_put,
    .matrix_free = matrix_free,
    .queue_new = queue_new,
    .queue_free = queue_free,
    .wait = wait_for,
    .upload = copy_in,
    .download = copy_in,
    .clear = clear,
    .list = list,
    .product = product,
    .layernorm_delta = layernorm_delta,
    .rmsnorm_delta = rmsnorm_delta,
    .activation_delta = activation_delta,
    .attention_delta = attention_delta,
    .scores_lost = scores_lost,
    .rotary = rotary,
    .add_change = add_change,
    .copy_rows = copy_rows,
    .cut_rows = cut_rows,
    .vanishing = vanishing,
    .answer_delta = answer_delta,
    .target_delta = target_delta,
    .layernorm_base = layernorm_base,
    .rmsnorm_base = rmsnorm_base,
    .activation_base = activation_base,
    .attention_base = attention_base,
    .layernorm_backward = layernorm_backward,
    .rmsnorm_backward = rmsnorm_backward,
    .activation_backward = activation_backward,
    .attention_backward = attention_backward,
    .pair_dots = pair_dots,
    .column_dots = column_dots,
};

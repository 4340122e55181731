/* What a batch's products take. */
#include "patch/batch_cost.h"

#include "patch/engine_weights.h"
#include "patch/variant.h"

typedef struct counting {
    pc_batch_cost *cost;
    const pc_shape *s;
    const pc_components *c;
    const pc_delta_prompt *prompt;
    const pc_variant *variants;
    int n;
    unsigned without;
    bool is_dirty, is_tail, has_circuit; /* as in pc_delta_run */
} counting;

void pc_product_cost_add(pc_batch_cost *cost, int64_t rows, int64_t n_in, int64_t n_out)
{
    const double m = (double)rows, k = (double)n_in, n = (double)n_out;
    if (rows == 0) return;
    cost->flop += 2 * m * k * n;
    cost->bytes += sizeof(float) * (m * k + k * n + m * n);
}

static void multiply(counting *at, int64_t rows, int64_t n_in, int64_t n_out)
{
    pc_product_cost_add(at->cost, rows, n_in, n_out);
}

static int64_t rows_of(const counting *at, int variant)
{
    const int first = at->variants[variant].first;
    const int target = pc_saves(at->without, PC_SAVING_LAST_LAYER) ? at->prompt->first_target : 0;
    return at->prompt->seq - (at->is_tail && first < target ? target : first);
}

static int64_t all_rows(const counting *at)
{
    int64_t n = 0;
    for (int i = 0; i < at->n; i++)
        n += rows_of(at, i);
    return n;
}

/* pc_delta_own_input() */
static void count_input(counting *at, int variant, const pc_own_input *input)
{
    const pc_variant *v = &at->variants[variant];
    const pc_cut *cuts = v->routing->cuts + input->first;
    const int64_t rows = rows_of(at, variant), d = at->s->d_model;
    if (v->given) return;
    for (size_t done = 0, alike; done < input->n; done += alike) {
        const pc_writer_kind kind = at->c->writers[cuts[done].writer].kind;
        alike = pc_cuts_alike(cuts + done, input->n - done, at->c);
        if (kind == PC_WRITER_HEAD)
            multiply(at, rows, alike == 1 ? at->s->d_head : pc_q_width(at->s), d);
        else if (cuts[done].neuron >= 0) multiply(at, rows, alike == 1 ? 1 : at->s->d_mlp, d);
    }
}

/* Projections of readers with inputs of their own. */
static void count_pairs(counting *at, int variant, int layer, pc_reader_kind kind)
{
    const pc_routing *routing = at->variants[variant].routing;
    const int group = pc_heads_of_reader(at->c, kind);
    for (int head = 0; head < at->c->n_heads; head += group) {
        const pc_own_input *input =
            pc_routing_input(routing, pc_reader_of_head(at->c, layer, kind, head));
        if (!input) continue;
        count_input(at, variant, input);
        multiply(at, rows_of(at, variant), at->s->d_model, at->s->d_head);
    }
}

static bool is_read(const counting *at, int layer, pc_reader_kind kind)
{
    for (int i = 0; at->is_dirty && i < at->n; i++)
        if (pc_variant_reads(&at->variants[i], at->c, layer, kind) != PC_READS_NOTHING) return true;
    return false;
}

static bool has_own_input(const counting *at, int variant, int layer, int head)
{
    const pc_reader_kind kinds[] = {PC_READER_Q, PC_READER_K, PC_READER_V};
    for (int i = 0; i < 3; i++)
        if (pc_routing_input(at->variants[variant].routing,
                             pc_reader_of_head(at->c, layer, kinds[i], head)))
            return true;
    return false;
}

/* z W_O of one variant, where the stream has not changed before. */
static void count_heads(counting *at, int variant, int layer)
{
    const pc_variant *v = &at->variants[variant];
    int n = 0;
    for (int head = 0; head < at->c->n_heads; head++) {
        const int writer = pc_writer_of_head(at->c, layer, head);
        n += pc_delta_is_replaced(v, writer) ||
             (pc_delta_is_computed(v, writer) && has_own_input(at, variant, layer, head));
    }
    if (n > 0)
        multiply(at, rows_of(at, variant), n == 1 ? at->s->d_head : pc_q_width(at->s),
                 at->s->d_model);
}

static void count_attention(counting *at, int layer)
{
    const int64_t d = at->s->d_model, q = pc_q_width(at->s);
    const int64_t kv = (int64_t)at->c->n_kv_heads * at->s->d_head;
    const bool was_tail = at->is_tail, is_last = layer == at->s->n_layers - 1;
    const bool has_q = is_read(at, layer, PC_READER_Q);
    if (is_read(at, layer, PC_READER_K)) multiply(at, all_rows(at), d, kv);
    if (is_read(at, layer, PC_READER_V)) multiply(at, all_rows(at), d, kv);
    at->is_tail = at->is_tail || is_last;
    if (has_q) multiply(at, all_rows(at), d, q);
    if (at->is_dirty) multiply(at, all_rows(at), q, d);
    for (int i = 0; i < at->n; i++) {
        at->is_tail = was_tail;
        count_pairs(at, i, layer, PC_READER_K);
        count_pairs(at, i, layer, PC_READER_V);
        at->is_tail = was_tail || is_last;
        count_pairs(at, i, layer, PC_READER_Q);
        if (!at->is_dirty) count_heads(at, i, layer);
    }
}

static void count_mlp(counting *at, int layer)
{
    const int64_t d = at->s->d_model, d_mlp = at->s->d_mlp;
    int64_t rows = 0;
    for (int i = 0; i < at->n; i++) {
        const pc_variant *v = &at->variants[i];
        const pc_own_input *own = pc_routing_input(v->routing, pc_reader_of_mlp(at->c, layer));
        size_t n_neurons;
        if (pc_delta_is_computed(v, pc_writer_of_mlp(at->c, layer)) && (own || at->is_dirty)) {
            rows += rows_of(at, i);
            if (own) count_input(at, i, own);
            continue;
        }
        pc_variant_neurons(&n_neurons, v, at->c, layer);
        if (n_neurons > 0) multiply(at, rows_of(at, i), n_neurons == 1 ? 1 : d_mlp, d);
    }
    multiply(at, rows, d, d_mlp);
    if (at->s->is_gated) multiply(at, rows, d, d_mlp);
    multiply(at, rows, d_mlp, d);
}

static void count_everything_replaced(counting *at)
{
    if (at->has_circuit) multiply(at, at->prompt->seq, pc_q_width(at->s), at->s->d_model);
}

/* run_layer() of delta_run.c */
static void count_layer(counting *at, int layer, int start)
{
    const bool has_mlp = at->s->d_mlp > 0, is_parallel = at->s->block == PC_BLOCK_PARALLEL;
    const bool has_attention = start <= 2 * layer;
    if (has_attention) count_attention(at, layer);
    at->is_tail = at->is_tail || layer == at->s->n_layers - 1;
    if (has_mlp && is_parallel) count_mlp(at, layer);
    at->is_dirty = at->is_dirty || has_attention;
    count_everything_replaced(at);
    if (has_mlp && !is_parallel) count_mlp(at, layer);
    at->is_dirty = at->is_dirty || has_mlp;
}

void pc_batch_cost_add(pc_batch_cost *cost, const pc_model *model, const pc_delta_prompt *prompt,
                       const pc_variant *variants, int n, unsigned without)
{
    const int start = variants[0].routing->start, first_layer = start < 0 ? 0 : start / 2;
    counting at = {.cost = cost,
                   .s = &model->shape,
                   .c = &model->components,
                   .prompt = prompt,
                   .variants = variants,
                   .n = n,
                   .without = without};
    for (int i = 0; i < n; i++) {
        const pc_routing *routing = variants[i].routing;
        at.has_circuit = at.has_circuit || (routing->is_circuit && routing->has_history);
    }
    at.is_dirty = start < 0 || !pc_saves(without, PC_SAVING_HEADS);
    cost->rows += all_rows(&at);
    for (int layer = 0; layer < first_layer; layer++)
        count_everything_replaced(&at);
    for (int layer = first_layer; layer < at.s->n_layers; layer++)
        count_layer(&at, layer, start);
    at.is_tail = true;
    for (int i = 0; i < n; i++) {
        const pc_own_input *own = pc_routing_input(variants[i].routing, pc_reader_of_logits(at.c));
        if (own) count_input(&at, i, own);
    }
}

double pc_forward_flop(const pc_model *model, int64_t n_tokens)
{
    const pc_shape *s = &model->shape;
    const double d = s->d_model, mlp = (double)s->d_mlp * (s->is_gated ? 3 : 2);
    const double layer = d * (double)(pc_qkv_width(s) + pc_q_width(s)) + d * mlp;
    return 2 * (double)n_tokens * (s->n_layers * layer + d * (double)s->vocab_out);
}

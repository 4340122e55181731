/* Scores: what writers change times the gradients at readers. What heads change is never there for
 * all heads, prompts and positions of d_model channels at once: a layer's heads at a time are
 * multiplied out of head space, for this batch's rows. */
#include "grad/grad_run_private.h"

/* Writers that follow each other in the table: what they change, (n, rows, d_model). */
typedef struct writers {
    const float *change;
    int first, n;
} writers;

static void contract(pc_grad_run *r, const writers *w, const pc_grad_readers *readers,
                     const float *g)
{
    const pc_reader *first = &r->c->readers[readers->first];
    const int64_t d = r->s->d_model, n_edges = r->c->n_edges;
    for (int i = 0; i < r->n; i++) {
        const pc_grad_place *p = &r->places[i];
        const int64_t at = (p->row + p->first) * d;
        r->dots[i] = (pc_dot_item){.out = i * n_edges + first->first_edge + w->first,
                                   .a = at,
                                   .b = at,
                                   .n = (p->rows - p->first) * d};
    }
    r->ops->pair_dots(r->queue,
                      &(pc_pair_dots_args){.out = r->scores,
                                           .a = g,
                                           .b = w->change,
                                           .out_stride = first->n_visible,
                                           .a_stride = r->rows * d,
                                           .b_stride = r->rows * d,
                                           .n_a = readers->n,
                                           .n_b = w->n,
                                           .items = pc_grad_list(r, r->dots, r->n, sizeof *r->dots),
                                           .n_items = r->n,
                                           .weight = r->point->weight});
}

/* The gradient behind the post-norm that stands between a layer's heads and their readers. */
static const float *behind_post_norm(pc_grad_run *r, const pc_grad_readers *readers, int layer)
{
    if (!r->s->has_post_norms) return readers->g;
    pc_grad_norm_back(r, r->normed_readers, readers->g, &r->tapes[layer].attention_post,
                      PC_LN1_POST_W, layer, readers->n * r->rows, r->rows);
    return r->normed_readers;
}

static bool sees(const pc_grad_run *r, const pc_grad_readers *readers, int writer)
{
    return writer < r->c->readers[readers->first].n_visible;
}

/* r->writers = what each head of a layer changes in the stream. */
static void multiply_out(pc_grad_run *r, int layer)
{
    const int64_t d = r->s->d_model, d_head = r->s->d_head;
    for (int64_t head = 0; head < r->s->n_heads; head++)
        pc_grad_multiply_slice(r,
                               &(pc_grad_slice){.c = r->writers + head * r->rows * d,
                                                .a = r->change.z[layer] + head * d_head,
                                                .c_stride = d,
                                                .a_stride = pc_q_width(r->s),
                                                .k_first = head * d_head,
                                                .k_count = d_head},
                               r->w->forward->layers[layer].o, r->rows, PC_GEMM_SET);
}

static bool is_seen(const pc_grad_run *r, const pc_grad_readers *sets, int n_sets, int writer)
{
    for (int i = 0; i < n_sets; i++)
        if (sees(r, &sets[i], writer)) return true;
    return false;
}

static void contract_heads(pc_grad_run *r, const pc_grad_readers *sets, int n_sets, int layer)
{
    const writers w = {r->writers, pc_writer_of_head(r->c, layer, 0), r->s->n_heads};
    if (!is_seen(r, sets, n_sets, w.first)) return;
    multiply_out(r, layer);
    for (int i = 0; i < n_sets; i++)
        if (sees(r, &sets[i], w.first))
            contract(r, &w, &sets[i], behind_post_norm(r, &sets[i], layer));
}

static void contract_one(pc_grad_run *r, const pc_grad_readers *sets, int n_sets, int writer,
                         const float *change)
{
    for (int i = 0; i < n_sets; i++)
        if (sees(r, &sets[i], writer))
            contract(r, &(writers){change, writer, 1}, &sets[i], sets[i].g);
}

void pc_grad_contract(pc_grad_run *r, const pc_grad_readers *sets, int n_sets)
{
    contract_one(r, sets, n_sets, 0, r->change.input);
    for (int layer = 0; layer < r->s->n_layers; layer++) {
        contract_heads(r, sets, n_sets, layer);
        if (r->s->d_mlp)
            contract_one(r, sets, n_sets, pc_writer_of_mlp(r->c, layer), r->change.m[layer]);
    }
}

void pc_grad_contract_channels(pc_grad_run *r, int64_t out, const float *change, const float *g,
                               int64_t width)
{
    const int64_t n_scores = pc_grad_n_scores(r->model, r->options.what);
    for (int i = 0; i < r->n; i++) {
        const int64_t at = r->places[i].row * width;
        r->columns[i] = (pc_column_item){i * n_scores + out, at, at, r->places[i].rows};
    }
    r->ops->column_dots(r->queue, &(pc_column_dots_args){.out = r->scores,
                                                         .a = change,
                                                         .b = g,
                                                         .a_stride = width,
                                                         .b_stride = width,
                                                         .width = width,
                                                         .items = pc_grad_list(r, r->columns, r->n,
                                                                               sizeof *r->columns),
                                                         .n_items = r->n,
                                                         .weight = r->point->weight});
}

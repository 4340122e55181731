/* The stream where everything is replaced, beside a batch with circuits in it. */
#include "patch/delta_run_private.h"

#include <string.h>

void pc_delta_all_begin(pc_delta_run *r)
{
    pc_delta_move(r, r->all.stream, r->prompt->change->input, r->prompt->seq, r->s->d_model);
}

/* Where float32 loses this norm, it has lost every circuit. */
static void norm(pc_delta_run *r, float *x, int layer)
{
    const pc_base_norm *base = &r->prompt->base->layers[layer].attention_post;
    const pc_row_list rows = {r->all.positions, NULL, NULL, r->prompt->seq};
    pc_delta_ask(r, r->n);
    for (int i = 0; i < r->n; i++) {
        if (!r->variants[i].routing->is_circuit) continue;
        r->spans[0] = (pc_row_span){.stride = 1, .rows = rows.n};
        r->asked_of[r->n_asked] = i;
        pc_delta_watch_spans(r, x, base->x, rows, 1, r->s->d_model, r->s->norm);
    }
    pc_delta_norm_rows(r, x, x, base, PC_LN1_POST_W, layer, rows);
}

/* The products' operands stand side by side in the source's changes. The sums are those of a
 * variant whose heads are all replaced, to the bit. */
void pc_delta_all_attention(pc_delta_run *r, int layer)
{
    const int64_t d = r->s->d_model, seq = r->prompt->seq;
    const int64_t at = r->s->has_post_norms ? layer * (int64_t)r->longest * d : 0;
    float *out = r->all.attention + at;
    pc_delta_multiply_all(r, out, r->prompt->change->z + layer * seq * pc_q_width(r->s),
                          r->w->layers[layer].o, seq);
    if (r->s->has_post_norms) {
        pc_delta_move(r, r->all.attention_sum + at, out, seq, d);
        norm(r, out, layer);
    }
    pc_delta_add(r, r->all.stream, out, seq * d);
}

void pc_delta_all_mlp(pc_delta_run *r, int layer)
{
    const int64_t size = r->prompt->seq * (int64_t)r->s->d_model;
    if (r->s->d_mlp) pc_delta_add(r, r->all.stream, r->prompt->change->m + layer * size, size);
}

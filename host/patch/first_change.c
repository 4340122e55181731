/* Where an intervention's first change enters a prompt. */
#include "patch/first_change.h"

#include <string.h>

/* What is asked about one prompt. */
typedef struct question {
    const pc_change *change;
    const pc_components *components;
    int seq;
} question;

static bool writer_changes(const question *q, int writer, int position)
{
    return q->change->is_changed[(int64_t)writer * q->seq + position] != 0;
}

static bool cut_changes(const question *q, pc_cut cut, int position)
{
    if (cut.neuron < 0 || !q->change->act) return writer_changes(q, cut.writer, position);
    const int64_t layer = q->components->writers[cut.writer].layer;
    return q->change->act[(layer * q->seq + position) * q->components->d_mlp + cut.neuron] != 0;
}

static bool is_sent(uint8_t state)
{
    return state == PC_WRITER_REPLACED || state == PC_WRITER_SENDING;
}

static bool changes_at(const question *q, const pc_routing *r, int position)
{
    for (int u = 0; u < q->components->n_writers; u++)
        if ((is_sent(r->states[u]) || r->has_cut[u]) && writer_changes(q, u, position)) return true;
    if (r->is_circuit) return false; /* its inputs list what is kept */
    for (size_t i = 0; i < r->n_replaced; i++)
        if (cut_changes(q, r->replaced[i], position)) return true;
    for (size_t i = 0; i < r->n_inputs; i++)
        for (size_t k = 0; k < r->inputs[i].n; k++)
            if (cut_changes(q, r->cuts[r->inputs[i].first + k], position)) return true;
    return false;
}

int pc_first_change(const pc_change *change, int seq, const pc_routing *routing,
                    const uint8_t *is_cut_at, const pc_components *c)
{
    const question q = {change, c, seq};
    for (int t = 0; t < seq; t++)
        if ((!is_cut_at || is_cut_at[t]) && changes_at(&q, routing, t)) return t;
    return seq;
}

pc_status pc_mark_positions(uint8_t *is_cut_at, const pc_intervention *x, const pc_task *task,
                            int prompt)
{
    memset(is_cut_at, 0, (size_t)pc_task_prompt(task, prompt)->n_tokens);
    for (int i = 0; i < x->n_positions; i++) {
        pc_span span;
        PC_TRY(pc_position_find(&span, &x->positions[i], task, prompt));
        memset(is_cut_at + span.first, 1, (size_t)(span.last - span.first + 1));
    }
    return PC_OK;
}

bool pc_first_row(int *first, int seq, unsigned without)
{
    if (*first == seq && pc_saves(without, PC_SAVING_UNTOUCHED)) return false;
    if (*first == seq || !pc_saves(without, PC_SAVING_POSITIONS)) *first = 0;
    return true;
}

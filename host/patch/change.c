/* What the source has more than the base, of every writer of a prompt. */
#include "base/memory.h"
#include "patch/delta_run.h"

#include <stdlib.h>
#include <string.h>

static int64_t layer_size(const pc_shape *s, int seq)
{
    return seq * (pc_q_width(s) + s->d_model + s->d_mlp);
}

static int64_t n_floats(const pc_shape *s, int seq)
{
    return seq * (int64_t)s->d_model + s->n_layers * layer_size(s, seq);
}

size_t pc_change_float_bytes(const pc_model *model, int seq)
{
    return (size_t)n_floats(&model->shape, seq) * sizeof(float);
}

int64_t pc_change_bytes(const pc_model *model, int seq)
{
    return (int64_t)pc_change_float_bytes(model, seq) + (int64_t)model->components.n_writers * seq;
}

pc_change pc_change_at(const pc_model *model, int seq, const float *memory)
{
    const pc_shape *s = &model->shape;
    pc_change c = {.memory = (float *)memory};
    c.input = c.memory;
    c.z = c.input + seq * (int64_t)s->d_model;
    c.m = c.z + s->n_layers * seq * pc_q_width(s);
    c.act = c.m + s->n_layers * (int64_t)seq * s->d_model;
    return c;
}

pc_status pc_change_new(pc_change *out, const pc_model *model, int seq)
{
    *out = (pc_change){0};
    float *memory = pc_alloc((size_t)n_floats(&model->shape, seq), sizeof *memory);
    uint8_t *is_changed = pc_alloc((size_t)model->components.n_writers, (size_t)seq);
    if (!memory || !is_changed) {
        free(is_changed);
        free(memory);
        return PC_ERR_NOMEM;
    }
    *out = pc_change_at(model, seq, memory);
    out->is_changed = is_changed;
    return PC_OK;
}

void pc_change_free(pc_change *change)
{
    free(change->is_changed);
    free(change->memory);
    *change = (pc_change){0};
}

static bool has_any(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] != 0) return true; /* NaN too */
    return false;
}

void pc_change_mark(pc_change *change, const pc_model *model, int seq)
{
    const pc_shape *s = &model->shape;
    const int64_t d = s->d_model, q = pc_q_width(s);
    for (int u = 0; u < model->components.n_writers; u++) {
        const pc_writer *w = &model->components.writers[u];
        for (int p = 0; p < seq; p++) {
            const int64_t at = (int64_t)w->layer * seq + p;
            bool is_changed = false;
            if (w->kind == PC_WRITER_INPUT) is_changed = has_any(change->input + p * d, d);
            if (w->kind == PC_WRITER_HEAD)
                is_changed = has_any(change->z + at * q + w->head * s->d_head, s->d_head);
            if (w->kind == PC_WRITER_MLP) is_changed = has_any(change->m + at * d, d);
            change->is_changed[(int64_t)u * seq + p] = is_changed;
        }
    }
}

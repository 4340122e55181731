/* Means over clean prompts, in prompt order: a sum must not depend on who computed what. */
#include "patch/engine_means.h"

#include "base/memory.h"
#include "kernels/linear.h"

#include <stdlib.h>
#include <string.h>

static void add_row(double *to, const float *from, int64_t width)
{
    for (int64_t i = 0; i < width; i++)
        to[i] += (double)from[i];
}

static void add_position(pc_engine_means *m, const pc_base_run *run, const pc_shape *s, int64_t t,
                         int64_t at)
{
    const int64_t d = s->d_model, q = pc_q_width(s), d_mlp = s->d_mlp, n = m->n_positions;
    add_row(m->input + at * d, run->input + t * d, d);
    for (int64_t layer = 0; layer < s->n_layers; layer++) {
        const pc_base_layer *l = &run->layers[layer];
        add_row(m->z + (layer * n + at) * q, l->z + t * q, q);
        if (d_mlp == 0) continue;
        add_row(m->m + (layer * n + at) * d, l->m + t * d, d);
        add_row(m->act + (layer * n + at) * d_mlp, l->act + t * d_mlp, d_mlp);
    }
}

/* A BOS in front is left out of means over positions. */
static void add_prompt(pc_engine_means *m, int64_t *counts, const pc_base_run *run,
                       const pc_shape *s, bool has_bos)
{
    const bool is_positional = m->n_positions > 1;
    for (int64_t t = has_bos && !is_positional; t < run->seq; t++) {
        const int64_t at = is_positional ? t : 0;
        add_position(m, run, s, t, at);
        counts[at]++;
    }
}

static void divide(double *sums, int64_t n_blocks, int n_positions, int64_t width,
                   const int64_t *counts)
{
    for (int64_t block = 0; block < n_blocks; block++)
        for (int64_t p = 0; p < n_positions; p++)
            for (int64_t i = 0; i < width; i++)
                sums[(block * n_positions + p) * width + i] /= (double)counts[p];
}

static pc_status average(pc_engine_means *m, int64_t *counts, const pc_engine_weights *w,
                         const pc_task *task, pc_keep_going_fn keep_going, void *payload)
{
    const pc_shape *s = &w->model->shape;
    for (int i = 0; i < pc_task_n(task); i++) {
        const pc_prompt *pair = pc_task_prompt(task, i);
        pc_base_run run;
        if (keep_going && !keep_going(payload))
            return pc_fail(PC_ERR_INTERRUPTED, "stopped while measuring");
        PC_TRY(pc_base_run_new(&run, NULL, w, pair->clean, pair->n_tokens));
        add_prompt(m, counts, &run, s, pair->clean[0] == pc_task_bos(task));
        pc_base_run_free(&run);
    }
    if (counts[0] == 0)
        return pc_fail(PC_ERR_INPUT, "source mean: the prompts have no token besides BOS");
    divide(m->input, 1, m->n_positions, s->d_model, counts);
    divide(m->z, s->n_layers, m->n_positions, pc_q_width(s), counts);
    divide(m->m, s->n_layers, m->n_positions, s->d_model, counts);
    divide(m->act, s->n_layers, m->n_positions, s->d_mlp, counts);
    return PC_OK;
}

/* ---- the twin's form: what heads write is z W_O ---- */

static void project_heads(double *writers, float *buffer, const pc_engine_means *m,
                          const pc_model *model)
{
    const pc_shape *s = &model->shape;
    const int64_t d = s->d_model, size = s->d_head * d, q = pc_q_width(s), n = m->n_positions;
    for (int layer = 0; layer < s->n_layers; layer++)
        for (int head = 0; head < s->n_heads; head++) {
            const float *w = pc_model_matrix(buffer, model, PC_W_O, layer, head * size, size);
            const int writer = pc_writer_of_head(&model->components, layer, head);
            for (int64_t p = 0; p < n; p++)
                pc_ref_linear(writers + (writer * n + p) * d,
                              m->z + (layer * n + p) * q + (int64_t)head * s->d_head, w, NULL, 1,
                              s->d_head, d);
        }
}

static pc_status convert(pc_means *out, const pc_engine_means *m, const pc_model *model)
{
    const pc_shape *s = &model->shape;
    const pc_components *c = &model->components;
    const size_t row = (size_t)m->n_positions * (size_t)s->d_model;
    const size_t acts = (size_t)s->n_layers * (size_t)m->n_positions * (size_t)s->d_mlp;
    float *buffer = pc_alloc((size_t)s->d_head, (size_t)s->d_model * sizeof *buffer);
    out->n_positions = m->n_positions;
    out->writers = pc_alloc((size_t)c->n_writers, row * sizeof *out->writers);
    out->acts = pc_alloc(acts, sizeof *out->acts);
    const bool has_all = buffer && out->writers && out->acts;
    if (has_all) {
        memcpy(out->writers, m->input, row * sizeof *out->writers);
        project_heads(out->writers, buffer, m, model);
        for (int layer = 0; s->d_mlp && layer < s->n_layers; layer++)
            memcpy(out->writers + (size_t)pc_writer_of_mlp(c, layer) * row,
                   m->m + (size_t)layer * row, row * sizeof *out->writers);
        if (acts) memcpy(out->acts, m->act, acts * sizeof *out->acts);
    }
    free(buffer);
    return has_all ? PC_OK : PC_ERR_NOMEM;
}

pc_status pc_engine_means_new(pc_engine_means *out, pc_means *for_twin, const pc_engine_weights *w,
                              const pc_task *task, pc_source source, pc_keep_going_fn keep_going,
                              void *payload)
{
    const pc_shape *s = &w->model->shape;
    out->n_positions = source == PC_SOURCE_MEAN_POSITIONAL ? pc_task_longest(task) : 1;
    const size_t n = (size_t)out->n_positions, layers = (size_t)s->n_layers;
    out->input = pc_alloc(n * (size_t)s->d_model, sizeof(double));
    out->z = pc_alloc(layers * n * (size_t)pc_q_width(s), sizeof(double));
    out->m = pc_alloc(layers * n * (size_t)s->d_model, sizeof(double));
    out->act = pc_alloc(layers * n * (size_t)s->d_mlp, sizeof(double));
    int64_t *counts = pc_alloc(n, sizeof *counts);
    pc_status status = out->input && out->z && out->m && out->act && counts ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = average(out, counts, w, task, keep_going, payload);
    if (status == PC_OK) status = convert(for_twin, out, w->model);
    free(counts);
    return status;
}

void pc_engine_means_free(pc_engine_means *m, pc_means *for_twin)
{
    free(for_twin->acts);
    free(for_twin->writers);
    free(m->act);
    free(m->m);
    free(m->z);
    free(m->input);
}

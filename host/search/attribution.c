/* Direct logit attribution and the logit lens, from the twin's run. */
#include "patchclamp/attribute.h"

#include "base/file.h"
#include "base/memory.h"
#include "patch/evaluator.h"
#include "patch/twin.h"
#include "search/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_BIASES = 3 };
static const char *const bias_names[N_BIASES] = {"b_O", "ln_final.b", "b_U"};

struct pc_attribution {
    const pc_model *model;
    int n_prompts, n_rows, n_lens;
    double *rows;  /* (n_rows, n_prompts) */
    double *lens;  /* (n_lens, n_prompts) */
    double *total; /* (n_prompts) */
    char (*lens_names)[32];
};

/* One prompt's work. */
typedef struct attributor {
    const pc_model *model;
    const pc_task *task;
    pc_metric metric;
    pc_attribution *out;
    pc_twin *twin;
    pc_run run;
    float *widened;       /* (d_model) */
    double *read, *x, *y; /* (d_model) w; streams */
    double bias;          /* w's share of b_U */
} attributor;

/* ---- norms with a given scale ---- */

static double mean_of(const double *x, int64_t d)
{
    double sum = 0;
    for (int64_t i = 0; i < d; i++)
        sum += x[i];
    return sum / (double)d;
}

/* What a norm divides by. */
static double scale_of(const double *x, const pc_shape *s)
{
    const double centre = s->norm == PC_NORM_LAYER ? mean_of(x, s->d_model) : 0;
    double sum = 0;
    if (s->norm == PC_NORM_NONE) return 1;
    for (int64_t i = 0; i < s->d_model; i++)
        sum += (x[i] - centre) * (x[i] - centre);
    return sqrt(sum / (double)s->d_model + s->norm_eps);
}

/* x becomes its share of a norm's output with the scale held: no bias. */
static void apply_gain(double *x, const pc_model *model, pc_weight gain, int layer, double scale)
{
    const pc_shape *s = &model->shape;
    const float *g = pc_model_vector(model, gain, layer);
    const double offset = s->norm == PC_NORM_RMS ? s->norm_gain_offset : 0;
    const double centre = s->norm == PC_NORM_LAYER ? mean_of(x, s->d_model) : 0;
    if (s->norm == PC_NORM_NONE) return;
    for (int64_t i = 0; i < s->d_model; i++)
        x[i] = (g ? (double)g[i] + offset : 1) * (x[i] - centre) / scale;
}

static double dot(const double *a, const double *b, int64_t d)
{
    double sum = 0;
    for (int64_t i = 0; i < d; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add(double *to, const double *from, int64_t d)
{
    for (int64_t i = 0; i < d; i++)
        to[i] += from[i];
}

static void add_vector(double *to, const float *from, int64_t d)
{
    for (int64_t i = 0; from && i < d; i++)
        to[i] += (double)from[i];
}

/* ---- a target ---- */

static void add_tokens(attributor *a, const int32_t *tokens, int n, double sign)
{
    const int64_t d = a->model->shape.d_model;
    const float *bias = pc_model_vector(a->model, PC_B_U, 0);
    for (int t = 0; t < n; t++) {
        const float *row = pc_model_matrix(a->widened, a->model, PC_W_U, 0, tokens[t] * d, d);
        for (int64_t i = 0; i < d; i++)
            a->read[i] += sign / n * (double)row[i];
        if (bias) a->bias += sign / n * (double)bias[tokens[t]];
    }
}

static void set_read(attributor *a, const pc_target *target)
{
    memset(a->read, 0, (size_t)a->model->shape.d_model * sizeof *a->read);
    a->bias = 0;
    add_tokens(a, target->answers, target->n_answers, 1);
    if (a->metric == PC_METRIC_LOGIT_DIFF)
        add_tokens(a, target->wrong_answers, target->n_wrong_answers, -1);
}

static const double *written(const attributor *a, int writer, int position)
{
    return pc_run_writer(&a->run, a->model, writer) + (int64_t)position * a->model->shape.d_model;
}

/* y = a layer's heads and b_O together, before a post-norm. */
static void sum_heads(attributor *a, int layer, int position)
{
    const pc_shape *s = &a->model->shape;
    memset(a->y, 0, (size_t)s->d_model * sizeof *a->y);
    for (int head = 0; head < s->n_heads; head++)
        add(a->y, written(a, pc_writer_of_head(&a->model->components, layer, head), position),
            s->d_model);
    add_vector(a->y, pc_model_vector(a->model, PC_B_O, layer), s->d_model);
}

static void add_layer(attributor *a, int layer, int position)
{
    const pc_shape *s = &a->model->shape;
    sum_heads(a, layer, position);
    if (s->has_post_norms) {
        apply_gain(a->y, a->model, PC_LN1_POST_W, layer, scale_of(a->y, s));
        add_vector(a->y, pc_model_vector(a->model, PC_LN1_POST_B, layer), s->d_model);
    }
    add(a->x, a->y, s->d_model);
    if (s->d_mlp)
        add(a->x, written(a, pc_writer_of_mlp(&a->model->components, layer), position), s->d_model);
}

/* The metric of a stream through the final norm. */
static double read_stream(attributor *a, const double *x)
{
    const pc_shape *s = &a->model->shape;
    memcpy(a->y, x, (size_t)s->d_model * sizeof *a->y);
    apply_gain(a->y, a->model, PC_LN_FINAL_W, 0, scale_of(x, s));
    add_vector(a->y, pc_model_vector(a->model, PC_LN_FINAL_B, 0), s->d_model);
    return dot(a->read, a->y, s->d_model) + a->bias;
}

/* x = the whole stream; fills the lens on the way. */
static double walk(attributor *a, int prompt, int position, double weight)
{
    const pc_shape *s = &a->model->shape;
    pc_attribution *out = a->out;
    memcpy(a->x, written(a, 0, position), (size_t)s->d_model * sizeof *a->x);
    double metric = read_stream(a, a->x);
    out->lens[prompt] += weight * metric;
    for (int layer = 0; layer < s->n_layers; layer++) {
        add_layer(a, layer, position);
        metric = read_stream(a, a->x);
        out->lens[(int64_t)(layer + 1) * out->n_prompts + prompt] += weight * metric;
    }
    out->total[prompt] += weight * metric;
    return scale_of(a->x, s);
}

/* y through the final norm with the run's scale, into the logits. */
static double share_of(attributor *a, double scale)
{
    apply_gain(a->y, a->model, PC_LN_FINAL_W, 0, scale);
    return dot(a->read, a->y, a->model->shape.d_model);
}

static void put(attributor *a, int row, int prompt, double value)
{
    a->out->rows[(int64_t)row * a->out->n_prompts + prompt] += value;
}

static void attribute_heads(attributor *a, int layer, int prompt, int position, double scale,
                            double weight)
{
    const pc_shape *s = &a->model->shape;
    const int n_writers = a->model->components.n_writers;
    const size_t bytes = (size_t)s->d_model * sizeof *a->y;
    sum_heads(a, layer, position);
    const double post = s->has_post_norms ? scale_of(a->y, s) : 1;
    for (int head = 0; head <= s->n_heads; head++) { /* the last is b_O */
        const bool is_bias = head == s->n_heads;
        const int row = is_bias ? n_writers : pc_writer_of_head(&a->model->components, layer, head);
        if (is_bias) memset(a->y, 0, bytes);
        else memcpy(a->y, written(a, row, position), bytes);
        if (is_bias) add_vector(a->y, pc_model_vector(a->model, PC_B_O, layer), s->d_model);
        if (s->has_post_norms) apply_gain(a->y, a->model, PC_LN1_POST_W, layer, post);
        if (is_bias && s->has_post_norms)
            add_vector(a->y, pc_model_vector(a->model, PC_LN1_POST_B, layer), s->d_model);
        put(a, row, prompt, weight * share_of(a, scale));
    }
}

static void attribute_target(attributor *a, int prompt, const pc_target *target, double weight)
{
    const pc_shape *s = &a->model->shape;
    const pc_components *c = &a->model->components;
    const size_t bytes = (size_t)s->d_model * sizeof *a->y;
    set_read(a, target);
    const double scale = walk(a, prompt, target->position, weight);
    memcpy(a->y, written(a, 0, target->position), bytes);
    put(a, 0, prompt, weight * share_of(a, scale));
    for (int layer = 0; layer < s->n_layers; layer++) {
        attribute_heads(a, layer, prompt, target->position, scale, weight);
        if (!s->d_mlp) continue;
        memcpy(a->y, written(a, pc_writer_of_mlp(c, layer), target->position), bytes);
        put(a, pc_writer_of_mlp(c, layer), prompt, weight * share_of(a, scale));
    }
    memset(a->y, 0, bytes);
    add_vector(a->y, pc_model_vector(a->model, PC_LN_FINAL_B, 0), s->d_model);
    put(a, c->n_writers + 1, prompt, weight * dot(a->read, a->y, s->d_model));
    put(a, c->n_writers + 2, prompt, weight * a->bias);
}

static pc_status attribute_prompt(attributor *a, int i)
{
    const pc_prompt *prompt = pc_task_prompt(a->task, i);
    (void)pc_twin_run(&a->run, a->twin, prompt->clean, prompt->n_tokens, NULL);
    for (int t = 0; t < prompt->n_targets; t++)
        attribute_target(a, i, &prompt->targets[t], 1.0 / prompt->n_targets);
    if (isfinite(a->out->total[i])) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "prompt %d: the %s is not a finite number", i,
                   pc_metric_name(a->metric));
}

/* ---- the whole ---- */

static pc_status allocate(attributor *a)
{
    const size_t d = (size_t)a->model->shape.d_model;
    pc_attribution *out = a->out;
    out->model = a->model;
    out->n_prompts = pc_task_n(a->task);
    out->n_rows = a->model->components.n_writers + N_BIASES;
    out->n_lens = a->model->shape.n_layers + 1;
    const size_t n = (size_t)out->n_prompts;
    out->rows = pc_alloc((size_t)out->n_rows * n, sizeof *out->rows);
    out->lens = pc_alloc((size_t)out->n_lens * n, sizeof *out->lens);
    out->total = pc_alloc(n, sizeof *out->total);
    out->lens_names = pc_alloc((size_t)out->n_lens, sizeof *out->lens_names);
    a->widened = pc_alloc(d, sizeof *a->widened);
    a->read = pc_alloc(d, sizeof *a->read);
    a->x = pc_alloc(d, sizeof *a->x);
    a->y = pc_alloc(d, sizeof *a->y);
    if (!out->rows || !out->lens || !out->total || !out->lens_names) return PC_ERR_NOMEM;
    if (!a->widened || !a->read || !a->x || !a->y) return PC_ERR_NOMEM;
    snprintf(out->lens_names[0], sizeof *out->lens_names, "0.resid_pre");
    for (int i = 1; i < out->n_lens; i++)
        snprintf(out->lens_names[i], sizeof *out->lens_names, "%d.resid_post", i - 1);
    PC_TRY(pc_twin_new(&a->twin, a->model, pc_task_longest(a->task)));
    return pc_run_new(&a->run, a->model, pc_task_longest(a->task));
}

pc_status pc_attribute(pc_attribution **out, const pc_model *model, const pc_task *task,
                       pc_metric metric)
{
    const pc_evaluator_options options = {.metric = metric};
    *out = NULL;
    if (metric != PC_METRIC_LOGIT_DIFF && metric != PC_METRIC_LOGIT)
        return pc_fail(PC_ERR_INPUT,
                       "%s is not linear in the logits: attribution needs logit-diff or logit",
                       pc_metric_name(metric));
    PC_TRY(pc_evaluator_check(model, task, &options));
    attributor a = {.model = model, .task = task, .metric = metric};
    a.out = pc_alloc(1, sizeof *a.out);
    pc_status status = a.out ? allocate(&a) : PC_ERR_NOMEM;
    for (int i = 0; i < pc_task_n(task) && status == PC_OK; i++)
        status = attribute_prompt(&a, i);
    pc_run_free(&a.run);
    pc_twin_free(a.twin);
    free(a.y);
    free(a.x);
    free(a.read);
    free(a.widened);
    if (status == PC_OK) *out = a.out;
    else pc_attribution_free(a.out);
    return status;
}

void pc_attribution_free(pc_attribution *a)
{
    if (!a) return;
    free(a->lens_names);
    free(a->total);
    free(a->lens);
    free(a->rows);
    free(a);
}

static pc_attribution_row row_of(const pc_attribution *a, const char *name, const double *values)
{
    return (pc_attribution_row){name, pc_mean(values, a->n_prompts),
                                pc_standard_error(values, a->n_prompts), values};
}

int pc_attribution_n(const pc_attribution *a)
{
    return a->n_rows;
}

pc_attribution_row pc_attribution_at(const pc_attribution *a, int i)
{
    const pc_components *c = &a->model->components;
    const char *name = i < c->n_writers ? c->writers[i].name : bias_names[i - c->n_writers];
    return row_of(a, name, a->rows + (int64_t)i * a->n_prompts);
}

int pc_attribution_n_lens(const pc_attribution *a)
{
    return a->n_lens;
}

pc_attribution_row pc_attribution_lens(const pc_attribution *a, int i)
{
    return row_of(a, a->lens_names[i], a->lens + (int64_t)i * a->n_prompts);
}

int pc_attribution_n_prompts(const pc_attribution *a)
{
    return a->n_prompts;
}

pc_attribution_row pc_attribution_total(const pc_attribution *a)
{
    return row_of(a, "total", a->total);
}

double pc_attribution_gap(const pc_attribution *a)
{
    double gap = 0;
    for (int p = 0; p < a->n_prompts; p++) {
        double sum = 0;
        for (int i = 0; i < a->n_rows; i++)
            sum += a->rows[(int64_t)i * a->n_prompts + p];
        gap = fmax(gap, fabs(sum - a->total[p]));
    }
    return gap;
}

static void put_row(pc_text *t, const char *kind, const pc_attribution_row *row, int n)
{
    pc_text_printf(t, "%s,%s,", kind, row->name);
    pc_text_put_number(t, row->mean);
    pc_text_put(t, ",");
    pc_text_put_number(t, row->stderr_);
    pc_text_printf(t, ",%d\n", n);
}

pc_status pc_attribution_write_csv(const pc_attribution *a, const char *path)
{
    pc_text text = {0};
    pc_text_put(&text, "kind,name,mean,stderr,n\n");
    for (int i = 0; i < a->n_rows; i++) {
        const pc_attribution_row row = pc_attribution_at(a, i);
        put_row(&text, "component", &row, a->n_prompts);
    }
    for (int i = 0; i < a->n_lens; i++) {
        const pc_attribution_row row = pc_attribution_lens(a, i);
        put_row(&text, "lens", &row, a->n_prompts);
    }
    pc_status status = pc_text_status(&text);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}

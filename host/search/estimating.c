/* Estimates as methods of a search. */
#include "search/estimating.h"

#include "base/memory.h"
#include "base/text.h"
#include "grad/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- where gradients are taken ---- */

/* How many points a method has, and the i-th of them. */
typedef struct estimate_method {
    const char *name;
    int (*count)(const pc_find_options *options, const pc_model *model);
    pc_grad_point (*point)(int i, int n_steps, pc_ig_rule rule, const pc_model *model);
    pc_gradient_rule rule;
    pc_ig_rule ig_rule; /* unless the options say another; PC_IG_DEFAULT: it has no steps */
} estimate_method;

static pc_ig_rule ig_rule_of(const estimate_method *m, const pc_find_options *options)
{
    return options->ig_rule == PC_IG_DEFAULT ? m->ig_rule : options->ig_rule;
}

static int one(const pc_find_options *options, const pc_model *model)
{
    (void)options, (void)model;
    return 1;
}

static int two(const pc_find_options *options, const pc_model *model)
{
    (void)options, (void)model;
    return 2;
}

static int steps(const pc_find_options *options, const pc_model *model)
{
    (void)model;
    return options->ig_steps;
}

/* The input, then of each layer its heads and its MLP. */
static int n_groups(const pc_model *model)
{
    return 1 + model->shape.n_layers * (model->shape.d_mlp ? 2 : 1);
}

static int steps_of_groups(const pc_find_options *options, const pc_model *model)
{
    return options->ig_steps * n_groups(model);
}

static pc_grad_point at_base(int i, int n_steps, pc_ig_rule rule, const pc_model *model)
{
    (void)i, (void)n_steps, (void)rule, (void)model;
    return (pc_grad_point){.held = PC_HELD_INPUT, .layer = -1, .weight = 1, .dropped = -1};
}

static pc_grad_point at_both(int i, int n_steps, pc_ig_rule rule, const pc_model *model)
{
    pc_grad_point p = at_base(i, n_steps, rule, model);
    p.at = i;
    p.weight = 0.5;
    return p;
}

/* How far from the base a step is: 1 - t. */
static double step_at(int i, int m, pc_ig_rule rule)
{
    const double shift = rule == PC_IG_LEFT ? 0 : rule == PC_IG_RIGHT ? 1 : 0.5;
    return (m - i - shift) / m;
}

static pc_grad_point along_inputs(int i, int n_steps, pc_ig_rule rule, const pc_model *model)
{
    pc_grad_point p = at_base(i, n_steps, rule, model);
    p.at = step_at(i, n_steps, rule);
    p.weight = 1.0 / n_steps;
    return p;
}

static pc_grad_point along_outputs(int i, int n_steps, pc_ig_rule rule, const pc_model *model)
{
    const int group = i / n_steps, per_layer = model->shape.d_mlp ? 2 : 1;
    pc_grad_point p = along_inputs(i % n_steps, n_steps, rule, model);
    p.weight /= n_groups(model);
    if (group == 0) return p;
    p.held = (group - 1) % per_layer ? PC_HELD_MLP : PC_HELD_HEADS;
    p.layer = (group - 1) / per_layer;
    return p;
}

static const estimate_method methods[] = {
    {"eap", one, at_base, PC_GRADIENT, PC_IG_DEFAULT},
    {"eap-ig", steps, along_inputs, PC_GRADIENT, PC_IG_LEFT},
    {"eap-ig-activations", steps_of_groups, along_outputs, PC_GRADIENT, PC_IG_RIGHT},
    {"clean-corrupted", two, at_both, PC_GRADIENT, PC_IG_DEFAULT},
    {"relp", one, at_base, PC_RELEVANCE, PC_IG_DEFAULT},
};
enum { N_METHODS = sizeof methods / sizeof *methods };

static const estimate_method *method_of(const char *name)
{
    for (int i = 0; i < N_METHODS; i++)
        if (strcmp(methods[i].name, name) == 0) return &methods[i];
    return NULL;
}

bool pc_is_estimate(const char *method)
{
    return method_of(method) != NULL;
}

const char *pc_estimate_names(void)
{
    return "eap, eap-ig, eap-ig-activations, clean-corrupted, relp";
}

/* ---- options ---- */

static const struct {
    pc_ig_rule rule;
    const char *name;
} rules[] = {{PC_IG_DEFAULT, "default"},
             {PC_IG_LEFT, "left"},
             {PC_IG_RIGHT, "right"},
             {PC_IG_MIDPOINT, "midpoint"}};

pc_status pc_ig_rule_parse(pc_ig_rule *out, const char *name)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcmp(rules[i].name, name) == 0) {
            *out = rules[i].rule;
            return PC_OK;
        }
    return pc_fail(PC_ERR_INPUT, "ig-rule \"%.40s\", expected default, left, right or midpoint",
                   name);
}

const char *pc_ig_rule_name(pc_ig_rule rule)
{
    return rules[rule].name;
}

pc_status pc_estimating_check(const char *method, const pc_find_options *o)
{
    const estimate_method *m = method_of(method);
    if (!m)
        return pc_fail(PC_ERR_INPUT, "estimate \"%.40s\" does not exist, expected one of %s",
                       method, pc_estimate_names());
    if (m->ig_rule && o->ig_steps < 1)
        return pc_fail(PC_ERR_INPUT, "ig-steps is %d, expected at least 1", o->ig_steps);
    if (o->n_checked < 0)
        return pc_fail(PC_ERR_INPUT, "check is %lld, expected 0 or more", (long long)o->n_checked);
    return PC_OK;
}

pc_ig_rule pc_estimating_ig_rule(const char *method, const pc_find_options *options)
{
    const estimate_method *m = method_of(method);
    return m && m->ig_rule ? ig_rule_of(m, options) : PC_IG_DEFAULT;
}

void pc_estimating_add_facts(pc_run_facts *facts, const pc_find_options *o, char room[3][32])
{
    const bool is_hybrid = strcmp(o->method, "hybrid") == 0;
    const estimate_method *m = method_of(is_hybrid ? o->estimate : o->method);
    if (!m) return;
    if (m->ig_rule) {
        pc_run_facts_add(facts, "ig_steps", pc_format_number(room[0], o->ig_steps));
        pc_run_facts_add(facts, "ig_rule", pc_ig_rule_name(ig_rule_of(m, o)));
    }
    if (is_hybrid) {
        pc_run_facts_add(facts, "estimate", o->estimate);
        pc_run_facts_add(facts, "candidates", pc_format_number(room[1], (double)o->n_candidates));
    } else {
        pc_run_facts_add(facts, "check", pc_format_number(room[2], (double)o->n_checked));
    }
}

/* ---- running ---- */

/* Who is told, and who is asked. */
typedef struct asking {
    const pc_watch *watch;
    pc_keep_going_fn keep_going;
    void *payload;
} asking;

static void tell(void *payload, int n_done, int n_all)
{
    const asking *a = payload;
    const pc_progress progress = {
        .phase = "estimating", .unit = "prompts", .n_done = n_done, .n_all = n_all};
    if (a->watch->progress) (void)a->watch->progress(&progress, a->watch->payload);
}

static bool goes_on(void *payload)
{
    const asking *a = payload;
    return !a->keep_going || a->keep_going(a->payload);
}

static void take(pc_effect *out, const pc_estimates *from)
{
    for (int64_t i = 0; i < from->n; i++)
        out[i] = (pc_effect){.mean = from->mean[i],
                             .standard_error = from->standard_error[i],
                             .n = from->n_prompts,
                             .is_touched = true};
}

static pc_grad_scores scores_of(pc_level level)
{
    return level == PC_LEVEL_EDGE   ? PC_GRAD_EDGES
           : level == PC_LEVEL_NODE ? PC_GRAD_WRITERS
                                    : PC_GRAD_NEURONS;
}

static pc_status estimate_at(pc_effect *effects, pc_effect *node_effects,
                             const pc_candidates *candidates, const pc_task *task,
                             const pc_estimate_options *options)
{
    pc_estimates found, writers = {0};
    PC_TRY(pc_estimate(&found, node_effects ? &writers : NULL, candidates->model, task, options));
    take(effects, &found);
    if (node_effects) take(node_effects, &writers);
    pc_estimates_free(&writers);
    pc_estimates_free(&found);
    return PC_OK;
}

pc_status pc_estimating(pc_effect *effects, pc_effect *node_effects,
                        const pc_candidates *candidates, const char *method, const pc_task *task,
                        const pc_find_options *options, const pc_watch *watch,
                        pc_keep_going_fn keep_going, void *payload)
{
    const estimate_method *m = method_of(method);
    const int n = m->count(options, candidates->model);
    asking ask = {watch, keep_going, payload};
    pc_grad_point *points = pc_alloc((size_t)n, sizeof *points);
    if (!points) return PC_ERR_NOMEM;
    for (int i = 0; i < n; i++)
        points[i] = m->point(i, options->ig_steps, ig_rule_of(m, options), candidates->model);
    const pc_estimate_options estimate = {.evaluation = &options->evaluation,
                                          .what = scores_of(candidates->level),
                                          .rule = m->rule,
                                          .points = points,
                                          .n_points = n,
                                          .keep_going = goes_on,
                                          .payload = &ask,
                                          .tell = tell};
    tell(&ask, 0, pc_task_n(task));
    const pc_status status = estimate_at(effects, node_effects, candidates, task, &estimate);
    free(points);
    return status;
}

/* ---- hybrid ---- */

int64_t pc_hybrid_candidates(const pc_find_options *o, int64_t n)
{
    int64_t wanted = o->n_candidates;
    if (wanted == 0) {
        wanted = n / 10;
        if (o->selection == PC_SELECT_TOP && wanted < 4 * o->top) wanted = 4 * o->top;
        if (wanted < 50) wanted = 50;
    }
    return wanted < n ? wanted : n;
}

typedef struct strength {
    double size;
    int64_t index;
} strength;

static int by_strength(const void *a, const void *b)
{
    const strength *x = a, *y = b;
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int by_index(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The n_chosen strongest, in component order. */
static pc_status choose(int64_t *indices, int64_t n_chosen, const pc_effect *effects, int64_t n)
{
    strength *rows = pc_alloc((size_t)n, sizeof *rows);
    if (!rows) return PC_ERR_NOMEM;
    for (int64_t i = 0; i < n; i++)
        rows[i] = (strength){fabs(effects[i].mean), i};
    qsort(rows, (size_t)n, sizeof *rows, by_strength);
    for (int64_t i = 0; i < n_chosen; i++)
        indices[i] = rows[i].index;
    qsort(indices, (size_t)n_chosen, sizeof *indices, by_index);
    free(rows);
    return PC_OK;
}

pc_status pc_measure_strongest(pc_effect *effects, int64_t n_measured,
                               const pc_candidates *candidates, pc_journal *journal,
                               const pc_watch *watch)
{
    int64_t *indices = pc_alloc((size_t)n_measured, sizeof *indices);
    pc_effect *measured = pc_alloc((size_t)n_measured, sizeof *measured);
    pc_status status = indices && measured ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = choose(indices, n_measured, effects, candidates->n);
    if (status == PC_OK)
        status =
            pc_sweep_chosen(measured, indices, n_measured, candidates, "measuring", journal, watch);
    for (int64_t i = 0; i < candidates->n && status == PC_OK; i++)
        effects[i] = (pc_effect){0};
    for (int64_t i = 0; i < n_measured && status == PC_OK; i++) {
        effects[indices[i]] = measured[i];
        effects[indices[i]].is_ahead = true;
    }
    free(measured);
    free(indices);
    return status;
}

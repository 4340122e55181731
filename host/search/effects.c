/* Measuring a list of interventions, each under the settings that it asks for. */
#include "search/effects_private.h"

#include "base/digest.h"
#include "base/file.h"
#include "base/memory.h"
#include "patch/evaluator.h"
#include "patchclamp/version.h"
#include "search/faithfulness.h"
#include "search/provenance.h"
#include "search/run_facts.h"
#include "search/sweep_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The items that share settings are measured together. */
typedef struct effects_run {
    pc_effects *list;
    pc_model *model;
    const pc_task *task;
    const pc_effects_options *options;
    pc_watch watch;
    pc_progress last; /* what the user was told last */
    pc_journal journal;
    size_t *chosen; /* (n_chosen) the items at hand */
    size_t n_chosen;
} effects_run;

static bool has_settings(const pc_evaluator_options *a, const pc_evaluator_options *b)
{
    return a->source == b->source && a->direction == b->direction && a->metric == b->metric &&
           a->engine == b->engine;
}

/* ---- what can be known before anything runs ---- */

static pc_status check_positions(const pc_intervention *x, const pc_task *task)
{
    for (int p = 0; p < x->n_positions; p++)
        for (int i = 0; i < pc_task_n(task); i++) {
            pc_span span;
            PC_TRY(pc_position_find(&span, &x->positions[p], task, i));
        }
    return PC_OK;
}

static pc_status check_item(const pc_effects_item *item, const pc_model *model, const pc_task *task)
{
    const pc_evaluator_options *s = &item->settings;
    PC_TRY(pc_evaluator_check(model, task, s));
    if (item->intervention->needs_resample && s->source != PC_SOURCE_RESAMPLE)
        return pc_fail(PC_ERR_INPUT,
                       "q, k, v and patterns are taken from the other run: source must be "
                       "resample, not %s",
                       pc_source_name(s->source));
    return check_positions(item->intervention, task);
}

/* What the twin alone measures. */
static bool needs_twin(const pc_intervention *x)
{
    for (size_t i = 0; i < x->n_cuts; i++)
        if (x->cuts[i].kind == PC_PLACE_PATTERN) return true;
    return x->path.n_via > 0;
}

/* A failure of an item, with its place in front. */
static pc_status fail_at(const pc_effects *e, const pc_effects_item *item, pc_status status)
{
    if (e->path) return pc_fail_within(status, "%s:%d", e->path, item->line);
    return item->line ? pc_fail_within(status, "%s", item->name) : status;
}

static pc_status check(const effects_run *r)
{
    for (size_t i = 0; i < r->list->n; i++) {
        if (needs_twin(r->list->items[i].intervention))
            r->list->items[i].settings.engine = PC_ENGINE_TWIN;
        const pc_status status = check_item(&r->list->items[i], r->model, r->task);
        if (status != PC_OK) return fail_at(r->list, &r->list->items[i], status);
    }
    return PC_OK;
}

static pc_status check_touched(const pc_effects *e)
{
    for (size_t i = 0; i < e->n; i++) {
        const pc_effects_item *item = &e->items[i];
        if (item->effect.is_touched || item->line == 0) continue;
        pc_fail(PC_ERR_INPUT, "\"%.120s\" touches nothing on any prompt", item->name);
        return e->path ? fail_at(e, item, PC_ERR_INPUT) : PC_ERR_INPUT;
    }
    return PC_OK;
}

/* ---- the run ---- */

static bool tell(const pc_progress *progress, void *payload)
{
    effects_run *r = payload;
    r->last = *progress;
    return !r->options->progress || r->options->progress(progress, r->options->payload);
}

static bool keep_going(void *payload)
{
    effects_run *r = payload;
    return !r->options->progress || r->options->progress(&r->last, r->options->payload);
}

/* The list's digest: names, canonical interventions and settings, in order. */
static pc_status digest(char hex[PC_DIGEST_CHARS], const pc_effects *e)
{
    pc_text text = {0};
    for (size_t i = 0; i < e->n; i++) {
        const pc_evaluator_options *s = &e->items[i].settings;
        pc_text_put_json_string(&text, e->items[i].name);
        pc_text_printf(&text, " %s | %s %s %s\n", e->items[i].key, pc_source_name(s->source),
                       pc_direction_name(s->direction), pc_metric_name(s->metric));
    }
    pc_status status = pc_text_status(&text);
    if (status == PC_OK) status = pc_digest_bytes(hex, text.data, text.length);
    pc_text_free(&text);
    return status;
}

static pc_status open_store(effects_run *r)
{
    char hex[PC_DIGEST_CHARS];
    pc_run_facts facts;
    PC_TRY(digest(hex, r->list));
    PC_TRY(pc_run_facts_init(&facts, r->model, r->task, &r->options->evaluation));
    pc_run_facts_add(&facts, "interventions", hex);
    return pc_run_open(&r->journal.store, r->options->directory, r->options->resume, &facts);
}

static pc_status make_item(pc_intervention **out, const void *payload, int64_t i)
{
    const effects_run *r = payload;
    *out = r->list->items[r->chosen[i]].intervention;
    return PC_OK;
}

static void choose(effects_run *r, const pc_evaluator_options *settings)
{
    r->n_chosen = 0;
    for (size_t i = 0; i < r->list->n; i++) {
        pc_effects_item *item = &r->list->items[i];
        if (item->is_measured || !has_settings(&item->settings, settings)) continue;
        item->is_measured = true;
        r->chosen[r->n_chosen++] = i;
    }
}

static void take_results(effects_run *r, const pc_effect *effects, const double *per_prompt,
                         const pc_scale *scale)
{
    const size_t width = (size_t)r->list->n_prompts;
    const bool has_scale = fabs(scale->one - scale->zero) > 2 * scale->gap_error;
    const double all = scale->direction == PC_DIRECTION_NOISE ? scale->zero - scale->one
                                                              : scale->one - scale->zero;
    for (size_t i = 0; i < r->n_chosen; i++) {
        pc_effects_item *item = &r->list->items[r->chosen[i]];
        item->effect = effects[i];
        item->effect.mean += 0.0; /* -0 becomes 0 */
        item->has_share = has_scale;
        item->share = has_scale ? item->effect.mean / all : 0;
        memcpy(r->list->per_prompt + r->chosen[i] * width, per_prompt + i * width,
               width * sizeof *per_prompt);
    }
}

static pc_sweep_list list_of(const effects_run *r)
{
    return (pc_sweep_list){.n = (int64_t)r->n_chosen,
                           .unit = "interventions",
                           .make = make_item,
                           .payload = r,
                           .is_lent = true};
}

static pc_status measure_chosen(effects_run *r, const pc_scale *scale)
{
    pc_sweep_list list = list_of(r);
    list.per_prompt = pc_alloc(r->n_chosen * (size_t)r->list->n_prompts, sizeof(double));
    pc_effect *effects = pc_alloc(r->n_chosen, sizeof *effects);
    pc_status status = list.per_prompt && effects ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = pc_sweep_list_measure(effects, &list, &r->journal, &r->watch);
    if (status == PC_OK) take_results(r, effects, list.per_prompt, scale);
    free(effects);
    free(list.per_prompt);
    return status;
}

/* "" for the run's own settings, which its database's facts name. */
static void put_suffix(char out[96], const effects_run *r, const pc_evaluator_options *s)
{
    *out = 0;
    if (has_settings(s, &r->options->evaluation)) return;
    strcat(strcat(out, " | "), pc_source_name(s->source));
    strcat(strcat(out, " "), pc_direction_name(s->direction));
    strcat(strcat(out, " "), pc_metric_name(s->metric));
    strcat(strcat(out, " "), pc_engine_name(s->engine));
}

static pc_status set_baseline(effects_run *r, const pc_scale *scale,
                              const pc_evaluator_options *settings)
{
    if (!has_settings(settings, &r->options->evaluation)) return PC_OK;
    return pc_provenance_set_baseline(r->list->run, scale);
}

/* Chooses the items with the settings of the one at `first`. */
static pc_evaluator_options choose_like(effects_run *r, size_t first)
{
    pc_evaluator_options settings = r->list->items[first].settings;
    settings.n_threads = r->options->evaluation.n_threads;
    settings.memory = r->options->evaluation.memory;
    settings.without = r->options->evaluation.without;
    choose(r, &settings);
    return settings;
}

static pc_status measure_like(effects_run *r, size_t first)
{
    char suffix[96];
    const pc_evaluator_options settings = choose_like(r, first);
    const pc_progress start = {
        .phase = "baseline", .unit = "prompts", .n_all = r->journal.n_prompts};
    pc_candidates nodes;
    pc_scale scale;
    put_suffix(suffix, r, &settings);
    r->journal.suffix = suffix;
    PC_TRY(pc_watch_tell(&r->watch, &start, &r->journal));
    PC_TRY(pc_evaluator_open_watched(&r->journal.evaluator, r->model, r->task, &settings,
                                     keep_going, r));
    PC_TRY(pc_candidates_init(&nodes, r->model, PC_LEVEL_NODE));
    PC_TRY(pc_scale_measure(&scale, &nodes, &r->journal, settings.direction));
    PC_TRY(set_baseline(r, &scale, &settings));
    if (r->options->directory && !r->journal.store) PC_TRY(open_store(r));
    PC_TRY(measure_chosen(r, &scale));
    pc_evaluator_free(r->journal.evaluator);
    r->journal.evaluator = NULL;
    return PC_OK;
}

static pc_status set_options(effects_run *r)
{
    const pc_evaluator_options *o = &r->options->evaluation;
    const struct {
        const char *key, *value;
    } pairs[] = {
        {"method", "exact"},
        {"source", pc_source_name(o->source)},
        {"direction", pc_direction_name(o->direction)},
        {"metric", pc_metric_name(o->metric)},
        {"profile", "native"},
        {"engine", pc_engine_name(o->engine)},
        {"precision", pc_provenance_precision(o)},
        {"embedding_node", "token and position"},
        {"kv_granularity", pc_kv_granularity_name(r->model->info.kv_granularity)},
        {"kl_reduction", "sum over the vocabulary"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        PC_TRY(pc_circuit_set_option(r->list->run, pairs[i].key, pairs[i].value));
    PC_TRY(pc_provenance_set_device(r->list->run, o));
    PC_TRY(pc_provenance_set_model(r->list->run, r->model));
    return pc_provenance_set_task(r->list->run, r->task);
}

static pc_status write_csv(const void *effects, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_effects_put_csv(&text, effects);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}

static pc_status write_json(const void *effects, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_effects_put_json(&text, effects);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}

static pc_status finish(effects_run *r)
{
    static const pc_run_file files[] = {{"run.json", write_json}, {"effects.csv", write_csv}};
    if (!r->journal.store) return PC_OK;
    PC_TRY(pc_store_flush(r->journal.store));
    PC_TRY(pc_run_write(r->options->directory, files, sizeof files / sizeof *files, r->list));
    return pc_store_close(r->journal.store);
}

static pc_status run(effects_run *r)
{
    PC_TRY(check(r));
    PC_TRY(pc_circuit_new(&r->list->run, pc_version()));
    PC_TRY(set_options(r));
    r->list->per_prompt = pc_alloc(r->list->n * (size_t)r->list->n_prompts, sizeof(double));
    r->chosen = pc_alloc(r->list->n, sizeof *r->chosen);
    if (!r->list->per_prompt || !r->chosen) return PC_ERR_NOMEM;
    if (pc_run_exists(r->options->directory)) PC_TRY(open_store(r));
    for (size_t i = 0; i < r->list->n; i++)
        if (!r->list->items[i].is_measured) PC_TRY(measure_like(r, i));
    PC_TRY(check_touched(r->list));
    return finish(r);
}

pc_status pc_effects_measure(pc_effects *list, pc_model *model, const pc_task *task,
                             const pc_effects_options *options)
{
    if (list->run) return pc_fail(PC_ERR_ARG, "these interventions have been measured already");
    list->n_prompts = pc_task_n(task);
    effects_run r = {.list = list,
                     .model = model,
                     .task = task,
                     .options = options,
                     .journal = {.model = model, .n_prompts = pc_task_n(task)}};
    r.watch = (pc_watch){tell, &r};
    const pc_status status = run(&r);
    pc_evaluator_free(r.journal.evaluator);
    pc_store_free(r.journal.store);
    free(r.chosen);
    return status;
}

static pc_status plan(pc_plan *out, effects_run *r, pc_plan_time time)
{
    PC_TRY(check(r));
    r->chosen = pc_alloc(r->list->n, sizeof *r->chosen);
    if (!r->chosen) return PC_ERR_NOMEM;
    for (size_t i = 0; i < r->list->n; i++) {
        pc_plan one;
        if (r->list->items[i].is_measured) continue;
        const pc_evaluator_options settings = choose_like(r, i);
        const pc_sweep_list list = list_of(r);
        PC_TRY(pc_sweep_plan(&one, &list, 1, r->model, r->task, &settings, time));
        pc_plan_join(out, &one);
    }
    return PC_OK;
}

pc_status pc_effects_plan(pc_plan *out, pc_effects *list, pc_model *model, const pc_task *task,
                          const pc_effects_options *options, pc_plan_time time)
{
    if (list->run) return pc_fail(PC_ERR_ARG, "these interventions have been measured already");
    effects_run r = {.list = list, .model = model, .task = task, .options = options};
    *out = (pc_plan){0};
    const pc_status status = plan(out, &r, time);
    for (size_t i = 0; i < list->n; i++)
        list->items[i].is_measured = false;
    free(r.chosen);
    return status;
}

int pc_effects_n(const pc_effects *e)
{
    return (int)e->n;
}

int pc_effects_n_prompts(const pc_effects *e)
{
    return e->n_prompts;
}

pc_effects_row pc_effects_at(const pc_effects *e, int i)
{
    const pc_effects_item *item = &e->items[i];
    return (pc_effects_row){
        .name = item->name,
        .key = item->key,
        .source = item->settings.source,
        .direction = item->settings.direction,
        .metric = item->settings.metric,
        .engine = item->settings.engine,
        .effect = item->effect.mean,
        .stderr_ = item->effect.standard_error,
        .share = item->share,
        .has_share = item->has_share,
        .is_touched = item->effect.is_touched,
        .effects = e->per_prompt ? e->per_prompt + (size_t)i * (size_t)e->n_prompts : NULL};
}

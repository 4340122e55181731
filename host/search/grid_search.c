/* pc_grid_measure: a sweep over layers, heads and positions. */
#include "patchclamp/grid.h"

#include "base/memory.h"
#include "graph/grid_private.h"
#include "patch/evaluator.h"
#include "patchclamp/version.h"
#include "search/grid_columns.h"
#include "search/provenance.h"
#include "search/run_facts.h"
#include "search/sweep_plan.h"
#include "search/sweep.h"

#include <stdlib.h>

typedef struct grid_search {
    pc_model *model;
    const pc_task *task;
    const pc_grid_options *options;
    pc_watch watch;
    pc_progress last; /* what the user was told last */
    pc_journal journal;
    pc_grid_columns columns;
    pc_place *places;   /* (n_heads) of the cell at hand */
    pc_effect *effects; /* as the grid's cells */
    pc_scale scale;
    pc_grid *grid;
} grid_search;

static const char *by_words(unsigned axes)
{
    static const char *const words[] = {"layer", "layer,head", "layer,position",
                                        "layer,head,position"};
    return words[(axes & PC_AXIS_HEAD ? 1 : 0) + (axes & PC_AXIS_POSITION ? 2 : 0)];
}

static pc_status check_axes(const pc_grid_options *o)
{
    if (!(o->axes & PC_AXIS_LAYER) || o->axes > (PC_AXIS_LAYER | PC_AXIS_HEAD | PC_AXIS_POSITION))
        return pc_fail(PC_ERR_ARG, "the axes must be layer, and perhaps head and position");
    if ((o->axes & PC_AXIS_HEAD) && !pc_site_has_heads(o->what))
        return pc_fail(PC_ERR_ARG, "%s has no heads: its axes are layer and position",
                       pc_site_name(o->what));
    if (o->positions && !(o->axes & PC_AXIS_POSITION))
        return pc_fail(PC_ERR_ARG, "positions are named, but position is not an axis");
    if (o->positions && o->n_positions < 1)
        return pc_fail(PC_ERR_ARG, "no position is named, expected at least one");
    return PC_OK;
}

static pc_status check_options(grid_search *s)
{
    const pc_grid_options *o = s->options;
    int n;
    PC_TRY(check_axes(o));
    if (pc_site_needs_resample(o->what) && o->evaluation.source != PC_SOURCE_RESAMPLE)
        return pc_fail(PC_ERR_INPUT,
                       "%s is taken from the other run: source must be resample, not %s",
                       pc_site_name(o->what), pc_source_name(o->evaluation.source));
    return pc_site_places(s->places, &n, &s->model->components, o->what, 0, -1);
}

static pc_status allocate(grid_search *s)
{
    const pc_components *c = &s->model->components;
    const pc_grid_options *o = s->options;
    PC_TRY(pc_grid_columns_init(&s->columns, s->task, o));
    PC_TRY(pc_grid_new(&s->grid, pc_version(), o->axes, c->n_layers, pc_site_heads(c, o->what),
                       s->columns.n));
    s->grid->has_kv_heads = pc_site_heads(c, o->what) < c->n_heads;
    s->effects = pc_alloc((size_t)(s->grid->n_layers * s->grid->n_heads),
                          (size_t)s->grid->n_positions * sizeof *s->effects);
    return s->effects ? pc_grid_columns_label(s->grid->positions, &s->columns, o->tokenizer)
                      : PC_ERR_NOMEM;
}

/* The intervention of a cell: the site's places of one head or all, at one position or all. */
static pc_status make_cell(pc_intervention **out, const void *payload, int64_t i)
{
    const grid_search *s = payload;
    const pc_components *c = &s->model->components;
    const int n_heads = s->grid->n_heads, n_positions = s->grid->n_positions;
    const int layer = (int)(i / n_positions / n_heads), head = (int)(i / n_positions % n_heads);
    const bool has_heads = pc_grid_has(s->grid, PC_AXIS_HEAD);
    int n;
    *out = NULL;
    PC_TRY(pc_site_places(s->places, &n, c, s->options->what, layer, has_heads ? head : -1));
    pc_intervention *made;
    PC_TRY(pc_intervention_cut_all(&made, c, s->places, (size_t)n));
    pc_status status = PC_OK;
    if (s->columns.positions)
        status = pc_intervention_set_positions(made, &s->columns.positions[i % n_positions], 1);
    if (status == PC_OK) *out = made;
    else pc_intervention_free(made);
    return status;
}

static pc_sweep_list cells_of(const grid_search *s)
{
    return (pc_sweep_list){.n =
                               (int64_t)s->grid->n_layers * s->grid->n_heads * s->grid->n_positions,
                           .unit = "cells",
                           .make = make_cell,
                           .payload = s};
}

static pc_status open_store(grid_search *s)
{
    const pc_grid_options *o = s->options;
    pc_run_facts facts;
    PC_TRY(pc_run_facts_init(&facts, s->model, s->task, &o->evaluation));
    pc_run_facts_add(&facts, "grid", pc_site_name(o->what));
    pc_run_facts_add(&facts, "grid_by", by_words(o->axes));
    pc_run_facts_add(&facts, "grid_positions", s->columns.words.data);
    pc_run_facts_add(&facts, "grid_spans", s->columns.spans);
    return pc_run_open(&s->journal.store, o->directory, o->resume, &facts);
}

/* Tells the user, and remembers it for the questions in between. */
static bool tell(const pc_progress *progress, void *payload)
{
    grid_search *s = payload;
    s->last = *progress;
    return !s->options->progress || s->options->progress(progress, s->options->payload);
}

static bool keep_going(void *payload)
{
    grid_search *s = payload;
    return !s->options->progress || s->options->progress(&s->last, s->options->payload);
}

/* Baselines, before any file is made. The scale is that of all nodes: every edge cut. */
static pc_status prepare(grid_search *s)
{
    const pc_progress start = {
        .phase = "baseline", .unit = "prompts", .n_all = s->journal.n_prompts};
    pc_candidates nodes;
    PC_TRY(pc_watch_tell(&s->watch, &start, &s->journal));
    PC_TRY(pc_evaluator_open_watched(&s->journal.evaluator, s->model, s->task,
                                     &s->options->evaluation, keep_going, s));
    PC_TRY(pc_candidates_init(&nodes, s->model, PC_LEVEL_NODE));
    return pc_scale_measure(&s->scale, &nodes, &s->journal, s->options->evaluation.direction);
}

static pc_status set_options(grid_search *s)
{
    const pc_grid_options *o = s->options;
    const struct {
        const char *key, *value;
    } pairs[] = {
        {"what", pc_site_name(o->what)},
        {"by", by_words(o->axes)},
        {"positions", s->columns.words.data},
        {"method", "exact"},
        {"source", pc_source_name(o->evaluation.source)},
        {"direction", pc_direction_name(o->evaluation.direction)},
        {"metric", pc_metric_name(o->evaluation.metric)},
        {"profile", "native"},
        {"engine", pc_engine_name(o->evaluation.engine)},
        {"precision", pc_provenance_precision(&o->evaluation)},
        {"embedding_node", "token and position"},
        {"kv_granularity", pc_kv_granularity_name(s->model->info.kv_granularity)},
        {"kl_reduction", "sum over the vocabulary"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        PC_TRY(pc_circuit_set_option(s->grid->run, pairs[i].key, pairs[i].value));
    return pc_provenance_set_device(s->grid->run, &o->evaluation);
}

static pc_status fill(grid_search *s)
{
    const int64_t n = (int64_t)s->grid->n_layers * s->grid->n_heads * s->grid->n_positions;
    PC_TRY(pc_provenance_set_model(s->grid->run, s->model));
    PC_TRY(pc_provenance_set_task(s->grid->run, s->task));
    PC_TRY(set_options(s));
    PC_TRY(pc_provenance_set_baseline(s->grid->run, &s->scale));
    for (int64_t i = 0; i < n; i++)
        s->grid->cells[i] = (pc_grid_cell){s->effects[i].mean + 0.0, /* -0 becomes 0 */
                                           s->effects[i].standard_error, !s->effects[i].is_touched};
    return PC_OK;
}

static pc_status write_json(const void *grid, const char *path)
{
    return pc_grid_write_json(grid, path);
}

static pc_status write_csv(const void *grid, const char *path)
{
    return pc_grid_write_csv(grid, path);
}

static pc_status write_svg(const void *grid, const char *path)
{
    return pc_grid_write_svg(grid, path);
}

static pc_status write_pdf(const void *grid, const char *path)
{
    return pc_grid_write_pdf(grid, path);
}

static pc_status finish(grid_search *s)
{
    static const pc_run_file files[] = {
        {"grid.json", write_json},
        {"grid.csv", write_csv},
        {"grid.svg", write_svg},
        {"grid.pdf", write_pdf}};
    if (!s->journal.store) return fill(s);
    PC_TRY(pc_store_flush(s->journal.store));
    PC_TRY(fill(s));
    PC_TRY(pc_run_write(s->options->directory, files, sizeof files / sizeof *files, s->grid));
    return pc_store_close(s->journal.store);
}

static pc_status run(grid_search *s)
{
    PC_TRY(check_options(s));
    PC_TRY(allocate(s));
    /* a run that is there already is accepted or refused at once; a new one begins when all is well
     */
    if (pc_run_exists(s->options->directory)) PC_TRY(open_store(s));
    PC_TRY(prepare(s));
    if (s->options->directory && !s->journal.store) PC_TRY(open_store(s));
    const pc_sweep_list cells = cells_of(s);
    PC_TRY(pc_sweep_list_measure(s->effects, &cells, &s->journal, &s->watch));
    return finish(s);
}

static pc_status begin(grid_search *s, pc_model *model, const pc_task *task,
                       const pc_grid_options *options)
{
    *s = (grid_search){.model = model,
                       .task = task,
                       .options = options,
                       .journal = {.model = model, .n_prompts = pc_task_n(task)}};
    s->watch = (pc_watch){tell, s};
    s->places = pc_alloc((size_t)model->components.n_heads, sizeof *s->places);
    return s->places ? PC_OK : PC_ERR_NOMEM;
}

static void end(grid_search *s)
{
    pc_evaluator_free(s->journal.evaluator);
    pc_store_free(s->journal.store);
    pc_grid_columns_free(&s->columns);
    free(s->effects);
    free(s->places);
}

pc_status pc_grid_measure(pc_grid **out, pc_model *model, const pc_task *task,
                          const pc_grid_options *options)
{
    *out = NULL;
    grid_search s;
    pc_status status = begin(&s, model, task, options);
    if (status == PC_OK) status = run(&s);
    if (status == PC_OK) *out = s.grid;
    else pc_grid_free(s.grid);
    end(&s);
    return status;
}

pc_status pc_grid_plan(pc_plan *out, pc_model *model, const pc_task *task,
                       const pc_grid_options *options, pc_plan_time time)
{
    grid_search s;
    pc_status status = begin(&s, model, task, options);
    if (status == PC_OK) status = check_options(&s);
    if (status == PC_OK) status = allocate(&s);
    if (status == PC_OK) {
        const pc_sweep_list cells = cells_of(&s);
        status = pc_sweep_plan(out, &cells, 1, model, task, &options->evaluation, time);
    }
    pc_grid_free(s.grid);
    end(&s);
    return status;
}

/* pc_find: measure, select, evaluate, write. */
#include "patchclamp/find.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "patch/evaluator.h"
#include "search/estimate_check.h"
#include "search/estimating.h"
#include "search/find_lists.h"
#include "search/greedy.h"
#include "search/held_out.h"
#include "search/prefix_curve.h"
#include "search/profile.h"
#include "search/racing.h"
#include "search/refine.h"
#include "search/report_private.h"
#include "search/report_notes.h"
#include "search/result.h"
#include "search/run_facts.h"
#include "search/significance.h"
#include "search/stability.h"
#include "search/sweep_plan.h"
#include "search/threshold_sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pc_status check_selection(const pc_find_options *o)
{
    if (o->selection == PC_SELECT_TOP && o->top < 1)
        return pc_fail(PC_ERR_INPUT, "top is %lld, expected at least 1", (long long)o->top);
    if (o->selection == PC_SELECT_THRESHOLD && !(o->threshold >= 0))
        return pc_fail(PC_ERR_INPUT, "threshold is %g, expected 0 or more", o->threshold);
    if (o->selection == PC_SELECT_FAITHFULNESS && !(o->faithfulness > 0 && o->faithfulness <= 1))
        return pc_fail(PC_ERR_INPUT, "faithfulness is %g, expected more than 0 and at most 1",
                       o->faithfulness);
    return PC_OK;
}

static pc_status open_store(pc_store **out, pc_model *model, const pc_task *task,
                            const pc_find_options *o, const pc_position_sweep *positions,
                            const pc_threshold_sweep *thresholds)
{
    pc_run_facts facts;
    PC_TRY(pc_find_facts(&facts, model, task, o, positions));
    pc_threshold_sweep_add_fact(&facts, thresholds);
    return pc_run_open(out, o->directory, o->resume, &facts);
}

/* ---- the search ---- */

/* A circuit on the search's prompts and on others. */
typedef struct evaluated {
    pc_held_out own, held_out[PC_MOST_HELD_OUT];
    pc_prefix_curve curve; /* of the ranking that it comes from */
} evaluated;

typedef struct search {
    pc_model *model;
    const pc_task *task;
    const pc_find_options *options;
    pc_watch watch;
    pc_progress last;   /* what the user was told last */
    pc_journal journal; /* of the sweeps; then of circuits, in float32 where sweeps are in less */
    bool is_refined;    /* they are */
    pc_refinement refinement;
    pc_threshold_sweep thresholds; /* of acdc */
    pc_greedy_told greedy;
    pc_estimate_check check;
    pc_candidates candidates, nodes;
    pc_effect *effects, *node_effects;
    double *per_prompt;    /* (n, n_prompts) the effects, where they are tested; until they were */
    int taken;             /* the threshold whose results stand in what follows */
    int64_t n_evaluations; /* of the candidates: interventions times prompts */
    pc_scale scale;
    pc_choice choice;
    pc_position_sweep positions;
    evaluated *evaluated; /* (n_circuits) */
} search;

static bool is_greedy(const pc_find_options *o)
{
    return strcmp(o->method, "greedy") == 0;
}

static bool is_acdc(const pc_find_options *o)
{
    return strcmp(o->method, "acdc") == 0;
}

/* Thresholds have one each. */
static int n_circuits(const search *s)
{
    return s->options->n_thresholds > 0 ? s->options->n_thresholds : 1;
}

static pc_status allocate(search *s)
{
    PC_TRY(pc_candidates_init(&s->candidates, s->model, s->options->level));
    s->candidates.pruning = s->options->pruning;
    PC_TRY(pc_candidates_init(&s->nodes, s->model, PC_LEVEL_NODE));
    if (is_acdc(s->options))
        PC_TRY(pc_threshold_sweep_init(&s->thresholds, s->options, &s->candidates));
    PC_TRY(pc_position_sweep_init(&s->positions, &s->candidates, s->task, &s->options->positions));
    s->effects = pc_alloc((size_t)s->candidates.n, sizeof *s->effects);
    s->choice.kept = pc_alloc((size_t)s->candidates.n, sizeof *s->choice.kept);
    s->evaluated = pc_alloc((size_t)n_circuits(s), sizeof *s->evaluated);
    if (!s->effects || !s->choice.kept || !s->evaluated) return PC_ERR_NOMEM;
    if (s->options->level != PC_LEVEL_EDGE) return PC_OK;
    s->node_effects = pc_alloc((size_t)s->nodes.n, sizeof *s->node_effects);
    return s->node_effects ? PC_OK : PC_ERR_NOMEM;
}

/* Tells the user, and remembers it for the questions in between. */
static bool tell(const pc_progress *progress, void *payload)
{
    search *s = payload;
    s->last = *progress;
    return !s->options->progress || s->options->progress(progress, s->options->payload);
}

static bool keep_going(void *payload)
{
    search *s = payload;
    return !s->options->progress || s->options->progress(&s->last, s->options->payload);
}

/* Baseline and scale, before any file is made: what cannot work is known now, not after hours. */
static pc_status prepare(search *s)
{
    const pc_evaluator_options *evaluation = &s->options->evaluation;
    const pc_progress start = {
        .phase = "baseline", .unit = "prompts", .n_all = s->journal.n_prompts};
    PC_TRY(pc_watch_tell(&s->watch, &start, &s->journal));
    PC_TRY(pc_held_out_check(s->model, s->task, s->options));
    PC_TRY(pc_evaluator_open_watched(&s->journal.evaluator, s->model, s->task, evaluation,
                                     keep_going, s));
    s->is_refined =
        evaluation->engine == PC_ENGINE_DELTA && pc_precision_is_low(evaluation->precision);
    PC_TRY(pc_scale_measure(&s->scale, &s->candidates, &s->journal, evaluation->direction));
    const bool needs_scale =
        s->options->selection == PC_SELECT_FAITHFULNESS && s->options->n_thresholds == 0;
    return needs_scale ? pc_scale_check(&s->scale) : PC_OK;
}

/* ---- methods ---- */

/* Six signs can be flipped in 32 ways that differ: fewer prompts say nothing. */
enum { FEWEST_TO_TEST = 6 };
static const double most_tested = 4e6; /* effects kept for the test: 32 MB */

static pc_status sweep_and_test(search *s)
{
    const int64_t n = s->candidates.n;
    pc_sweep_list list = pc_sweep_of(&s->candidates);
    double *p = pc_alloc((size_t)n, sizeof *p);
    list.per_prompt = s->per_prompt;
    pc_status status = p ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = pc_sweep_list_measure(s->effects, &list, &s->journal, &s->watch);
    if (status == PC_OK) status = pc_familywise(p, s->per_prompt, n, s->journal.n_prompts);
    for (int64_t i = 0; i < n && status == PC_OK; i++)
        s->effects[i].p = p[i];
    free(p);
    return status;
}

static pc_status measure_exactly(search *s)
{
    const int n_prompts = s->journal.n_prompts;
    s->n_evaluations = s->candidates.n * n_prompts;
    if (n_prompts < FEWEST_TO_TEST || (double)s->n_evaluations > most_tested)
        return pc_sweep(s->effects, &s->candidates, &s->journal, &s->watch);
    s->per_prompt = pc_alloc((size_t)s->n_evaluations, sizeof *s->per_prompt);
    return s->per_prompt ? sweep_and_test(s) : PC_ERR_NOMEM;
}

/* What is selected again on each bootstrap: by faithfulness, as many as were taken. */
static pc_reselection reselection_of(const search *s)
{
    const bool is_bound = s->options->selection == PC_SELECT_THRESHOLD;
    return (pc_reselection){is_bound ? PC_SELECT_THRESHOLD : PC_SELECT_TOP, s->choice.n_taken,
                            s->options->threshold, pc_ranking_sign(s->options)};
}

static pc_status find_frequencies(search *s)
{
    const pc_reselection rule = reselection_of(s);
    if (!s->per_prompt) return PC_OK;
    double *frequency = pc_alloc((size_t)s->candidates.n, sizeof *frequency);
    pc_status status = frequency ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK)
        status = pc_selection_frequency(frequency, s->per_prompt, s->journal.n_prompts, &rule,
                                        &s->candidates);
    for (int64_t i = 0; i < s->candidates.n && status == PC_OK; i++) {
        s->effects[i].has_frequency = true;
        s->effects[i].frequency = frequency[i];
    }
    free(frequency);
    free(s->per_prompt);
    s->per_prompt = NULL;
    return status;
}

static pc_status measure_in_a_race(search *s)
{
    const pc_racing_options options = {s->options->top, s->options->confidence};
    return pc_racing(s->effects, &s->n_evaluations, &s->candidates, &options, &s->journal,
                     &s->watch);
}

/* It decides as it measures. */
static pc_status measure_by_acdc(search *s)
{
    return pc_threshold_sweep_measure(&s->thresholds, &s->candidates, &s->journal, &s->watch);
}

/* What its threshold i found becomes the search's. */
static void take_threshold(search *s, int i)
{
    const pc_acdc_search *found = &s->thresholds.searches[i];
    const size_t n = (size_t)s->candidates.n;
    memcpy(s->effects, found->changes, n * sizeof *s->effects);
    memcpy(s->choice.kept, found->kept, n * sizeof *s->choice.kept);
    s->choice.metric = s->thresholds.metrics[i];
    s->choice.cut = found->threshold;
    s->n_evaluations = pc_threshold_sweep_evaluations(&s->thresholds, i, s->journal.n_prompts);
    s->taken = i;
}

static pc_status select_decided(search *s)
{
    PC_TRY(pc_threshold_sweep_select(&s->thresholds, s->options->faithfulness, &s->scale,
                                     &s->candidates, &s->journal));
    take_threshold(s, s->thresholds.chosen);
    return PC_OK;
}

static pc_status measure_greedily(search *s)
{
    PC_TRY(pc_greedy(s->choice.kept, s->effects, &s->greedy, &s->candidates, s->options, &s->scale,
                     &s->journal, &s->watch));
    s->n_evaluations = s->greedy.n_circuits * s->journal.n_prompts;
    return PC_OK;
}

static pc_status prune_decided(search *s)
{
    s->choice.cut = s->options->threshold;
    PC_TRY(pc_candidates_prune(s->choice.kept, &s->candidates));
    return pc_measure_circuits(&s->choice.metric, &s->scale, &s->candidates, &s->journal,
                               s->choice.kept, 1);
}

static pc_status check_greedy(const pc_find_options *o)
{
    if (o->n_candidates < 0)
        return pc_fail(PC_ERR_INPUT, "candidates is %lld, expected 1 or more",
                       (long long)o->n_candidates);
    if (o->evaluation.direction != PC_DIRECTION_NOISE)
        return pc_fail(PC_ERR_INPUT, "method greedy removes components of the clean run: direction "
                                     "must be noise");
    return PC_OK;
}

static pc_status check_acdc(const pc_find_options *o)
{
    if (o->level != PC_LEVEL_EDGE)
        return pc_fail(PC_ERR_INPUT, "method acdc removes edges: level must be edge, not %s",
                       pc_level_name(o->level));
    if (o->selection != PC_SELECT_THRESHOLD && o->n_thresholds == 0)
        return pc_fail(PC_ERR_INPUT, "method acdc decides by a threshold: say which");
    return PC_OK;
}

/* From a low precision to float32, for circuits: the one evaluator goes before the other comes, so
 * that the bound on memory is each one's. */
static pc_status go_to_float32(search *s)
{
    pc_evaluator_options evaluation = s->options->evaluation;
    evaluation.precision = PC_PRECISION_FP32;
    pc_evaluator_free(s->journal.evaluator);
    s->journal.evaluator = NULL;
    s->journal.suffix = " | in fp32";
    PC_TRY(pc_evaluator_open_watched(&s->journal.evaluator, s->model, s->task, &evaluation,
                                     keep_going, s));
    return pc_scale_measure(&s->scale, &s->candidates, &s->journal, evaluation.direction);
}

/* ---- estimates ---- */

/* Before the evaluator is opened, so that the bound on memory is each one's. */
static pc_status estimate(search *s)
{
    return pc_estimating(s->effects, s->node_effects, &s->candidates, s->options->method, s->task,
                         s->options, &s->watch, keep_going, s);
}

static pc_status propose(search *s)
{
    return pc_estimating(s->effects, NULL, &s->candidates, s->options->estimate, s->task,
                         s->options, &s->watch, keep_going, s);
}

static pc_status check_estimates(search *s)
{
    if (s->options->n_checked == 0) return PC_OK;
    return pc_estimate_check_measure(&s->check, s->options->n_checked, s->effects, &s->candidates,
                                     &s->journal, &s->watch);
}

static pc_status measure_proposed(search *s)
{
    const int64_t n = pc_hybrid_candidates(s->options, s->candidates.n);
    s->n_evaluations = n * s->journal.n_prompts;
    return pc_measure_strongest(s->effects, n, &s->candidates, &s->journal, &s->watch);
}

static pc_status check_estimate(const pc_find_options *o)
{
    return pc_estimating_check(o->method, o);
}

static pc_status check_hybrid(const pc_find_options *o)
{
    PC_TRY(pc_estimating_check(o->estimate, o));
    if (o->n_candidates < 0)
        return pc_fail(PC_ERR_INPUT, "candidates is %lld, expected 1 or more",
                       (long long)o->n_candidates);
    if (o->selection == PC_SELECT_TOP && o->n_candidates && o->n_candidates < o->top)
        return pc_fail(PC_ERR_INPUT, "candidates is %lld, expected at least top %lld",
                       (long long)o->n_candidates, (long long)o->top);
    return PC_OK;
}

/* By rank, near the cut in float32. */
static pc_status select_by_rank(search *s)
{
    if (s->is_refined) {
        PC_TRY(go_to_float32(s));
        return pc_select_refined(&s->choice, &s->refinement, s->effects, s->options, &s->scale,
                                 &s->candidates, &s->journal, &s->watch);
    }
    return pc_select(&s->choice, s->effects, s->options, &s->scale, &s->candidates, &s->journal,
                     &s->watch);
}

static pc_status check_race(const pc_find_options *o)
{
    if (o->selection != PC_SELECT_TOP)
        return pc_fail(PC_ERR_INPUT, "method racing finds the top: say how many with top");
    if (!(o->confidence > 0 && o->confidence < 1))
        return pc_fail(PC_ERR_INPUT, "confidence is %g, expected more than 0 and less than 1",
                       o->confidence);
    return PC_OK;
}

/* How the effects of the candidates come about, and the circuit from them. */
typedef struct method {
    const char *name;
    pc_status (*check)(const pc_find_options *options); /* NULL: takes any */
    pc_status (*estimate)(search *s); /* before there is an evaluator; NULL: nothing to do */
    pc_status (*measure)(search *s);
    pc_status (*select)(search *s);
} method;

static const method methods[] = {
    {"exact", NULL, NULL, measure_exactly, select_by_rank},
    {"racing", check_race, NULL, measure_in_a_race, select_by_rank},
    {"acdc", check_acdc, NULL, measure_by_acdc, select_decided},
    {"greedy", check_greedy, NULL, measure_greedily, prune_decided},
    {"hybrid", check_hybrid, propose, measure_proposed, select_by_rank},
    {"eap", check_estimate, estimate, check_estimates, select_by_rank},
    {"eap-ig", check_estimate, estimate, check_estimates, select_by_rank},
    {"eap-ig-activations", check_estimate, estimate, check_estimates, select_by_rank},
    {"clean-corrupted", check_estimate, estimate, check_estimates, select_by_rank},
    {"relp", check_estimate, estimate, check_estimates, select_by_rank},
};

static const method *method_of(const pc_find_options *o)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, o->method) == 0) return &methods[i];
    return NULL;
}

static pc_status check_thresholds(const pc_find_options *o)
{
    if (o->n_thresholds == 0) return PC_OK;
    if (!is_acdc(o))
        return pc_fail(PC_ERR_INPUT, "thresholds belong to method acdc, not to %s", o->method);
    if (o->selection != PC_SELECT_FAITHFULNESS)
        return pc_fail(PC_ERR_INPUT, "thresholds go with selection by faithfulness alone");
    return pc_threshold_sweep_check(o);
}

pc_status pc_find_check(const pc_find_options *o)
{
    const method *m = method_of(o);
    if (!m)
        return pc_fail(
            PC_ERR_UNSUPPORTED,
            "method \"%.40s\" does not exist, expected exact, racing, acdc, greedy, hybrid, %s",
            o->method, pc_estimate_names());
    PC_TRY(check_selection(o));
    PC_TRY(check_thresholds(o));
    PC_TRY(pc_profile_check(o));
    if (o->ranking == PC_RANK_SIGNED &&
        (strcmp(o->method, "racing") == 0 || pc_precision_is_low(o->evaluation.precision)))
        return pc_fail(PC_ERR_INPUT, "a signed ranking is not there for racing, tf32 and bf16");
    if (o->evaluation.engine == PC_ENGINE_DELTA && pc_precision_is_low(o->evaluation.precision) &&
        m->measure != measure_exactly)
        return pc_fail(PC_ERR_INPUT, "method %s decides by effects in fp32 or bf16x3, not in %s",
                       o->method, pc_precision_name(o->evaluation.precision));
    return m->check ? m->check(o) : PC_OK;
}

static pc_status measure(search *s)
{
    if (s->node_effects && !pc_is_estimate(s->options->method))
        PC_TRY(pc_sweep(s->node_effects, &s->nodes, &s->journal, &s->watch));
    PC_TRY(method_of(s->options)->measure(s));
    PC_TRY(method_of(s->options)->select(s));
    PC_TRY(find_frequencies(s));
    return pc_position_sweep_measure(&s->positions, s->choice.kept, &s->journal, &s->watch);
}

/* ---- the circuit on other prompts ---- */

/* Each circuit's, since thresholds have a ranking each. */
static pc_status measure_curves(search *s)
{
    for (int i = 0; i < n_circuits(s); i++) {
        if (s->options->n_thresholds > 0) take_threshold(s, i);
        PC_TRY(pc_prefix_curve_measure(&s->evaluated[i].curve, s->effects, &s->candidates,
                                       &s->scale, &s->journal, &s->watch));
    }
    if (s->options->n_thresholds > 0) take_threshold(s, s->thresholds.chosen);
    return PC_OK;
}

static const bool *kept_of(const search *s, int circuit)
{
    return s->options->n_thresholds > 0 ? s->thresholds.searches[circuit].kept : s->choice.kept;
}

static pc_status measure_own(search *s)
{
    for (int i = 0; i < n_circuits(s); i++) {
        pc_held_out *own = &s->evaluated[i].own;
        PC_TRY(pc_held_out_measure(own, kept_of(s, i), &s->scale, &s->candidates, &s->journal));
        own->scale.base = NULL; /* it is the evaluator's */
    }
    return PC_OK;
}

/* On held-out task number `place`. */
static pc_status measure_held_out(search *s, int place)
{
    const pc_task *task = s->options->held_out[place];
    pc_evaluator_options evaluation = s->options->evaluation;
    pc_journal journal = {.model = s->model, .n_prompts = pc_task_n(task)};
    pc_scale scale;
    if (s->is_refined) evaluation.precision = PC_PRECISION_FP32; /* as the circuit's own */
    PC_TRY(
        pc_evaluator_open_watched(&journal.evaluator, s->model, task, &evaluation, keep_going, s));
    pc_status status = pc_scale_measure(&scale, &s->candidates, &journal, evaluation.direction);
    for (int i = 0; i < n_circuits(s) && status == PC_OK; i++) {
        pc_held_out *out = &s->evaluated[i].held_out[place];
        status = pc_held_out_measure(out, kept_of(s, i), &scale, &s->candidates, &journal);
        out->scale.base = NULL; /* it is the evaluator's */
    }
    pc_evaluator_free(journal.evaluator);
    return status;
}

/* The search's evaluator goes before others come, so that the bound on memory is each one's. */
static pc_status evaluate(search *s)
{
    const pc_find_options *o = s->options;
    pc_progress progress = {.phase = "evaluating", .unit = "splits", .n_all = 1 + o->n_held_out};
    PC_TRY(pc_watch_tell(&s->watch, &progress, &s->journal));
    PC_TRY(measure_own(s));
    pc_evaluator_free(s->journal.evaluator);
    s->journal.evaluator = NULL;
    s->scale.base = NULL;
    for (int i = 0; i < o->n_held_out; i++) {
        progress.n_done++;
        PC_TRY(pc_watch_tell(&s->watch, &progress, &s->journal));
        PC_TRY(measure_held_out(s, i));
    }
    return PC_OK;
}

/* What is said of a threshold's circuit does not depend on the others. */
static pc_find_options options_said(const search *s)
{
    pc_find_options said = *s->options;
    if (said.n_thresholds == 0) return said;
    said.selection = PC_SELECT_THRESHOLD;
    said.threshold = s->thresholds.searches[s->taken].threshold;
    return said;
}

static pc_status build(pc_circuit **out, search *s)
{
    const pc_find_options options = options_said(s);
    const pc_acdc_search *acdc = is_acdc(s->options) ? &s->thresholds.searches[s->taken] : NULL;
    const pc_result result = {.model = s->model,
                              .task = s->task,
                              .options = &options,
                              .candidates = &s->candidates,
                              .effects = s->effects,
                              .node_effects = s->node_effects,
                              .scale = &s->scale,
                              .choice = &s->choice,
                              .own = &s->evaluated[s->taken].own,
                              .held_out = s->evaluated[s->taken].held_out,
                              .n_evaluations = s->n_evaluations,
                              .check = s->check.n ? &s->check : NULL,
                              .acdc = acdc ? &acdc->told : NULL,
                              .greedy = is_greedy(s->options) ? &s->greedy : NULL,
                              .refinement = s->is_refined ? &s->refinement : NULL};
    PC_TRY(pc_result_build(out, &result));
    PC_TRY(pc_prefix_curve_build(*out, &s->evaluated[s->taken].curve));
    if (s->options->n_thresholds > 0)
        PC_TRY(pc_threshold_sweep_build(*out, &s->thresholds, &s->scale, &s->candidates));
    return pc_position_sweep_build(*out, &s->positions);
}

static pc_status write_svg(const void *circuit, const char *path)
{
    return pc_circuit_write_svg(circuit, path, NULL);
}

static pc_status write_json(const void *circuit, const char *path)
{
    return pc_circuit_write_json(circuit, path);
}

static pc_status write_csv(const void *circuit, const char *path)
{
    return pc_circuit_write_csv(circuit, path);
}

static pc_status write_check_csv(const void *circuit, const char *path)
{
    return pc_circuit_write_check_csv(circuit, path);
}

static pc_status write_positions_csv(const void *circuit, const char *path)
{
    return pc_circuit_write_positions_csv(circuit, path);
}

static pc_status write_positions_svg(const void *circuit, const char *path)
{
    return pc_circuit_write_positions_svg(circuit, path);
}

static pc_status write_positions_pdf(const void *circuit, const char *path)
{
    return pc_circuit_write_positions_pdf(circuit, path);
}

static pc_status write_files(const pc_circuit *circuit, const char *directory)
{
    static const pc_run_file files[] = {
        {"circuit.json", write_json},
        {"scores.csv", write_csv},
        {"circuit.svg", write_svg},
        {"positions.csv", write_positions_csv},
        {"positions.svg", write_positions_svg},
        {"positions.pdf", write_positions_pdf},
    };
    static const pc_run_file check = {"check.csv", write_check_csv};
    const size_t n = sizeof files / sizeof *files;
    size_t n_checked;
    (void)pc_circuit_checked(circuit, &n_checked);
    if (n_checked) PC_TRY(pc_run_write(directory, &check, 1, circuit));
    return pc_run_write(directory, files, pc_circuit_positions(circuit) ? n : n - 3, circuit);
}

static pc_status write_report(const pc_circuit *circuit, search *s)
{
    pc_store *store = s->journal.store;
    PC_TRY(pc_report_keep(store, circuit, s->model, s->task, s->options));
    char *path = pc_path_join(s->options->directory, "report.html");
    if (!path) return PC_ERR_NOMEM;
    pc_file_remove_leftovers(path);
    const pc_status status = pc_report_write_from(circuit, store, path, NULL);
    free(path);
    return status;
}

static pc_status write_thresholds_csv(const void *circuit, const char *path)
{
    return pc_circuit_write_thresholds_csv(circuit, path);
}

static pc_status write_threshold(search *s, int i)
{
    char number[32], name[64] = "circuit-";
    pc_circuit *circuit;
    take_threshold(s, i);
    PC_TRY(build(&circuit, s));
    strcat(strcat(name, pc_format_number(number, s->choice.cut)), ".json");
    const pc_run_file file = {name, write_json};
    const pc_status status = pc_run_write(s->options->directory, &file, 1, circuit);
    pc_circuit_free(circuit);
    return status;
}

/* Every threshold's circuit, and the table that `circuit` carries. */
static pc_status write_thresholds(search *s, const pc_circuit *circuit)
{
    static const pc_run_file table = {"thresholds.csv", write_thresholds_csv};
    for (int i = 0; i < s->options->n_thresholds; i++)
        PC_TRY(write_threshold(s, i));
    return s->options->n_thresholds > 0 ? pc_run_write(s->options->directory, &table, 1, circuit)
                                        : PC_OK;
}

static pc_status run(pc_circuit **out, search *s)
{
    PC_TRY(allocate(s));
    /* a run that is there already is accepted or refused at once; a new one begins when all is well
     */
    if (pc_run_exists(s->options->directory))
        PC_TRY(open_store(&s->journal.store, s->model, s->task, s->options, &s->positions,
                          &s->thresholds));
    if (method_of(s->options)->estimate) PC_TRY(method_of(s->options)->estimate(s));
    PC_TRY(prepare(s));
    if (s->options->directory && !s->journal.store)
        PC_TRY(open_store(&s->journal.store, s->model, s->task, s->options, &s->positions,
                          &s->thresholds));
    PC_TRY(measure(s));
    if (s->journal.store) PC_TRY(measure_curves(s)); /* for what is written down */
    PC_TRY(evaluate(s));
    if (!s->journal.store) return build(out, s);
    PC_TRY(pc_store_flush(s->journal.store));
    PC_TRY(build(out, s));
    PC_TRY(write_files(*out, s->options->directory));
    PC_TRY(write_report(*out, s));
    PC_TRY(write_report(*out, s));
    PC_TRY(write_thresholds(s, *out));
    return pc_store_close(s->journal.store);
}

pc_status pc_find_plan(pc_plan *out, pc_model *model, const pc_task *task,
                       const pc_find_options *options, pc_plan_time time)
{
    pc_find_lists lists;
    PC_TRY(pc_find_check(options));
    if (is_acdc(options) || is_greedy(options))
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "how many circuits %s measures depends on what it finds: no plan",
                       options->method);
    if (method_of(options)->estimate)
        return pc_fail(PC_ERR_UNSUPPORTED, "method %s estimates: there is no plan of gradients yet",
                       options->method);
    pc_status status = pc_find_lists_init(&lists, model, task, options);
    if (status == PC_OK)
        status = pc_sweep_plan(out, lists.lists, lists.n, model, task, &options->evaluation, time);
    pc_find_lists_free(&lists);
    return status;
}

pc_status pc_find(pc_circuit **out, pc_model *model, const pc_task *task,
                  const pc_find_options *options)
{
    *out = NULL;
    PC_TRY(pc_find_check(options));
    search s = {.model = model,
                .task = task,
                .options = options,
                .journal = {.model = model, .n_prompts = pc_task_n(task)}};
    s.watch = (pc_watch){tell, &s};
    pc_status status = run(out, &s);
    if (status != PC_OK) {
        pc_circuit_free(*out);
        *out = NULL;
    }
    pc_evaluator_free(s.journal.evaluator);
    pc_store_free(s.journal.store);
    pc_estimate_check_free(&s.check);
    pc_position_sweep_free(&s.positions);
    pc_threshold_sweep_free(&s.thresholds);
    for (int i = 0; s.evaluated && i < n_circuits(&s); i++)
        pc_prefix_curve_free(&s.evaluated[i].curve);
    free(s.evaluated);
    free(s.choice.kept);
    free(s.node_effects);
    free(s.per_prompt);
    free(s.effects);
    return status;
}

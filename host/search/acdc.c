/* ACDC, several circuits at a time. */
#include "search/acdc.h"

#include "base/memory.h"
#include "patch/evaluator.h"
#include "search/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Guesses grow as long as they hold, and shrink when one does not. What is journaled depends on the
 * decisions, never on the machine. */
enum { AT_ONCE = 16 };

/* DESIGN.md, section 5. */
static const double relative_bound = 1e-5, absolute_bound = 3e-6;

/* A circuit that is measured because every edge up to `edge` is guessed to be removed. */
typedef struct guess {
    int64_t at; /* in the order */
    pc_intervention *circuit;
} guess;

typedef struct acdc {
    const pc_candidates *candidates;
    const pc_components *c;
    pc_journal *journal;
    const pc_watch *watch;
    pc_acdc_told *told;
    pc_evaluator *twin; /* opened when it is first asked */
    double threshold, sign, absolute;
    bool *kept;         /* (n) */
    pc_effect *changes; /* (n) */
    int64_t *order;     /* (n) edges as they are looked at */
    bool *guessed;      /* (n) what is kept if all guesses hold */
    int *n_out;         /* (n_writers) out-edges among the kept */
    int *n_out_guessed; /* ... and among the guessed */
    double *now;        /* (n_prompts) effects of the kept circuit */
    double *effects;    /* (AT_ONCE, n_prompts) */
    double *difference; /* (n_prompts) */
    double *in_double;  /* (2, n_prompts) */
    bool *is_touched;   /* (AT_ONCE) */
    guess guesses[AT_ONCE];
    int n_guesses, at_once;
    pc_intervention *state; /* the kept circuit, for the twin */
} acdc;

/* ---- order and reach ---- */

static void put_in_order(acdc *a)
{
    int64_t n = 0;
    for (int reader = a->c->n_readers - 1; reader >= 0; reader--) {
        const pc_reader *r = &a->c->readers[reader];
        for (int u = r->n_visible - 1; u >= 0; u--)
            a->order[n++] = r->first_edge + u;
    }
}

static void keep_all(acdc *a)
{
    for (int64_t e = 0; e < a->candidates->n; e++) {
        int writer, reader;
        pc_edge_ends(&writer, &reader, a->c, e);
        a->kept[e] = true;
        a->n_out[writer]++;
    }
}

/* Whether some component that reads here has an out-edge left. */
static bool is_reached(const acdc *a, const int *n_out, int64_t edge)
{
    int writer, reader, first, end;
    pc_edge_ends(&writer, &reader, a->c, edge);
    if (reader == pc_reader_of_logits(a->c)) return true;
    pc_reader_owners(&first, &end, a->c, reader);
    for (int u = first; u < end; u++)
        if (n_out[u] > 0) return true;
    return false;
}

static void remove_edge(const acdc *a, bool *kept, int *n_out, int64_t edge)
{
    int writer, reader;
    pc_edge_ends(&writer, &reader, a->c, edge);
    kept[edge] = false;
    n_out[writer]--;
}

/* ---- guessing ---- */

static void forget_guesses(acdc *a)
{
    for (int i = 0; i < a->n_guesses; i++)
        pc_intervention_free(a->guesses[i].circuit);
    a->n_guesses = 0;
}

/* Whatever the direction, an edge outside carries the source's value. */
static pc_status make_circuit(pc_intervention **out, const acdc *a, const bool *kept)
{
    return pc_candidates_circuit(out, a->candidates, kept, PC_DIRECTION_NOISE);
}

/* From the edge at `first` of the order on, as if each were removed. */
static pc_status make_guesses(acdc *a, int64_t first)
{
    const size_t n = (size_t)a->candidates->n;
    memcpy(a->guessed, a->kept, n * sizeof *a->guessed);
    memcpy(a->n_out_guessed, a->n_out, (size_t)a->c->n_writers * sizeof *a->n_out);
    for (int64_t at = first; at < a->candidates->n && a->n_guesses < a->at_once; at++) {
        const bool needs_measuring = is_reached(a, a->n_out_guessed, a->order[at]);
        remove_edge(a, a->guessed, a->n_out_guessed, a->order[at]);
        if (!needs_measuring) continue;
        guess *g = &a->guesses[a->n_guesses];
        PC_TRY(make_circuit(&g->circuit, a, a->guessed));
        g->at = at;
        a->n_guesses++;
    }
    return PC_OK;
}

static pc_status measure_guesses(acdc *a)
{
    const pc_intervention *list[AT_ONCE];
    int n_found;
    if (a->n_guesses == 0) return PC_OK;
    for (int i = 0; i < a->n_guesses; i++)
        list[i] = a->guesses[i].circuit;
    return pc_journal_measure(a->effects, a->is_touched, &n_found, a->journal, list, a->n_guesses);
}

/* ---- deciding ---- */

static double mean_difference(const double *x, const double *y, double *room, int n)
{
    for (int i = 0; i < n; i++)
        room[i] = x[i] - y[i];
    return pc_mean(room, n);
}

static double largest(const double *x, int n)
{
    double most = 0;
    for (int i = 0; i < n; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

/* Both circuits in double, through the journal under a name of their own. */
static pc_status measure_in_double(acdc *a, const pc_intervention *circuit)
{
    pc_evaluator_options o = *pc_evaluator_settings(a->journal->evaluator);
    bool is_touched[2];
    int n_found;
    o.engine = PC_ENGINE_TWIN;
    if (!a->twin)
        PC_TRY(pc_evaluator_open(&a->twin, a->candidates->model,
                                 pc_evaluator_task(a->journal->evaluator), &o));
    pc_intervention_free(a->state);
    a->state = NULL;
    PC_TRY(make_circuit(&a->state, a, a->kept));
    pc_journal twin = *a->journal;
    twin.evaluator = a->twin;
    twin.suffix = " | in double";
    const pc_intervention *list[2] = {circuit, a->state};
    return pc_journal_measure(a->in_double, is_touched, &n_found, &twin, list, 2);
}

/* *is_removed; the change stands in a->changes. */
static pc_status decide(bool *is_removed, acdc *a, int i)
{
    const int n = a->journal->n_prompts;
    const double *effects = a->effects + (int64_t)i * n;
    const int64_t edge = a->order[a->guesses[i].at];
    double change = mean_difference(effects, a->now, a->difference, n);
    a->changes[edge] = (pc_effect){.mean = change,
                                   .standard_error = pc_standard_error(a->difference, n),
                                   .n = n,
                                   .is_touched = true};
    const double bound =
        relative_bound * (largest(effects, n) + largest(a->now, n)) + 2 * a->absolute;
    const bool is_float = pc_evaluator_settings(a->journal->evaluator)->engine == PC_ENGINE_DELTA;
    if (is_float && fabs(a->sign * change - a->threshold) <= bound) {
        PC_TRY(measure_in_double(a, a->guesses[i].circuit));
        change = mean_difference(a->in_double, a->in_double + n, a->difference, n);
        a->changes[edge].mean = change;
        a->told->n_in_double++;
    }
    a->told->n_measured++;
    *is_removed = a->sign * change < a->threshold;
    return PC_OK;
}

static void leave_unreached(acdc *a, int64_t first, int64_t end)
{
    for (int64_t at = first; at < end; at++) {
        remove_edge(a, a->kept, a->n_out, a->order[at]);
        a->told->n_unreached++;
    }
}

/* Decides from *at on, as far as the guesses hold. */
static pc_status take_guesses(int64_t *at, acdc *a)
{
    const size_t n_prompts = (size_t)a->journal->n_prompts;
    for (int i = 0; i < a->n_guesses; i++) {
        bool is_removed;
        leave_unreached(a, *at, a->guesses[i].at);
        *at = a->guesses[i].at + 1;
        PC_TRY(decide(&is_removed, a, i));
        if (!is_removed) {
            a->told->n_in_vain += a->n_guesses - i - 1;
            a->at_once = a->at_once > 1 ? a->at_once / 2 : 1;
            return PC_OK;
        }
        remove_edge(a, a->kept, a->n_out, a->order[*at - 1]);
        memcpy(a->now, a->effects + (size_t)i * n_prompts, n_prompts * sizeof *a->now);
    }
    const bool is_full = a->n_guesses == a->at_once;
    a->at_once = a->at_once < AT_ONCE ? 2 * a->at_once : AT_ONCE;
    if (is_full) return PC_OK;
    leave_unreached(a, *at, a->candidates->n); /* no other needs measuring */
    *at = a->candidates->n;
    return PC_OK;
}

static pc_status walk(acdc *a)
{
    pc_progress progress = {.phase = "deciding", .unit = "edges", .n_all = a->candidates->n};
    for (int64_t at = 0; at < a->candidates->n;) {
        progress.n_done = at;
        PC_TRY(pc_watch_tell(a->watch, &progress, a->journal));
        pc_status status = make_guesses(a, at);
        if (status == PC_OK) status = measure_guesses(a);
        if (status == PC_OK) status = take_guesses(&at, a);
        forget_guesses(a);
        PC_TRY(status);
    }
    progress.n_done = progress.n_all;
    return pc_watch_tell(a->watch, &progress, a->journal);
}

/* ---- all ---- */

static pc_status allocate(acdc *a)
{
    const size_t n = (size_t)a->candidates->n, n_prompts = (size_t)a->journal->n_prompts;
    const size_t n_writers = (size_t)a->c->n_writers;
    a->order = pc_alloc(n, sizeof *a->order);
    a->guessed = pc_alloc(n, sizeof *a->guessed);
    a->n_out = pc_alloc(n_writers, sizeof *a->n_out);
    a->n_out_guessed = pc_alloc(n_writers, sizeof *a->n_out_guessed);
    a->now = pc_alloc(n_prompts, sizeof *a->now);
    a->effects = pc_alloc(AT_ONCE * n_prompts, sizeof *a->effects);
    a->difference = pc_alloc(n_prompts, sizeof *a->difference);
    a->in_double = pc_alloc(2 * n_prompts, sizeof *a->in_double);
    a->is_touched = pc_alloc(AT_ONCE, sizeof *a->is_touched);
    return a->order && a->guessed && a->n_out && a->n_out_guessed && a->now && a->effects &&
                   a->difference && a->in_double && a->is_touched
               ? PC_OK
               : PC_ERR_NOMEM;
}

static void free_all(acdc *a)
{
    pc_intervention_free(a->state);
    pc_evaluator_free(a->twin);
    free(a->is_touched);
    free(a->in_double);
    free(a->difference);
    free(a->effects);
    free(a->now);
    free(a->n_out_guessed);
    free(a->n_out);
    free(a->guessed);
    free(a->order);
}

/* 1 if the kept circuit is worse the larger its metric, else -1. */
static double sign_of_worse(const pc_evaluator *e)
{
    const pc_evaluator_options *o = pc_evaluator_settings(e);
    const double sign = pc_metric_sign_of_worse(o);
    return o->direction == PC_DIRECTION_DENOISE ? -sign : sign;
}

/* The bound of one effect that does not grow with it. */
static double absolute_of(const pc_evaluator *e, int n_prompts)
{
    const double error = pc_standard_error(pc_evaluator_base(e), n_prompts);
    return absolute_bound * fmax(1, error * sqrt((double)n_prompts));
}

pc_status pc_acdc(bool *kept, pc_effect *changes, pc_acdc_told *told,
                  const pc_candidates *candidates, double threshold, pc_journal *journal,
                  const pc_watch *watch)
{
    acdc a = {.candidates = candidates,
              .c = &candidates->model->components,
              .journal = journal,
              .watch = watch,
              .told = told,
              .threshold = threshold,
              .sign = sign_of_worse(journal->evaluator),
              .absolute = absolute_of(journal->evaluator, journal->n_prompts),
              .at_once = AT_ONCE / 4,
              .kept = kept,
              .changes = changes};
    *told = (pc_acdc_told){0};
    memset(changes, 0, (size_t)candidates->n * sizeof *changes);
    pc_status status = allocate(&a);
    if (status == PC_OK) {
        put_in_order(&a);
        keep_all(&a);
        status = walk(&a);
    }
    free_all(&a);
    return status;
}

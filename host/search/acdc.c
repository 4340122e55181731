/* ACDC, several circuits and several thresholds at a time. */
#include "search/acdc.h"

#include "base/memory.h"
#include "base/text.h"
#include "patch/evaluator.h"
#include "search/reach.h"
#include "search/statistics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Guesses grow as long as they hold, and shrink when one does not. What is journaled depends on the
 * decisions, never on the machine. */
enum { AT_ONCE = 16, CIRCUITS_A_ROUND = 8 * AT_ONCE };

/* DESIGN.md, section 5. */
static const double relative_bound = 1e-5, absolute_bound = 3e-6;

char *pc_acdc_name(char out[PC_ACDC_NAME_BYTES], double threshold)
{
    char number[32];
    strcpy(out, "threshold ");
    return strcat(out, pc_format_number(number, threshold));
}

/* A circuit that is measured because every edge up to `at` is guessed to be removed. */
typedef struct guess {
    int64_t at; /* in the order */
    pc_intervention *circuit;
} guess;

/* Searches that have decided alike so far: neighbours, since an edge goes above some threshold. */
typedef struct branch {
    int first, end; /* its searches */
    int64_t at;     /* the next edge in the order */
    bool *kept;     /* (n) */
    int *n_out;     /* (n_writers) out-edges among the kept */
    double *now;    /* (n_prompts) effects of the kept circuit */
    guess guesses[AT_ONCE];
    int n_guesses, at_once;
    int first_row;    /* of its guesses in the round's effects */
    bool has_guessed; /* takes part in the round */
} branch;

typedef struct acdc {
    pc_acdc_search *searches; /* (n_searches) */
    int n_searches;
    const pc_candidates *candidates;
    const pc_components *c;
    pc_journal *journal;
    const pc_watch *watch;
    pc_evaluator *twin; /* opened when it is first asked */
    double sign, absolute, base_mean;
    bool is_float;
    branch *branches; /* (n_searches); the first n_branches are there */
    int n_branches;
    int64_t *order;     /* (n) edges as they are looked at */
    bool *guessed;      /* (n) what is kept if all guesses hold */
    int *n_out_guessed; /* (n_writers) out-edges among them */
    const pc_intervention *list[CIRCUITS_A_ROUND];
    int n_list;
    int64_t n_circuits;
    double *effects;    /* (CIRCUITS_A_ROUND, n_prompts) */
    double *difference; /* (n_prompts) */
    double *in_double;  /* (2, n_prompts) */
    bool *is_touched;   /* (CIRCUITS_A_ROUND) */
} acdc;

/* ---- order ---- */

static void put_in_order(acdc *a)
{
    int64_t n = 0;
    for (int reader = a->c->n_readers - 1; reader >= 0; reader--) {
        const pc_reader *r = &a->c->readers[reader];
        for (int u = r->n_visible - 1; u >= 0; u--)
            a->order[n++] = r->first_edge + u;
    }
}

/* ---- branches ---- */

/* A branch of searches first ... end - 1 with room for a state, at the end of the list. */
static pc_status add_branch(branch **out, acdc *a, int first, int end)
{
    branch *b = *out = &a->branches[a->n_branches++];
    b->first = first;
    b->end = end;
    b->kept = pc_alloc((size_t)a->candidates->n, sizeof *b->kept);
    b->n_out = pc_alloc((size_t)a->c->n_writers, sizeof *b->n_out);
    b->now = pc_alloc((size_t)a->journal->n_prompts, sizeof *b->now);
    return b->kept && b->n_out && b->now ? PC_OK : PC_ERR_NOMEM;
}

static pc_status begin(acdc *a)
{
    branch *b;
    PC_TRY(add_branch(&b, a, 0, a->n_searches));
    b->at_once = AT_ONCE / 4;
    pc_reach_keep_all(b->kept, b->n_out, a->c);
    return PC_OK;
}

/* The searches before `end` of the branch part from it as it stands. */
static pc_status part(branch **out, acdc *a, branch *from, int end)
{
    PC_TRY(add_branch(out, a, from->first, end));
    branch *b = *out;
    b->at = from->at;
    b->at_once = from->at_once;
    memcpy(b->kept, from->kept, (size_t)a->candidates->n * sizeof *b->kept);
    memcpy(b->n_out, from->n_out, (size_t)a->c->n_writers * sizeof *b->n_out);
    memcpy(b->now, from->now, (size_t)a->journal->n_prompts * sizeof *b->now);
    from->first = end;
    return PC_OK;
}

static void forget_guesses(branch *b)
{
    for (int i = 0; i < b->n_guesses; i++)
        pc_intervention_free(b->guesses[i].circuit);
    b->n_guesses = 0;
    b->has_guessed = false;
}

static void free_branch(branch *b)
{
    forget_guesses(b);
    free(b->now);
    free(b->n_out);
    free(b->kept);
}

/* ---- guessing ---- */

/* Whatever the direction, an edge outside carries the source's value. */
static pc_status make_circuit(pc_intervention **out, const acdc *a, const bool *kept)
{
    return pc_candidates_circuit(out, a->candidates, kept, PC_DIRECTION_NOISE);
}

/* From the branch's edge on, as if each were removed. */
static pc_status make_guesses(acdc *a, branch *b)
{
    memcpy(a->guessed, b->kept, (size_t)a->candidates->n * sizeof *a->guessed);
    memcpy(a->n_out_guessed, b->n_out, (size_t)a->c->n_writers * sizeof *b->n_out);
    b->first_row = a->n_list;
    b->has_guessed = true;
    for (int64_t at = b->at; at < a->candidates->n && b->n_guesses < b->at_once; at++) {
        const bool needs_measuring = pc_reach_has(a->c, a->n_out_guessed, a->order[at]);
        pc_reach_remove(a->guessed, a->n_out_guessed, a->c, a->order[at]);
        if (!needs_measuring) continue;
        guess *g = &b->guesses[b->n_guesses];
        PC_TRY(make_circuit(&g->circuit, a, a->guessed));
        g->at = at;
        b->n_guesses++;
        a->list[a->n_list++] = g->circuit;
    }
    return PC_OK;
}

/* The first branches that are not at their end, as many as one round has room for. */
static pc_status guess_all(acdc *a)
{
    a->n_list = 0;
    for (int i = 0; i < a->n_branches && a->n_list + AT_ONCE <= CIRCUITS_A_ROUND; i++)
        if (a->branches[i].at < a->candidates->n) PC_TRY(make_guesses(a, &a->branches[i]));
    return PC_OK;
}

static pc_status measure_guesses(acdc *a)
{
    int n_found;
    if (a->n_list == 0) return PC_OK;
    a->n_circuits += a->n_list;
    return pc_journal_measure(a->effects, a->is_touched, &n_found, a->journal, a->list, a->n_list);
}

/* ---- deciding ---- */

/* What is known of an edge when its turn comes: of the branch's circuit with it and without. */
typedef struct finding {
    double with, without, change; /* mean metrics */
    bool is_known;
} finding;

static pc_status put_decision(const acdc *a, const pc_acdc_search *s, int64_t at,
                              const finding *found, const char *how, bool is_kept)
{
    char search[PC_ACDC_NAME_BYTES], edge[2 * PC_NAME_BYTES + 2];
    if (!a->journal->store) return PC_OK;
    pc_candidate_name(edge, a->candidates, a->order[at]);
    const pc_decision decision = {.search = pc_acdc_name(search, s->threshold),
                                  .step = at,
                                  .name = edge,
                                  .how = how,
                                  .metric_with = found->with,
                                  .metric_without = found->without,
                                  .change = found->change,
                                  .is_kept = is_kept};
    return pc_store_put_decision(a->journal->store, &decision);
}

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

static pc_status open_twin(acdc *a)
{
    pc_evaluator_options o = *pc_evaluator_settings(a->journal->evaluator);
    o.engine = PC_ENGINE_TWIN;
    return pc_evaluator_open(&a->twin, a->candidates->model,
                             pc_evaluator_task(a->journal->evaluator), &o);
}

/* The branch's circuit and that of a guess in double, through the journal under a name of their
 * own. */
static pc_status find_in_double(finding *out, acdc *a, const branch *b,
                                const pc_intervention *circuit)
{
    const int n = a->journal->n_prompts;
    pc_intervention *state;
    bool is_touched[2];
    int n_found;
    if (!a->twin) PC_TRY(open_twin(a));
    PC_TRY(make_circuit(&state, a, b->kept));
    pc_journal twin = *a->journal;
    twin.evaluator = a->twin;
    twin.suffix = " | in double";
    const pc_intervention *list[2] = {circuit, state};
    const pc_status status = pc_journal_measure(a->in_double, is_touched, &n_found, &twin, list, 2);
    pc_intervention_free(state);
    PC_TRY(status);
    const double base = pc_mean(pc_evaluator_base(a->twin), n);
    *out = (finding){.with = base + pc_mean(a->in_double + n, n),
                     .without = base + pc_mean(a->in_double, n),
                     .change = mean_difference(a->in_double, a->in_double + n, a->difference, n),
                     .is_known = true};
    return PC_OK;
}

/* Of one search; *is_kept. `exactly` is filled when first needed. */
static pc_status decide(bool *is_kept, finding *exactly, acdc *a, pc_acdc_search *s,
                        const branch *b, const guess *g, const pc_effect *effect,
                        const finding *found, double bound)
{
    pc_effect *change = &s->changes[a->order[g->at]];
    const bool is_near = a->is_float && fabs(a->sign * found->change - s->threshold) <= bound;
    if (is_near && !exactly->is_known) PC_TRY(find_in_double(exactly, a, b, g->circuit));
    if (is_near) found = exactly;
    *change = *effect;
    change->mean = found->change;
    s->told.n_measured++;
    s->told.n_in_double += is_near;
    *is_kept = !(a->sign * found->change < s->threshold);
    return put_decision(a, s, g->at, found, is_near ? "in double" : "measured", *is_kept);
}

/* *end_of_kept: the branch's searches before it keep the edge, those behind remove it. */
static pc_status decide_all(int *end_of_kept, acdc *a, const branch *b, int i)
{
    const int n = a->journal->n_prompts;
    const double *effects = a->effects + (int64_t)(b->first_row + i) * n;
    const double change = mean_difference(effects, b->now, a->difference, n);
    const pc_effect effect = {.mean = change,
                              .standard_error = pc_standard_error(a->difference, n),
                              .n = n,
                              .is_touched = true};
    const finding found = {a->base_mean + pc_mean(b->now, n), a->base_mean + pc_mean(effects, n),
                           change, true};
    const double bound =
        relative_bound * (largest(effects, n) + largest(b->now, n)) + 2 * a->absolute;
    finding exactly = {0};
    *end_of_kept = b->first;
    for (int s = b->first; s < b->end; s++) {
        bool is_kept;
        PC_TRY(decide(&is_kept, &exactly, a, &a->searches[s], b, &b->guesses[i], &effect, &found,
                      bound));
        if (is_kept) *end_of_kept = s + 1;
    }
    return PC_OK;
}

/* Up to `end`, of the branch. */
static pc_status leave_unreached(acdc *a, branch *b, int64_t end)
{
    static const finding nothing = {NAN, NAN, NAN, false};
    for (; b->at < end; b->at++) {
        pc_reach_remove(b->kept, b->n_out, a->c, a->order[b->at]);
        for (int s = b->first; s < b->end; s++) {
            a->searches[s].told.n_unreached++;
            PC_TRY(put_decision(a, &a->searches[s], b->at, &nothing, "unreached", false));
        }
    }
    return PC_OK;
}

/* The branch keeps the edge of guess i: what was guessed behind it is not so. */
static void turn_back(acdc *a, branch *b, int n_in_vain)
{
    for (int s = b->first; s < b->end; s++)
        a->searches[s].told.n_in_vain += n_in_vain;
    b->at_once = b->at_once > 1 ? b->at_once / 2 : 1;
}

/* *goes_on: whether any search of the branch removes the edge of guess i. */
static pc_status take_guess(bool *goes_on, acdc *a, branch *b, int i)
{
    const size_t n_prompts = (size_t)a->journal->n_prompts;
    int end_of_kept;
    PC_TRY(leave_unreached(a, b, b->guesses[i].at));
    PC_TRY(decide_all(&end_of_kept, a, b, i));
    b->at++;
    *goes_on = end_of_kept < b->end;
    branch *keeps = *goes_on ? NULL : b;
    if (*goes_on && end_of_kept > b->first) PC_TRY(part(&keeps, a, b, end_of_kept));
    if (keeps) turn_back(a, keeps, b->n_guesses - i - 1);
    if (!*goes_on) return PC_OK;
    pc_reach_remove(b->kept, b->n_out, a->c, a->order[b->at - 1]);
    memcpy(b->now, a->effects + (size_t)(b->first_row + i) * n_prompts, n_prompts * sizeof *b->now);
    return PC_OK;
}

/* Decides as far as the guesses hold. */
static pc_status take_guesses(acdc *a, branch *b)
{
    bool goes_on = true;
    for (int i = 0; i < b->n_guesses && goes_on; i++)
        PC_TRY(take_guess(&goes_on, a, b, i));
    if (!goes_on) return PC_OK;
    const bool is_full = b->n_guesses == b->at_once;
    b->at_once = b->at_once < AT_ONCE ? 2 * b->at_once : AT_ONCE;
    return is_full ? PC_OK : leave_unreached(a, b, a->candidates->n); /* no other needs measuring */
}

static pc_status take_all(acdc *a)
{
    for (int i = 0; i < a->n_branches; i++) /* those that part on the way have guessed nothing */
        if (a->branches[i].has_guessed) PC_TRY(take_guesses(a, &a->branches[i]));
    return PC_OK;
}

/* ---- all ---- */

static pc_status walk_round(acdc *a)
{
    PC_TRY(guess_all(a));
    PC_TRY(measure_guesses(a));
    PC_TRY(take_all(a));
    for (int i = 0; i < a->n_branches; i++)
        forget_guesses(&a->branches[i]);
    return PC_OK;
}

static pc_status walk(acdc *a)
{
    pc_progress progress = {
        .phase = "deciding", .unit = "edges", .n_all = a->candidates->n * a->n_searches};
    while (progress.n_done < progress.n_all) {
        PC_TRY(pc_watch_tell(a->watch, &progress, a->journal));
        PC_TRY(walk_round(a));
        progress.n_done = 0;
        for (int i = 0; i < a->n_branches; i++)
            progress.n_done += a->branches[i].at * (a->branches[i].end - a->branches[i].first);
    }
    return pc_watch_tell(a->watch, &progress, a->journal);
}

static void give_circuits(acdc *a)
{
    for (int i = 0; i < a->n_branches; i++)
        for (int s = a->branches[i].first; s < a->branches[i].end; s++)
            memcpy(a->searches[s].kept, a->branches[i].kept,
                   (size_t)a->candidates->n * sizeof *a->searches[s].kept);
}

static pc_status allocate(acdc *a)
{
    const size_t n = (size_t)a->candidates->n, n_prompts = (size_t)a->journal->n_prompts;
    a->branches = pc_alloc((size_t)a->n_searches, sizeof *a->branches);
    a->order = pc_alloc(n, sizeof *a->order);
    a->guessed = pc_alloc(n, sizeof *a->guessed);
    a->n_out_guessed = pc_alloc((size_t)a->c->n_writers, sizeof *a->n_out_guessed);
    a->effects = pc_alloc(CIRCUITS_A_ROUND * n_prompts, sizeof *a->effects);
    a->difference = pc_alloc(n_prompts, sizeof *a->difference);
    a->in_double = pc_alloc(2 * n_prompts, sizeof *a->in_double);
    a->is_touched = pc_alloc(CIRCUITS_A_ROUND, sizeof *a->is_touched);
    return a->branches && a->order && a->guessed && a->n_out_guessed && a->effects &&
                   a->difference && a->in_double && a->is_touched
               ? PC_OK
               : PC_ERR_NOMEM;
}

static void free_all(acdc *a)
{
    pc_evaluator_free(a->twin);
    for (int i = 0; i < a->n_branches; i++)
        free_branch(&a->branches[i]);
    free(a->is_touched);
    free(a->in_double);
    free(a->difference);
    free(a->effects);
    free(a->n_out_guessed);
    free(a->guessed);
    free(a->order);
    free(a->branches);
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

static void clear(pc_acdc_search *searches, int n, int64_t n_edges)
{
    for (int i = 0; i < n; i++) {
        assert(i == 0 || searches[i - 1].threshold < searches[i].threshold);
        searches[i].told = (pc_acdc_told){0};
        memset(searches[i].changes, 0, (size_t)n_edges * sizeof *searches[i].changes);
    }
}

pc_status pc_acdc(pc_acdc_search *searches, int n, int64_t *n_circuits,
                  const pc_candidates *candidates, pc_journal *journal, const pc_watch *watch)
{
    const pc_evaluator *e = journal->evaluator;
    acdc a = {.searches = searches,
              .n_searches = n,
              .candidates = candidates,
              .c = &candidates->model->components,
              .journal = journal,
              .watch = watch,
              .sign = sign_of_worse(e),
              .absolute = absolute_of(e, journal->n_prompts),
              .base_mean = pc_mean(pc_evaluator_base(e), journal->n_prompts),
              .is_float = pc_evaluator_settings(e)->engine == PC_ENGINE_DELTA};
    clear(searches, n, candidates->n);
    pc_status status = allocate(&a);
    if (status == PC_OK) {
        put_in_order(&a);
        status = begin(&a);
    }
    if (status == PC_OK) status = walk(&a);
    if (status == PC_OK) give_circuits(&a);
    *n_circuits = a.n_circuits;
    free_all(&a);
    return status;
}

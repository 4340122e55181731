/* Cutting a search into shards, and measuring one of them. */
#include "search/shards_private.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "patch/planner.h"
#include "search/faithfulness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Products are counted for so many pieces a shard: no cut is further from its place than that. */
enum { PIECES_OF_SHARD = 64, MOST_IN_PIECE = 512 };

static pc_status check_method(const pc_find_options *o)
{
    PC_TRY(pc_find_check(o));
    if (strcmp(o->method, "exact") == 0) return PC_OK;
    if (strcmp(o->method, "racing") == 0 || strcmp(o->method, "acdc") == 0)
        return pc_fail(PC_ERR_UNSUPPORTED,
                       "method %s decides as it measures, one step after the other: only exact has "
                       "shards",
                       o->method);
    return pc_fail(PC_ERR_UNSUPPORTED,
                   "method %s has no shards: only exact measures what is known beforehand",
                   o->method);
}

/* ---- cutting ---- */

/* Consecutive interventions whose products are counted together. */
typedef struct pieces {
    double *flop; /* (n) */
    int64_t n, size, n_all;
} pieces;

static pc_status count_piece(pieces *p, int64_t piece, pc_planner *planner,
                             const pc_sweep_list *list, pc_intervention **room)
{
    const int64_t first = piece * p->size;
    const int n = (int)(p->n_all - first < p->size ? p->n_all - first : p->size);
    int n_made = 0;
    pc_status status = PC_OK;
    for (; n_made < n && status == PC_OK; n_made += status == PC_OK)
        status = list->make(&room[n_made], list->payload, first + n_made);
    if (status == PC_OK)
        status = pc_planner_flop(&p->flop[piece], planner, (const pc_intervention *const *)room, n);
    for (int i = 0; i < n_made; i++)
        pc_intervention_free(room[i]);
    return status;
}

static pc_status count_pieces(pieces *out, const pc_find_lists *lists, const pc_model *model,
                              const pc_task *task, const pc_evaluator_options *evaluation,
                              int n_shards)
{
    const int64_t wanted = lists->n_all / ((int64_t)n_shards * PIECES_OF_SHARD);
    const pc_find_part all = {lists, 0};
    const pc_sweep_list list = pc_find_part_list(&all, lists->n_all);
    pc_plan plan;
    pc_planner *planner;
    *out = (pieces){.n_all = lists->n_all};
    out->size = wanted < 1 ? 1 : wanted > MOST_IN_PIECE ? MOST_IN_PIECE : wanted;
    out->n = (lists->n_all + out->size - 1) / out->size;
    PC_TRY(pc_planner_new(&planner, &plan, model, task, evaluation, pc_task_n(task)));
    out->flop = pc_alloc((size_t)out->n, sizeof *out->flop);
    pc_intervention **room = pc_alloc((size_t)out->size, sizeof *room);
    pc_status status = out->flop && room ? PC_OK : PC_ERR_NOMEM;
    for (int64_t i = 0; i < out->n && status == PC_OK; i++)
        status = count_piece(out, i, planner, &list, room);
    free(room);
    pc_planner_free(planner);
    return status;
}

/* A shard ends where the sum of products is nearest to its share; each has a piece at least. */
static void cut(pc_shards *s, const pieces *p)
{
    double all = 0, sum = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < p->n; i++)
        all += p->flop[i];
    for (int k = 0; k < s->n; k++) {
        const int64_t last = p->n - (s->n - 1 - k); /* the others want one each */
        const double share = all * (k + 1) / s->n;
        pc_shard *shard = &s->list[k];
        shard->first = at * p->size;
        const int64_t first = at;
        while (at < last && (at == first || k == s->n - 1 || sum + 0.5 * p->flop[at] <= share)) {
            shard->flop += p->flop[at];
            sum += p->flop[at++];
        }
        shard->n = (at * p->size < p->n_all ? at * p->size : p->n_all) - shard->first;
    }
}

static pc_status keep_facts(pc_shards *s, const pc_run_facts *facts)
{
    s->facts = pc_alloc(facts->n, sizeof *s->facts);
    if (!s->facts) return PC_ERR_NOMEM;
    for (size_t i = 0; i < facts->n; i++) {
        if (strcmp(facts->facts[i].key, "fingerprint") == 0) continue; /* of where it is measured */
        pc_store_fact *fact = &s->facts[s->n_facts++];
        fact->key = pc_copy_text(facts->facts[i].key);
        fact->value = pc_copy_text(facts->facts[i].value);
        if (!fact->key || !fact->value) return PC_ERR_NOMEM;
    }
    return PC_OK;
}

static pc_status cut_search(pc_shards *s, const pc_find_lists *lists, pc_model *model,
                            const pc_task *task, const pc_find_options *options)
{
    pc_run_facts facts;
    pieces p = {0};
    if (lists->n_all < s->n)
        return pc_fail(PC_ERR_INPUT, "%d shards of %lld interventions: expected at most as many",
                       s->n, (long long)lists->n_all);
    s->n_all = lists->n_all;
    s->list = pc_alloc((size_t)s->n, sizeof *s->list);
    if (!s->list) return PC_ERR_NOMEM;
    PC_TRY(pc_evaluator_check(model, task, &options->evaluation));
    PC_TRY(pc_find_facts(&facts, model, task, options, &lists->positions));
    PC_TRY(keep_facts(s, &facts));
    const pc_status status = count_pieces(&p, lists, model, task, &options->evaluation, s->n);
    if (status == PC_OK) cut(s, &p);
    free(p.flop);
    return status;
}

pc_status pc_shards_new(pc_shards **out, pc_model *model, const pc_task *task,
                        const pc_find_options *options, int n_shards)
{
    pc_find_options here = *options;
    pc_find_lists lists;
    *out = NULL;
    PC_TRY(check_method(options));
    if (n_shards < 1 || n_shards > PC_MOST_SHARDS)
        return pc_fail(PC_ERR_INPUT, "%d shards, expected 1 to %d", n_shards, PC_MOST_SHARDS);
    here.evaluation.device = NULL; /* where it is planned there may be none */
    pc_shards *s = pc_alloc(1, sizeof *s);
    if (!s) return PC_ERR_NOMEM;
    s->n = n_shards;
    pc_status status = pc_find_lists_init(&lists, model, task, &here);
    if (status == PC_OK) status = cut_search(s, &lists, model, task, &here);
    pc_find_lists_free(&lists);
    if (status == PC_OK) *out = s;
    else pc_shards_free(s);
    return status;
}

void pc_shards_free(pc_shards *s)
{
    if (!s) return;
    for (int i = 0; i < s->n_words; i++)
        free(s->words[i]);
    free(s->words);
    for (int i = 0; i < s->n_facts; i++) {
        free((char *)s->facts[i].key);
        free((char *)s->facts[i].value);
    }
    free(s->facts);
    free(s->list);
    free(s);
}

int pc_shards_n(const pc_shards *s)
{
    return s->n;
}

pc_shard pc_shards_at(const pc_shards *s, int k)
{
    return s->list[k];
}

const char *const *pc_shards_words(int *n, const pc_shards *s)
{
    *n = s->n_words;
    return (const char *const *)s->words;
}

/* ---- the search again ---- */

static const char *find_fact(const pc_store_fact *facts, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(facts[i].key, key) == 0) return facts[i].value;
    return NULL;
}

static pc_status fail_fact(const char *name, const char *key, const char *was, const char *now)
{
    return pc_fail(PC_ERR_INPUT,
                   "%s: %.60s was %.200s, now %.200s: the shards are another search's", name, key,
                   was ? was : "absent", now ? now : "absent");
}

pc_status pc_shards_check_facts(const pc_shards *s, const pc_run_facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->n; i++) {
        const pc_store_fact *now = &facts->facts[i];
        const char *was = find_fact(s->facts, (size_t)s->n_facts, now->key);
        if (strcmp(now->key, "fingerprint") == 0) continue;
        if (!was || strcmp(was, now->value) != 0) return fail_fact(name, now->key, was, now->value);
    }
    for (int i = 0; i < s->n_facts; i++)
        if (!find_fact(facts->facts, facts->n, s->facts[i].key))
            return fail_fact(name, s->facts[i].key, s->facts[i].value, NULL);
    return PC_OK;
}

pc_status pc_shard_search_init(pc_shard_search *out, const pc_shards *s, pc_model *model,
                               const pc_task *task, const pc_find_options *options)
{
    *out = (pc_shard_search){.facts = {.n = 0}};
    PC_TRY(check_method(options));
    PC_TRY(pc_find_lists_init(&out->lists, model, task, options));
    PC_TRY(pc_find_facts(&out->facts, model, task, options, &out->lists.positions));
    PC_TRY(pc_shards_check_facts(s, &out->facts, "shards.json"));
    if (out->lists.n_all == s->n_all) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "shards.json: %lld interventions, the search has %lld",
                   (long long)s->n_all, (long long)out->lists.n_all);
}

void pc_shard_search_free(pc_shard_search *search)
{
    pc_find_lists_free(&search->lists);
}

char *pc_shard_directory(const char *directory, int k)
{
    char name[32];
    snprintf(name, sizeof name, "shards/%d", k);
    return pc_path_join(directory, name);
}

/* ---- measuring ---- */

typedef struct shard_work {
    const pc_find_options *options;
    pc_progress last; /* what the user was told last */
    pc_watch watch;
    pc_journal journal;
} shard_work;

static bool tell(const pc_progress *progress, void *payload)
{
    shard_work *w = payload;
    w->last = *progress;
    return !w->options->progress || w->options->progress(progress, w->options->payload);
}

static bool keep_going(void *payload)
{
    shard_work *w = payload;
    return tell(&w->last, payload);
}

/* "Everything cut" is measured by every shard: those that do not agree are found when merging. */
static pc_status measure_part(shard_work *w, const pc_shard *shard, const pc_find_lists *lists,
                              const pc_task *task)
{
    const pc_evaluator_options *evaluation = &w->options->evaluation;
    const pc_find_part part = {lists, shard->first};
    const pc_sweep_list list = pc_find_part_list(&part, shard->n);
    pc_scale scale;
    const pc_progress start = {
        .phase = "baseline", .unit = "prompts", .n_all = w->journal.n_prompts};
    PC_TRY(pc_watch_tell(&w->watch, &start, &w->journal));
    PC_TRY(pc_evaluator_open_watched(&w->journal.evaluator, w->journal.model, task, evaluation,
                                     keep_going, w));
    PC_TRY(pc_scale_measure(&scale, &lists->candidates, &w->journal, evaluation->direction));
    pc_effect *effects = pc_alloc((size_t)shard->n, sizeof *effects);
    if (!effects) return PC_ERR_NOMEM;
    const pc_status status = pc_sweep_list_measure(effects, &list, &w->journal, &w->watch);
    free(effects);
    return status;
}

static pc_status measure_shard(shard_work *w, const pc_shards *s, int k, pc_model *model,
                               const pc_task *task, pc_shard_search *search)
{
    PC_TRY(pc_shard_search_init(search, s, model, task, w->options));
    char *directory = pc_shard_directory(w->options->directory, k);
    if (!directory) return PC_ERR_NOMEM;
    pc_status status =
        pc_run_open(&w->journal.store, directory, w->options->resume, &search->facts);
    free(directory);
    PC_TRY(status);
    PC_TRY(measure_part(w, &s->list[k], &search->lists, task));
    return pc_store_close(w->journal.store);
}

pc_status pc_shard_measure(const pc_shards *s, int k, pc_model *model, const pc_task *task,
                           const pc_find_options *options)
{
    pc_find_options again = *options;
    pc_shard_search search;
    if (k < 0 || k >= s->n) return pc_fail(PC_ERR_INPUT, "shard %d, expected 0 to %d", k, s->n - 1);
    if (again.resume == PC_RESUME_NO) again.resume = PC_RESUME_YES;
    shard_work w = {.options = &again, .journal = {.model = model, .n_prompts = pc_task_n(task)}};
    w.last = (pc_progress){.phase = "baseline", .unit = "prompts"};
    w.watch = (pc_watch){tell, &w};
    const pc_status status = measure_shard(&w, s, k, model, task, &search);
    pc_evaluator_free(w.journal.evaluator);
    pc_store_free(w.journal.store);
    pc_shard_search_free(&search);
    return status;
}

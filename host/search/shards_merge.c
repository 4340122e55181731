/* Joining shards into one run database, from which the search goes on. */
#include "search/shards_private.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TOLD = 6 };

typedef struct merging {
    const pc_shards *shards;
    const pc_find_options *options;
    pc_shard_search search;
    pc_store *whole;
    double *values; /* (1 + n_prompts) */
    size_t n_values;
    int n_prompts;
    pc_text problems; /* "; shard 3: ..." */
    pc_text numbers;  /* ",3" of shards to run again */
    int n_bad;
} merging;

static void note_problem(merging *m, int k, const char *words)
{
    if (m->n_bad++ < MOST_TOLD) pc_text_printf(&m->problems, "; shard %d: %s", k, words);
    pc_text_printf(&m->numbers, "%s%d", m->n_bad > 1 ? "," : "", k);
}

/* ---- one shard ---- */

/* Whose run a database is: every fact, the fingerprint too. */
static pc_status check_identity(const merging *m, const pc_store *store)
{
    size_t n;
    const pc_store_fact *stored = pc_store_identity(&n, store);
    const pc_run_facts *facts = &m->search.facts;
    for (size_t i = 0; i < facts->n; i++) {
        const pc_store_fact *now = &facts->facts[i];
        size_t j = 0;
        while (j < n && strcmp(stored[j].key, now->key) != 0)
            j++;
        if (j < n && strcmp(stored[j].value, now->value) == 0) continue;
        return pc_fail(PC_ERR_INPUT, "its %s is %.160s, expected %.160s", now->key,
                       j < n ? stored[j].value : "absent", now->value);
    }
    if (n == facts->n) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "its run has %zu facts, expected %zu", n, facts->n);
}

/* Counts those of the shard's interventions that its database has. */
static pc_status count_measured(int64_t *n_found, merging *m, const pc_shard *shard,
                                pc_store *store)
{
    const pc_find_part part = {&m->search.lists, shard->first};
    const pc_sweep_list list = pc_find_part_list(&part, shard->n);
    const pc_components *c = &m->search.lists.candidates.model->components;
    pc_status status = PC_OK;
    *n_found = 0;
    for (int64_t i = 0; i < shard->n && status == PC_OK; i++) {
        pc_intervention *x;
        pc_text key = {0};
        bool is_found = false;
        PC_TRY(list.make(&x, list.payload, i));
        status = pc_intervention_key(&key, x, c);
        if (status == PC_OK) status = pc_text_status(&key);
        if (status == PC_OK)
            status = pc_store_get(m->values, &is_found, store, key.data, m->n_values);
        *n_found += is_found;
        pc_text_free(&key);
        pc_intervention_free(x);
    }
    return status;
}

static pc_status copy(void *context, const char *key, const double *values, size_t n)
{
    merging *m = context;
    return pc_store_put(m->whole, key, values, n);
}

static pc_status take(merging *m, int k, pc_store *store)
{
    int64_t n_found;
    char words[96];
    const pc_shard *shard = &m->shards->list[k];
    PC_TRY(check_identity(m, store));
    PC_TRY(count_measured(&n_found, m, shard, store));
    if (n_found == shard->n) return pc_store_each(store, copy, m);
    snprintf(words, sizeof words, "incomplete, %lld of %lld interventions", (long long)n_found,
             (long long)shard->n);
    note_problem(m, k, words);
    return PC_OK;
}

/* What is wrong with one shard is noted, so that all are told at once; a refused disk ends it. */
static pc_status join_shard(merging *m, int k)
{
    pc_store *store = NULL;
    char *folder = pc_shard_directory(m->options->directory, k);
    char *path = folder ? pc_path_join(folder, "run.db") : NULL;
    free(folder);
    if (!path) return PC_ERR_NOMEM;
    if (!pc_file_exists(path)) {
        free(path);
        note_problem(m, k, "missing");
        return PC_OK;
    }
    pc_status status = pc_store_open(&store, path, NULL, 0, PC_STORE_READ);
    if (status == PC_OK) status = take(m, k, store);
    pc_store_free(store);
    free(path);
    if (status != PC_ERR_INPUT) return status;
    note_problem(m, k, pc_last_error());
    return PC_OK;
}

/* ---- all ---- */

static pc_status fail_bad(const merging *m)
{
    if (m->n_bad == 0) return PC_OK;
    PC_TRY(pc_text_status(&m->problems));
    PC_TRY(pc_text_status(&m->numbers));
    return pc_fail(PC_ERR_INPUT,
                   "%s: %d of %d shards cannot be joined%s%s; to be run again: %.400s",
                   m->options->directory, m->n_bad, m->shards->n, m->problems.data,
                   m->n_bad > MOST_TOLD ? "; ..." : "", m->numbers.data);
}

static pc_status join(merging *m)
{
    pc_progress progress = {.phase = "joining", .unit = "shards", .n_all = m->shards->n};
    const pc_find_options *o = m->options;
    m->n_values = (size_t)m->n_prompts + 1;
    m->values = pc_alloc(m->n_values, sizeof *m->values);
    if (!m->values) return PC_ERR_NOMEM;
    PC_TRY(pc_run_open(&m->whole, o->directory, o->resume, &m->search.facts));
    for (int k = 0; k < m->shards->n; k++) {
        PC_TRY(join_shard(m, k));
        progress.n_done = k + 1;
        if (o->progress && !o->progress(&progress, o->payload))
            return pc_fail(PC_ERR_INTERRUPTED, "stopped after %d of %d shards", k + 1,
                           m->shards->n);
    }
    PC_TRY(fail_bad(m));
    return pc_store_close(m->whole);
}

pc_status pc_shards_merge(pc_circuit **out, const pc_shards *s, pc_model *model,
                          const pc_task *task, const pc_find_options *options)
{
    pc_find_options whole = *options;
    *out = NULL;
    if (whole.resume == PC_RESUME_NO) whole.resume = PC_RESUME_YES;
    merging m = {.shards = s, .options = &whole, .n_prompts = pc_task_n(task)};
    pc_status status = pc_shard_search_init(&m.search, s, model, task, &whole);
    if (status == PC_OK) status = join(&m);
    pc_store_free(m.whole);
    pc_shard_search_free(&m.search);
    pc_text_free(&m.problems);
    pc_text_free(&m.numbers);
    free(m.values);
    return status == PC_OK ? pc_find(out, model, task, &whole) : status;
}

/* report.html: what run.db knows, in front of what the circuit knows. */
#include "search/report_private.h"

#include "base/file.h"
#include "base/memory.h"
#include "graph/report_page.h"
#include "search/report_notes.h"
#include "search/student.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Effects of single prompts that the page carries at most, for its size; half of them nodes'. */
enum { MOST_VALUES = 60000, STEPS = 9999 };

/* ---- intervals ---- */

static void put_quantile(pc_text *t, int64_t n)
{
    if (n < 2 || n > INT_MAX) return;
    pc_text_printf(t, "%s\"%lld\":", t->data[t->length - 1] == '{' ? "" : ",", (long long)n);
    pc_text_put_number(t, pc_student_quantile(0.025, (int)n - 1));
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* "t": by how many standard errors a 95 % interval reaches to either side, by number of prompts. */
static pc_status put_quantiles(pc_text *t, const pc_circuit *c)
{
    const size_t count = c->n_nodes + c->n_edges + 1;
    int64_t *n = pc_alloc(count, sizeof *n);
    if (!n) return PC_ERR_NOMEM;
    n[0] = c->task.n;
    for (size_t i = 0; i < c->n_nodes; i++)
        n[1 + i] = c->nodes[i].n;
    for (size_t i = 0; i < c->n_edges; i++)
        n[1 + c->n_nodes + i] = c->edges[i].n;
    qsort(n, count, sizeof *n, compare);
    pc_text_put(t, "\"t\":{");
    for (size_t i = 0; i < count; i++)
        if (i == 0 || n[i] != n[i - 1]) put_quantile(t, n[i]);
    pc_text_put(t, "},\n");
    free(n);
    return pc_text_status(t);
}

/* ---- each prompt's effects ---- */

typedef struct prompts {
    pc_text *out;
    pc_store *store;
    double *values; /* (1 + n) as the journal keeps them: was anything touched, then the effects */
    size_t n;       /* prompts */
    int64_t n_left; /* values that may still be put */
    bool is_first;
} prompts;

static double largest_of(const double *values, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        if (fabs(values[i]) > largest) largest = fabs(values[i]);
    return largest;
}

/* "NAME": [step, value / step, ...]: whole numbers, at most 9999. */
static void put_values(prompts *p, const char *name)
{
    const double step = largest_of(p->values + 1, p->n) / STEPS;
    pc_text_put(p->out, p->is_first ? "\n" : ",\n");
    pc_text_put_json_string(p->out, name);
    pc_text_put(p->out, ":[");
    pc_text_put_number(p->out, step);
    for (size_t i = 0; i < p->n; i++)
        pc_text_printf(p->out, ",%ld", step > 0 ? lround(p->values[1 + i] / step) : 0);
    pc_text_put(p->out, "]");
    p->is_first = false;
    p->n_left -= (int64_t)p->n;
}

/* An effect that the database has of another number of prompts, or not at all, is passed over. */
static pc_status put_one(prompts *p, const char *name)
{
    char key[256];
    bool is_found = false;
    snprintf(key, sizeof key, "cut %s", name);
    const pc_status status = pc_store_get(p->values, &is_found, p->store, key, p->n + 1);
    if (status == PC_ERR_INPUT) return PC_OK;
    if (status != PC_OK || !is_found || !isfinite(largest_of(p->values + 1, p->n))) return status;
    put_values(p, name);
    return PC_OK;
}

static pc_status put_nodes(prompts *p, const pc_circuit *c, const size_t *order)
{
    for (size_t i = 0; i < c->n_nodes && p->n_left >= (int64_t)p->n; i++)
        if (c->nodes[order[i]].is_measured) PC_TRY(put_one(p, c->nodes[order[i]].name));
    return PC_OK;
}

static pc_status put_edges(prompts *p, const pc_circuit *c, const size_t *order)
{
    for (size_t i = 0; i < c->n_edges && p->n_left >= (int64_t)p->n; i++) {
        const pc_circuit_edge *edge = &c->edges[order[i]];
        char name[128];
        snprintf(name, sizeof name, "%s->%s", edge->from, edge->to);
        if (edge->is_measured) PC_TRY(put_one(p, name));
    }
    return PC_OK;
}

static pc_status put_ranked(prompts *p, const pc_circuit *c)
{
    const size_t longest = c->n_nodes > c->n_edges ? c->n_nodes : c->n_edges;
    size_t *order = pc_alloc(longest, sizeof *order);
    pc_status status = order ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = pc_circuit_rank_nodes(order, c);
    p->n_left = c->n_edges ? MOST_VALUES / 2 : MOST_VALUES;
    if (status == PC_OK) status = put_nodes(p, c, order);
    if (c->n_edges) p->n_left += MOST_VALUES / 2;
    if (status == PC_OK) status = pc_circuit_rank_edges(order, c);
    if (status == PC_OK) status = put_edges(p, c, order);
    free(order);
    return status;
}

static pc_status put_prompts(pc_text *t, const pc_circuit *c, pc_store *store)
{
    if (c->task.n < 1 || c->task.n > MOST_VALUES) return PC_OK;
    prompts p = {.out = t, .store = store, .n = (size_t)c->task.n, .is_first = true};
    p.values = pc_alloc(p.n + 1, sizeof *p.values);
    if (!p.values) return PC_ERR_NOMEM;
    pc_text_put(t, "\"prompts\":{");
    const pc_status status = put_ranked(&p, c);
    pc_text_put(t, "},\n");
    free(p.values);
    return status;
}

/* ---- the run ---- */

static const char *fact_of(const pc_store *store, const char *key)
{
    size_t n;
    const pc_store_fact *facts = pc_store_identity(&n, store);
    for (size_t i = 0; i < n; i++)
        if (strcmp(facts[i].key, key) == 0) return facts[i].value;
    return "";
}

static pc_status check_run(const pc_store *store, const pc_circuit *c)
{
    const char *model = fact_of(store, "model"), *task = fact_of(store, "task_sha256");
    if (strcmp(model, c->model.sha256) != 0)
        return pc_fail(PC_ERR_INPUT, "run.db is of model %.64s, the circuit of %.64s", model,
                       c->model.sha256);
    if (strcmp(task, c->task.sha256) == 0) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "run.db is of task %.64s, the circuit of %.64s", task,
                   c->task.sha256);
}

static void put_facts(pc_text *t, const pc_store *store)
{
    size_t n;
    const pc_store_fact *facts = pc_store_identity(&n, store);
    pc_text_put(t, "\"facts\":{");
    for (size_t i = 0; i < n; i++) {
        if (i) pc_text_put(t, ",");
        pc_text_put_json_string(t, facts[i].key);
        pc_text_put(t, ":");
        pc_text_put_json_string(t, facts[i].value);
    }
    pc_text_put(t, "},\n");
}

static pc_status put_run(pc_text *t, const pc_circuit *c, pc_store *store)
{
    PC_TRY(check_run(store, c));
    put_facts(t, store);
    PC_TRY(pc_report_put_notes(t, store));
    return put_prompts(t, c, store);
}

pc_status pc_report_put(pc_text *out, const pc_circuit *c, pc_store *store,
                        const pc_draw_options *options)
{
    pc_text members = {0};
    pc_status status = put_quantiles(&members, c);
    if (status == PC_OK && store) status = put_run(&members, c, store);
    if (status == PC_OK) status = pc_text_status(&members);
    if (status == PC_OK) status = pc_report_put_page(out, c, members.data, options);
    pc_text_free(&members);
    return status;
}

pc_status pc_report_write_from(const pc_circuit *c, pc_store *store, const char *path,
                               const pc_draw_options *options)
{
    pc_text page = {0};
    pc_status status = pc_report_put(&page, c, store, options);
    if (status == PC_OK) status = pc_file_replace(path, page.data, page.length);
    pc_text_free(&page);
    return status;
}

pc_status pc_report_write(const pc_circuit *c, const char *run_db, const char *path,
                          const pc_draw_options *options)
{
    pc_store *store = NULL;
    if (run_db) PC_TRY(pc_store_open(&store, run_db, NULL, 0, PC_STORE_READ));
    const pc_status status = pc_report_write_from(c, store, path, options);
    pc_store_free(store);
    return status;
}

/* The tests of Shi et al. on a circuit: what is measured for them. */
#include "base/memory.h"
#include "base/rng.h"
#include "patch/evaluator.h"
#include "patchclamp/find.h"
#include "search/evaluation.h"
#include "search/faithfulness.h"
#include "search/hypothesis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 5, TOGETHER = 16, N_REFERENCES = 100, MOST_PATHS = 1000, FEWEST_PROMPTS = 6 };
static const double epsilon = 0.1, quantile = 0.9;

/* The circuits of the first two tests. */
enum { MODEL, CIRCUIT, COMPLEMENT, N_FIRST };

typedef struct testing {
    pc_evaluation *e;
    const pc_evaluator_options *options;
    bool *kept;      /* (TOGETHER, n) */
    double *metrics; /* (TOGETHER, n_prompts) */
    double *first;   /* (N_FIRST, n_prompts) */
    double *effects; /* (N_REFERENCES) of the random components */
    int64_t *added;  /* (n) room: what a path has added */
    pc_hypotheses *out;
} testing;

static pc_status measure(double *metrics, testing *t, int n)
{
    return pc_measure_each_prompt(metrics, &t->e->candidates, &t->e->journal, t->kept, n,
                                  t->options->direction);
}

/* ---- equivalence and independence ---- */

static pc_status measure_first(testing *t)
{
    const int64_t n = t->e->candidates.n;
    for (int64_t i = 0; i < n; i++) {
        t->kept[MODEL * n + i] = true;
        t->kept[CIRCUIT * n + i] = t->e->kept[i];
        t->kept[COMPLEMENT * n + i] = !t->e->kept[i];
    }
    return measure(t->first, t, N_FIRST);
}

/* How often the circuit does better than the model; as well counts half. */
static double count_wins(const testing *t)
{
    const int n = t->e->journal.n_prompts;
    const double better = -pc_metric_sign_of_worse(t->options);
    double wins = 0;
    for (int p = 0; p < n; p++) {
        const double gain = better * (t->first[CIRCUIT * n + p] - t->first[MODEL * n + p]);
        wins += gain > 0 ? 1 : gain == 0 ? 0.5 : 0;
    }
    return wins;
}

static pc_status test_first(testing *t)
{
    pc_hypotheses *out = t->out;
    const int n = out->n, n_permuted = n < PC_MOST_PERMUTED ? n : PC_MOST_PERMUTED;
    PC_TRY(measure_first(t));
    out->wins = count_wins(t);
    out->epsilon = epsilon;
    out->equivalence_p = pc_equivalence_p(out->wins, n, epsilon);
    return pc_independence(&out->hsic, &out->independence_p, t->first + COMPLEMENT * n,
                           t->first + MODEL * n, n_permuted);
}

/* ---- minimality ---- */

/* The mean squared difference of two circuits over the prompts. */
static double effect_between(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int p = 0; p < n; p++)
        sum += (a[p] - b[p]) * (a[p] - b[p]);
    return sum / n;
}

/* Any component outside the circuit. */
static void add_any(bool *kept, const testing *t, pc_rng *rng)
{
    int64_t n = 0;
    for (int64_t i = 0; i < t->e->candidates.n; i++)
        if (!t->e->kept[i]) t->added[n++] = i;
    kept[t->added[pc_rng_below(rng, (uint64_t)n)]] = true;
}

/* The circuit with a random path that has something new. */
static void inflate(bool *kept, const testing *t, pc_rng *rng)
{
    const int64_t n = t->e->candidates.n;
    bool has_new = false;
    memcpy(kept, t->e->kept, (size_t)n * sizeof *kept);
    for (int i = 0; i < MOST_PATHS && !has_new && t->e->candidates.level == PC_LEVEL_EDGE; i++)
        has_new = pc_candidates_add_path(kept, &t->e->candidates, rng);
    if (!has_new) add_any(kept, t, rng);
}

/* One of what was added, at random. */
static int64_t choose_added(const bool *kept, const testing *t, pc_rng *rng)
{
    int64_t n = 0;
    for (int64_t i = 0; i < t->e->candidates.n; i++)
        if (kept[i] && !t->e->kept[i]) t->added[n++] = i;
    return t->added[pc_rng_below(rng, (uint64_t)n)];
}

/* Pairs of circuits: one with a random path, and the same without a random component of that. */
static pc_status measure_references(testing *t)
{
    const int64_t n = t->e->candidates.n;
    const int n_prompts = t->out->n, pairs = TOGETHER / 2;
    for (int first = 0; first < N_REFERENCES; first += pairs) {
        const int some = N_REFERENCES - first < pairs ? N_REFERENCES - first : pairs;
        for (int i = 0; i < some; i++) {
            pc_rng rng = {.seed = SEED, .stream = (uint64_t)(first + i)};
            bool *with = t->kept + 2 * i * n, *without = with + n;
            inflate(with, t, &rng);
            memcpy(without, with, (size_t)n * sizeof *with);
            without[choose_added(with, t, &rng)] = false;
        }
        PC_TRY(measure(t->metrics, t, 2 * some));
        for (int i = 0; i < some; i++)
            t->effects[first + i] =
                effect_between(t->metrics + (int64_t)2 * i * n_prompts,
                               t->metrics + (int64_t)(2 * i + 1) * n_prompts, n_prompts);
    }
    t->out->n_references = N_REFERENCES;
    return PC_OK;
}

static void fill_component(pc_tested_component *out, const testing *t, int64_t component,
                           const double *without)
{
    int n_below = 0;
    pc_candidate_name(out->name, &t->e->candidates, component);
    out->effect = effect_between(t->first + CIRCUIT * t->out->n, without, t->out->n);
    for (int i = 0; i < N_REFERENCES; i++)
        n_below += t->effects[i] < out->effect;
    out->above = (double)n_below / N_REFERENCES;
    out->p = pc_binomial_at_most(n_below, N_REFERENCES, quantile);
}

/* The circuit without each of some components. */
static pc_status test_some(testing *t, const int64_t *components, int n_some)
{
    const int64_t n = t->e->candidates.n;
    for (int i = 0; i < n_some; i++) {
        memcpy(t->kept + i * n, t->e->kept, (size_t)n * sizeof *t->kept);
        t->kept[i * n + components[i]] = false;
    }
    PC_TRY(measure(t->metrics, t, n_some));
    for (int i = 0; i < n_some; i++)
        fill_component(&t->out->components[t->out->n_components++], t, components[i],
                       t->metrics + (int64_t)i * t->out->n);
    return PC_OK;
}

static int compare_tested(const void *a, const void *b)
{
    const pc_tested_component *x = a, *y = b;
    if (x->p != y->p) return x->p < y->p ? -1 : 1;
    if (x->effect != y->effect) return x->effect < y->effect ? -1 : 1;
    return strcmp(x->name, y->name);
}

static pc_status correct(pc_hypotheses *out)
{
    const size_t n = (size_t)out->n_components;
    double *p = pc_alloc(n, sizeof *p), *adjusted = pc_alloc(n, sizeof *adjusted);
    pc_status status = p && adjusted ? PC_OK : PC_ERR_NOMEM;
    for (size_t i = 0; i < n && status == PC_OK; i++)
        p[i] = out->components[i].p;
    if (status == PC_OK) status = pc_holm(adjusted, p, out->n_components);
    for (size_t i = 0; i < n && status == PC_OK; i++)
        out->components[i].p_holm = adjusted[i];
    free(adjusted);
    free(p);
    return status;
}

static pc_status test_each(testing *t, const int64_t *components, int64_t n)
{
    t->out->components = pc_alloc((size_t)n, sizeof *t->out->components);
    if (!t->out->components) return PC_ERR_NOMEM;
    PC_TRY(measure_references(t));
    for (int64_t first = 0; first < n; first += TOGETHER)
        PC_TRY(
            test_some(t, components + first, n - first < TOGETHER ? (int)(n - first) : TOGETHER));
    PC_TRY(correct(t->out));
    qsort(t->out->components, (size_t)n, sizeof *t->out->components, compare_tested);
    return PC_OK;
}

/* Neither nothing nor everything has a component to test against others. */
static pc_status test_minimality(testing *t)
{
    const int64_t n = t->e->candidates.n;
    int64_t n_kept = 0, *components = pc_alloc((size_t)n, sizeof *components);
    if (!components) return PC_ERR_NOMEM;
    for (int64_t i = 0; i < n; i++)
        if (t->e->kept[i]) components[n_kept++] = i;
    t->out->quantile = quantile;
    const pc_status status = n_kept > 0 && n_kept < n ? test_each(t, components, n_kept) : PC_OK;
    free(components);
    return status;
}

/* ---- all of it ---- */

static pc_status check(const pc_task *task, const pc_evaluator_options *o)
{
    if (pc_task_n(task) < FEWEST_PROMPTS)
        return pc_fail(PC_ERR_INPUT, "%d prompts, the tests need at least %d", pc_task_n(task),
                       FEWEST_PROMPTS);
    if (o->metric == PC_METRIC_KL)
        return pc_fail(PC_ERR_INPUT, "metric kl is the distance from the model, whose own is 0 on "
                                     "every prompt: the tests need another metric");
    return PC_OK;
}

static pc_status run(testing *t)
{
    const size_t n = (size_t)t->e->candidates.n, n_prompts = (size_t)t->out->n;
    t->kept = pc_alloc(TOGETHER * n, sizeof *t->kept);
    t->metrics = pc_alloc(TOGETHER * n_prompts, sizeof *t->metrics);
    t->first = pc_alloc(N_FIRST * n_prompts, sizeof *t->first);
    t->effects = pc_alloc(N_REFERENCES, sizeof *t->effects);
    t->added = pc_alloc(n, sizeof *t->added);
    if (!t->kept || !t->metrics || !t->first || !t->effects || !t->added) return PC_ERR_NOMEM;
    PC_TRY(test_first(t));
    return test_minimality(t);
}

pc_status pc_circuit_test(pc_hypotheses *out, const pc_circuit *circuit, const pc_model *model,
                          const pc_task *task, const pc_evaluator_options *options)
{
    pc_evaluation e = {0};
    testing t = {.e = &e, .options = options, .out = out};
    *out = (pc_hypotheses){.n = pc_task_n(task)};
    pc_status status = check(task, options);
    if (status == PC_OK) status = pc_evaluation_open(&e, circuit, model, task, options);
    if (status == PC_OK) status = run(&t);
    free(t.added);
    free(t.effects);
    free(t.first);
    free(t.metrics);
    free(t.kept);
    pc_evaluation_close(&e);
    if (status != PC_OK) pc_hypotheses_free(out);
    return status;
}

void pc_hypotheses_free(pc_hypotheses *hypotheses)
{
    free(hypotheses->components);
    *hypotheses = (pc_hypotheses){0};
}

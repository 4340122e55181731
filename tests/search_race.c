/* Races: Student's quantiles, decisions that are right as often as is said, and on a model the top
 * of the exact sweep. */
#include "search/race.h"
#include "search/student.h"

#include "base/rng.h"
#include "patchclamp/find.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* From mpmath's incomplete beta function at 40 digits. */
Test(search_race, student_quantiles_are_those_of_the_distribution)
{
    const struct {
        int n;
        double tail, t;
    } known[] = {{1, 0.05, 6.3137515146750431},   {1, 1e-3, 318.30883898555045},
                 {1, 1e-9, 318309886.18379067},   {2, 0.05, 2.9199855803537257},
                 {2, 1e-6, 707.1057205259338},    {7, 0.05, 1.8945786050900074},
                 {7, 1e-3, 4.7852896286383341},   {7, 1e-6, 14.241469651981446},
                 {7, 1e-9, 38.705980643231614},   {15, 1e-6, 7.4643849400963717},
                 {31, 1e-9, 8.3443163034470165},  {127, 0.05, 1.6569403435420647},
                 {127, 1e-6, 4.9834379702368326}, {127, 1e-9, 6.462950596157298}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const double t = pc_student_quantile(known[i].tail, known[i].n);
        cr_expect(fabs(t / known[i].t - 1) < 1e-11, "%d, %g: %.17g, expected %.17g", known[i].n,
                  known[i].tail, t, known[i].t);
        cr_expect(fabs(pc_student_tail(t, known[i].n) / known[i].tail - 1) < 1e-10);
    }
    cr_expect(fabs(pc_student_tail(0, 5) - 0.5) < 1e-15);
}

/* ---- populations ---- */

enum { N = 40, PROMPTS = 128, TOP = 6 };

typedef enum shape { NORMAL, SKEWED, HEAVY, RARE, N_SHAPES } shape;

typedef struct population {
    double effects[N][PROMPTS];
    int64_t n_measured;
} population;

static double normal(pc_rng *rng)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += pc_rng_unit(rng);
    return sum;
}

static double noise(pc_rng *rng, shape s)
{
    const double u = 1 - pc_rng_unit(rng), x = normal(rng);
    switch (s) {
    case NORMAL:
        return x;
    case SKEWED:
        return -log(u) - 1; /* exponential */
    case HEAVY:
        return x / sqrt(-2 * log(u) / 2 + 0.3); /* nearly Student's with few degrees of freedom */
    case RARE:
        return u < 0.1 ? 3 * x : 0; /* most prompts say nothing */
    default:
        return 0;
    }
}

/* Means from 0 to 2, of either sign; some lie close together. */
static void draw(population *p, uint64_t seed, shape s)
{
    pc_rng rng = {.seed = seed, .stream = (uint64_t)s};
    p->n_measured = 0;
    for (int i = 0; i < N; i++) {
        const double mean = 2 * pow(pc_rng_unit(&rng), 2) * (i % 2 ? 1 : -1);
        for (int t = 0; t < PROMPTS; t++)
            p->effects[i][t] = mean + noise(&rng, s);
    }
}

static pc_status measure(double *values, const int64_t *live, int64_t n_live, const int *chosen,
                         int n_chosen, int look, void *payload)
{
    population *p = payload;
    (void)look;
    for (int64_t i = 0; i < n_live; i++)
        for (int c = 0; c < n_chosen; c++) {
            cr_assert(c == 0 || chosen[c] > chosen[c - 1]);
            values[i * n_chosen + c] = p->effects[live[i]][chosen[c]];
        }
    p->n_measured += n_live * n_chosen;
    return PC_OK;
}

static double strength(const population *p, int i)
{
    double sum = 0;
    for (int t = 0; t < PROMPTS; t++)
        sum += p->effects[i][t];
    return fabs(sum / PROMPTS);
}

/* Whether every one of the race's top is at least as strong as every other. */
static bool is_right(const population *p, const pc_race_result *r)
{
    double weakest = INFINITY, strongest = 0;
    for (int i = 0; i < N; i++) {
        if (r->is_top[i]) weakest = fmin(weakest, strength(p, i));
        else strongest = fmax(strongest, strength(p, i));
    }
    return weakest >= strongest;
}

/* One interval, at errors of 5 %, misses as often as it says: neither more nor less. 4,000 of them:
 * at a true rate of 5 % fewer than 155 or more than 245 would come once in a thousand times. */
Test(search_race, an_interval_misses_as_often_as_is_said)
{
    enum { DRAWS = 4000, SEEN = 8, ALL = 64 };
    const struct {
        int n;
        const char *what;
    } cases[] = {{ALL, "8 of 64"}, {16, "8 of 16"}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const pc_race_interval interval = pc_race_interval_of(SEEN, cases[c].n, 0.05);
        pc_rng rng = {.seed = 5, .stream = c};
        int n_missed = 0;
        for (int draw_at = 0; draw_at < DRAWS; draw_at++) {
            double x[ALL], seen = 0, all = 0;
            for (int i = 0; i < cases[c].n; i++) {
                x[i] = normal(&rng);
                all += x[i] / cases[c].n;
                seen += i < SEEN ? x[i] / SEEN : 0;
            }
            n_missed += fabs(seen - all) > pc_race_width(&interval, x, 10);
        }
        cr_expect(n_missed >= 155 && n_missed <= 245, "%s: %d of %d missed", cases[c].what,
                  n_missed, DRAWS);
    }
}

static pc_race race_of(population *p)
{
    return (pc_race){.n = N,
                     .n_prompts = PROMPTS,
                     .top = TOP,
                     .confidence = 0.8,
                     .measure = measure,
                     .payload = p};
}

/* 300 races: at a true rate of 20 % more than 83 wrong ones would come once in a thousand times. */
Test(search_race, the_top_is_wrong_no_more_often_than_is_said)
{
    static population p;
    for (int s = 0; s < N_SHAPES; s++) {
        int n_wrong = 0;
        int64_t n_measured = 0;
        for (uint64_t seed = 0; seed < 300; seed++) {
            pc_race_result r;
            draw(&p, seed, (shape)s);
            const pc_race race = race_of(&p);
            int n_top = 0;
            cr_assert_eq(pc_race_run(&r, &race), PC_OK);
            cr_assert_eq(r.n_evaluations, p.n_measured);
            for (int i = 0; i < N; i++) {
                n_top += r.is_top[i];
                cr_assert(!r.is_top[i] || r.n_measured[i] == PROMPTS);
            }
            cr_assert_eq(n_top, TOP);
            n_wrong += !is_right(&p, &r);
            n_measured += r.n_evaluations;
            pc_race_result_free(&r);
        }
        cr_expect(n_wrong <= 83, "shape %d: %d of 300 wrong", s, n_wrong);
        cr_expect(n_measured < 300 * N * PROMPTS * 3 / 4, "shape %d: %.0f %% measured", s,
                  100.0 * (double)n_measured / (300.0 * N * PROMPTS));
    }
}

/* What happens where there is nothing to race for. */
Test(search_race, few_components_few_prompts_no_effects)
{
    static population p;
    const struct {
        int64_t n, top;
        int n_prompts;
    } cases[] = {{N, N, PROMPTS}, {3, 5, 20}, {N, 1, 1}, {N, 6, 7}, {1, 1, 1}, {N, 6, PROMPTS}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        pc_race_result r;
        int64_t n_top = 0;
        draw(&p, c, NORMAL);
        if (c == 5) memset(p.effects, 0, sizeof p.effects);
        pc_race race = race_of(&p);
        race.n = cases[c].n;
        race.top = cases[c].top < race.n ? cases[c].top : race.n;
        race.n_prompts = cases[c].n_prompts;
        cr_assert_eq(pc_race_run(&r, &race), PC_OK);
        for (int64_t i = 0; i < race.n; i++)
            n_top += r.is_top[i];
        cr_expect_eq(n_top, race.top, "case %zu: %lld", c, (long long)n_top);
        cr_expect(r.n_evaluations <= race.n * race.n_prompts);
        pc_race_result_free(&r);
    }
}

/* ---- on the demo model ---- */

static pc_circuit *find(const char *method, int64_t top, pc_level level, int n_prompts,
                        int n_threads)
{
    pc_model *model;
    pc_tokenizer *tokenizer;
    pc_task *task;
    pc_circuit *circuit;
    pc_find_options o = PC_FIND_OPTIONS_INIT;
    pc_task_options t = PC_TASK_OPTIONS_INIT;
    cr_assert_eq(pc_model_open(&model, PC_SOURCE_DIR "/tools/models/demo"), PC_OK, "%s",
                 pc_last_error());
    cr_assert_eq(pc_tokenizer_open(&tokenizer, PC_SOURCE_DIR "/tools/models/demo"), PC_OK);
    const pc_model_info *info = pc_model_describe(model);
    const pc_task_limits limits = {info->vocab, info->vocab_out, info->n_ctx, info->bos, 0, NULL};
    t.n = n_prompts;
    cr_assert_eq(pc_task_generate(&task, "induction", tokenizer, &limits, &t), PC_OK);
    o.level = level;
    o.method = method;
    o.selection = PC_SELECT_TOP;
    o.top = top;
    o.evaluation.engine = PC_ENGINE_DELTA;
    o.evaluation.n_threads = n_threads;
    cr_assert_eq(pc_find(&circuit, model, task, &o), PC_OK, "%s", pc_last_error());
    pc_task_free(task);
    pc_tokenizer_free(tokenizer);
    pc_model_free(model);
    return circuit;
}

static void compare(int64_t top, pc_level level)
{
    double raced, all;
    pc_circuit *exact = find("exact", top, level, 128, 1),
               *race = find("racing", top, level, 128, 2);
    const bool is_edge = level == PC_LEVEL_EDGE;
    const size_t n = is_edge ? pc_circuit_n_edges(race) : pc_circuit_n_nodes(race);
    cr_assert(pc_circuit_evaluation(&raced, race, "evaluations"));
    cr_assert(pc_circuit_evaluation(&all, exact, "evaluations"));
    cr_expect(raced < all, "%g of %g", raced, all);
    for (size_t i = 0; i < n; i++) {
        const bool a = is_edge ? pc_circuit_edge_at(exact, i)->in_circuit
                               : pc_circuit_node_at(exact, i)->in_circuit;
        const bool b = is_edge ? pc_circuit_edge_at(race, i)->in_circuit
                               : pc_circuit_node_at(race, i)->in_circuit;
        cr_expect_eq(a, b, "component %zu", i);
        if (!is_edge || !b) continue;
        /* the chosen are measured on every prompt: the exact effect, to the bit */
        cr_expect_eq(pc_circuit_edge_at(race, i)->effect, pc_circuit_edge_at(exact, i)->effect);
        cr_expect_eq(pc_circuit_edge_at(race, i)->n, 0);
    }
    pc_circuit_free(race);
    pc_circuit_free(exact);
}

Test(search_race, the_demo_models_top_is_that_of_the_exact_sweep)
{
    compare(5, PC_LEVEL_EDGE);
    compare(12, PC_LEVEL_EDGE);
    compare(3, PC_LEVEL_NODE);
    compare(8, PC_LEVEL_NEURON);
}

Test(search_race, options_that_do_not_fit_are_refused)
{
    pc_find_options o = PC_FIND_OPTIONS_INIT;
    o.method = "racing";
    cr_expect_eq(pc_find_check(&o), PC_ERR_INPUT);
    o.selection = PC_SELECT_TOP;
    o.top = 3;
    cr_expect_eq(pc_find_check(&o), PC_OK);
    o.confidence = 1;
    cr_expect_eq(pc_find_check(&o), PC_ERR_INPUT);
    o.method = "guess";
    cr_expect_eq(pc_find_check(&o), PC_ERR_UNSUPPORTED);
}

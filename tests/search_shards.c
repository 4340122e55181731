/* A search in shards: the bytes of one process, whoever measured what, how often, in which order;
 * and whatever is missing, foreign or damaged is named. */
#include "support/golden.h"
#include "support/test_folder.h"

#include "base/file.h"
#include "patchclamp/patchclamp.h"
#include "store/run_store.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(search_shards, .init = test_folder_set_up, .fini = test_folder_clean_up);

typedef struct bench {
    pc_model *model;
    pc_task *task;
    pc_find_options options;
    char directory[256];
} bench;

static bench open_bench(const char *model)
{
    bench b = {.model = golden_open(model), .options = PC_FIND_OPTIONS_INIT};
    json_t *golden = golden_read(model);
    b.task = golden_task(golden, b.model);
    json_decref(golden);
    b.options.evaluation.engine = PC_ENGINE_DELTA;
    b.options.selection = PC_SELECT_TOP;
    b.options.top = 6;
    return b;
}

static void close_bench(bench *b)
{
    pc_task_free(b->task);
    pc_model_free(b->model);
}

static void go_to(bench *b, const char *run)
{
    snprintf(b->directory, sizeof b->directory, "%s", test_folder_path(run, ""));
    b->options.directory = b->directory;
}

static void find_whole(bench *b)
{
    pc_circuit *circuit;
    go_to(b, "whole");
    cr_assert_eq(pc_find(&circuit, b->model, b->task, &b->options), PC_OK, "%s", pc_last_error());
    pc_circuit_free(circuit);
}

static pc_shards *cut(bench *b, int n)
{
    pc_shards *shards;
    cr_assert_eq(pc_shards_new(&shards, b->model, b->task, &b->options, n), PC_OK, "%s",
                 pc_last_error());
    cr_assert_eq(pc_shards_n(shards), n);
    return shards;
}

static void measure(bench *b, const pc_shards *shards, int k)
{
    cr_assert_eq(pc_shard_measure(shards, k, b->model, b->task, &b->options), PC_OK, "shard %d: %s",
                 k, pc_last_error());
}

static void measure_all(bench *b, const pc_shards *shards)
{
    for (int k = pc_shards_n(shards) - 1; k >= 0; k--) /* any order */
        measure(b, shards, k);
}

/* Merging measures circuits, but no component again. */
static bool expect_known(const pc_progress *p, void *payload)
{
    (void)payload;
    if (strcmp(p->phase, "measuring") == 0 || strcmp(p->phase, "positions") == 0)
        cr_expect_eq(p->n_from_journal, p->n_done, "%lld of %lld %s were in no shard",
                     (long long)(p->n_done - p->n_from_journal), (long long)p->n_done, p->unit);
    return true;
}

static void merge(bench *b, const pc_shards *shards)
{
    pc_circuit *circuit;
    pc_find_options options = b->options;
    options.progress = expect_known;
    cr_assert_eq(pc_shards_merge(&circuit, shards, b->model, b->task, &options), PC_OK, "%s",
                 pc_last_error());
    pc_circuit_free(circuit);
}

static void expect_no_merge(bench *b, const pc_shards *shards, const char *words)
{
    pc_circuit *circuit;
    cr_expect_eq(pc_shards_merge(&circuit, shards, b->model, b->task, &b->options), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), words), "\"%s\" is not in: %s", words, pc_last_error());
    cr_expect_null(circuit);
    char path[300];
    snprintf(path, sizeof path, "%s/circuit.json", b->directory);
    cr_expect_not(pc_file_exists(path), "a result in spite of: %s", pc_last_error());
}

static void expect_same(void)
{
    test_folder_expect_same("whole", "parts", "circuit.json");
    test_folder_expect_same("whole", "parts", "scores.csv");
    test_folder_expect_same("whole", "parts", "circuit.svg");
}

/* ---- the same bytes ---- */

static const struct {
    const char *name, *model;
    pc_level level;
    pc_source source;
    pc_engine_kind engine;
    pc_positions_of positions;
    int n_shards;
} searches[] = {
    {"edges", "gpt2-plain", PC_LEVEL_EDGE, PC_SOURCE_RESAMPLE, PC_ENGINE_DELTA,
     PC_POSITIONS_OF_NONE, 5},
    {"one shard", "gpt2-plain", PC_LEVEL_EDGE, PC_SOURCE_RESAMPLE, PC_ENGINE_DELTA,
     PC_POSITIONS_OF_NONE, 1},
    {"nodes", "llama-gqa", PC_LEVEL_NODE, PC_SOURCE_MEAN, PC_ENGINE_DELTA, PC_POSITIONS_OF_NONE, 3},
    {"neurons", "gpt2-plain", PC_LEVEL_NEURON, PC_SOURCE_ZERO, PC_ENGINE_DELTA,
     PC_POSITIONS_OF_NONE, 4},
    {"the twin", "tl-attn-only", PC_LEVEL_EDGE, PC_SOURCE_RESAMPLE, PC_ENGINE_TWIN,
     PC_POSITIONS_OF_NONE, 7},
};

ParameterizedTestParameters(search_shards, give_the_bytes_of_one_process)
{
    static size_t index[sizeof searches / sizeof *searches];
    for (size_t i = 0; i < sizeof searches / sizeof *searches; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, sizeof searches / sizeof *searches);
}

ParameterizedTest(size_t *index, search_shards, give_the_bytes_of_one_process)
{
    bench b = open_bench(searches[*index].model);
    b.options.level = searches[*index].level;
    b.options.evaluation.source = searches[*index].source;
    b.options.evaluation.engine = searches[*index].engine;
    b.options.positions.of = searches[*index].positions;
    find_whole(&b);
    go_to(&b, "parts");
    pc_shards *shards = cut(&b, searches[*index].n_shards);
    measure_all(&b, shards);
    merge(&b, shards);
    expect_same();
    pc_shards_free(shards);
    close_bench(&b);
}

/* Named columns, for all components: these are cut into shards too. */
Test(search_shards, positions_of_all_components_are_measured_in_shards)
{
    static const char *const columns[] = {"-1", "1"};
    bench b = open_bench("gpt2-plain");
    b.options.positions = (pc_position_options){PC_POSITIONS_OF_ALL, columns, 2, NULL};
    find_whole(&b);
    go_to(&b, "parts");
    pc_shards *shards = cut(&b, 3);
    const pc_shard last = pc_shards_at(shards, 2);
    measure_all(&b, shards);
    merge(&b, shards);
    expect_same();
    test_folder_expect_same("whole", "parts", "positions.csv");
    const int64_t n_edges = pc_model_describe(b.model)->n_edges;
    const int64_t n_nodes = pc_model_describe(b.model)->n_writers;
    cr_expect_eq(last.first + last.n, 3 * n_edges + n_nodes);
    pc_shards_free(shards);
    close_bench(&b);
}

Test(search_shards, a_shard_that_runs_twice_is_counted_once)
{
    bench b = open_bench("gpt2-plain");
    find_whole(&b);
    go_to(&b, "parts");
    pc_shards *shards = cut(&b, 2);
    measure_all(&b, shards);
    measure(&b, shards, 1);
    merge(&b, shards);
    measure(&b, shards, 0);
    merge(&b, shards); /* and so is one that was merged */
    expect_same();
    pc_shards_free(shards);
    close_bench(&b);
}

static bool stop_soon(const pc_progress *p, void *payload)
{
    int *left = payload;
    if (strcmp(p->unit, "interventions") == 0 && p->n_done > 0) --*left;
    return *left > 0;
}

Test(search_shards, a_shard_that_was_stopped_is_incomplete_and_goes_on)
{
    bench b = open_bench("gpt2-plain");
    find_whole(&b);
    go_to(&b, "parts");
    pc_shards *shards = cut(&b, 2);
    measure(&b, shards, 0);
    int left = 1;
    bench stopped = b;
    stopped.options.directory = b.directory;
    stopped.options.progress = stop_soon;
    stopped.options.payload = &left;
    cr_assert_eq(pc_shard_measure(shards, 1, b.model, b.task, &stopped.options),
                 PC_ERR_INTERRUPTED);
    expect_no_merge(&b, shards, "shard 1: incomplete, ");
    measure(&b, shards, 1);
    merge(&b, shards);
    expect_same();
    pc_shards_free(shards);
    close_bench(&b);
}

/* ---- the list ---- */

Test(search_shards, share_the_work)
{
    bench b = open_bench("gpt2-plain");
    for (int n = 1; n <= 16; n *= 2) {
        double all = 0, most = 0;
        int64_t at = 0;
        pc_shards *shards = cut(&b, n);
        for (int k = 0; k < n; k++) {
            const pc_shard s = pc_shards_at(shards, k);
            cr_expect_eq(s.first, at, "%d shards: shard %d has a gap before it", n, k);
            at += s.n;
            all += s.flop;
            most = fmax(most, s.flop);
        }
        cr_expect_lt(most * n / all, 1.2, "%d shards: the largest takes %g of the mean", n,
                     most * n / all);
        pc_shards_free(shards);
    }
    close_bench(&b);
}

Test(search_shards, the_list_reads_back)
{
    static const char *const words[] = {"model", "--task", "a \"b\" \\ c", ""};
    bench b = open_bench("gpt2-plain");
    pc_shards *shards = cut(&b, 6), *back;
    char path[300];
    int n;
    snprintf(path, sizeof path, "%s", test_folder_path("shards.json", ""));
    cr_assert_eq(pc_shards_write(shards, words, 4, path), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_shards_read(&back, path), PC_OK, "%s", pc_last_error());
    const char *const *read = pc_shards_words(&n, back);
    cr_assert_eq(n, 4);
    for (int i = 0; i < n; i++)
        cr_expect_str_eq(read[i], words[i]);
    for (int k = 0; k < 6; k++) {
        const pc_shard x = pc_shards_at(shards, k), y = pc_shards_at(back, k);
        cr_expect(x.first == y.first && x.n == y.n && x.flop == y.flop, "shard %d", k);
    }
    go_to(&b, "parts");
    measure(&b, back, 3); /* its search is known */
    pc_shards_free(back);
    pc_shards_free(shards);
    close_bench(&b);
}

Test(search_shards, sequential_methods_have_none)
{
    bench b = open_bench("gpt2-plain");
    pc_shards *shards;
    b.options.method = "racing";
    cr_expect_eq(pc_shards_new(&shards, b.model, b.task, &b.options, 2), PC_ERR_UNSUPPORTED);
    cr_expect(strstr(pc_last_error(), "racing decides as it measures"), "%s", pc_last_error());
    b.options.method = "acdc";
    b.options.selection = PC_SELECT_THRESHOLD;
    cr_expect_eq(pc_shards_new(&shards, b.model, b.task, &b.options, 2), PC_ERR_UNSUPPORTED);
    b.options.method = "exact";
    cr_expect_eq(pc_shards_new(&shards, b.model, b.task, &b.options, 99999), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "99999 shards of "), "%s", pc_last_error());
    close_bench(&b);
}

/* ---- what cannot be joined ---- */

static const char *database(const bench *b, int k)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/shards/%d/run.db", b->directory, k);
    return path;
}

static void copy_database(const bench *b, int from, int to)
{
    char *bytes;
    size_t length;
    cr_assert_eq(pc_file_read(&bytes, &length, database(b, from), 1 << 24), PC_OK);
    cr_assert_eq(pc_file_replace(database(b, to), bytes, length), PC_OK);
    free(bytes);
}

Test(search_shards, what_is_wrong_with_each_is_named_at_once)
{
    bench b = open_bench("gpt2-plain"), other = open_bench("gpt2-plain");
    find_whole(&b);
    go_to(&b, "parts");
    go_to(&other, "parts");
    other.options.evaluation.metric = PC_METRIC_LOGIT;
    pc_shards *shards = cut(&b, 5), *others = cut(&other, 5);
    measure_all(&b, shards);
    unlink(database(&b, 1));
    cr_assert_eq(pc_file_replace(database(&b, 2), "garbage, not a database", 23), PC_OK);
    unlink(database(&b, 3));
    measure(&other, others, 3);
    copy_database(&b, 0, 4);
    expect_no_merge(&b, shards, "4 of 5 shards cannot be joined");
    cr_expect(strstr(pc_last_error(), "shard 1: missing"), "%s", pc_last_error());
    cr_expect(strstr(pc_last_error(), "shard 2: "), "%s", pc_last_error());
    cr_expect(strstr(pc_last_error(), "shard 3: its metric is logit, expected logit-diff"), "%s",
              pc_last_error());
    cr_expect(strstr(pc_last_error(), "shard 4: incomplete, 0 of "), "%s", pc_last_error());
    cr_expect(strstr(pc_last_error(), "run again: 1,2,3,4"), "%s", pc_last_error());
    for (int k = 1; k < 5; k++) {
        unlink(database(&b, k));
        measure(&b, shards, k);
    }
    merge(&b, shards);
    expect_same();
    pc_shards_free(others);
    pc_shards_free(shards);
    close_bench(&other);
    close_bench(&b);
}

/* The last value of a kept intervention, by a bit. */
static pc_status spoil(void *context, const char *key, const double *values, size_t n)
{
    pc_store *to = context;
    double changed[64];
    cr_assert_leq(n, 64);
    memcpy(changed, values, n * sizeof *values);
    if (strstr(key, "circuit")) changed[n - 1] = nextafter(changed[n - 1], 1e9);
    return pc_store_put(to, key, changed, n);
}

Test(search_shards, shards_that_do_not_agree_are_not_joined)
{
    bench b = open_bench("gpt2-plain");
    size_t n;
    pc_store *honest, *spoilt;
    char copy[300];
    go_to(&b, "parts");
    pc_shards *shards = cut(&b, 2);
    measure_all(&b, shards);
    snprintf(copy, sizeof copy, "%s/copy.db", b.directory);
    cr_assert_eq(pc_store_open(&honest, database(&b, 1), NULL, 0, PC_STORE_READ), PC_OK);
    const pc_store_fact *facts = pc_store_identity(&n, honest);
    cr_assert_eq(pc_store_open(&spoilt, copy, facts, n, PC_STORE_CREATE), PC_OK);
    cr_assert_eq(pc_store_each(honest, spoil, spoilt), PC_OK);
    cr_assert_eq(pc_store_close(spoilt), PC_OK);
    pc_store_free(spoilt);
    pc_store_free(honest);
    cr_assert_eq(rename(copy, database(&b, 1)), 0);
    expect_no_merge(&b, shards, "was measured before with other effects");
    cr_expect(strstr(pc_last_error(), "shard 1: "), "%s", pc_last_error());
    pc_shards_free(shards);
    close_bench(&b);
}

Test(search_shards, another_search_is_refused_before_it_is_measured)
{
    bench b = open_bench("gpt2-plain");
    pc_shards *shards = cut(&b, 2);
    go_to(&b, "parts");
    b.options.top = 7;
    cr_expect_eq(pc_shard_measure(shards, 0, b.model, b.task, &b.options), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "shards.json: selection was top 6, now top 7"), "%s",
              pc_last_error());
    b.options.top = 6;
    cr_expect_eq(pc_shard_measure(shards, 2, b.model, b.task, &b.options), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "shard 2, expected 0 to 1"), "%s", pc_last_error());
    pc_shards_free(shards);
    close_bench(&b);
}

/* ---- what a shard says of itself ---- */

Test(search_shards, a_state_reads_back)
{
    pc_shard_state back, state = {.phase = PC_SHARD_FAILED,
                                  .n_done = 5,
                                  .n_all = 7,
                                  .n_from_journal = 2,
                                  .seconds = 1.5,
                                  .n_starts = 3,
                                  .pid = 44,
                                  .host = "n0",
                                  .job = "slurm 1_2",
                                  .message = "a \"quoted\" line"};
    char directory[256];
    snprintf(directory, sizeof directory, "%s", test_folder_path("parts", ""));
    cr_assert_eq(pc_shard_state_read(&back, directory, 4), PC_OK, "%s", pc_last_error());
    cr_expect_eq(back.phase, PC_SHARD_WAITING);
    cr_assert_eq(pc_shard_state_write(&state, directory, 4), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_shard_state_read(&back, directory, 4), PC_OK, "%s", pc_last_error());
    cr_expect_geq(back.age, 0);
    back.age = 0;
    cr_expect(back.phase == state.phase && back.n_done == 5 && back.n_all == 7 &&
              back.n_from_journal == 2 && back.seconds == 1.5 && back.n_starts == 3 &&
              back.pid == 44);
    cr_expect_str_eq(back.host, state.host);
    cr_expect_str_eq(back.job, state.job);
    cr_expect_str_eq(back.message, state.message);
}

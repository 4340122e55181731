/* The run database: what was put comes back, to the same run only. */
#define _POSIX_C_SOURCE 200809L
#include "base/file.h"
#include "base/memory.h"
#include "support/run_db.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(store_run_store, .init = run_db_set_up, .fini = run_db_clean_up);

/* Values that any mistake in their encoding changes. */
static const uint64_t patterns[] = {0,
                                    0x8000000000000000,
                                    0x0102030405060708,
                                    0x7ff8000000000001,
                                    0xfff0000000000002,
                                    0x7ff0000000000000,
                                    1};
enum { N_PATTERNS = sizeof patterns / sizeof *patterns };

Test(store_run_store, effects_come_back_bit_for_bit)
{
    double values[N_PATTERNS], back[N_PATTERNS] = {0};
    bool is_found;
    memcpy(values, patterns, sizeof values);
    for (int round = 0; round < 3; round++) {
        pc_store *store = run_db_open(round == 0   ? PC_STORE_CREATE
                                      : round == 1 ? PC_STORE_RESUME
                                                   : PC_STORE_READ);
        if (round == 0) run_db_put(store, "cut a0.h1", values, N_PATTERNS);
        memset(back, 0x55, sizeof back);
        cr_assert_eq(pc_store_get(back, &is_found, store, "cut a0.h1", N_PATTERNS), PC_OK);
        cr_expect(is_found, "round %d", round);
        cr_expect_eq(memcmp(back, values, sizeof back), 0, "round %d: other bits", round);
        run_db_close(store);
    }
}

Test(store_run_store, effects_are_stored_little_endian)
{
    const double value = 1.0; /* 0x3ff0000000000000 */
    sqlite3 *sqlite;
    sqlite3_stmt *select;
    pc_store *store = run_db_open(PC_STORE_CREATE);
    run_db_put(store, "k", &value, 1);
    run_db_close(store);
    cr_assert_eq(sqlite3_open(run_db_path, &sqlite), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(sqlite, "SELECT effects FROM effect", -1, &select, NULL), 0);
    cr_assert_eq(sqlite3_step(select), SQLITE_ROW);
    cr_assert_eq(sqlite3_column_bytes(select, 0), 8);
    cr_expect_eq(memcmp(sqlite3_column_blob(select, 0), "\0\0\0\0\0\0\xf0\x3f", 8), 0);
    sqlite3_finalize(select);
    sqlite3_close(sqlite);
}

Test(store_run_store, unknown_keys_are_not_found_and_empty_effects_are)
{
    double untouched = 3;
    bool is_found = true;
    pc_store *store = run_db_open(PC_STORE_CREATE);
    cr_assert_eq(pc_store_get(&untouched, &is_found, store, "k", 1), PC_OK);
    cr_expect_not(is_found);
    cr_expect_eq(untouched, 3);
    run_db_put(store, "", &untouched, 0);
    cr_assert_eq(pc_store_get(NULL, &is_found, store, "", 0), PC_OK, "%s", pc_last_error());
    cr_expect(is_found);
    run_db_close(store);
}

Test(store_run_store, effects_of_another_length_are_an_error)
{
    const double values[3] = {1, 2, 3};
    double back[4];
    bool is_found;
    pc_store *store = run_db_open(PC_STORE_CREATE);
    run_db_put(store, "k", values, 3);
    cr_expect_eq(pc_store_get(back, &is_found, store, "k", 4), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "k has 3 effects, expected 4"), "%s", pc_last_error());
    cr_expect_eq(pc_store_get(back, &is_found, store, "k", 3), PC_OK, "the error stuck");
    run_db_close(store);
}

Test(store_run_store, repeated_effects_must_be_the_same)
{
    double values[2] = {1, NAN};
    int64_t count;
    pc_store *store = run_db_open(PC_STORE_CREATE);
    run_db_put(store, "k", values, 2);
    run_db_put(store, "k", values, 2);
    values[0] = 1.5;
    cr_expect_eq(pc_store_put(store, "k", values, 2), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "k was measured before"), "%s", pc_last_error());
    cr_expect_eq(pc_store_put(store, "k", values, 1), PC_ERR_INPUT, "another length");
    cr_assert_eq(pc_store_count(&count, store), PC_OK);
    cr_expect_eq(count, 1);
    run_db_close(store);
}

static pc_status collect(void *context, const char *key, const double *values, size_t n)
{
    char *text = context;
    sprintf(text + strlen(text), "%s=%g/%zu;", key, values[0], n);
    return strcmp(key, "stop") == 0 ? PC_ERR_INTERRUPTED : PC_OK;
}

Test(store_run_store, iteration_goes_in_key_order_and_stops_when_told)
{
    const double values[] = {5, 6, 7};
    char text[200] = "";
    pc_store *store = run_db_open(PC_STORE_CREATE);
    run_db_put(store, "b", values, 3);
    run_db_put(store, "\xc3\xa9", values + 1, 2);
    run_db_put(store, "a", values + 2, 1);
    run_db_put(store, "B", values, 1);
    cr_expect_eq(pc_store_each(store, collect, text), PC_OK);
    cr_expect_str_eq(text, "B=5/1;a=7/1;b=5/3;\xc3\xa9=6/2;");
    run_db_put(store, "stop", values, 1);
    text[0] = 0;
    cr_expect_eq(pc_store_each(store, collect, text), PC_ERR_INTERRUPTED);
    cr_expect_str_eq(text, "B=5/1;a=7/1;b=5/3;stop=5/1;");
    run_db_close(store);
}

static pc_decision decision_of(const char *search, int64_t step, double change)
{
    return (pc_decision){.search = search,
                         .step = step,
                         .name = "a0.h1->logits",
                         .how = "measured",
                         .metric_with = 2,
                         .metric_without = 2 + change,
                         .change = change,
                         .is_kept = change > 1};
}

static pc_status collect_decision(void *context, const pc_decision *d)
{
    char *text = context;
    sprintf(text + strlen(text), "%s/%d %s %s %g %g %g %d;", d->search, (int)d->step, d->name,
            d->how, d->metric_with, d->metric_without, d->change, d->is_kept);
    return d->step == 9 ? PC_ERR_INTERRUPTED : PC_OK;
}

Test(store_run_store, decisions_come_back_by_search_and_step)
{
    char text[600] = "";
    pc_decision d[] = {decision_of("b", 1, 1.5), decision_of("b", 0, 0.1), decision_of("a", 9, -1)};
    pc_store *store = run_db_open(PC_STORE_CREATE);
    d[1].metric_without = d[1].change = NAN;
    for (int i = 0; i < 2; i++)
        cr_assert_eq(pc_store_put_decision(store, &d[i]), PC_OK, "%s", pc_last_error());
    run_db_close(store);
    store = run_db_open(PC_STORE_READ);
    cr_expect_eq(pc_store_each_decision(store, collect_decision, text), PC_OK);
    cr_expect_str_eq(text, "b/0 a0.h1->logits measured 2 nan nan 0;"
                           "b/1 a0.h1->logits measured 2 3.5 1.5 1;");
    cr_expect_eq(pc_store_put_decision(store, &d[0]), PC_ERR_ARG);
    run_db_close(store);
    store = run_db_open(PC_STORE_RESUME);
    cr_assert_eq(pc_store_put_decision(store, &d[2]), PC_OK);
    text[0] = 0;
    cr_expect_eq(pc_store_each_decision(store, collect_decision, text), PC_ERR_INTERRUPTED);
    cr_expect_str_eq(text, "a/9 a0.h1->logits measured 2 1 -1 0;");
    run_db_close(store);
}

Test(store_run_store, repeated_decisions_must_be_the_same)
{
    const pc_decision first = decision_of("greedy", 3, NAN);
    pc_decision others[] = {first, first, first, first, first, first};
    pc_store *store = run_db_open(PC_STORE_CREATE);
    others[0].name = "a0.h2->logits";
    others[1].how = "in double";
    others[2].is_kept = true;
    others[3].change = 0;
    others[4].metric_with = NAN;
    others[5].metric_without = -2;
    for (int i = 0; i < 2; i++)
        cr_assert_eq(pc_store_put_decision(store, &first), PC_OK, "%s", pc_last_error());
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_expect_eq(pc_store_put_decision(store, &others[i]), PC_ERR_INPUT, "other %zu", i);
        cr_expect(strstr(pc_last_error(), "step 3 of greedy was another decision"), "%s",
                  pc_last_error());
    }
    run_db_close(store);
}

Test(store_run_store, notes_are_replaced_and_kept)
{
    char *value;
    pc_store *store = run_db_open(PC_STORE_CREATE);
    cr_assert_eq(pc_store_note(store, "seconds", "1"), PC_OK);
    cr_assert_eq(pc_store_note(store, "seconds", "2.5"), PC_OK);
    run_db_close(store);
    store = run_db_open(PC_STORE_READ);
    cr_assert_eq(pc_store_read_note(&value, store, "seconds"), PC_OK);
    cr_expect_str_eq(value, "2.5");
    free(value);
    cr_assert_eq(pc_store_read_note(&value, store, "minutes"), PC_OK);
    cr_expect_null(value);
    run_db_close(store);
}

Test(store_run_store, a_reader_sees_the_identity_and_cannot_write)
{
    size_t n;
    pc_store *store;
    run_db_close(run_db_open(PC_STORE_CREATE));
    cr_assert_eq(pc_store_open(&store, run_db_path, NULL, 0, PC_STORE_READ), PC_OK, "%s",
                 pc_last_error());
    const pc_store_fact *stored = pc_store_identity(&n, store);
    cr_assert_eq(n, N_RUN_FACTS);
    cr_expect_str_eq(stored[0].key, "model");
    cr_expect_str_eq(stored[2].value, "7ec1");
    cr_expect_eq(pc_store_put(store, "k", NULL, 0), PC_ERR_ARG);
    cr_expect_eq(pc_store_note(store, "k", "v"), PC_ERR_ARG);
    run_db_close(store);
}

static const struct {
    const char *name;
    pc_store_fact facts[4];
    size_t n;
    const char *words;
} other_runs[] = {
    {"another task",
     {{"model", "0df5"}, {"option.source", "resample"}, {"task", "beef"}},
     3,
     "run.db: task was 7ec1, now beef: --resume continues only the same run"},
    {"another model",
     {{"model", "1"}, {"option.source", "zero"}, {"task", "7ec1"}},
     3,
     "model was 0df5, now 1:"},
    {"a prefix",
     {{"model", "0df"}, {"option.source", "resample"}, {"task", "7ec1"}},
     3,
     "model was 0df5, now 0df:"},
    {"an option less",
     {{"task", "7ec1"}, {"model", "0df5"}},
     2,
     "option.source was resample, now absent"},
    {"an option more",
     {{"task", "7ec1"}, {"z", "1"}, {"model", "0df5"}, {"option.source", "resample"}},
     4,
     "z was absent, now 1"},
};
enum { N_OTHER_RUNS = sizeof other_runs / sizeof *other_runs };

Test(store_run_store, each_fact_that_differs_is_named)
{
    run_db_close(run_db_open(PC_STORE_CREATE));
    for (int i = 0; i < N_OTHER_RUNS; i++)
        for (pc_store_mode mode = PC_STORE_RESUME; mode <= PC_STORE_READ; mode++) {
            pc_store *store;
            cr_expect_eq(
                pc_store_open(&store, run_db_path, other_runs[i].facts, other_runs[i].n, mode),
                PC_ERR_INPUT, "%s", other_runs[i].name);
            cr_expect(strstr(pc_last_error(), other_runs[i].words), "%s: %s", other_runs[i].name,
                      pc_last_error());
            pc_store_free(store);
        }
    run_db_close(run_db_open(PC_STORE_RESUME));
}

Test(store_run_store, a_fact_given_twice_is_refused_and_leaves_no_file)
{
    const pc_store_fact twice[] = {{"a", "1"}, {"a", "1"}};
    pc_store *store;
    cr_expect_eq(pc_store_open(&store, run_db_path, twice, 2, PC_STORE_CREATE), PC_ERR_ARG);
    cr_expect_not(pc_file_exists(run_db_path));
    cr_expect_not(pc_file_exists(run_db_journal));
}

Test(store_run_store, create_refuses_an_existing_file_and_leaves_it_alone)
{
    const double value = 4;
    bool is_found;
    double back;
    pc_store *store = run_db_open(PC_STORE_CREATE);
    run_db_put(store, "k", &value, 1);
    run_db_close(store);
    run_db_expect_refused("existing", PC_STORE_CREATE, PC_ERR_INPUT, "exists already");
    store = run_db_open(PC_STORE_READ);
    cr_assert_eq(pc_store_get(&back, &is_found, store, "k", 1), PC_OK);
    cr_expect(is_found);
    run_db_close(store);
}

Test(store_run_store, a_missing_file_is_created_by_resume_and_refused_by_read)
{
    run_db_expect_refused("missing", PC_STORE_READ, PC_ERR_INPUT, "No such file");
    cr_expect_not(pc_file_exists(run_db_path));
    run_db_close(run_db_open(PC_STORE_RESUME));
    cr_expect(pc_file_exists(run_db_path));
    cr_expect_not(pc_file_exists(run_db_journal), "a closed store leaves one file");
}

Test(store_run_store, a_place_that_cannot_be_written_is_an_io_error)
{
    snprintf(run_db_path, sizeof run_db_path, "%s/none/run.db", run_db_folder);
    run_db_expect_refused("no folder", PC_STORE_CREATE, PC_ERR_IO, "No such file");
    run_db_expect_refused("no folder", PC_STORE_RESUME, PC_ERR_IO, "No such file");
    snprintf(run_db_path, sizeof run_db_path, "%s", run_db_folder);
    run_db_expect_refused("a folder", PC_STORE_RESUME, PC_ERR_INPUT, "not a regular file");
}

Test(store_run_store, no_name_of_a_file_is_magic)
{
    static const char *const names[] = {":memory:", "file:run.db?mode=memory", "-x", "?a%20b"};
    cr_assert_eq(chdir(run_db_folder), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        pc_store *store;
        cr_expect_eq(pc_store_open(&store, names[i], run_facts, N_RUN_FACTS, PC_STORE_CREATE),
                     PC_OK, "%s", pc_last_error());
        pc_store_free(store);
        cr_expect(pc_file_exists(names[i]), "%s", names[i]);
        unlink(names[i]);
    }
}

Test(store_run_store, failed_allocations_leave_nothing)
{
    pc_status status = PC_ERR_NOMEM;
    for (int n = 0; status != PC_OK; n++) {
        pc_store *store;
        pc_alloc_fail_after(n);
        status = pc_store_open(&store, run_db_path, run_facts, N_RUN_FACTS, PC_STORE_CREATE);
        pc_alloc_fail_after(-1);
        cr_assert(n < 200 && (status == PC_OK || status == PC_ERR_NOMEM), "allocation %d: %s", n,
                  pc_last_error());
        cr_expect_eq(pc_file_exists(run_db_path), status == PC_OK, "allocation %d", n);
        pc_store_free(store);
    }
}

typedef struct worker {
    pc_store *store;
    int number;
    pc_status status;
} worker;

static void *work(void *argument)
{
    worker *me = argument;
    double values[8], back[8];
    bool is_found;
    for (int i = 0; i < 300 && me->status == PC_OK; i++) {
        char key[32];
        snprintf(key, sizeof key, "t%d.%d", me->number, i);
        for (int j = 0; j < 8; j++)
            values[j] = me->number * 1e6 + i * 10 + j;
        me->status = pc_store_put(me->store, key, values, 8);
        if (me->status == PC_OK) me->status = pc_store_get(back, &is_found, me->store, key, 8);
        if (me->status == PC_OK && (!is_found || memcmp(back, values, sizeof back) != 0))
            me->status = PC_ERR_INTERNAL;
        if (me->status == PC_OK && i % 100 == 99) me->status = pc_store_flush(me->store);
    }
    return NULL;
}

Test(store_run_store, threads_may_put_at_once)
{
    enum { N = 4 };
    pthread_t threads[N];
    worker workers[N];
    int64_t count;
    pc_store *store = run_db_open(PC_STORE_CREATE);
    for (int i = 0; i < N; i++) {
        workers[i] = (worker){store, i, PC_OK};
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
        cr_expect_eq(workers[i].status, PC_OK, "thread %d", i);
    }
    cr_assert_eq(pc_store_count(&count, store), PC_OK);
    cr_expect_eq(count, N * 300);
    run_db_close(store);
}

Test(store_run_store, large_transactions_are_committed_by_size)
{
    enum { N = 1 << 20 };
    double *values = calloc(N, sizeof *values);
    bool is_found;
    pc_store *store = run_db_open(PC_STORE_CREATE);
    for (int i = 0; i < 9; i++) { /* 72 MB: the ninth is in the second transaction */
        char key[2] = {(char)('0' + i), 0};
        values[0] = i;
        run_db_put(store, key, values, N);
    }
    cr_assert_eq(pc_store_get(values, &is_found, store, "8", N), PC_OK);
    cr_expect(is_found && values[0] == 8);
    run_db_close(store);
    free(values);
}

Test(store_run_store, a_closed_store_refuses_politely)
{
    const double value = 1;
    pc_store *store = run_db_open(PC_STORE_CREATE);
    cr_expect_eq(pc_store_close(store), PC_OK);
    cr_expect_eq(pc_store_close(store), PC_OK);
    cr_expect_eq(pc_store_put(store, "k", &value, 1), PC_ERR_ARG);
    cr_expect_eq(pc_store_flush(store), PC_ERR_ARG);
    pc_store_free(store);
    pc_store_free(NULL);
}

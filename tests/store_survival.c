/* The run database under attack: damaged files, kills, locks, a full disk. */
#define _POSIX_C_SOURCE 200809L
#include "base/file.h"
#include "base/rng.h"
#include "support/dying_disk.h"
#include "support/run_db.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite(store_survival, .init = run_db_set_up, .fini = run_db_clean_up);

/* Damage: each function spoils a good database, made by us, at `run_db_path`. */

static void write_raw(const char *bytes, size_t length)
{
    cr_assert_eq(pc_file_replace(run_db_path, bytes, length), PC_OK, "%s", pc_last_error());
}

static void run_raw(const char *sql)
{
    sqlite3 *sqlite;
    cr_assert_eq(sqlite3_open(run_db_path, &sqlite), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(sqlite));
    sqlite3_close(sqlite);
}

static off_t file_size(void)
{
    struct stat info;
    cr_assert_eq(stat(run_db_path, &info), 0);
    return info.st_size;
}

static void make_garbage(void)
{
    char bytes[5000];
    memset(bytes, 'x', sizeof bytes);
    write_raw(bytes, sizeof bytes);
}

static void make_short_garbage(void)
{
    write_raw("{}", 2);
}

static void cut_last_page(void)
{
    cr_assert_eq(truncate(run_db_path, file_size() - 4096), 0);
}

static void cut_mid_page(void)
{
    cr_assert_eq(truncate(run_db_path, file_size() / 2 + 100), 0);
}

static void make_other_database(void)
{
    unlink(run_db_path);
    run_raw("CREATE TABLE effect(key, effects)");
}

static void make_wal(void)
{
    unlink(run_db_path);
    run_raw("PRAGMA journal_mode=WAL; CREATE TABLE t(x); PRAGMA application_id=1346587760");
}

static void make_future(void)
{
    run_raw("PRAGMA user_version=4");
}

static void make_past(void)
{
    run_raw("PRAGMA user_version=1");
}

static void add_trigger(void)
{
    run_raw("CREATE TRIGGER t AFTER INSERT ON effect BEGIN DELETE FROM effect; END");
}

static void add_view(void)
{
    run_raw("CREATE VIEW v AS SELECT 1");
}

static void replace_table(void)
{
    run_raw("DROP TABLE effect; CREATE VIEW effect AS SELECT 'k' AS key, x'00' AS effects");
}

static void spoil_page(void)
{
    char page[4096];
    memset(page, 0xee, sizeof page);
    FILE *file = fopen(run_db_path, "r+b");
    cr_assert(file && fseek(file, 4 * 4096, SEEK_SET) == 0);
    cr_assert_eq(fwrite(page, sizeof page, 1, file), 1);
    fclose(file);
}

static void make_empty(void)
{
    cr_assert_eq(truncate(run_db_path, 0), 0);
}

static const struct {
    const char *name;
    void (*spoil)(void);
    const char *words;
    bool resumes; /* an empty file is what a run leaves that was killed while it began */
} damages[] = {
    {"garbage", make_garbage, "not a database", false},
    {"two bytes", make_short_garbage, "run.db", false},
    {"last page cut", cut_last_page, "damaged", false},
    {"cut inside a page", cut_mid_page, "damaged", false},
    {"another program's", make_other_database, "application id 0", false},
    {"WAL", make_wal, "WAL mode", false},
    {"of the future", make_future, "schema 4, expected 3", false},
    {"of the past", make_past, "schema 1, expected 3", false},
    {"a trigger", add_trigger, "its tables are others", false},
    {"a view", add_view, "its tables are others", false},
    {"a view as table", replace_table, "its tables are others", false},
    {"a page of garbage", spoil_page, "damaged", false},
    {"empty", make_empty, "empty, expected a run database", true},
};

ParameterizedTestParameters(store_survival, a_damaged_or_foreign_file_is_refused)
{
    static size_t index[sizeof damages / sizeof *damages];
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, sizeof damages / sizeof *damages);
}

ParameterizedTest(size_t *index, store_survival, a_damaged_or_foreign_file_is_refused)
{
    const char *name = damages[*index].name;
    pc_store *store = run_db_open(PC_STORE_CREATE);
    run_db_fill(store, 0, 100);
    run_db_close(store);
    damages[*index].spoil();
    const off_t before = file_size();
    run_db_expect_refused(name, PC_STORE_READ, PC_ERR_INPUT, damages[*index].words);
    if (!damages[*index].resumes)
        run_db_expect_refused(name, PC_STORE_RESUME, PC_ERR_INPUT, damages[*index].words);
    run_db_expect_refused(name, PC_STORE_CREATE, PC_ERR_INPUT, "exists already");
    cr_expect_eq(file_size(), before, "%s: the file was touched", name);
    cr_expect_not(pc_file_exists(run_db_journal), "%s: a journal was left", name);
}

static pc_status ignore(void *context, const char *key, const double *values, size_t n)
{
    double sum = (double)strlen(key);
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    *(double *)context = sum;
    return PC_OK;
}

Test(store_survival, effects_that_are_not_whole_doubles_are_refused)
{
    double back[1];
    bool is_found;
    double sink;
    run_db_close(run_db_open(PC_STORE_CREATE));
    run_raw("INSERT INTO effect VALUES('k', x'00112233445566', 0)");
    pc_store *store = run_db_open(PC_STORE_READ);
    cr_expect_eq(pc_store_get(back, &is_found, store, "k", 1), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "k has 7 bytes"), "%s", pc_last_error());
    cr_expect_eq(pc_store_each(store, ignore, &sink), PC_ERR_INPUT);
    run_db_close(store);
}

typedef struct survey {
    int n;
    bool is_intact;
} survey;

static pc_status inspect(void *context, const char *key, const double *values, size_t n)
{
    survey *seen = context;
    char expected[32];
    run_db_fill_key(expected, seen->n);
    if (n != N_FILL_EFFECTS || strcmp(key, expected) != 0) seen->is_intact = false;
    for (size_t j = 0; j < n; j++)
        if (values[j] != run_db_fill_value(seen->n, j)) seen->is_intact = false;
    seen->n++;
    return PC_OK;
}

static void change_byte(size_t at, int byte)
{
    FILE *file = fopen(run_db_path, "r+b");
    cr_assert(file && fseek(file, (long)at, SEEK_SET) == 0);
    fputc(byte, file);
    fclose(file);
}

/* Every answer is what was put: a number that a disk has changed is not one. */
Test(store_survival, a_changed_byte_gives_what_was_put_or_a_refusal)
{
    char *bytes;
    size_t length;
    int n_refused = 0;
    pc_store *store = run_db_open(PC_STORE_CREATE);
    run_db_fill(store, 0, 90);
    run_db_close(store);
    cr_assert_eq(pc_file_read(&bytes, &length, run_db_path, 1 << 20), PC_OK);
    for (size_t i = 0; i < length; i += i < 200 ? 1 : 23) {
        survey seen = {0, true};
        change_byte(i, bytes[i] ^ (i % 2 ? 0x80 : 0x15));
        pc_status status = pc_store_open(&store, run_db_path, NULL, 0, PC_STORE_READ);
        if (status == PC_OK) status = pc_store_each(store, inspect, &seen);
        cr_expect(status == PC_OK || status == PC_ERR_INPUT, "byte %zu: %s: %s", i,
                  pc_status_name(status), pc_last_error());
        cr_expect(status != PC_OK || (seen.is_intact && seen.n == 90),
                  "byte %zu: %d effects came back, changed or not all", i, seen.n);
        n_refused += status != PC_OK;
        pc_store_free(store);
        change_byte(i, bytes[i]);
    }
    cr_expect_gt(n_refused, (int)length / 46, "most of the file is effects");
    free(bytes);
}

Test(store_survival, a_second_opening_is_refused_whoever_tries)
{
    pc_store *store = run_db_open(PC_STORE_CREATE);
    for (int round = 0; round < 3; round++) {
        run_db_expect_refused("the same process", PC_STORE_RESUME, PC_ERR_IO,
                              "another process has it open");
        run_db_expect_refused("the same process", PC_STORE_READ, PC_ERR_IO,
                              "another process has it open");
        pid_t child = fork();
        if (child == 0) {
            pc_store *mine;
            pc_status status =
                pc_store_open(&mine, run_db_path, run_facts, N_RUN_FACTS, PC_STORE_RESUME);
            _exit(status == PC_ERR_IO && strstr(pc_last_error(), "another process") ? 0 : 1);
        }
        int outcome;
        waitpid(child, &outcome, 0);
        cr_expect(WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0, "round %d", round);
        if (round == 0) run_db_fill(store, 0, 10);
        if (round == 1) cr_assert_eq(pc_store_flush(store), PC_OK);
    }
    run_db_close(store);
    run_db_close(run_db_open(PC_STORE_RESUME));
}

Test(store_survival, readers_share_and_keep_a_writer_out)
{
    run_db_close(run_db_open(PC_STORE_CREATE));
    pc_store *one = run_db_open(PC_STORE_READ), *two = run_db_open(PC_STORE_READ);
    run_db_expect_refused("writer", PC_STORE_RESUME, PC_ERR_IO, "another process has it open");
    run_db_close(one);
    run_db_close(two);
    run_db_close(run_db_open(PC_STORE_RESUME));
}

/* The process may write no file beyond `bytes`: as a full disk. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(store_survival, a_full_disk_is_reported_and_keeps_what_was_committed)
{
    int64_t count;
    bool is_found;
    double values[40];
    pc_store *store = run_db_open(PC_STORE_CREATE);
    run_db_fill(store, 0, 50);
    cr_assert_eq(pc_store_flush(store), PC_OK);
    limit_files((rlim_t)file_size() + 8192);
    pc_status status = PC_OK;
    for (int i = 0; i < 2000 && status == PC_OK; i++) {
        char key[32];
        snprintf(key, sizeof key, "late%d", i);
        memset(values, 0, sizeof values);
        status = pc_store_put(store, key, values, 40);
    }
    if (status == PC_OK) status = pc_store_flush(store);
    cr_expect_eq(status, PC_ERR_IO, "%s: %s", pc_status_name(status), pc_last_error());
    cr_expect_eq(pc_store_put(store, "x", values, 1), PC_ERR_IO, "the failure was forgotten");
    cr_expect_eq(pc_store_get(values, &is_found, store, "x", 1), PC_ERR_IO);
    cr_expect_eq(pc_store_close(store), PC_ERR_IO, "close hides the failure");
    cr_expect(strstr(pc_last_error(), "run.db"), "%s", pc_last_error());
    pc_store_free(store);
    limit_files(RLIM_INFINITY);
    store = run_db_open(PC_STORE_RESUME);
    cr_assert_eq(pc_store_count(&count, store), PC_OK);
    cr_expect_eq(count, 50);
    run_db_close(store);
}

Test(store_survival, a_failed_creation_leaves_nothing)
{
    for (rlim_t bytes = 0; bytes < 20480; bytes += 1024) {
        pc_store *store;
        limit_files(bytes);
        pc_status status =
            pc_store_open(&store, run_db_path, run_facts, N_RUN_FACTS, PC_STORE_CREATE);
        limit_files(RLIM_INFINITY);
        cr_expect(status == PC_ERR_IO || status == PC_OK, "%d bytes: %s", (int)bytes,
                  pc_last_error());
        cr_expect(bytes > 0 || status == PC_ERR_IO, "nothing could be written");
        pc_store_free(store);
        cr_expect_eq(pc_file_exists(run_db_path), status == PC_OK, "%d bytes", (int)bytes);
        cr_expect_not(pc_file_exists(run_db_journal), "%d bytes", (int)bytes);
        unlink(run_db_path);
    }
}

static void wait_microseconds(long microseconds)
{
    struct timespec pause = {microseconds / 1000000, microseconds % 1000000 * 1000};
    nanosleep(&pause, NULL);
}

/* Resumes at what is there and goes on until it is killed; says after each flush how far it is. */
static void write_until_killed(int report)
{
    pc_store *store;
    int64_t at;
    if (pc_store_open(&store, run_db_path, run_facts, N_RUN_FACTS, PC_STORE_RESUME) != PC_OK)
        _exit(1);
    if (pc_store_count(&at, store) != PC_OK) _exit(1);
    for (int next = (int)at;; next += 5) {
        run_db_fill(store, next, next + 5);
        const int reached = next + 5;
        if (pc_store_flush(store) != PC_OK) _exit(1);
        if (write(report, &reached, sizeof reached) != sizeof reached) _exit(1);
    }
}

/* One life of a writer, killed at a random instant after so many reports. Returns its last one. */
static int live_and_die(int n_reports, long microseconds)
{
    int ends[2], reached = 0, newer, outcome;
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) write_until_killed(ends[1]);
    close(ends[1]);
    for (int i = 0; i < n_reports; i++)
        cr_assert_eq(read(ends[0], &reached, sizeof reached), sizeof reached, "the writer failed");
    wait_microseconds(microseconds);
    kill(child, SIGKILL);
    waitpid(child, &outcome, 0);
    cr_assert(WIFSIGNALED(outcome), "the writer ended by itself");
    while (read(ends[0], &newer, sizeof newer) == sizeof newer)
        reached = newer;
    close(ends[0]);
    return reached;
}

Test(store_survival, a_killed_writer_loses_nothing_that_was_flushed)
{
    pc_rng random = {.seed = 5};
    for (int life = 0; life < 60; life++) {
        const int n_reports = (int)pc_rng_below(&random, 4);
        const int reached = live_and_die(n_reports, (long)pc_rng_below(&random, 12000));
        survey seen = {0, true};
        pc_store *store = run_db_open(PC_STORE_RESUME); /* also rolls back */
        cr_assert_eq(pc_store_each(store, inspect, &seen), PC_OK, "%s", pc_last_error());
        run_db_close(store);
        cr_expect(seen.is_intact, "life %d: values changed or a key is missing", life);
        cr_expect(seen.n >= reached, "life %d: %d kept, %d were flushed", life, seen.n, reached);
        cr_expect_eq(seen.n % 5, 0, "life %d: %d kept, half a transaction", life, seen.n);
    }
}

/* A short run: a file is made, or continued, and twice something is committed. */
static void write_and_finish(int report)
{
    pc_store *store;
    int64_t at;
    if (pc_store_open(&store, run_db_path, run_facts, N_RUN_FACTS, PC_STORE_RESUME) != PC_OK)
        _exit(1);
    if (pc_store_count(&at, store) != PC_OK) _exit(1);
    for (int next = (int)at; next < 20; next += 10) {
        const int reached = next + 10;
        run_db_fill(store, next, reached);
        if (pc_store_flush(store) != PC_OK) _exit(1);
        if (write(report, &reached, sizeof reached) != sizeof reached) _exit(1);
    }
    _exit(pc_store_close(store) == PC_OK ? 0 : 1);
}

/* Returns whether the run survived all its changes of the disk. */
static bool run_on_dying_disk(int n, dying_way way)
{
    int ends[2], reached = 0, newer, outcome;
    survey seen = {0, true};
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dying_disk_install(n, way);
        write_and_finish(ends[1]);
    }
    close(ends[1]);
    while (read(ends[0], &newer, sizeof newer) == sizeof newer)
        reached = newer;
    close(ends[0]);
    waitpid(child, &outcome, 0);
    cr_assert(WIFSIGNALED(outcome) || WEXITSTATUS(outcome) == 0, "change %d: the run failed", n);
    pc_store *store = run_db_open(PC_STORE_RESUME);
    cr_assert_eq(pc_store_each(store, inspect, &seen), PC_OK, "%s", pc_last_error());
    run_db_close(store);
    cr_expect(seen.is_intact, "change %d: values changed or a key is missing", n);
    cr_expect(seen.n >= reached && seen.n % 10 == 0, "change %d: %d kept, %d were flushed", n,
              seen.n, reached);
    return WIFEXITED(outcome);
}

Test(store_survival, any_change_of_the_disk_may_be_the_last)
{
    for (dying_way way = 0; way < N_DYING_WAYS; way++) {
        bool has_survived = false;
        int n = 0;
        for (; !has_survived && n < 1000; n++) {
            has_survived = run_on_dying_disk(n, way);
            unlink(run_db_path);
        }
        cr_expect(n > 20 && n < 1000, "%d changes in all", n);
    }
}

Test(store_survival, a_reader_recovers_what_a_killed_writer_left)
{
    pc_rng random = {.seed = 6};
    for (int life = 0; life < 15; life++) {
        const int reached = live_and_die(1, (long)pc_rng_below(&random, 8000));
        survey seen = {0, true};
        pc_store *store = run_db_open(PC_STORE_READ);
        cr_assert_eq(pc_store_each(store, inspect, &seen), PC_OK, "%s", pc_last_error());
        run_db_close(store);
        cr_expect(seen.is_intact && seen.n >= reached, "life %d: %d of %d", life, seen.n, reached);
    }
}

static bool file_contains(const char *words)
{
    char *bytes;
    size_t length;
    bool is_there = false;
    if (pc_file_read(&bytes, &length, run_db_path, 1 << 24) != PC_OK) return false;
    for (size_t i = 0; i + strlen(words) <= length && !is_there; i++)
        is_there = memcmp(bytes + i, words, strlen(words)) == 0;
    free(bytes);
    return is_there;
}

Test(store_survival, a_put_is_committed_without_another_call)
{
    const double value = 1;
    double back;
    bool is_found;
    pid_t child = fork();
    if (child == 0) {
        pc_store *mine;
        if (pc_store_open(&mine, run_db_path, run_facts, N_RUN_FACTS, PC_STORE_CREATE) != PC_OK)
            _exit(1);
        if (pc_store_put(mine, "late-key", &value, 1) != PC_OK) _exit(1);
        for (;;)
            pause();
    }
    for (int i = 0; i < 2000 && !file_contains("late-key"); i++)
        wait_microseconds(10000);
    wait_microseconds(50000); /* the commit is over soon after its pages are written */
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    pc_store *store = run_db_open(PC_STORE_READ);
    cr_assert_eq(pc_store_get(&back, &is_found, store, "late-key", 1), PC_OK);
    cr_expect(is_found, "not committed within 20 s");
    run_db_close(store);
}

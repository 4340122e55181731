/* Who writes a run database: named to others, respected while alive, put aside when dead. */
#define _POSIX_C_SOURCE 200809L
#include "base/file.h"
#include "patchclamp/run.h"
#include "store/run_owner.h"
#include "support/run_db.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite(store_owner, .init = run_db_set_up, .fini = run_db_clean_up);

static void write_owner(const char *words)
{
    cr_assert_eq(pc_file_replace(run_db_owner, words, strlen(words)), PC_OK, "%s", pc_last_error());
}

/* An owner of another host, who was heard of so long ago. */
static void write_stranger(const char *job, int attempt, time_t seconds_ago)
{
    char words[300];
    snprintf(words, sizeof words,
             "{\"host\": \"far-away\", \"pids\": \"pid:[1]\", \"pid\": 77, \"began\": 5, "
             "\"job\": \"%s\", \"attempt\": %d}",
             job, attempt);
    write_owner(words);
    const struct timespec then = {time(NULL) - seconds_ago, 0};
    const struct timespec times[2] = {then, then};
    cr_assert_eq(utimensat(AT_FDCWD, run_db_owner, times, 0), 0);
}

static bool is_alone(void)
{
    return !pc_file_exists(run_db_owner);
}

Test(store_owner, is_named_to_others_and_gone_at_the_end)
{
    char expected[200], host[100] = "";
    gethostname(host, sizeof host - 1);
    pc_run_set_job("slurm 12_3", 0);
    pc_store *store = run_db_open(PC_STORE_CREATE);
    snprintf(expected, sizeof expected,
             "run.db: another process has it open: %ld on %s (slurm 12_3)", (long)getpid(), host);
    run_db_expect_refused("to resume", PC_STORE_RESUME, PC_ERR_IO, expected);
    run_db_expect_refused("to take over", PC_STORE_TAKE_OVER, PC_ERR_IO, expected);
    run_db_expect_refused("to read", PC_STORE_READ, PC_ERR_IO, expected);
    cr_expect_not(is_alone());
    run_db_close(store);
    cr_expect(is_alone());
    run_db_close(run_db_open(PC_STORE_RESUME));
    cr_expect(is_alone());
}

Test(store_owner, who_fails_to_open_leaves_nothing)
{
    run_db_close(run_db_open(PC_STORE_CREATE));
    run_db_expect_refused("again", PC_STORE_CREATE, PC_ERR_INPUT, "exists already");
    cr_expect(is_alone());
    cr_assert_eq(truncate(run_db_path, 4096), 0);
    run_db_expect_refused("damaged", PC_STORE_RESUME, PC_ERR_INPUT, "run.db");
    cr_expect(is_alone());
    char command[200];
    snprintf(command, sizeof command, "test $(ls -A %s | wc -l) -eq 1", run_db_folder);
    cr_expect_eq(system(command), 0, "drafts are left");
}

Test(store_owner, who_was_killed_on_this_host_is_put_aside)
{
    const pid_t child = fork();
    int outcome;
    if (child == 0) {
        run_db_open(PC_STORE_CREATE);
        raise(9);
    }
    waitpid(child, &outcome, 0);
    cr_assert(WIFSIGNALED(outcome));
    cr_expect_not(is_alone());
    run_db_close(run_db_open(PC_STORE_READ));
    run_db_close(run_db_open(PC_STORE_RESUME));
    cr_expect(is_alone());
}

/* Killed, but its parent has not asked: there is a process of that number. */
Test(store_owner, who_is_dead_but_not_buried_is_put_aside)
{
    const pid_t child = fork();
    siginfo_t info;
    int outcome;
    if (child == 0) {
        run_db_open(PC_STORE_CREATE);
        raise(9);
    }
    cr_assert_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    run_db_close(run_db_open(PC_STORE_RESUME));
    waitpid(child, &outcome, 0);
}

/* Its number is another process's now: ours. */
Test(store_owner, a_number_that_was_given_again_is_nobody)
{
    char *words;
    size_t length;
    pc_store *store = run_db_open(PC_STORE_CREATE);
    cr_assert_eq(pc_file_read(&words, &length, run_db_owner, 4096), PC_OK);
    run_db_close(store);
    char *began = strstr(words, "\"began\": ");
    cr_assert(began);
    began[9] = began[9] == '1' ? '2' : '1'; /* another moment */
    write_owner(words);
    run_db_close(run_db_open(PC_STORE_RESUME));
    free(words);
}

Test(store_owner, of_another_host_is_respected_until_it_is_silent_and_the_user_says_so)
{
    run_db_close(run_db_open(PC_STORE_CREATE));
    write_stranger("", 0, 30);
    run_db_expect_refused("fresh", PC_STORE_RESUME, PC_ERR_IO, "77 on far-away, heard of 3");
    run_db_expect_refused("fresh", PC_STORE_TAKE_OVER, PC_ERR_IO, "another process has it open");
    run_db_expect_refused("fresh", PC_STORE_READ, PC_ERR_IO, "another process has it open");
    write_stranger("slurm 4", 0, 600);
    run_db_expect_refused(
        "silent", PC_STORE_RESUME, PC_ERR_IO,
        "process 77 on far-away (slurm 4) had it open and was heard of 10 min ago: "
        "--take-over if it is gone");
    run_db_close(run_db_open(PC_STORE_READ));
    cr_expect_not(is_alone(), "a reader takes nothing over");
    run_db_close(run_db_open(PC_STORE_TAKE_OVER));
    cr_expect(is_alone());
}

Test(store_owner, an_earlier_start_of_the_same_job_is_over)
{
    run_db_close(run_db_open(PC_STORE_CREATE));
    pc_run_set_job("slurm 12_3", 1);
    write_stranger("slurm 12_3", 1, 5);
    run_db_expect_refused("the same start", PC_STORE_RESUME, PC_ERR_IO, "(slurm 12_3)");
    write_stranger("slurm 12_4", 0, 5);
    run_db_expect_refused("another task", PC_STORE_RESUME, PC_ERR_IO, "(slurm 12_4)");
    write_stranger("slurm 12_3", 0, 5);
    run_db_close(run_db_open(PC_STORE_RESUME));
    pc_run_set_job("", 1);
    write_stranger("", 0, 5);
    run_db_expect_refused("no job", PC_STORE_RESUME, PC_ERR_IO, "far-away");
}

Test(store_owner, who_was_taken_over_writes_no_more)
{
    const double value = 1;
    int64_t n;
    pc_store *store = run_db_open(PC_STORE_CREATE);
    run_db_put(store, "before", &value, 1);
    cr_assert_eq(pc_store_flush(store), PC_OK);
    write_stranger("", 0, 0);
    run_db_put(store, "after", &value, 1);
    cr_expect_eq(pc_store_flush(store), PC_ERR_IO);
    cr_expect(strstr(pc_last_error(), "another has taken the run over"), "%s", pc_last_error());
    cr_expect_eq(pc_store_put(store, "later", &value, 1), PC_ERR_IO, "it went on");
    pc_store_free(store);
    cr_expect_not(is_alone(), "the new owner's file is gone");
    unlink(run_db_owner);
    store = run_db_open(PC_STORE_RESUME);
    cr_assert_eq(pc_store_count(&n, store), PC_OK);
    cr_expect_eq(n, 1);
    run_db_close(store);
}

Test(store_owner, a_file_that_says_nobody_is_no_excuse)
{
    static const char *const words[] = {
        "", "{", "[]", "{\"host\": 3}", "\"x\"", "{\"host\": \"h\", \"pids\": \"\", \"pid\": -1}"};
    run_db_close(run_db_open(PC_STORE_CREATE));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        write_owner(words[i]);
        run_db_expect_refused(words[i], PC_STORE_RESUME, PC_ERR_IO,
                              "its owner file is not readable");
    }
    const struct timespec times[2] = {{1000, 0}, {1000, 0}};
    cr_assert_eq(utimensat(AT_FDCWD, run_db_owner, times, 0), 0);
    run_db_expect_refused("old", PC_STORE_RESUME, PC_ERR_IO, "--take-over if nobody runs");
    run_db_close(run_db_open(PC_STORE_TAKE_OVER));
}

Test(store_owner, beats)
{
    struct stat facts;
    pc_run_owner owner;
    cr_assert_eq(pc_run_owner_take(&owner, run_db_path, PC_OWNER_RESPECT), PC_OK, "%s",
                 pc_last_error());
    const struct timespec times[2] = {{1000, 0}, {1000, 0}};
    cr_assert_eq(utimensat(AT_FDCWD, run_db_owner, times, 0), 0);
    pc_run_owner_beat(&owner);
    cr_assert_eq(stat(run_db_owner, &facts), 0);
    cr_expect_gt(facts.st_mtime, 1000);
    cr_expect_eq(pc_run_owner_check(&owner), PC_OK);
    pc_run_owner_release(&owner);
    cr_expect(is_alone());
}

/* Many at once, one gets it: each child holds what it took until it has seen nobody else's words.
 */
Test(store_owner, one_of_many_gets_it)
{
    enum { N = 8 };
    int n_owners = 0;
    pid_t children[N];
    write_stranger("", 0, 600); /* and each of them may put this one aside */
    for (int i = 0; i < N; i++) {
        children[i] = fork();
        if (children[i] != 0) continue;
        pc_run_owner owner;
        if (pc_run_owner_take(&owner, run_db_path, PC_OWNER_TAKE_OVER) != PC_OK) _exit(1);
        const struct timespec pause = {0, 500000000};
        nanosleep(&pause, NULL);
        _exit(pc_run_owner_check(&owner) == PC_OK ? 0 : 2);
    }
    for (int i = 0; i < N; i++) {
        int outcome;
        waitpid(children[i], &outcome, 0);
        cr_assert(WIFEXITED(outcome));
        n_owners += WEXITSTATUS(outcome) == 0;
    }
    cr_expect_eq(n_owners, 1, "%d have it", n_owners);
}

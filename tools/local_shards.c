/* Starting, watching and restarting shards. */
#define _POSIX_C_SOURCE 200809L
#include "local_shards.h"

#include "exit_code.h"
#include "progress.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_STARTS = 3, PATH_BYTES = 4352 };

typedef struct child {
    pid_t pid; /* 0: does not run */
    int k, n_starts;
} child;

typedef struct crowd {
    const local_shards *l;
    child *children; /* (at_once) */
    int next, n_running, n_done, n_failed, first_failed;
    bool has_stopped;
} crowd;

static void say(const crowd *c, const char *what, int k)
{
    fprintf(stderr, "shard %d %s; %d of %d done\n", k, what, c->n_done, c->l->n_shards);
}

/* In the child: a log for its words, then the program. */
static void become_shard(const local_shards *l, int k)
{
    char log[PATH_BYTES], number[16], threads[32];
    snprintf(log, sizeof log, "%s/logs/%d.log", l->directory, k);
    snprintf(number, sizeof number, "%d", k);
    snprintf(threads, sizeof threads, "--threads=%" PRId64, l->threads);
    const int to = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (to < 0 || dup2(to, STDOUT_FILENO) < 0 || dup2(to, STDERR_FILENO) < 0) _exit(EXIT_FAILED);
    execl(l->program, l->program, "shard", l->directory, number, threads, (char *)NULL);
    _exit(EXIT_FAILED);
}

static bool start(crowd *c, child *who)
{
    const pid_t pid = fork();
    if (pid == 0) become_shard(c->l, who->k);
    if (pid < 0) return false;
    who->pid = pid;
    who->n_starts++;
    c->n_running++;
    return true;
}

static void note_end(crowd *c, child *who, int outcome)
{
    const bool was_killed = WIFSIGNALED(outcome);
    const int code = WIFEXITED(outcome) ? WEXITSTATUS(outcome) : EXIT_FAILED;
    who->pid = 0;
    c->n_running--;
    if (code == EXIT_DONE) {
        c->n_done++;
        say(c, "is done", who->k);
        who->n_starts = 0;
    } else if (was_killed && !c->has_stopped && who->n_starts < MOST_STARTS) {
        say(c, "was killed and starts again", who->k);
        (void)start(c, who); /* if not, it is found when merging */
    } else if (code == EXIT_INTERRUPTED) {
        c->has_stopped = true;
    } else {
        if (c->n_failed++ == 0) c->first_failed = who->k;
        say(c, "has failed", who->k);
        who->n_starts = 0;
    }
}

static void fill(crowd *c)
{
    for (int i = 0; i < c->l->at_once && c->next < c->l->n_shards; i++) {
        if (c->children[i].pid) continue;
        c->children[i] = (child){.k = c->next};
        if (!start(c, &c->children[i])) return; /* too many processes: later */
        c->next++;
    }
}

static void pass_on(crowd *c)
{
    c->has_stopped = true;
    for (int i = 0; i < c->l->at_once; i++)
        if (c->children[i].pid) kill(c->children[i].pid, SIGTERM);
}

/* Asks instead of waiting: a signal that came just before the wait would not end it. */
static void wait_for_one(crowd *c)
{
    const struct timespec pause = {0, 50000000};
    int outcome;
    pid_t pid;
    while ((pid = waitpid(-1, &outcome, WNOHANG)) == 0) {
        if (was_asked_to_stop() && !c->has_stopped) pass_on(c);
        nanosleep(&pause, NULL);
    }
    for (int i = 0; i < c->l->at_once && pid > 0; i++)
        if (c->children[i].pid == pid) note_end(c, &c->children[i], outcome);
}

static int tell(const crowd *c, const char *command)
{
    if (c->has_stopped) {
        complain(command, "stopped after %d of %d shards; the same command goes on", c->n_done,
                 c->l->n_shards);
        return EXIT_INTERRUPTED;
    }
    if (c->n_failed == 0) return EXIT_DONE;
    complain(command, "%d of %d shards have failed; why the first did stands in %s/logs/%d.log",
             c->n_failed, c->l->n_shards, c->l->directory, c->first_failed);
    return EXIT_FAILED;
}

int run_local_shards(const local_shards *l, const char *command)
{
    crowd c = {.l = l, .children = calloc((size_t)l->at_once, sizeof *c.children)};
    if (!c.children) return complain(command, "out of memory"), EXIT_FAILED;
    stop_on_signals();
    while (c.next < l->n_shards || c.n_running > 0) {
        if (!c.has_stopped) fill(&c);
        if (c.n_running == 0) break;
        wait_for_one(&c);
    }
    if (c.next < l->n_shards && !c.has_stopped) c.n_failed += l->n_shards - c.next;
    free(c.children);
    return tell(&c, command);
}

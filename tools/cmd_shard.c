/* patchclamp shard: one part of a search that was submitted. */
#define _POSIX_C_SOURCE 200809L
#include "commands.h"
#include "exit_code.h"
#include "progress.h"
#include "shard_command.h"
#include "whereabouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS_BETWEEN_STATES 5.0

static const command_usage usage = {
    "shard", "DIR K",
    "Measures shard K of the search that `patchclamp submit` has put into DIR: what the tasks of "
    "its "
    "array do. A shard\n"
    "that was stopped or killed goes on where it was; running it twice changes nothing.",
    "patchclamp shard out/array 3", 2};

/* What is told on the way, and kept in state.json. */
typedef struct telling {
    progress_state progress;
    pc_shard_state state;
    const char *directory;
    int k;
    double began, written;
} telling;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A state that cannot be written stops nobody: run.db says when a disk is full. */
static void write_state(telling *t, pc_shard_phase phase)
{
    t->state.phase = phase;
    t->state.seconds = now() - t->began;
    t->written = now();
    (void)pc_shard_state_write(&t->state, t->directory, t->k);
}

static bool tell(const pc_progress *p, void *payload)
{
    telling *t = payload;
    bool is_news = now() - t->written >= SECONDS_BETWEEN_STATES;
    if (strcmp(p->unit, "interventions") == 0) {
        is_news = is_news || (t->state.n_done == 0 && p->n_done > 0);
        t->state.n_done = p->n_done;
        t->state.n_from_journal = p->n_from_journal;
    }
    if (is_news) write_state(t, PC_SHARD_RUNNING);
    return progress_tell(p, &t->progress);
}

static void begin_telling(telling *t, const pc_shards *shards, const char *directory, int k)
{
    pc_shard_state before;
    *t = (telling){.directory = directory, .k = k, .began = now()};
    progress_begin(&t->progress);
    if (pc_shard_state_read(&before, directory, k) == PC_OK) t->state.n_starts = before.n_starts;
    t->state.n_starts++;
    t->state.n_all = pc_shards_at(shards, k).n;
    t->state.pid = own_pid();
    put_host(t->state.host, sizeof t->state.host);
    put_job(t->state.job, sizeof t->state.job);
    write_state(t, PC_SHARD_RUNNING);
}

static void end_telling(telling *t, int code, const char *message)
{
    progress_end(&t->progress);
    if (code != EXIT_DONE) snprintf(t->state.message, sizeof t->state.message, "%s", message);
    write_state(t, code == EXIT_DONE          ? PC_SHARD_DONE
                   : code == EXIT_INTERRUPTED ? PC_SHARD_STOPPED
                                              : PC_SHARD_FAILED);
}

static int measure(shard_command *s, int k, telling *t)
{
    pc_find_options *options = &s->find.options;
    const int code = shard_command_open(s);
    if (code != EXIT_DONE) return code;
    options->progress = tell;
    options->payload = t;
    const pc_status status = pc_shard_measure(s->shards, k, s->model.model, s->task, options);
    if (status == PC_OK) {
        t->state.n_done = t->state.n_all;
        return EXIT_DONE;
    }
    if (status != PC_ERR_INTERRUPTED) return report("shard", status);
    complain("shard",
             "stopped; what was measured is kept in %s/shards/%d: the same command goes on",
             t->directory, k);
    return EXIT_INTERRUPTED;
}

static int read_number(int *k, const char *word, const pc_shards *shards)
{
    char *end;
    const long value = strtol(word, &end, 10);
    if (*word >= '0' && *word <= '9' && !*end && value < pc_shards_n(shards))
        return *k = (int)value, EXIT_DONE;
    complain("shard", "K is \"%.40s\", expected 0 to %d", word, pc_shards_n(shards) - 1);
    return EXIT_USAGE;
}

int cmd_shard(int argc, char **argv)
{
    const char *operands[2];
    int64_t threads = 0;
    bool takes_over = false;
    shard_command s;
    telling t;
    int k;
    const option_row rows[] = {
        {"threads", 0, OPTION_INT, &threads, "N", "processors to use (as submitted)", 1, 256},
        {"take-over", 0, OPTION_FLAG, &takes_over, "",
         "from another machine's process that is silent and gone", 0, 0},
        {0},
    };
    const parse_outcome outcome = options_parse(rows, operands, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    stop_on_signals();
    int code = shard_command_read(&s, operands[0], "shard");
    if (code == EXIT_DONE) code = read_number(&k, operands[1], s.shards);
    if (code == EXIT_DONE) {
        if (threads) s.find.measure.threads = threads;
        s.find.takes_over = takes_over;
        begin_telling(&t, s.shards, operands[0], k);
        code = measure(&s, k, &t);
        end_telling(&t, code, pc_last_error());
    }
    shard_command_close(&s);
    return code;
}

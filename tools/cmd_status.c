/* patchclamp status: how far the shards of a search are. */
#include "commands.h"
#include "exit_code.h"
#include "json_out.h"
#include "shard_command.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A shard writes its state every 5 s, but not while a large model is read. */
#define SECONDS_OF_SILENCE 120.0

static const command_usage usage = {
    "status", "DIR",
    "Shows how far each shard of the search in DIR is, by what it wrote last into its state.json: "
    "while it runs, and\n"
    "behind that. A shard that should be running and has been silent for minutes was probably "
    "killed; it goes on when\n"
    "it is started again.",
    "patchclamp status out/array", 1};

enum { N_PHASES = PC_SHARD_DONE + 1 };

typedef struct sums {
    int n_shards, n_of[N_PHASES];
    int64_t n_done, n_all;
} sums;

static bool is_silent(const pc_shard_state *s)
{
    return s->phase == PC_SHARD_RUNNING && s->age > SECONDS_OF_SILENCE;
}

/* Interventions a second since it was started last. */
static double rate_of(const pc_shard_state *s)
{
    const int64_t n = s->n_done - s->n_from_journal;
    return s->seconds > 0 ? (double)n / s->seconds : 0;
}

static void add(sums *t, const pc_shard_state *s, const pc_shard *shard)
{
    t->n_of[s->phase]++;
    t->n_done += s->phase == PC_SHARD_DONE ? shard->n : s->n_done;
    t->n_all += shard->n;
}

static void put_time(table *t, double seconds)
{
    const long s = (long)(seconds + 0.5);
    if (s >= 3600) table_cell(t, "%ld h %02ld min", s / 3600, s / 60 % 60);
    else if (s >= 60) table_cell(t, "%ld min %02ld s", s / 60, s % 60);
    else table_cell(t, "%ld s", s);
}

static void put_row(table *t, int k, const pc_shard_state *s, const pc_shard *shard)
{
    const double rate = rate_of(s);
    table_cell(t, "%d", k);
    table_cell(t, "%s", is_silent(s) ? "silent" : pc_shard_phase_name(s->phase));
    table_cell(t, "%" PRId64, s->n_done);
    table_cell(t, "%" PRId64, shard->n);
    if (rate > 0) table_cell(t, "%.3g", rate);
    else table_cell(t, "-");
    if (s->phase == PC_SHARD_RUNNING && rate > 0)
        put_time(t, (double)(shard->n - s->n_done) / rate);
    else table_cell(t, "-");
    table_cell(t, "%" PRId64, s->n_starts);
    if (s->phase == PC_SHARD_WAITING) table_cell(t, "-");
    else put_time(t, s->age);
    table_cell(t, "%.40s", *s->job ? s->job : "-");
    table_cell(t, "%.40s", *s->host ? s->host : "-");
}

static void begin_table(table *t)
{
    static const char *const heads[] = {"shard", "state",  "done",  "of",  "a second",
                                        "left",  "starts", "heard", "job", "host"};
    table_begin(t, "rlrrrrrrll");
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        table_cell(t, "%s", heads[i]);
}

static void print_sums(const sums *t)
{
    printf("\n%d of %d shards done", t->n_of[PC_SHARD_DONE], t->n_shards);
    for (pc_shard_phase p = PC_SHARD_WAITING; p < PC_SHARD_DONE; p++)
        if (t->n_of[p]) printf(", %d %s", t->n_of[p], pc_shard_phase_name(p));
    printf("; %" PRId64 " of %" PRId64 " interventions (%.0f %%)\n", t->n_done, t->n_all,
           100 * (double)t->n_done / (double)t->n_all);
    if (t->n_of[PC_SHARD_DONE] == t->n_shards) printf("patchclamp merge joins them\n");
}

static void print_json_row(int k, const pc_shard_state *s, const pc_shard *shard)
{
    json_begin(NULL, '{');
    json_integer("shard", k);
    json_text("state", pc_shard_phase_name(s->phase));
    json_bool("is_silent", is_silent(s));
    json_integer("n_done", s->n_done);
    json_integer("n_from_journal", s->n_from_journal);
    json_integer("n", shard->n);
    json_number("seconds", s->seconds);
    json_number("age", s->age);
    json_integer("starts", s->n_starts);
    json_text("job", s->job);
    json_text("host", s->host);
    json_text("message", s->message);
    json_end('}');
}

static void print_json_sums(const sums *t)
{
    json_end(']');
    json_integer("n_shards", t->n_shards);
    for (pc_shard_phase p = PC_SHARD_WAITING; p <= PC_SHARD_DONE; p++)
        json_integer(pc_shard_phase_name(p), t->n_of[p]);
    json_integer("n_done", t->n_done);
    json_integer("n", t->n_all);
    json_end('}');
}

/* What went wrong, below the table. */
static void print_message(int k, const pc_shard_state *s)
{
    if (s->phase == PC_SHARD_FAILED) printf("shard %d: %s\n", k, s->message);
}

/* A state that cannot be read says so. */
static pc_shard_state state_of(const char *directory, int k)
{
    pc_shard_state s;
    if (pc_shard_state_read(&s, directory, k) == PC_OK) return s;
    s = (pc_shard_state){.phase = PC_SHARD_FAILED};
    snprintf(s.message, sizeof s.message, "%s", pc_last_error());
    return s;
}

static void show_json(const pc_shards *shards, const char *directory)
{
    sums t = {.n_shards = pc_shards_n(shards)};
    json_begin(NULL, '{');
    json_begin("shards", '[');
    for (int k = 0; k < t.n_shards; k++) {
        const pc_shard shard = pc_shards_at(shards, k);
        const pc_shard_state s = state_of(directory, k);
        add(&t, &s, &shard);
        print_json_row(k, &s, &shard);
    }
    print_json_sums(&t);
}

static void show(const pc_shards *shards, const char *directory)
{
    sums t = {.n_shards = pc_shards_n(shards)};
    table rows;
    begin_table(&rows);
    for (int k = 0; k < t.n_shards; k++) {
        const pc_shard shard = pc_shards_at(shards, k);
        const pc_shard_state s = state_of(directory, k);
        add(&t, &s, &shard);
        put_row(&rows, k, &s, &shard);
    }
    table_print(&rows);
    table_free(&rows);
    print_sums(&t);
    for (int k = 0; k < t.n_shards; k++) {
        const pc_shard_state s = state_of(directory, k);
        print_message(k, &s);
    }
}

int cmd_status(int argc, char **argv)
{
    const char *directory;
    bool is_json = false;
    shard_command s;
    const option_row rows[] = {
        {"json", 0, OPTION_FLAG, &is_json, "", "print one JSON value instead of the table", 0, 0},
        {0},
    };
    const parse_outcome outcome = options_parse(rows, &directory, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    int code = shard_command_read(&s, directory, "status");
    if (code == EXIT_DONE && is_json) show_json(s.shards, directory);
    else if (code == EXIT_DONE) show(s.shards, directory);
    shard_command_close(&s);
    return code;
}

/* Splitting submit's command line, and making the search's part of it good anywhere. */
#define _XOPEN_SOURCE 700
#include "submit_words.h"

#include "exit_code.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const command_usage usage = {
    "submit", "find",
    "Cuts a search into shards of about the same work and writes, into DIR, shards.json and the "
    "Slurm array that\n"
    "measures them, array.sbatch, to be read and submitted; or runs them here (--local). Then "
    "`patchclamp status DIR`\n"
    "shows how far they are, `patchclamp merge DIR` gives what one `patchclamp find` would have "
    "given. All options of\n"
    "find are taken, but only method exact has shards: racing and acdc decide as they measure, one "
    "step after the\n"
    "other, and estimates are quick.",
    "patchclamp submit find demo --task induction --shards 4 --local -o out/array", 1};

enum { MOST_ROWS = 13 };

static void fill_rows(option_row rows[MOST_ROWS], submit_words *w)
{
    const option_row own[MOST_ROWS] = {
        {"shards", 0, OPTION_INT, &w->shards, "N", "how many parts", 1, PC_MOST_SHARDS},
        {"output", 'o', OPTION_TEXT, &w->directory, "DIR", "the directory of the shards", 0, 0},
        {"partition", 0, OPTION_TEXT, &w->partition, "P", "Slurm's partition", 0, 0},
        {"account", 0, OPTION_TEXT, &w->account, "A", "Slurm's account", 0, 0},
        {"constraint", 0, OPTION_TEXT, &w->constraint, "C",
         "features of the nodes, such as one GPU model", 0, 0},
        {"gpus", 0, OPTION_INT, &w->gpus, "N", "GPUs of a shard (0)", 0, 1},
        {"cpus", 0, OPTION_INT, &w->cpus, "N", "processors of a shard (the partition's)", 1, 256},
        {"mem", 0, OPTION_TEXT, &w->memory, "SIZE", "Slurm's bound on memory, as 32G", 0, 0},
        {"time", 0, OPTION_TEXT, &w->time, "T",
         "time limit, as 2:00:00; a shard that reaches it comes back and goes on", 0, 0},
        {"at-once", 0, OPTION_INT, &w->at_once, "N", "so many at a time (all; locally 2)", 1, 1000},
        {"local", 0, OPTION_FLAG, &w->is_local, "", "run the shards on this machine, now", 0, 0},
        {"dry-run", 0, OPTION_FLAG, &w->is_dry, "", "print script and shards, write nothing", 0, 0},
        {0},
    };
    memcpy(rows, own, sizeof own);
}

/* How many words the option at `word` is, 0: it is not submit's. */
static int n_words_of(const option_row *rows, const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) return 1;
    for (const option_row *row = rows; row->name; row++) {
        const size_t n = strlen(row->name);
        if (row->letter && word[0] == '-' && word[1] == row->letter && !word[2]) return 2;
        if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, row->name, n) != 0) continue;
        if (word[2 + n] == '=') return 1;
        if (!word[2 + n]) return row->kind == OPTION_FLAG ? 1 : 2;
    }
    return 0;
}

static void split(submit_words *w, const option_row *rows, int argc, char **argv)
{
    w->own[w->n_own++] = argv[0];
    if (argc > 1) w->own[w->n_own++] = argv[1]; /* "find", or what should have been that */
    w->words[w->n_words++] = (char *)"find";
    for (int i = 2; i < argc;) {
        int n = n_words_of(rows, argv[i]);
        const bool is_own = n > 0;
        for (n = is_own ? n : 1; n > 0 && i < argc; n--, i++)
            if (is_own) w->own[w->n_own++] = argv[i];
            else w->words[w->n_words++] = argv[i];
    }
}

static bool is_complete(const submit_words *w, const char *what)
{
    if (strcmp(what, "find") != 0)
        complain("submit", "cannot submit \"%.40s\", expected find", what);
    else if (!w->shards || (!w->is_dry && (!w->directory || !*w->directory)))
        complain("submit", "expected --shards N and -o DIR; see patchclamp submit --help");
    else if (w->is_dry && w->is_local) complain("submit", "give one of --dry-run and --local");
    else return true;
    return false;
}

parse_outcome submit_words_parse(submit_words *out, int argc, char **argv)
{
    option_row rows[MOST_ROWS];
    const char *what;
    *out = (submit_words){.shards = 0};
    fill_rows(rows, out);
    out->own = calloc((size_t)argc + 2, sizeof(char *));
    out->words = calloc((size_t)argc + 4, sizeof(char *));
    if (!out->own || !out->words) return complain("submit", "out of memory"), PARSE_FAILED;
    split(out, rows, argc, argv);
    const parse_outcome outcome = options_parse(rows, &what, &usage, out->n_own, out->own);
    if (outcome != PARSED) return outcome;
    return is_complete(out, what) ? PARSED : PARSE_FAILED;
}

void submit_words_free(submit_words *w)
{
    free(w->own);
    free(w->words);
    free(w->texts[0]);
    free(w->texts[1]);
}

/* ---- good anywhere ---- */

/* The word that has `value` at its end becomes one with its absolute path there. */
static int make_absolute(submit_words *w, const char *value, int slot)
{
    char *path = realpath(value, NULL);
    if (!path) {
        complain("submit", "%.300s: %s", value, strerror(errno));
        return EXIT_BAD_INPUT;
    }
    for (int i = 1; i < w->n_words; i++) {
        char *word = w->words[i];
        if (value < word || value > word + strlen(word)) continue;
        const size_t before = (size_t)(value - word), room = before + strlen(path) + 1;
        char *text = w->texts[slot] = malloc(room);
        if (text) snprintf(text, room, "%.*s%s", (int)before, word, path);
        if (text) w->words[i] = text;
    }
    free(path);
    return w->texts[slot] ? EXIT_DONE : (complain("submit", "out of memory"), EXIT_FAILED);
}

int submit_words_settle(submit_words *w, const find_command *find)
{
    int code = EXIT_DONE;
    if (find->is_plan || find->has_resume || find->takes_over || find->is_json || find->directory) {
        complain("submit", "--plan, --resume and --json are find's alone");
        return EXIT_USAGE;
    }
    if (!find->task) {
        complain("submit", "expected --task T; see patchclamp find --help");
        return EXIT_USAGE;
    }
    const bool is_file = is_task_file(find->task), is_folder = is_model_folder(find->model);
    const bool wants_gpu = w->gpus && !w->is_local && !find->measure.device;
    if (is_folder) code = make_absolute(w, find->model, 0);
    if (code == EXIT_DONE && is_file) code = make_absolute(w, find->task, 1);
    if (wants_gpu) w->words[w->n_words++] = (char *)"--device=cuda";
    return code;
}

/* patchclamp submit: a search as an array of shards. */
#define _XOPEN_SOURCE 700
#include "commands.h"
#include "exit_code.h"
#include "local_shards.h"
#include "sbatch_script.h"
#include "shard_command.h"
#include "submit_words.h"
#include "table.h"
#include "whereabouts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const command_usage find_usage = {"submit", "find MODEL", "", "", 1};

/* ---- the directory ---- */

static int make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return EXIT_DONE;
    complain("submit", "%s: cannot create: %s", path, strerror(errno));
    return EXIT_FAILED;
}

/* DIR with its parents, and what is in it. */
static int make_folders(const char *directory)
{
    char path[SHARD_PATH_BYTES];
    int code = EXIT_DONE;
    const size_t n = strlen(directory);
    if (n >= sizeof path - 16) return complain("submit", "the path is too long"), EXIT_USAGE;
    for (size_t i = 1; i <= n && code == EXIT_DONE; i++)
        if (directory[i] == '/' || !directory[i]) {
            snprintf(path, sizeof path, "%.*s", (int)i, directory);
            code = make_folder(path);
        }
    for (int i = 0; i < 2 && code == EXIT_DONE; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, i ? "logs" : "shards");
        code = make_folder(path);
    }
    return code;
}

/* Where there is no directory yet, the path that it would have. */
static int absolute(char out[SHARD_PATH_BYTES], const char *directory)
{
    char *path = realpath(directory, NULL), here[SHARD_PATH_BYTES];
    int n = 0;
    if (path) n = snprintf(out, SHARD_PATH_BYTES, "%s", path);
    else if (*directory == '/') n = snprintf(out, SHARD_PATH_BYTES, "%s", directory);
    else if (getcwd(here, sizeof here))
        n = snprintf(out, SHARD_PATH_BYTES, "%s/%s", here, directory);
    free(path);
    if (n > 0 && n < SHARD_PATH_BYTES) return EXIT_DONE;
    complain("submit", "the path of %.200s is too long", directory);
    return EXIT_USAGE;
}

/* ---- what is in it ---- */

static bool is_same_list(const pc_shards *a, const pc_shards *b, char *const *words, int n_words)
{
    int n;
    const char *const *old = pc_shards_words(&n, a);
    if (n != n_words || pc_shards_n(a) != pc_shards_n(b)) return false;
    for (int i = 0; i < n; i++)
        if (strcmp(old[i], words[i]) != 0) return false;
    for (int k = 0; k < pc_shards_n(a); k++) {
        const pc_shard x = pc_shards_at(a, k), y = pc_shards_at(b, k);
        if (x.first != y.first || x.n != y.n) return false;
    }
    return true;
}

/* Submitting the same again goes on; another search needs another directory. */
static int check_old_list(const char *path, const pc_shards *shards, const sbatch_wishes *w)
{
    pc_shards *old;
    if (access(path, F_OK) != 0) return EXIT_DONE;
    const pc_status status = pc_shards_read(&old, path);
    if (status != PC_OK) return report("submit", status);
    const bool is_same = is_same_list(old, shards, w->words, w->n_words);
    pc_shards_free(old);
    if (is_same) return EXIT_DONE;
    complain("submit", "%s: has other shards than these: another directory, or the same words",
             path);
    return EXIT_BAD_INPUT;
}

static int write_script(const char *path, const sbatch_wishes *w, const pc_shards *shards)
{
    FILE *file = fopen(path, "w");
    bool is_good = file != NULL;
    if (file) {
        sbatch_print(file, w, shards);
        is_good = !ferror(file);
        if (fclose(file) != 0) is_good = false;
    }
    if (is_good) return EXIT_DONE;
    complain("submit", "%s: cannot be written: %s", path, strerror(errno));
    return EXIT_FAILED;
}

static int write_all(const sbatch_wishes *w, const pc_shards *shards)
{
    char list[SHARD_PATH_BYTES], script[SHARD_PATH_BYTES];
    int code = make_folders(w->directory);
    if (code != EXIT_DONE || !shard_path(list, w->directory, "shards.json", "submit") ||
        !shard_path(script, w->directory, "array.sbatch", "submit"))
        return code != EXIT_DONE ? code : EXIT_USAGE;
    code = check_old_list(list, shards, w);
    if (code != EXIT_DONE) return code;
    const pc_status status =
        pc_shards_write(shards, (const char *const *)w->words, w->n_words, list);
    if (status != PC_OK) return report("submit", status);
    return write_script(script, w, shards);
}

/* ---- what is told ---- */

static void print_shards(const pc_shards *shards)
{
    table t;
    table_begin(&t, "rrrr");
    table_cell(&t, "shard");
    table_cell(&t, "first");
    table_cell(&t, "interventions");
    table_cell(&t, "GFLOP");
    for (int k = 0; k < pc_shards_n(shards); k++) {
        const pc_shard s = pc_shards_at(shards, k);
        table_cell(&t, "%d", k);
        table_cell(&t, "%" PRId64, s.first);
        table_cell(&t, "%" PRId64, s.n);
        table_cell(&t, "%.4g", 1e-9 * s.flop);
    }
    table_print(&t);
    table_free(&t);
}

/* The largest shard beside their mean: what the slowest takes longer. */
static void print_balance(FILE *to, const pc_shards *shards)
{
    double all = 0, most = 0;
    const int n = pc_shards_n(shards);
    for (int k = 0; k < n; k++) {
        const double flop = pc_shards_at(shards, k).flop;
        all += flop;
        if (flop > most) most = flop;
    }
    fprintf(to, "%d shards, %.4g GFLOP in all, the largest %.1f %% above their mean\n", n,
            1e-9 * all, all > 0 ? 100 * (most * n / all - 1) : 0);
}

static int run_here(const submit_words *w, const find_command *find, const sbatch_wishes *wishes)
{
    const long n_processors = sysconf(_SC_NPROCESSORS_ONLN);
    local_shards l = {.program = wishes->program,
                      .directory = wishes->directory,
                      .n_shards = (int)w->shards,
                      .at_once = w->at_once ? (int)w->at_once : 2,
                      .threads = find->measure.threads};
    if (l.at_once > l.n_shards) l.at_once = l.n_shards;
    if (!l.threads) l.threads = n_processors / l.at_once;
    if (l.threads < 1) l.threads = 1;
    if (l.threads > 256) l.threads = 256;
    const int code = run_local_shards(&l, "submit");
    if (code == EXIT_DONE) printf("patchclamp merge %s\n", w->directory);
    return code;
}

static int act(const submit_words *w, const find_command *find, const pc_shards *shards)
{
    char directory[SHARD_PATH_BYTES], program[SHARD_PATH_BYTES];
    put_program(program, sizeof program, "patchclamp");
    int code = absolute(directory, w->directory ? w->directory : "DIR");
    const sbatch_wishes wishes = {w->partition, w->account, w->constraint, w->time,
                                  w->memory,    w->gpus,    w->cpus,       w->at_once,
                                  directory,    program,    w->words + 1,  w->n_words - 1};
    if (code == EXIT_DONE) code = sbatch_check(&wishes, "submit");
    if (code != EXIT_DONE) return code;
    if (w->is_dry) {
        sbatch_print(stdout, &wishes, shards);
        putchar('\n');
        print_shards(shards);
        print_balance(stdout, shards);
        return EXIT_DONE;
    }
    code = write_all(&wishes, shards);
    if (code != EXIT_DONE) return code;
    print_balance(stderr, shards);
    if (w->is_local) return run_here(w, find, &wishes);
    printf("sbatch %s/array.sbatch\n", w->directory);
    return EXIT_DONE;
}

/* The search is planned here and measured elsewhere: this machine needs no GPU. */
static int cut(const submit_words *w, find_command *find)
{
    opened_model m;
    pc_task *task = NULL;
    pc_shards *shards = NULL;
    find->measure.device = "cpu";
    int code = find_command_read(find);
    if (code == EXIT_DONE) code = open_model(&m, find->model, "submit");
    if (code != EXIT_DONE) return code;
    pc_status status = find_command_open_task(&task, find, &m);
    if (status == PC_OK)
        status = pc_shards_new(&shards, m.model, task, &find->options, (int)w->shards);
    pc_task_free(task);
    close_model(&m);
    code = status == PC_OK ? act(w, find, shards) : report("submit", status);
    pc_shards_free(shards);
    return code;
}

int cmd_submit(int argc, char **argv)
{
    submit_words w;
    find_command find;
    find_command_begin(&find, "submit");
    parse_outcome outcome = submit_words_parse(&w, argc, argv);
    if (outcome == PARSED) outcome = find_command_parse(&find, &find_usage, w.n_words, w.words);
    int code = outcome == PARSED ? submit_words_settle(&w, &find) : EXIT_USAGE;
    if (outcome == PARSED_HELP) code = EXIT_DONE;
    else if (code == EXIT_DONE) code = cut(&w, &find);
    find_command_free(&find);
    submit_words_free(&w);
    return code;
}

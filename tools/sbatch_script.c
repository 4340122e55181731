/* Writing the sbatch script. */
#include "sbatch_script.h"

#include "exit_code.h"

#include <inttypes.h>
#include <string.h>

/* A shard that neither ends nor gets on must not come back for ever. */
enum { MOST_RESTARTS = 100 };

static int check_word(const char *what, const char *word, const char *never, const char *command)
{
    for (const char *c = word; c && *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr(never, *c)) {
            complain(command, "%s \"%.200s\" has a character that a script cannot have there", what,
                     word);
            return EXIT_USAGE;
        }
    return EXIT_DONE;
}

int sbatch_check(const sbatch_wishes *w, const char *command)
{
    const struct {
        const char *what, *word, *never;
    } words[] = {
        {"--partition", w->partition, " \"'"},  {"--account", w->account, " \"'"},
        {"--constraint", w->constraint, "\"'"}, {"--time", w->time, " \"'"},
        {"--mem", w->memory, " \"'"},           {"the directory", w->directory, "\"%\\"},
    };
    int code = EXIT_DONE;
    for (size_t i = 0; i < sizeof words / sizeof *words && code == EXIT_DONE; i++)
        code = check_word(words[i].what, words[i].word, words[i].never, command);
    for (int i = 0; i < w->n_words && code == EXIT_DONE; i++)
        code = check_word("the word", w->words[i], "", command);
    return code;
}

void print_quoted(FILE *to, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./,=:+@%";
    if (*word && strspn(word, plain) == strlen(word)) {
        fputs(word, to);
        return;
    }
    putc('\'', to);
    for (; *word; word++)
        if (*word == '\'') fputs("'\\''", to);
        else putc(*word, to);
    putc('\'', to);
}

static void print_option(FILE *to, const char *name, const char *value)
{
    if (value) fprintf(to, "#SBATCH --%s=\"%s\"\n", name, value);
}

static void print_number(FILE *to, const char *name, int64_t value)
{
    if (value) fprintf(to, "#SBATCH --%s=%" PRId64 "\n", name, value);
}

static void print_array(FILE *to, const sbatch_wishes *w, int n)
{
    fprintf(to, "#SBATCH --array=0-%d", n - 1);
    if (w->at_once) fprintf(to, "%%%" PRId64, w->at_once);
    putc('\n', to);
}

static void print_wishes(FILE *to, const sbatch_wishes *w, const pc_shards *shards)
{
    fputs("#SBATCH --job-name=patchclamp\n", to);
    print_array(to, w, pc_shards_n(shards));
    fputs("#SBATCH --ntasks=1\n", to);
    print_option(to, "partition", w->partition);
    print_option(to, "account", w->account);
    print_option(to, "constraint", w->constraint);
    print_number(to, "gpus", w->gpus);
    print_number(to, "cpus-per-task", w->cpus);
    print_option(to, "mem", w->memory);
    print_option(to, "time", w->time);
    if (w->gpus && !w->constraint)
        fputs(
            "# If the partition mixes GPU models, choose one: shards of different models cannot be "
            "merged.\n"
            "##SBATCH --constraint=\n",
            to);
    fprintf(to,
            "# 90 s before the time limit, and when it is preempted, a shard keeps what it has and "
            "comes back.\n"
            "#SBATCH --signal=USR2@90\n"
            "#SBATCH --requeue\n"
            "#SBATCH --open-mode=append\n"
            "#SBATCH --output=\"%s/logs/%%a.log\"\n",
            w->directory);
}

static void print_head(FILE *to, const sbatch_wishes *w, const pc_shards *shards)
{
    const int n = pc_shards_n(shards);
    const pc_shard last = pc_shards_at(shards, n - 1);
    fprintf(to, "#!/bin/bash\n# patchclamp find");
    for (int i = 0; i < w->n_words; i++) {
        putc(' ', to);
        print_quoted(to, w->words[i]);
    }
    fprintf(to,
            "\n# in %d shards: %" PRId64 " interventions, listed in shards.json. Then: patchclamp "
            "merge DIR\n",
            n, last.first + last.n);
}

/* The signal goes to the step, that is to the program, which then exits with 75. */
static void print_work(FILE *to, const sbatch_wishes *w)
{
    fputs("\nsrun ", to);
    print_quoted(to, w->program);
    fputs(" shard ", to);
    print_quoted(to, w->directory);
    fprintf(to,
            " \"$SLURM_ARRAY_TASK_ID\"\n"
            "code=$?\n"
            "if [ \"$code\" -eq 75 ] && [ \"${SLURM_RESTART_COUNT:-0}\" -lt %d ]; then\n"
            "    scontrol requeue \"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}\"\n"
            "fi\n"
            "exit \"$code\"\n",
            MOST_RESTARTS);
}

void sbatch_print(FILE *to, const sbatch_wishes *w, const pc_shards *shards)
{
    print_head(to, w, shards);
    print_wishes(to, w, shards);
    print_work(to, w);
}

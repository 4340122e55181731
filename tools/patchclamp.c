/* The program: finds the command, runs it, and makes sure that its output was written. */
#define _POSIX_C_SOURCE 200809L
#include "commands.h"
#include "exit_code.h"
#include "help_forms.h"
#include "nearest.h"
#include "whereabouts.h"

#include "patchclamp/patchclamp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"doctor", cmd_doctor, "what this machine can run, and what is missing"},
    {"info", cmd_info, "a model's dimensions, components, edges and memory needs"},
    {"logits", cmd_logits, "the model's next-token logits on a prompt"},
    {"tokenize", cmd_tokenize, "the tokens of a text"},
    {"task", cmd_task, "generate a task's clean and corrupted prompts"},
    {"heads", cmd_heads, "attention-pattern scores of every head, with its causal effect"},
    {"patch", cmd_patch, "patch an activation by layer, head and position; tables and heat maps"},
    {"path", cmd_path, "patch the paths from each sender to a set of receivers"},
    {"run", cmd_run, "the effects of any list of interventions"},
    {"attribute", cmd_attribute, "what each component writes into the logits; the logit lens"},
    {"bench", cmd_bench, "how fast this machine computes, and what each precision loses"},
    {"find", cmd_find, "measure every node, edge or neuron and find the circuit"},
    {"submit", cmd_submit, "a search as an array of shards, for a cluster or for this machine"},
    {"shard", cmd_shard, "one shard: what the tasks of the array do"},
    {"status", cmd_status, "how far the shards are"},
    {"merge", cmd_merge, "the shards joined: what find would have given"},
    {"eval", cmd_eval, "the faithfulness of a circuit on a task"},
    {"convert", cmd_convert, "a circuit to and from other tools' files"},
    {"plant", cmd_plant, "a model whose circuit is known, to check searches with"},
    {"draw", cmd_draw, "the figure of a circuit"},
    {"diff", cmd_diff, "what two circuits share, as a table and as a figure"},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

/* Second words with options of their own. */
static const struct {
    const char *command, *word, *summary;
} second_words[] = {
    {"bench", "precision", "what each precision loses against double"},
};
enum { N_SECOND_WORDS = sizeof second_words / sizeof *second_words };

bool help_topic_at(help_topic *out, int i)
{
    if (i < N_COMMANDS)
        *out = (help_topic){commands[i].name, NULL, commands[i].summary, commands[i].run};
    else if (i - N_COMMANDS >= N_SECOND_WORDS) return false;
    for (int c = 0; c < N_COMMANDS && i >= N_COMMANDS; c++)
        if (strcmp(commands[c].name, second_words[i - N_COMMANDS].command) == 0)
            *out = (help_topic){commands[c].name, second_words[i - N_COMMANDS].word,
                                second_words[i - N_COMMANDS].summary, commands[c].run};
    return true;
}

static void print_help(FILE *to)
{
    fprintf(to,
            "usage: patchclamp COMMAND ... | --version | --help\n\n"
            "Finds circuits in transformer language models by measuring real interventions.\n\n");
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf(
        to,
        "\npatchclamp COMMAND --help explains each, with an example. MODEL is a directory or the "
        "name of a\nshipped model (demo). Exit codes: 0 done, 1 failed, 2 bad input, 3 usage, 75 "
        "interrupted.\n");
}

static void print_version(void)
{
    printf("patchclamp %s (commit %s)\n", pc_version(), pc_version_commit());
    printf("numeric fingerprint: %s\n", pc_fingerprint());
}

static int fail_unknown(const char *name)
{
    nearest best = NEAREST_INIT;
    for (int i = 0; i < N_COMMANDS; i++)
        nearest_offer(&best, name, strlen(name), commands[i].name);
    if (best.word) complain(name, "no such command; did you mean %s?", best.word);
    else complain(name, "no such command; patchclamp --help lists them");
    return EXIT_USAGE;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) return print_version(), EXIT_DONE;
    if (strncmp(name, "--help=", 7) == 0) return help_print(name + 7);
    const int is_help = strcmp(name, "help") == 0;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (is_help && argc == 2))
        return print_help(stdout), EXIT_DONE;
    if (is_help) name = argv[2];
    for (int i = 0; i < N_COMMANDS; i++) {
        char *help[] = {argv[1], "--help", NULL};
        if (strcmp(commands[i].name, name) != 0) continue;
        return is_help ? commands[i].run(2, help) : commands[i].run(argc - 1, argv + 1);
    }
    return fail_unknown(name);
}

/* A full disk must not pass for success. */
static int check_output(int code)
{
    errno = 0;
    const int has_failed = ferror(stdout) || fflush(stdout) != 0 || fclose(stdout) != 0;
    if (!has_failed || code != EXIT_DONE) return code;
    fprintf(stderr, "patchclamp: cannot write the output: %s\n", errno ? strerror(errno) : "error");
    return EXIT_FAILED;
}

/* A standard stream that the caller closed must not become the next file that is opened. Opened for
 * reading, it still fails what is written to it. */
static void occupy_standard_streams(void)
{
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) (void)open("/dev/null", O_RDONLY);
}

static void tell_job(void)
{
    char job[128];
    put_job(job, sizeof job);
    if (*job) pc_run_set_job(job, job_attempt());
}

int main(int argc, char **argv)
{
    occupy_standard_streams();
    tell_job();
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is reported like a full disk */
    return check_output(run(argc, argv));
}

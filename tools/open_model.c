/* Finding models: by path, or by name beside the program. */
#define _POSIX_C_SOURCE 200809L
#include "open_model.h"

#include "exit_code.h"
#include "shipped.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int fail_unknown(const char *name, const char *command)
{
    char names[256];
    if (strchr(name, '/')) complain(command, "%s: no such model directory", name);
    else
        complain(command, "%s: neither a directory nor a shipped model (%s)", name,
                 shipped_names(names, sizeof names, SHIPPED_MODEL));
    return EXIT_BAD_INPUT;
}

/* The tokenizer must not make tokens that the model does not have. */
static void check_tokenizer(opened_model *m)
{
    if (pc_tokenizer_size(m->tokenizer) <= m->info->vocab) return;
    snprintf(m->why_no_tokenizer, sizeof m->why_no_tokenizer,
             "the tokenizer has ids up to %lld, the model only up to %lld",
             (long long)pc_tokenizer_size(m->tokenizer) - 1, (long long)m->info->vocab - 1);
    m->is_tokenizer_refused = true;
    pc_tokenizer_free(m->tokenizer);
    m->tokenizer = NULL;
}

static bool has_tokenizer_file(const char *directory)
{
    static const char *const files[] = {"tokenizer.json", "vocab.json", "tokenizer.model"};
    char path[4096 + 32];
    struct stat facts;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        if (stat(path, &facts) == 0) return true;
    }
    return false;
}

static void open_tokenizer(opened_model *m, const char *directory)
{
    if (pc_tokenizer_open(&m->tokenizer, directory) == PC_OK) {
        check_tokenizer(m);
        return;
    }
    snprintf(m->why_no_tokenizer, sizeof m->why_no_tokenizer, "%s", pc_last_error());
    m->is_tokenizer_refused = has_tokenizer_file(directory);
}

bool is_model_folder(const char *name)
{
    struct stat facts;
    return stat(name, &facts) == 0 && S_ISDIR(facts.st_mode);
}

int open_model(opened_model *out, const char *name, const char *command)
{
    char shipped[4096];
    const char *path = name;
    struct stat facts;
    *out = (opened_model){0};
    const bool exists = stat(name, &facts) == 0; /* a directory wins over a shipped model's name */
    const bool is_missing = !exists && (errno == ENOENT || errno == ENOTDIR);
    if ((!exists || !S_ISDIR(facts.st_mode)) &&
        find_shipped(shipped, sizeof shipped, SHIPPED_MODEL, name))
        path = shipped;
    else if (is_missing) return fail_unknown(name, command);
    const pc_status status = pc_model_open(&out->model, path);
    if (status != PC_OK) return report(command, status);
    out->info = pc_model_describe(out->model);
    open_tokenizer(out, path);
    return EXIT_DONE;
}

void close_model(opened_model *model)
{
    pc_tokenizer_free(model->tokenizer);
    pc_model_free(model->model);
}

pc_task_limits limits_of(const opened_model *m)
{
    return (pc_task_limits){.vocab = m->info->vocab,
                            .vocab_out = m->info->vocab_out,
                            .n_ctx = m->info->n_ctx,
                            .bos = m->info->bos,
                            .bos_rule = m->bos_rule,
                            .why_no_tokenizer = m->tokenizer ? NULL : m->why_no_tokenizer};
}

bool is_task_file(const char *name)
{
    struct stat facts;
    for (int i = 0; pc_task_builtin_name(i); i++)
        if (strcmp(pc_task_builtin_name(i), name) == 0) return false;
    /* a word that is neither a file nor a path is meant as a task's name: the message lists them */
    return strchr(name, '/') || strchr(name, '.') || stat(name, &facts) == 0;
}

pc_status open_task(pc_task **out, const char *name, const opened_model *m,
                    const pc_task_options *options)
{
    const pc_task_limits limits = limits_of(m);
    if (is_task_file(name)) return pc_task_read(out, name, m->tokenizer, &limits);
    const pc_status status = pc_task_generate(out, name, m->tokenizer, &limits, options);
    if (status == PC_OK && m->is_tokenizer_refused)
        fprintf(stderr, "task %s: of token ids; %s\n", name, m->why_no_tokenizer);
    for (int i = 0; status == PC_OK && pc_task_note(*out, i); i++)
        fprintf(stderr, "task %s: %s\n", name, pc_task_note(*out, i));
    return status;
}

const char *circuit_path(char out[CIRCUIT_PATH_BYTES], const char *name)
{
    struct stat facts;
    const bool is_directory = stat(name, &facts) == 0 && S_ISDIR(facts.st_mode);
    if (!is_directory || strlen(name) + sizeof "/circuit.json" > CIRCUIT_PATH_BYTES) return name;
    sprintf(out, "%s/circuit.json", name);
    return out;
}

int find_truth(const char **path, char room[CIRCUIT_PATH_BYTES], const char *name,
               const char *command)
{
    char names[256];
    struct stat facts;
    const bool exists = stat(name, &facts) == 0; /* a file wins over a shipped list's name */
    *path = name;
    if (exists || strchr(name, '/')) return EXIT_DONE;
    *path = room;
    if (find_shipped(room, CIRCUIT_PATH_BYTES, SHIPPED_TRUTH, name)) return EXIT_DONE;
    complain(command, "%s: neither a file nor a shipped list of edges (%s)", name,
             shipped_names(names, sizeof names, SHIPPED_TRUTH));
    return EXIT_BAD_INPUT;
}

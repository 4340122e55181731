/* Finding models: by path, or by name beside the program. */
#define _POSIX_C_SOURCE 200809L
#include "open_model.h"

#include "exit_code.h"
#include "shipped_models.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void append_name(const char *path, const char *name, void *payload)
{
    char *names = payload;
    const size_t used = strlen(names);
    (void)path;
    if (used + strlen(name) + 3 > 256) return;
    sprintf(names + used, "%s%s", used ? ", " : "", name);
}

static int fail_unknown(const char *name, const char *command)
{
    char names[256] = "";
    each_shipped_model(append_name, names);
    if (strchr(name, '/')) complain(command, "%s: no such model directory", name);
    else
        complain(command, "%s: neither a directory nor a shipped model (%s)", name,
                 *names ? names : "none is found beside the program");
    return EXIT_BAD_INPUT;
}

/* The tokenizer must not make tokens that the model does not have. */
static void check_tokenizer(opened_model *m)
{
    if (pc_tokenizer_size(m->tokenizer) <= m->info->vocab) return;
    snprintf(m->why_no_tokenizer, sizeof m->why_no_tokenizer,
             "the tokenizer has ids up to %lld, the model only up to %lld",
             (long long)pc_tokenizer_size(m->tokenizer) - 1, (long long)m->info->vocab - 1);
    pc_tokenizer_free(m->tokenizer);
    m->tokenizer = NULL;
}

int open_model(opened_model *out, const char *name, const char *command)
{
    char shipped[4096];
    const char *path = name;
    struct stat facts;
    *out = (opened_model){0};
    const bool exists = stat(name, &facts) == 0; /* a directory wins over a shipped model's name */
    const bool is_missing = !exists && (errno == ENOENT || errno == ENOTDIR);
    if ((!exists || !S_ISDIR(facts.st_mode)) && find_shipped_model(shipped, sizeof shipped, name))
        path = shipped;
    else if (is_missing) return fail_unknown(name, command);
    const pc_status status = pc_model_open(&out->model, path);
    if (status != PC_OK) return report(command, status);
    out->info = pc_model_describe(out->model);
    if (pc_tokenizer_open(&out->tokenizer, path) == PC_OK) check_tokenizer(out);
    else snprintf(out->why_no_tokenizer, sizeof out->why_no_tokenizer, "%s", pc_last_error());
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
                            .bos_rule = m->bos_rule};
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

/* Finding models: by path, or by name beside the program. */
#define _POSIX_C_SOURCE 200809L
#include "open_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

/* Shipped models lie beside the installed program, or in the source tree of the one just built:
 * found from the program's own place, so that the tree may be moved. */
static const char *const beside_program[] = {"/../share/patchclamp/models",
                                             "/../../../tools/models"};

const char *shipped_models_folder(int i)
{
    static char folder[PATH_BYTES + 64];
    char program[PATH_BYTES];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (i < 0 || i >= 2 || length <= 0) return NULL;
    program[length] = 0;
    char *slash = strrchr(program, '/');
    if (slash) *slash = 0;
    snprintf(folder, sizeof folder, "%s%s", program, beside_program[i]);
    return folder;
}

static int is_directory(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static const char *find_model(const char *name)
{
    static char path[PATH_BYTES + 512];
    if (is_directory(name) || strchr(name, '/') || strlen(name) > 255) return name;
    for (int i = 0; shipped_models_folder(i); i++) {
        snprintf(path, sizeof path, "%s/%s", shipped_models_folder(i), name);
        if (is_directory(path)) return path;
    }
    return name;
}

/* The tokenizer must not make tokens that the model does not have. */
static void check_tokenizer(opened_model *m)
{
    if (pc_tokenizer_size(m->tokenizer) <= m->info->vocab) return;
    snprintf(m->why_no_tokenizer, sizeof m->why_no_tokenizer,
             "the tokenizer has %lld tokens, the model %lld",
             (long long)pc_tokenizer_size(m->tokenizer), (long long)m->info->vocab);
    pc_tokenizer_free(m->tokenizer);
    m->tokenizer = NULL;
}

pc_status open_model(opened_model *out, const char *name)
{
    const char *path = find_model(name);
    *out = (opened_model){0};
    pc_status status = pc_model_open(&out->model, path);
    if (status != PC_OK) return status;
    out->info = pc_model_describe(out->model);
    if (pc_tokenizer_open(&out->tokenizer, path) == PC_OK) check_tokenizer(out);
    else snprintf(out->why_no_tokenizer, sizeof out->why_no_tokenizer, "%s", pc_last_error());
    return PC_OK;
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
                            .bos_rule = PC_BOS_AS_TOKENIZER};
}

static int is_builtin(const char *name)
{
    for (int i = 0; pc_task_builtin_name(i); i++)
        if (strcmp(pc_task_builtin_name(i), name) == 0) return 1;
    return 0;
}

pc_status open_task(pc_task **out, const char *name, const opened_model *m,
                    const pc_task_options *options)
{
    const pc_task_limits limits = limits_of(m);
    struct stat facts;
    /* a word that is neither a file nor a path is meant as a task's name: the message lists them */
    const int is_word = !strchr(name, '/') && !strchr(name, '.') && stat(name, &facts) != 0;
    if (is_builtin(name) || is_word)
        return pc_task_generate(out, name, m->tokenizer, &limits, options);
    return pc_task_read(out, name, m->tokenizer, &limits);
}

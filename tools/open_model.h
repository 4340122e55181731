/* MODEL on the command line: a directory, or the name of a shipped model. */
#ifndef PC_TOOLS_OPEN_MODEL_H
#define PC_TOOLS_OPEN_MODEL_H

#include "patchclamp/patchclamp.h"

typedef struct opened_model {
    pc_model *model;
    const pc_model_info *info;
    pc_tokenizer *tokenizer; /* NULL: there is none that can be read */
    pc_bos_rule bos_rule;    /* for the prompts of tasks; as the tokenizer says until it is set */
    char why_no_tokenizer[512];
    bool is_tokenizer_refused; /* its files are there, but cannot be used */
} opened_model;

/* Opens model and tokenizer. Returns EXIT_DONE; or complains and returns the exit code, and nothing
 * is open. */
int open_model(opened_model *out, const char *name, const char *command);
/* Whether the name of a model is a directory's. */
bool is_model_folder(const char *name);
void close_model(opened_model *model);

/* A run directory stands for its circuit.json: the path of that, or `name` itself. */
enum { CIRCUIT_PATH_BYTES = 4096 };
const char *circuit_path(char out[CIRCUIT_PATH_BYTES], const char *name);

/* The path of a list of edges or a graph file: `name` itself, or in `room` that of the shipped list
 * of that name. Returns EXIT_DONE; or complains and returns the exit code. */
int find_truth(const char **path, char room[CIRCUIT_PATH_BYTES], const char *name,
               const char *command);

/* The limits that a task must keep for this model. */
pc_task_limits limits_of(const opened_model *model);

/* Whether the name of a task is a file's, and not a built-in task's. */
bool is_task_file(const char *name);

/* A task's file, or the name of a built-in task, which is generated; what its generator left out is
 * told on stderr. */
pc_status open_task(pc_task **out, const char *name, const opened_model *model,
                    const pc_task_options *options);

#endif

/* MODEL on the command line: a directory, or the name of a shipped model. */
#ifndef PC_TOOLS_OPEN_MODEL_H
#define PC_TOOLS_OPEN_MODEL_H

#include "patchclamp/patchclamp.h"

typedef struct opened_model {
    pc_model *model;
    const pc_model_info *info;
    pc_tokenizer *tokenizer; /* NULL: there is none that can be read */
    char why_no_tokenizer[512];
} opened_model;

/* Opens model and tokenizer. Close with close_model(), also after a failure. */
pc_status open_model(opened_model *out, const char *name);
void close_model(opened_model *model);

/* The limits that a task must keep for this model. */
pc_task_limits limits_of(const opened_model *model);

/* A task's file, or the name of a built-in task, which is generated. */
pc_status open_task(pc_task **out, const char *name, const opened_model *model,
                    const pc_task_options *options);

/* The i-th place where shipped models are looked for; NULL behind the last. */
const char *shipped_models_folder(int i);

#endif

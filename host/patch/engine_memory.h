/* What the delta engine takes, known before it is opened. */
#ifndef PC_PATCH_ENGINE_MEMORY_H
#define PC_PATCH_ENGINE_MEMORY_H

#include "patch/evaluator.h"

/* Bytes, beside the prompts that are kept. */
typedef struct pc_engine_needs {
    int n_threads, n_hands; /* that prepare; that measure */
    int64_t model;          /* its weights as they were read */
    int64_t packed;         /* weights in the order of the products */
    int64_t means;          /* of the mean sources */
    int64_t thread;         /* the rooms of each that measures */
    int64_t preparing;      /* each thread's, while it prepares a prompt */
    int64_t twin;           /* each thread's, once float32 has lost an effect */
    int64_t unused; /* bytes of the device that were free; 0: packed weights, rooms and prompts
                       are in the host's memory */
} pc_engine_needs;

pc_engine_needs pc_engine_needs_of(const pc_model *model, const pc_evaluator_options *options,
                                   int longest);

/* All of it that is the host's, with every thread preparing and measuring again. */
int64_t pc_engine_needs_fixed(const pc_engine_needs *needs);

/* What of a device's free memory prompts may take. */
int64_t pc_engine_room(int64_t unused);

/* Prepared prompts that are kept. */
typedef struct pc_engine_kept {
    int64_t room;    /* that the options leave for them */
    int64_t largest; /* prompt: less room than this does not do */
    int64_t bytes;   /* held at most */
    bool is_all;     /* of the task's first n_prompts; false: block by block */
} pc_engine_kept;
pc_engine_kept pc_engine_kept_of(const pc_model *model, const pc_task *task, int n_prompts,
                                 const pc_evaluator_options *options, const pc_engine_needs *needs);

#endif

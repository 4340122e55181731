/* What the delta engine takes, known before it is opened. */
#ifndef PC_PATCH_ENGINE_MEMORY_H
#define PC_PATCH_ENGINE_MEMORY_H

#include "patch/evaluator.h"

/* Bytes, beside the prompts that are kept. */
typedef struct pc_engine_needs {
    int n_threads;
    int64_t model;     /* its weights as they were read */
    int64_t packed;    /* weights in the order of the products */
    int64_t means;     /* of the mean sources */
    int64_t thread;    /* each thread's rooms */
    int64_t preparing; /* each thread's, while it prepares a prompt */
    int64_t twin;      /* each thread's, once float32 has lost an effect */
} pc_engine_needs;

pc_engine_needs pc_engine_needs_of(const pc_model *model, const pc_evaluator_options *options,
                                   int longest);

/* All of it, with every thread preparing and measuring again. */
int64_t pc_engine_needs_fixed(const pc_engine_needs *needs);

/* The room for prepared prompts that the options leave beside `fixed` bytes. */
int64_t pc_engine_cache_for(const pc_evaluator_options *options, int64_t fixed);

#endif

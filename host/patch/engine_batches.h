/* Interventions in the order in which the delta engine runs them, and cut into batches: what goes
 * together starts at the same stage. A pure function of the interventions and the prompts' length;
 * the plan (plan.h) and the engine both begin here. */
#ifndef PC_PATCH_ENGINE_BATCHES_H
#define PC_PATCH_ENGINE_BATCHES_H

#include "backend/device_private.h"
#include "patch/routing.h"

/* How large batches are: never changes a result. */
typedef struct pc_batch_sizes {
    int64_t rows, history_rows; /* the second where every layer's changes are kept */
    int most;                   /* interventions */
} pc_batch_sizes;

/* What the device of the options wants. */
pc_batch_sizes pc_batch_sizes_of(const pc_evaluator_options *options);

/* The device itself, or the CPU where it cannot be had. */
const pc_device *pc_engine_device(const pc_evaluator_options *options);

/* The rows of a batch's room: at least one variant of the longest prompt. */
int64_t pc_batch_rows(const pc_batch_sizes *sizes, bool has_history, int longest);

/* What a task's prompts allow. */
typedef struct pc_batch_limits {
    int longest; /* tokens of a prompt */
    int changed; /* rows of a variant at most: positions from the first that may change on */
    pc_batch_sizes sizes;
} pc_batch_limits;
pc_batch_limits pc_batch_limits_of(const pc_task *task, const pc_evaluator_options *options,
                                   const pc_batch_sizes *sizes);
/* How many variants without history fill a batch. */
int pc_batch_fill(const pc_batch_limits *limits);

typedef struct pc_routed {
    int index; /* in the caller's list */
    bool is_path;
    pc_routing routing, receiving; /* the second of paths alone */
} pc_routed;

typedef struct pc_engine_batch {
    int first, n; /* of the list */
} pc_engine_batch;

typedef struct pc_engine_batches {
    pc_routed *list; /* (n) */
    int n;
    pc_engine_batch *batches;
    int n_batches;
    size_t most_inputs;    /* own inputs of a batch */
    size_t most_receivers; /* of a path */
} pc_engine_batches;

/* PC_ERR_UNSUPPORTED: an attention pattern is cut, a path has stops. */
pc_status pc_engine_batches_new(pc_engine_batches *out, const pc_intervention *const *interventions,
                                int n, const pc_components *c, const pc_batch_limits *limits,
                                unsigned without);
void pc_engine_batches_free(pc_engine_batches *batches);

#endif

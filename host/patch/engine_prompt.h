/* One prompt as the engine keeps it: its base run, its source's changes, its targets. */
#ifndef PC_PATCH_ENGINE_PROMPT_H
#define PC_PATCH_ENGINE_PROMPT_H

#include "base/arena.h"
#include "patch/answers.h"
#include "patch/delta_run.h"
#include "patch/engine_means.h"
#include "patch/metric_delta.h"

/* Room for the rows of some targets, on a queue of the engine's device. */
typedef struct pc_logit_room {
    pc_queue *queue;
    pc_arena device, host;
    int most; /* rows */
    /* on the device */
    float *rows, *logits;   /* (most, d_model), (most, vocab_out) where the metric needs all */
    double *effects_placed; /* (most) */
    /* and here */
    float *read;                 /* (most, d_model), or (vocab_out): what was fetched */
    double *effects;             /* (most) */
    pc_final_row *picks;         /* (most) */
    int32_t *variants, *targets; /* (most) */
    double *d, *y;               /* (vocab_out), (d_model) */
    double flop;                 /* of the logits' products so far */
} pc_logit_room;

/* On `queue`, which stays the caller's, for batches of at most so many rows. */
pc_status pc_logit_room_new(pc_logit_room *out, const pc_engine_weights *weights, pc_metric metric,
                            pc_queue *queue, int64_t batch_rows);
void pc_logit_room_free(pc_logit_room *room, const pc_engine_weights *weights);
int64_t pc_logit_room_bytes(const pc_model *model, const pc_device *device, pc_metric metric,
                            int64_t batch_rows);

typedef struct pc_engine_prompt {
    const pc_prompt *pair;
    pc_base_run base; /* here; gone once a device has a copy */
    pc_change change;
    pc_base_run base_placed; /* on the device */
    pc_change change_placed;
    pc_delta_prompt view;    /* of these */
    pc_target_bases targets; /* here; gone once a device has a copy */
    pc_answers answers;
    double base_metric, other_metric;
    const int32_t *base_tokens, *other_tokens;
    int first_difference; /* between them; seq if there is none */
    bool is_ready;
} pc_engine_prompt;

/* The bytes that a prompt takes once it is ready. */
int64_t pc_engine_prompt_bytes(const pc_prompt *pair, const pc_model *model, pc_metric metric);

/* In two steps: runs both prompts in double, on any thread; then finds source and metrics, on the
 * device, where `run` has room for the prompt. `means` is looked at by the mean sources alone.
 * PC_ERR_INPUT: a metric that is not finite. */
pc_status pc_engine_prompt_run(pc_engine_prompt *prompt, const pc_engine_weights *weights,
                               const pc_evaluator_options *options, int index);
pc_status pc_engine_prompt_finish(pc_engine_prompt *prompt, const pc_engine_weights *weights,
                                  const pc_evaluator_options *options, const pc_engine_means *means,
                                  pc_delta_run *run, pc_logit_room *room, int index);
void pc_engine_prompt_free(pc_engine_prompt *prompt, const pc_device *device);

/* The effects (n) of the n variants of the run's last batch. */
pc_status pc_engine_prompt_effects(double *effects, const pc_engine_prompt *prompt,
                                   pc_delta_run *run, const pc_variant *variants, int n,
                                   const pc_engine_weights *weights,
                                   const pc_evaluator_options *options, pc_logit_room *room);

#endif

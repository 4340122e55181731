/* The inside of the delta engine: opening and prompts (delta_engine.c), what it takes
 * (engine_memory.c), measuring (engine_measure.c). */
#ifndef PC_PATCH_ENGINE_PRIVATE_H
#define PC_PATCH_ENGINE_PRIVATE_H

#include "base/arena.h"
#include "patch/delta_engine.h"
#include "patch/engine_batches.h"
#include "patch/engine_means.h"
#include "patch/engine_memory.h"
#include "patch/engine_prompt.h"
#include "patch/prompt_runner.h"
#include "patch/workers.h"

/* One thread's rooms. */
typedef struct pc_engine_hand {
    pc_queue *queue;
    pc_delta_run *plain, *keeping;
    pc_prompt_runner *twin; /* for frail variants, made when the first one comes */
    int twin_prompt;        /* that it is prepared for; -1: none */
    double twin_base;
    int64_t n_frail;
    pc_logit_room room;
    pc_arena arena;     /* what follows, but for the recordings */
    uint8_t *is_cut_at; /* (sizes.most, longest) */
    pc_variant *variants;
    int *indices; /* of the variants in the caller's list */
    double *effects;
    /* where the receivers of a path are recorded in its first phase */
    float *recorded;   /* (n_recordings, longest, d_model) on the device */
    float **by_reader; /* (n_readers) NULL where nothing is recorded */
    float **by_input;  /* (n_recordings) */
    size_t n_recordings;
} pc_engine_hand;

struct pc_engine {
    const pc_model *model;
    const pc_task *task;
    pc_evaluator_options options;
    const pc_device *device;
    pc_batch_sizes sizes;
    pc_engine_weights *weights;
    pc_engine_prompt *prompts;
    int n_prompts;
    int *all_prompts; /* 0, 1, 2 ... */
    pc_engine_means means;
    pc_means twin_means; /* the same for the twin */
    pc_engine_hand *hands;
    int n_hands;
    int64_t n_frail; /* of hands that are no more */
    double flop;
    int64_t cache_bytes; /* room for prepared prompts */
    int64_t largest_prompt;
    bool keeps_prompts; /* there is room for all */
    pc_keep_going_fn keep_going;
    void *payload;
};

/* The job of n items for up to n_workers threads; where they use hands, these are the most. */
pc_workers_job pc_engine_job(pc_engine *e, int n_workers, int64_t n_items, pc_work_fn work,
                             void *payload);

/* Makes the hand's twin if it has none. */
pc_status pc_engine_make_twin(const pc_engine *e, pc_engine_hand *h);

/* How many of prompts [0, n) from the first on fit into the cache, at least one. */
int pc_engine_block(const pc_engine *e, const int *prompts, int n);
pc_status pc_engine_prepare(pc_engine *e, const int *prompts, int n);
void pc_engine_drop(pc_engine *e, const int *prompts, int n);

/* Lays a hand's arrays out; the same calls count and place them. */
void pc_engine_lay_out_hand(pc_engine_hand *h, pc_arena *a, const pc_model *model,
                            const pc_batch_sizes *sizes, int longest);

/* Out of memory: drops everything and goes on with batches of half the size and half the room for
 * prompts. False where that is not possible; the thread's message says what was missing. */
bool pc_engine_shrink(pc_engine *e);

/* The room for prompts that the options leave, or what would have to be left. */
pc_status pc_engine_plan_cache(pc_engine *e);

#endif

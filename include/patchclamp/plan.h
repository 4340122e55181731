/* What a job takes, known before any of it runs: a pure function of the interventions, the model's
 * shape, the prompts and the options. Only the time is measured, on a few interventions. */
#ifndef PATCHCLAMP_PLAN_H
#define PATCHCLAMP_PLAN_H

#include "patchclamp/effects.h"
#include "patchclamp/find.h"
#include "patchclamp/grid.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most bytes of each kind at any time; their sum is what `memory` of the options bounds. */
typedef struct pc_plan_memory {
    double model;   /* its weights as they were read */
    double packed;  /* the weights in the order of the products */
    double means;   /* of the mean sources */
    double prompts; /* kept: base run, source, targets */
    double threads; /* rooms, and the runs that prepare a prompt, of all threads */
    double twin;    /* of all threads, once float32 has lost an effect; the twin's own runs */
} pc_plan_memory;
PC_API double pc_plan_memory_sum(const pc_plan_memory *memory);

typedef struct pc_plan {
    pc_engine_kind engine;
    int n_prompts, longest; /* tokens */
    int n_threads;
    int64_t n_interventions;
    int64_t n_run;       /* interventions times prompts, but for ... */
    int64_t n_untouched; /* ... those where all that is cut is the same in both prompts */
    int64_t n_groups;    /* measured together, then told and kept in run.db */
    int64_t n_batches;   /* run together by one thread */
    int64_t n_rows;      /* positions of variants */
    double flop;         /* of all products, a multiply-add counted as two */
    double bytes;        /* their operands and results, once each */
    double flop_without[PC_N_SAVINGS]; /* of the products if one saving were not made */
    double flop_whole;  /* of the whole model run for each effect, logits at every position */
    bool keeps_prompts; /* false: each group prepares the prompts again */
    pc_plan_memory memory;
    /* 0 unless timed */
    double seconds;           /* of the whole job */
    double seconds_preparing; /* of them */
    double flop_rate;         /* FLOP a second with all threads, on a sample of the interventions */
} pc_plan;

typedef enum pc_plan_time {
    PC_PLAN_UNTIMED,
    PC_PLAN_TIMED /* opens the engine on a few prompts and measures a few interventions */
} pc_plan_time;

/* The sweeps of pc_find(): nodes too where edges are searched, positions too where they are those
 * of all components. What selecting and evaluating a circuit takes is not known before, nor what
 * its positions do. Errors are those of pc_find(); PC_ERR_INPUT where the options'
 * memory does not suffice. */
PC_API pc_status pc_find_plan(pc_plan *out, pc_model *model, const pc_task *task,
                              const pc_find_options *options, pc_plan_time time);
PC_API pc_status pc_effects_plan(pc_plan *out, pc_effects *effects, pc_model *model,
                                 const pc_task *task, const pc_effects_options *options,
                                 pc_plan_time time);
PC_API pc_status pc_grid_plan(pc_plan *out, pc_model *model, const pc_task *task,
                              const pc_grid_options *options, pc_plan_time time);

#ifdef __cplusplus
}
#endif
#endif

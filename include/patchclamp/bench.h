/* What a device can do, how near the engine comes to it, and what each precision loses. */
#ifndef PATCHCLAMP_BENCH_H
#define PATCHCLAMP_BENCH_H

#include "patchclamp/patch.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One operator on one queue of a device, with as many rows as a full batch has. */
typedef struct pc_bench_row {
    char name[48];  /* "copy", "product 768 x 3072", "attention_delta" */
    double seconds; /* of a call: the median of several times many */
    double flop;    /* of products, a multiply-add counted as two; else 0 */
    double bytes;   /* that a call reads and writes at least, each once */
} pc_bench_row;

enum { PC_BENCH_MOST_ROWS = 24 };

typedef struct pc_bench_device {
    char device[96];
    int n_rows;
    pc_bench_row rows[PC_BENCH_MOST_ROWS]; /* the copy first, then products, then the others */
    double copy_rate;                      /* bytes a second: the ceiling of all but products */
    double product_rate;                   /* FLOP a second of the fastest product */
    int64_t batch_rows;                    /* rows of a call */
} pc_bench_device;

/* The operators of the delta engine at the model's sizes, for prompts of n_tokens each. `seconds`
 * is about how long each is timed. Errors are those of opening the device. */
PC_API pc_status pc_bench_device_run(pc_bench_device *out, const pc_model *model,
                                     const pc_evaluator_options *options, int n_tokens,
                                     double seconds);

typedef struct pc_bench_sweep {
    int64_t n_edges, n_measured; /* of the model; of them, spread evenly over all layers */
    int n_prompts;
    double flop_measured;    /* of their products */
    double seconds_measured; /* the least of three rounds, prepared prompts not counted */
    double flop;             /* of all edges' products, planned */
} pc_bench_sweep;

/* Measures every `every`-th edge of the model on all prompts of the task. */
PC_API pc_status pc_bench_sweep_run(pc_bench_sweep *out, pc_model *model, const pc_task *task,
                                    const pc_evaluator_options *options, int64_t every);

/* Effects of some edges in one precision, against the twin's in double. */
typedef struct pc_bench_precision {
    pc_precision precision;
    int n_effects;      /* edges times prompts */
    double rms_effect;  /* root of the mean square, in the metric's unit */
    double rms_error;   /* of effect - the twin's */
    double worst_error; /* the largest such difference */
    double agreement;   /* of the ranks by mean effect, Spearman's; NaN for one edge */
    int64_t n_again;    /* effects that float32 had lost, and the twin measured */
    double seconds;     /* of the measurement */
} pc_bench_precision;

/* rows (PC_N_PRECISIONS), on the options' device; n_edges of the model, spread evenly. */
PC_API pc_status pc_bench_precision_run(pc_bench_precision *rows, pc_model *model,
                                        const pc_task *task, const pc_evaluator_options *options,
                                        int n_edges);

#ifdef __cplusplus
}
#endif
#endif

/* ACDC at several thresholds: what pc_find() found at each, where its options name them. */
#ifndef PATCHCLAMP_THRESHOLDS_H
#define PATCHCLAMP_THRESHOLDS_H

#include "patchclamp/circuit.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pc_threshold_row {
    double threshold;
    int64_t n_kept;         /* edges of the circuit */
    double metric, stderr_; /* of the circuit: mean over prompts, and its standard error */
    double faithfulness;    /* NaN where it means nothing */
    int64_t n_evaluations;  /* circuits times prompts that this threshold alone would take */
    bool is_chosen;         /* it is the circuit that was returned */
} pc_threshold_row;

/* The rows by ascending threshold; NULL and 0: there were no thresholds, or the circuit was read
 * from a file, which does not hold them. Borrowed. */
PC_API const pc_threshold_row *pc_circuit_thresholds(size_t *n, const pc_circuit *circuit);
/* Circuits times prompts that were measured for all thresholds together, each once. */
PC_API int64_t pc_circuit_thresholds_evaluations(const pc_circuit *circuit);

/* Writer, as those of circuit.h; PC_ERR_ARG for a circuit without thresholds.
 *   csv  threshold,kept,metric,stderr,faithfulness,evaluations: row by row */
PC_API pc_status pc_circuit_write_thresholds_csv(const pc_circuit *circuit, const char *path);

#ifdef __cplusplus
}
#endif
#endif

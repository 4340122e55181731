/* ACDC (Conmy et al. 2023, "Towards Automated Circuit Discovery for Mechanistic Interpretability",
 * algorithm 1), exactly: from the logits down, edge by edge, an edge is removed if the metric of
 * what is left gets worse by less than the threshold.
 *
 *   order      readers from the last to the first, the writers of each from the last to the first
 *   worse      the metric as it is to be minimised: KL and loss as they are, the others' negatives
 *   denoise    the mirror image: a removed edge carries the clean value into the corrupted run, what
 *              is left is the way of the corruption, and worse is the other way round. The paper has
 *              noise alone, which keeps one input of an OR; denoise keeps both, and one of an AND
 *   state      every decision is against the circuit that the decisions before it have left
 *   unreached  edges into a component of which every out-edge has been removed go without
 *              measuring: nothing that they carry reaches the logits
 *
 * Up to 16 circuits are measured at a time, on the guess that each edge among them is removed;
 * behind one that is not the guesses are thrown away. So decisions are those of the algorithm that
 * measures one circuit after the other. Where a change is nearer to the threshold than float32's
 * bound (1e-5 |effect| + 3e-6 max(1, sd), for both circuits), the twin measures both in double.
 *
 * Several thresholds go in lock-step: as long as they decide alike they are one search, and those
 * that have parted are measured side by side. What a threshold decides, and what is said of it, is
 * what it would be alone. */
#ifndef PC_SEARCH_ACDC_H
#define PC_SEARCH_ACDC_H

#include "search/sweep.h"

typedef struct pc_acdc_told {
    int64_t n_measured;  /* decisions that a measured circuit made */
    int64_t n_unreached; /* ... that were made without */
    int64_t n_in_vain;   /* circuits on guesses that were wrong */
    int64_t n_in_double; /* decisions that the twin made */
} pc_acdc_told;

/* A threshold's search. */
typedef struct pc_acdc_search {
    double threshold;
    bool *kept;         /* (candidates->n) the circuit, dangling edges included */
    pc_effect *changes; /* (candidates->n) by how much the metric changed when the edge was removed,
                           or would have, per prompt; n = 0 of those that were unreached */
    pc_acdc_told told;
} pc_acdc_search;

/* Fills the n searches, whose thresholds ascend, of edges; their arrays are the caller's. Each
 * decision goes to the journal's store. *n_circuits = measured for all of them together. */
pc_status pc_acdc(pc_acdc_search *searches, int n, int64_t *n_circuits,
                  const pc_candidates *candidates, pc_journal *journal, const pc_watch *watch);

/* "threshold 0.01": the name of a threshold's search in run.db. */
enum { PC_ACDC_NAME_BYTES = 48 };
char *pc_acdc_name(char out[PC_ACDC_NAME_BYTES], double threshold);

#endif

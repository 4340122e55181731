/* ACDC's part of a run: the searches of its thresholds, one or several, their circuits, and which
 * of them is the run's. */
#ifndef PC_SEARCH_THRESHOLD_SWEEP_H
#define PC_SEARCH_THRESHOLD_SWEEP_H

#include "graph/circuit_private.h"
#include "search/acdc.h"
#include "search/faithfulness.h"
#include "search/run_facts.h"

typedef struct pc_threshold_sweep {
    pc_acdc_search *searches;   /* (n), thresholds ascend */
    pc_circuit_metric *metrics; /* (n) of the circuits */
    int n, chosen;
    int64_t n_circuits; /* measured for all of them */
    pc_text words;      /* the fact that identifies the run */
} pc_threshold_sweep;

/* PC_ERR_INPUT: thresholds that are not numbers of 0 and more, or do not ascend. */
pc_status pc_threshold_sweep_check(const pc_find_options *options);

/* Those of the options, or its one threshold. */
pc_status pc_threshold_sweep_init(pc_threshold_sweep *out, const pc_find_options *options,
                                  const pc_candidates *candidates);
void pc_threshold_sweep_free(pc_threshold_sweep *thresholds);

/* What identifies the run besides, where there are several; the value is the thresholds'. */
void pc_threshold_sweep_add_fact(pc_run_facts *facts, const pc_threshold_sweep *thresholds);

pc_status pc_threshold_sweep_measure(pc_threshold_sweep *thresholds,
                                     const pc_candidates *candidates, pc_journal *journal,
                                     const pc_watch *watch);

/* Prunes and measures each circuit, and chooses: the fewest edges that keep `faithfulness`, of
 * equals the most faithful; where none does, or faithfulness means nothing, the lowest threshold.
 */
pc_status pc_threshold_sweep_select(pc_threshold_sweep *thresholds, double faithfulness,
                                    const pc_scale *scale, const pc_candidates *candidates,
                                    pc_journal *journal);

/* Circuits times prompts that search i would take alone. */
int64_t pc_threshold_sweep_evaluations(const pc_threshold_sweep *thresholds, int i, int n_prompts);

/* Gives the circuit the rows. */
pc_status pc_threshold_sweep_build(pc_circuit *circuit, const pc_threshold_sweep *thresholds,
                                   const pc_scale *scale, const pc_candidates *candidates);

#endif

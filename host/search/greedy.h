/* Greedy elimination by true marginal effects: from the whole model on, the component goes whose
 * removal from the circuit at hand makes the metric least worse; then the next, from what is left.
 * It goes down and not up: under noise a single path to the logits does nothing in an empty circuit
 * before all of it is there.
 *
 *   cost       how much worse the metric gets without the component, in the circuit at hand; worse
 *              as in acdc.h
 *   a step     components stand in the order of the cost that was last measured, ties in component
 *              order. They are measured again from the least on, a batch at a time, until the least
 *              cost of those measured in this step is not above what is known of any other. That
 *              component goes. (Minoux 1978's lazy evaluation: where costs only grow as a circuit
 *              shrinks, this is the choice that measuring all of them would make. They need not, so
 *              that a component may be passed over which has become cheaper. With a batch of all
 *              components nothing is passed over: plain greedy.)
 *   unreached  edges into a component of which every out-edge is gone go without measuring
 *   the end    by top: at most N are left. By threshold: each would cost X or more. By faithfulness:
 *              without the cheapest, less than F would be kept. Before either of the two is said,
 *              every component is measured in the circuit at hand, so that none alone can go
 *
 * The first step measures every component in the whole model, the last every one that is left in
 * the circuit. Which of two goes whose costs differ by less than the engine's error is up to the
 * engine's numbers, which are the same in every run; the twin's are the definition's. */
#ifndef PC_SEARCH_GREEDY_H
#define PC_SEARCH_GREEDY_H

#include "search/faithfulness.h"
#include "search/sweep.h"

/* Components that are measured at least in a step: the options' n_candidates, or 16. */
int64_t pc_greedy_batch(const pc_find_options *options);

typedef struct pc_greedy_told {
    int64_t n_removed;   /* by measuring */
    int64_t n_unreached; /* ... and without */
    int64_t n_circuits;  /* that were measured */
} pc_greedy_told;

/* kept (candidates->n) = the circuit, dangling edges included. changes (candidates->n) = by how much
 * the metric changed when the component went, or would have, per prompt; n = 0 of those that were
 * unreached. Each decision goes to the journal's store as of the search "greedy". */
pc_status pc_greedy(bool *kept, pc_effect *changes, pc_greedy_told *told,
                    const pc_candidates *candidates, const pc_find_options *options,
                    const pc_scale *scale, pc_journal *journal, const pc_watch *watch);

#endif

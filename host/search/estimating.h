/* Estimates as methods of a search: which gradients each takes, and what of it is measured.
 *
 *   eap                  at the clean run (Syed, Rager and Conmy 2023)
 *   eap-ig               integrated gradients of the inputs, between the corrupted and the clean
 * prompt (Hanna, Pezzelle and Belinkov 2024, "Have Faith in Faithfulness", equation 3)
 *   eap-ig-activations   ... of one component's output after the other, all else as it is (the
 *                        EAP-IG library's EAP-IG-activations)
 *   clean-corrupted      the mean of the gradients at both prompts (the EAP-IG library)
 *   relp                 at the clean run by the rules of gradient_rule.h (Jafari et al. 2025)
 *
 * Base and source stand for clean and corrupted under noise, the other way round under denoise;
 * with zeros or means as the source, the inputs between are those of the embeddings. With m steps
 * and x(t) = source + t (base - source), the integral is the mean over
 *
 *   left      t = 0, 1/m ... (m - 1)/m        the EAP-IG library since its version 1
 *   right     t = 1/m, 2/m ... 1              the paper, and the library's nodes and activations
 *   midpoint  t = 1/2m, 3/2m ... */
#ifndef PC_SEARCH_ESTIMATING_H
#define PC_SEARCH_ESTIMATING_H

#include "search/run_facts.h"
#include "search/sweep.h"

/* Whether the method's effects are estimates. */
bool pc_is_estimate(const char *method);
/* eap, eap-ig ... : "eap, eap-ig, ... or relp". */
const char *pc_estimate_names(void);

/* PC_ERR_INPUT: options that do not fit an estimate by `method`. */
pc_status pc_estimating_check(const char *method, const pc_find_options *options);

/* Where the method takes its steps; PC_IG_DEFAULT: it has none. */
pc_ig_rule pc_estimating_ig_rule(const char *method, const pc_find_options *options);

/* What identifies the run besides. `room` is where numbers are written, as long as facts live. */
void pc_estimating_add_facts(pc_run_facts *facts, const pc_find_options *options, char room[3][32]);

/* Effects of all candidates by the method; node_effects (n_writers) too unless NULL: of edges
 * alone. */
pc_status pc_estimating(pc_effect *effects, pc_effect *node_effects,
                        const pc_candidates *candidates, const char *method, const pc_task *task,
                        const pc_find_options *options, const pc_watch *watch,
                        pc_keep_going_fn keep_going, void *payload);

/* Of hybrid: the strongest `n_measured` estimates are measured; the effects of the others are not
 * known then and come last. */
pc_status pc_measure_strongest(pc_effect *effects, int64_t n_measured,
                               const pc_candidates *candidates, pc_journal *journal,
                               const pc_watch *watch);
/* How many of n those are: as the options say, or a tenth of all, at least 4 top, at least 50. */
int64_t pc_hybrid_candidates(const pc_find_options *options, int64_t n);

#endif

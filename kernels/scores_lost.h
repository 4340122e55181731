/* Whether float32 loses the changes of a head's scores. They are scale (dq.(k + dk) + q.dk), and
 * wrong by what float32 leaves of the lengths of these vectors, less where more channels average it
 * out. With the longest of each,
 *
 *   scale (|dq| |k + dk| + |q| |dk|) / sqrt(d_head) > 26
 *
 * brings that near 1e-5, and the patterns are wrong in the fifth digit. Keys are all that there
 * are; queries those from the first that changes on, or from `watch_from` on, whichever is later:
 * the first with a dq that is not 0, or the first position with such a dk. So rows that did not
 * have to be computed do not decide. Rows with NaN do not count. */
#ifndef PC_KERNELS_SCORES_LOST_H
#define PC_KERNELS_SCORES_LOST_H

#include "kernels/attention_delta.h"

/* Whether it is so of the head and variant that args name; dz, dv, scratch and the rest of the base
 * are not looked at. */
typedef int pc_scores_lost_fn(const pc_attention_delta_args *args, int64_t watch_from);

pc_scores_lost_fn pc_scores_lost_baseline, pc_scores_lost_avx2;

/* The definition: what is compared with PC_SCORES_LOST. */
double pc_ref_scores_lost(const pc_attention_delta_args *args, int64_t watch_from);

enum { PC_SCORES_LOST = 26 };

#endif

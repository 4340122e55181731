/* A sweep in low precision, and what of it has to be known better: the effects near the cut. */
#ifndef PC_SEARCH_REFINE_H
#define PC_SEARCH_REFINE_H

#include "search/select.h"

/* Whether a precision is less than float32's for effects: tf32 and bf16. bf16x3 is as good. */
bool pc_precision_is_low(pc_precision precision);

typedef struct pc_refinement {
    int64_t n;     /* candidates that were measured again */
    double margin; /* those whose |effect| is so near to the cut */
} pc_refinement;

/* Selects as pc_select() does, measuring circuits with `fine`, a journal in float32. First the 32
 * candidates nearest to the cut are measured again with it: four times their errors' root mean
 * square is the margin, and everybody within it of the cut is measured again, until the cut that
 * comes out has nobody near it who was not. Their effects in `effects` are then float32's. */
pc_status pc_select_refined(pc_choice *out, pc_refinement *refinement, pc_effect *effects,
                            const pc_find_options *options, const pc_scale *scale,
                            const pc_candidates *candidates, pc_journal *fine,
                            const pc_watch *watch);

#endif

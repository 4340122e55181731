/* Conventions of other tools: what search makes of them. */
#ifndef PC_SEARCH_PROFILE_H
#define PC_SEARCH_PROFILE_H

#include "patchclamp/find.h"

/* PC_ERR_INPUT: options that the profile's tool does not have. */
pc_status pc_profile_check(const pc_find_options *options);

/* By what effects are multiplied to rank them: 1 or -1; 0: by their size. Where components carry
 * the behaviour, the product is positive. */
double pc_ranking_sign(const pc_find_options *options);

/* What the input writes: "token and position", or "token". */
const char *pc_embedding_node(const pc_find_options *options);

/* How strong an effect is in that ranking. */
static inline double pc_strength(double effect, double sign)
{
    return sign != 0 ? sign * effect : effect < 0 ? -effect : effect;
}

#endif

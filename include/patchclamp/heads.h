/* Attention-pattern detectors: how much of a head's attention lies where a named role would put it.
 *
 * With A[t][s] the attention of position t to position s, averaged over the positions that count,
 * of all prompts:
 *
 *   previous-token   A[t][t-1], t >= 1
 *   current-token    A[t][t], t >= 1
 *   first-token      A[t][0], t >= 1
 *   duplicate-token  on all earlier positions with t's token, over those t that have one
 *   induction        on the positions right after these, over the same t
 *
 * previous-token, duplicate-token and induction are TransformerLens's head_detector names (error
 * measure "mul" asks what share of the attention lies on the pattern; here that share is averaged
 * per position). */
#ifndef PATCHCLAMP_HEADS_H
#define PATCHCLAMP_HEADS_H

#include "patchclamp/device.h"
#include "patchclamp/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pc_role {
    PC_ROLE_PREVIOUS_TOKEN,
    PC_ROLE_DUPLICATE_TOKEN,
    PC_ROLE_INDUCTION,
    PC_ROLE_FIRST_TOKEN,
    PC_ROLE_CURRENT_TOKEN,
    PC_N_ROLES
} pc_role;

PC_API const char *pc_role_name(pc_role role); /* "previous-token" */

typedef struct pc_head_scores {
    double score[PC_N_ROLES]; /* 0 to 1; 0 where no position counts */
} pc_head_scores;

/* Scores of every head on token rows.
 *   out   (n_layers * n_heads) layer-major
 *   rows  n_rows arrays of lengths[i] tokens each, which the model must be able to read */
PC_API pc_status pc_heads_detect(pc_head_scores *out, const pc_model *model,
                                 const int32_t *const *rows, const int *lengths, int n_rows);

/* The same with patterns from a device, in float32 or the precision of its products: "cpu", "cuda",
 * "cuda:N", "emu"; NULL: in double, as above. */
PC_API pc_status pc_heads_detect_on(pc_head_scores *out, const pc_model *model,
                                    const int32_t *const *rows, const int *lengths, int n_rows,
                                    const char *device, pc_precision precision);

/* The same on `n_rows` rows of random tokens said twice: [bos] s s, s without repeats, as long as
 * the context and the vocabulary allow (at most 24 tokens in s). bos = -1: none. */
PC_API pc_status pc_heads_detect_on_repeats(pc_head_scores *out, const pc_model *model, int64_t bos,
                                            int n_rows, uint64_t seed);
PC_API pc_status pc_heads_detect_on_repeats_on(pc_head_scores *out, const pc_model *model,
                                               int64_t bos, int n_rows, uint64_t seed,
                                               const char *device, pc_precision precision);

/* The role with the highest score if that is at least `least`, else NULL. */
PC_API const char *pc_head_role(const pc_head_scores *scores, double least);

#ifdef __cplusplus
}
#endif
#endif

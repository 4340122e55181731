/* Planted models: their circuits are known, edge by edge, because their weights are written by
 * hand. Whoever searches for circuits, with this program or another, can be held against them. */
#ifndef PATCHCLAMP_PLANT_H
#define PATCHCLAMP_PLANT_H

#include "patchclamp/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names and one-line summaries; NULL behind the last.
 *
 *   induction        what followed the last word when it stood before
 *   previous-token   the word two places before the last
 *   and, or          a gate of two bits that stand in the prompt: the two inputs of an OR can stand
 *                    in for each other and hide under noise, those of an AND under denoise
 *   sorted-count     how many words come before the last one in sorted order */
PC_API const char *pc_plant_name(int i);
PC_API const char *pc_plant_summary(int i);

/* Writes into the directory, which is made if it is missing:
 *
 *   cfg.json, model.safetensors   a TransformerLens checkpoint: two layers of three heads with
 * MLPs, no norms, words as token ids alone train.jsonl, test.jsonl       32 pairs each, no clean
 * prompt in both truth.edges                   the edges whose cut changes the answer on these
 * pairs, under resampling; no other does: other heads and MLPs are busy, but what they write goes
 * nowhere or moves all logits alike truth-zero.edges              those whose cut to zero does:
 * also the edges that carry the same in both prompts, like positions
 *
 * The same bytes every time. PC_ERR_INPUT: no such name, a directory that holds a model already. */
PC_API pc_status pc_plant_write(const char *name, const char *directory);

#ifdef __cplusplus
}
#endif
#endif

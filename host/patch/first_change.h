/* Where an intervention's first change enters a prompt: rows begin there. */
#ifndef PC_PATCH_FIRST_CHANGE_H
#define PC_PATCH_FIRST_CHANGE_H

#include "patch/delta_run.h"

/* The first of seq positions at which something that is cut differs from the base run; seq if there
 * is none. change->act may be NULL: a neuron then changes where its MLP does.
 *   is_cut_at  (seq) where cuts act; NULL: everywhere */
int pc_first_change(const pc_change *change, int seq, const pc_routing *routing,
                    const uint8_t *is_cut_at, const pc_components *c);

/* is_cut_at (n_tokens) = where an intervention that has positions cuts in a prompt. PC_ERR_INPUT as
 * pc_position_find(). */
pc_status pc_mark_positions(uint8_t *is_cut_at, const pc_intervention *x, const pc_task *task,
                            int prompt);

/* Whether a variant whose first change is at *first is run at all; *first becomes the position of
 * its first row. */
bool pc_first_row(int *first, int seq, unsigned without);

#endif

/* The position axis of a grid: which tokens of each prompt a column stands for, and its label. */
#ifndef PC_SEARCH_GRID_COLUMNS_H
#define PC_SEARCH_GRID_COLUMNS_H

#include "base/digest.h"
#include "graph/grid_private.h"
#include "patch/intervention.h"

typedef struct pc_grid_columns {
    const pc_task *task;
    int n;                       /* 1 without the axis */
    pc_position *positions;      /* (n); NULL without the axis */
    pc_text words;               /* "each", "IO,S2,end" or "" as options and messages say it */
    char spans[PC_DIGEST_CHARS]; /* of where they lie in every prompt: a task's own digest leaves
                                    names out */
} pc_grid_columns;

/* PC_ERR_INPUT: a position that a prompt does not have, one that is given twice, prompts of several
 * lengths without positions that are named. */
pc_status pc_grid_columns_init(pc_grid_columns *out, const pc_task *task,
                               const pc_grid_options *options);
void pc_grid_columns_free(pc_grid_columns *columns);

/* Labels (n) that are empty; the tokenizer may be NULL. Without the axis nothing is done. */
pc_status pc_grid_columns_label(pc_grid_position *labels, const pc_grid_columns *columns,
                                const pc_tokenizer *tokenizer);

#endif

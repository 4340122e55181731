/* The weights of a planted model, zero but for what is written into them, as a TransformerLens
 * checkpoint. */
#ifndef PC_PLANT_WEIGHTS_H
#define PC_PLANT_WEIGHTS_H

#include "base/fail.h"

enum { PC_PLANT_LAYERS = 2, PC_PLANT_HEADS = 3 };

/* Attention to what a query fits only: the rest weighs exp(-SHARP). */
#define PC_PLANT_SHARP 40.0f

/* The residual stream of every planted model, in blocks of channels:
 *
 *   word        (vocab) which word stands here         written by the embedding
 *   position    (n_ctx) where
 *   moved       (vocab) what the circuit hands on from layer to layer
 *   result      (vocab) what the circuit says: its logits
 *   idle, idle + vocab  (vocab each) what the others write; nobody in the circuit reads it
 *   shift       (1) added to all logits alike: no metric of differences or probabilities sees it */
typedef struct pc_plant_layout {
    int vocab, n_ctx, d_model, d_head;
    int word, position, moved, result, idle, shift;
} pc_plant_layout;

pc_plant_layout pc_plant_layout_of(int vocab, int n_ctx);

typedef enum pc_plant_part {
    PC_PLANT_Q, /* (d_model, d_head), of a head; rows are channels */
    PC_PLANT_K,
    PC_PLANT_V,
    PC_PLANT_O,       /* (d_head, d_model) */
    PC_PLANT_IN,      /* (d_model, d_mlp), of a layer; as many neurons as words */
    PC_PLANT_BIAS,    /* (1, d_mlp) */
    PC_PLANT_OUT,     /* (d_mlp, d_model) */
    PC_PLANT_EMBED,   /* (vocab, d_model) */
    PC_PLANT_PLACE,   /* (n_ctx, d_model): of positions */
    PC_PLANT_UNEMBED, /* (d_model, vocab) */
    PC_PLANT_PRIOR    /* (1, vocab): what is added to the logits */
} pc_plant_part;

typedef struct pc_plant_matrix {
    float *values;
    int rows, columns;
} pc_plant_matrix;

typedef struct pc_plant_weights pc_plant_weights;

/* With the embedding (words and positions) and the unembedding (result and shift) written. */
pc_status pc_plant_weights_new(pc_plant_weights **out, const pc_plant_layout *layout);
void pc_plant_weights_free(pc_plant_weights *weights);

const pc_plant_layout *pc_plant_layout_in(const pc_plant_weights *weights);

/* `layer` and `head` are looked at where the part has them. */
pc_plant_matrix pc_plant_matrix_of(pc_plant_weights *weights, pc_plant_part part, int layer,
                                   int head);

void pc_plant_set(pc_plant_matrix m, int row, int column, float value);

/* m[row + i][column + i] = value, i < n. */
void pc_plant_diagonal(pc_plant_matrix m, int row, int column, int n, float value);

/* What several plants have: a head's pattern, or what it moves. */

/* Each position to itself, or to the one before it. */
void pc_plant_attend_back(pc_plant_weights *weights, int layer, int head, int n_back);
/* Reads words of one block, writes them into another. */
void pc_plant_move(pc_plant_weights *weights, int layer, int head, int from, int to);

/* The heads and MLPs that have nothing to do with the answer, busy all the same: heads 0 and 2 of
 * layer 0, heads 0 and 1 of layer 1, the first of which carries on what layer 0 wrote, the second
 * looks where head 2 does; both MLPs from the neurons at n_used[layer] on. To be called last. */
void pc_plant_idle(pc_plant_weights *weights, const int n_used[PC_PLANT_LAYERS]);

/* Writes cfg.json and model.safetensors. */
pc_status pc_plant_weights_write(const pc_plant_weights *weights, const char *directory);

#endif

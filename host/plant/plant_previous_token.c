/* Copying what stood before, twice: a0.h1 hands each word to the next place, a1.h2 what has arrived
 * there to the one behind. */
#include "plant/plant_private.h"

enum { VOCAB = 12, N_CTX = 12, N_TOKENS = 8 };

static void put_circuit(pc_plant_weights *w)
{
    const pc_plant_layout *l = pc_plant_layout_in(w);
    pc_plant_attend_back(w, 0, 1, 1);
    pc_plant_move(w, 0, 1, l->word, l->moved);
    pc_plant_attend_back(w, 1, 2, 1);
    pc_plant_move(w, 1, 2, l->moved, l->result);
}

static void draw(pc_plant_pair *out, pc_rng *rng)
{
    out->n_tokens = N_TOKENS;
    for (int i = 0; i < N_TOKENS; i++) {
        out->clean[i] = (int)pc_rng_below(rng, VOCAB);
        out->corrupted[i] = pc_plant_draw_other(rng, VOCAB, out->clean[i]);
    }
    out->answer = out->clean[N_TOKENS - 3];
    out->wrong_answer = out->corrupted[N_TOKENS - 3];
}

static const pc_plant_edge truth[] = {
    {"input->a0.h1<v>", "a word"},
    {"a0.h1->a1.h2<v>", "the word, one place on"},
    {"a1.h2->logits", "the word, two places on"},
    {0},
};

static const pc_plant_edge still[] = {
    {"input->a0.h1<q>", "where this word stands"},
    {"input->a0.h1<k>", "where the others do"},
    {"input->a1.h2<q>", "where this word stands"},
    {"input->a1.h2<k>", "where the others do"},
    {0},
};

const pc_plant pc_plant_previous_token = {
    .name = "previous-token",
    .summary = "the word two places before the last, by two previous-token heads",
    .vocab = VOCAB,
    .n_ctx = N_CTX,
    .put_circuit = put_circuit,
    .draw = draw,
    .truth = truth,
    .still = still,
};

/* Induction (Olsson et al. 2022): [... A B ... A], say B. Head a0.h1 says at each word which one
 * stood before it; a1.h2 looks where that is the last word, and says the word that stands there. */
#include "plant/plant_private.h"

enum { VOCAB = 20, N_CTX = 24, N_TOKENS = 16, N_REPEATED = 8, FIRST_END = 3 };

static void put_circuit(pc_plant_weights *w)
{
    const pc_plant_layout *l = pc_plant_layout_in(w);
    pc_plant_attend_back(w, 0, 1, 1);
    pc_plant_move(w, 0, 1, l->word, l->moved);
    pc_plant_diagonal(pc_plant_matrix_of(w, PC_PLANT_Q, 1, 2), l->word, 0, VOCAB, PC_PLANT_SHARP);
    pc_plant_diagonal(pc_plant_matrix_of(w, PC_PLANT_K, 1, 2), l->moved, 0, VOCAB, 1);
    pc_plant_move(w, 1, 2, l->word, l->result);
}

static void shuffle(int words[VOCAB], pc_rng *rng)
{
    for (int i = 0; i < VOCAB; i++)
        words[i] = i;
    for (int i = VOCAB - 1; i > 0; i--) {
        const int k = (int)pc_rng_below(rng, (uint64_t)i + 1), word = words[i];
        words[i] = words[k];
        words[k] = word;
    }
}

/* Noise, eight words, and the first of them again up to `end`. */
static void put_prompt(int out[N_TOKENS], const int *repeated, const int *noise, int n_noise,
                       int end, pc_rng *rng)
{
    int n = 0;
    while (n < N_TOKENS - N_REPEATED - end - 1)
        out[n++] = noise[pc_rng_below(rng, (uint64_t)n_noise)];
    for (int i = 0; i < N_REPEATED; i++)
        out[n++] = repeated[i];
    for (int i = 0; i <= end; i++)
        out[n++] = repeated[i];
}

/* The corrupted prompt repeats eight other words in the same places. */
static void draw(pc_plant_pair *out, pc_rng *rng)
{
    int words[VOCAB];
    const int *noise = words + 2 * N_REPEATED;
    const int end = FIRST_END + (int)pc_rng_below(rng, N_REPEATED - 1 - FIRST_END);
    shuffle(words, rng);
    out->n_tokens = N_TOKENS;
    put_prompt(out->clean, words, noise, VOCAB - 2 * N_REPEATED, end, rng);
    put_prompt(out->corrupted, words + N_REPEATED, noise, VOCAB - 2 * N_REPEATED, end, rng);
    out->answer = words[end + 1];
    out->wrong_answer = words[N_REPEATED + end + 1];
}

static const pc_plant_edge truth[] = {
    {"input->a0.h1<v>", "the word before"},  {"a0.h1->a1.h2<k>", "the word before, to be found"},
    {"input->a1.h2<q>", "the word to find"}, {"input->a1.h2<v>", "the word that stands there"},
    {"a1.h2->logits", "the answer"},         {0},
};

static const pc_plant_edge still[] = {
    {"input->a0.h1<q>", "where this word stands"},
    {"input->a0.h1<k>", "where the others do"},
    {0},
};

const pc_plant pc_plant_induction = {
    .name = "induction",
    .summary = "what followed the last word when it stood before",
    .vocab = VOCAB,
    .n_ctx = N_CTX,
    .put_circuit = put_circuit,
    .draw = draw,
    .truth = truth,
    .still = still,
};

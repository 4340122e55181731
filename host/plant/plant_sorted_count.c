/* A count in sorted order: [begin, six words, c, ask], how many of the six come before c? Head
 * a0.h1 hands c to the end. There a1.h2 looks at the beginning and at every word below c alike, so
 * that the beginning gets 1 / (1 + count), which m1 reads off a row of tents. */
#include "plant/plant_private.h"

enum { N_VALUES = 8, BEGIN = N_VALUES, ASK, VOCAB };
enum { N_WORDS = 6, N_TOKENS = N_WORDS + 3, N_CTX = N_TOKENS };
enum { N_BREAKS = N_WORDS + 2 };
enum { SHARE = ASK }; /* the moved word that is never one: nothing stands behind it */

static void look_at_smaller(pc_plant_weights *w)
{
    const pc_plant_layout *l = pc_plant_layout_in(w);
    const pc_plant_matrix q = pc_plant_matrix_of(w, PC_PLANT_Q, 1, 2);
    for (int c = 0; c < N_VALUES; c++)
        for (int smaller = 0; smaller < c; smaller++)
            pc_plant_set(q, l->moved + c, smaller, PC_PLANT_SHARP);
    pc_plant_set(q, l->word + ASK, BEGIN, PC_PLANT_SHARP);
    pc_plant_diagonal(pc_plant_matrix_of(w, PC_PLANT_K, 1, 2), l->word, 0, N_VALUES + 1, 1);
}

/* What the head writes for a count; one behind the largest, where the last tent ends. */
static float share(int count)
{
    return 1.0f / (float)(count + 1);
}

/* Tent `count` is 1 at its share and 0 at its neighbours': neuron j is max(x - share(j), 0). */
static void put_tents(pc_plant_weights *w)
{
    const pc_plant_layout *l = pc_plant_layout_in(w);
    const pc_plant_matrix in = pc_plant_matrix_of(w, PC_PLANT_IN, 1, 0);
    const pc_plant_matrix bias = pc_plant_matrix_of(w, PC_PLANT_BIAS, 1, 0);
    const pc_plant_matrix out = pc_plant_matrix_of(w, PC_PLANT_OUT, 1, 0);
    for (int j = 0; j < N_BREAKS; j++) {
        pc_plant_set(in, l->moved + SHARE, j, 1);
        pc_plant_set(bias, 0, j, -share(j));
    }
    for (int count = 0; count <= N_WORDS; count++) {
        const float up = 1 / (share(count) - share(count + 1));
        const float down = count ? 1 / (share(count - 1) - share(count)) : 0;
        pc_plant_set(out, count + 1, l->result + count, up);
        pc_plant_set(out, count, l->result + count, -up - down);
        if (count) pc_plant_set(out, count - 1, l->result + count, down);
    }
}

static void put_circuit(pc_plant_weights *w)
{
    const pc_plant_layout *l = pc_plant_layout_in(w);
    pc_plant_attend_back(w, 0, 1, 1);
    pc_plant_move(w, 0, 1, l->word, l->moved);
    look_at_smaller(w);
    pc_plant_set(pc_plant_matrix_of(w, PC_PLANT_V, 1, 2), l->word + BEGIN, 0, 1);
    pc_plant_set(pc_plant_matrix_of(w, PC_PLANT_O, 1, 2), 0, l->moved + SHARE, 1);
    put_tents(w);
}

/* How many come before c. */
static int put_prompt(int out[N_TOKENS], int c, pc_rng *rng)
{
    int count = 0;
    out[0] = BEGIN;
    for (int i = 1; i <= N_WORDS; i++) {
        out[i] = (int)pc_rng_below(rng, N_VALUES);
        count += out[i] < c;
    }
    out[N_TOKENS - 2] = c;
    out[N_TOKENS - 1] = ASK;
    return count;
}

static void draw(pc_plant_pair *out, pc_rng *rng)
{
    const int c = (int)pc_rng_below(rng, N_VALUES);
    out->n_tokens = N_TOKENS;
    out->answer = put_prompt(out->clean, c, rng);
    do
        out->wrong_answer = put_prompt(out->corrupted, pc_plant_draw_other(rng, N_VALUES, c), rng);
    while (out->wrong_answer == out->answer);
}

static const pc_plant_edge truth[] = {
    {"input->a0.h1<v>", "c, for the end"},
    {"a0.h1->a1.h2<q>", "c, to be compared with"},
    {"input->a1.h2<k>", "the words to compare"},
    {"a1.h2->m1", "1 / (1 + count)"},
    {"m1->logits", "the count"},
    {0},
};

static const pc_plant_edge still[] = {
    {"input->a0.h1<q>", "where this word stands"},
    {"input->a0.h1<k>", "where the others do"},
    {"input->a1.h2<q>", "that the beginning is to be looked at"},
    {"input->a1.h2<v>", "that this is the beginning"},
    {0},
};

const pc_plant pc_plant_sorted_count = {
    .name = "sorted-count",
    .summary = "how many words come before the last one in sorted order",
    .vocab = VOCAB,
    .n_ctx = N_CTX,
    .n_used = {0, N_BREAKS},
    .put_circuit = put_circuit,
    .draw = draw,
    .truth = truth,
    .still = still,
};

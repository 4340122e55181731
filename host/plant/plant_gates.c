/* Boolean gates: [word, bit A, word, bit B, end]. Head a0.h1 reads A, a1.h2 reads B, m1 says yes,
 * or leaves it at no: neuron 0 is A + B, neuron 1 max(A + B - 1, 0) = A AND B, and A OR B = A + B -
 * A AND B. */
#include "plant/plant_private.h"

enum { A_0, A_1, B_0, B_1, END, YES, NO, FIRST_WORD, VOCAB = 16 };
enum { AT_A = 1, AT_B = 3, N_CTX = 5 };

/* From the end to one place; what stands there is `yes`, or it is not. */
static void read_bit(pc_plant_weights *w, int layer, int head, int place, int yes, int to)
{
    const pc_plant_layout *l = pc_plant_layout_in(w);
    pc_plant_set(pc_plant_matrix_of(w, PC_PLANT_Q, layer, head), l->word + END, 0, PC_PLANT_SHARP);
    pc_plant_set(pc_plant_matrix_of(w, PC_PLANT_K, layer, head), l->position + place, 0, 1);
    pc_plant_set(pc_plant_matrix_of(w, PC_PLANT_V, layer, head), l->word + yes, 0, 1);
    pc_plant_set(pc_plant_matrix_of(w, PC_PLANT_O, layer, head), 0, to, 1);
}

static void put_gate(pc_plant_weights *w, float sum, float both)
{
    const pc_plant_layout *l = pc_plant_layout_in(w);
    const pc_plant_matrix in = pc_plant_matrix_of(w, PC_PLANT_IN, 1, 0);
    const pc_plant_matrix out = pc_plant_matrix_of(w, PC_PLANT_OUT, 1, 0);
    read_bit(w, 0, 1, AT_A, A_1, l->moved);
    read_bit(w, 1, 2, AT_B, B_1, l->moved + 1);
    for (int neuron = 0; neuron < 2; neuron++)
        for (int bit = 0; bit < 2; bit++)
            pc_plant_set(in, l->moved + bit, neuron, 1);
    pc_plant_set(pc_plant_matrix_of(w, PC_PLANT_BIAS, 1, 0), 0, 1, -1);
    pc_plant_set(pc_plant_matrix_of(w, PC_PLANT_PRIOR, 0, 0), 0, NO, 0.5f);
    pc_plant_set(out, 0, l->result + YES, sum);
    pc_plant_set(out, 1, l->result + YES, both);
}

static void put_and(pc_plant_weights *w)
{
    put_gate(w, 0, 1);
}

static void put_or(pc_plant_weights *w)
{
    put_gate(w, 1, -1);
}

static int draw_word(pc_rng *rng)
{
    return FIRST_WORD + (int)pc_rng_below(rng, VOCAB - FIRST_WORD);
}

static void put_prompt(int out[N_CTX], int bit_a, int bit_b, pc_rng *rng)
{
    for (int i = 0; i < N_CTX; i++)
        out[i] = draw_word(rng);
    out[AT_A] = bit_a;
    out[AT_B] = bit_b;
    out[N_CTX - 1] = END;
}

/* Both bits are 1, or both 0. */
static void draw(pc_plant_pair *out, pc_rng *rng)
{
    out->n_tokens = N_CTX;
    put_prompt(out->clean, A_1, B_1, rng);
    put_prompt(out->corrupted, A_0, B_0, rng);
    out->answer = YES;
    out->wrong_answer = NO;
}

static const pc_plant_edge truth[] = {
    {"input->a0.h1<v>", "bit A"},       {"input->a1.h2<v>", "bit B"},
    {"a0.h1->m1", "bit A, at the end"}, {"a1.h2->m1", "bit B, at the end"},
    {"m1->logits", "the answer"},       {0},
};

static const pc_plant_edge still[] = {
    {"input->a0.h1<q>", "that it is the end"},
    {"input->a0.h1<k>", "where bit A stands"},
    {"input->a1.h2<q>", "that it is the end"},
    {"input->a1.h2<k>", "where bit B stands"},
    {0},
};

const pc_plant pc_plant_and = {
    .name = "and",
    .summary = "whether two bits of the prompt are both 1: seen under noise",
    .vocab = VOCAB,
    .n_ctx = N_CTX,
    .n_used = {0, 2},
    .put_circuit = put_and,
    .draw = draw,
    .truth = truth,
    .still = still,
    .note = "Under denoise one input alone changes nothing: only the gate's output is seen.",
};

const pc_plant pc_plant_or = {
    .name = "or",
    .summary = "whether one of two bits of the prompt is 1: seen under denoise",
    .vocab = VOCAB,
    .n_ctx = N_CTX,
    .n_used = {0, 2},
    .put_circuit = put_or,
    .draw = draw,
    .truth = truth,
    .still = still,
    .note =
        "Under noise, and cut to zero, one input alone changes nothing: only the gate's output is "
        "seen.",
};

/* Building models weight by weight. */
#include "support/planted.h"
#include "support/test_folder.h"

#include "base/rng.h"
#include "io/safetensors_write.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* Tokens: A = 0 and 1, B = 0 and 1, the end; two answers. Residual channels by name. */
enum { A0, A1, B0, B1, END, VOCAB };
enum { YES, NO, ANSWERS };
enum { BIT_A, BIT_B, AT_END, AT_0, AT_1, OUT_A, OUT_B, RESULT, D_MODEL };
enum { N_CTX = 3, N_HEADS = 2, D_HEAD = 1, D_MLP = 2 };

/* Attention to one position only: the rest weighs exp(-SHARP). */
#define SHARP 40.0f

typedef struct planted {
    float embed[VOCAB][D_MODEL], position[N_CTX][D_MODEL];
    float q[N_HEADS][D_MODEL][D_HEAD], k[N_HEADS][D_MODEL][D_HEAD], v[N_HEADS][D_MODEL][D_HEAD];
    float o[N_HEADS][D_HEAD][D_MODEL];
    float in[D_MODEL][D_MLP], in_bias[D_MLP], out[D_MLP][D_MODEL], out_bias[D_MODEL];
    float unembed[D_MODEL][ANSWERS];
} planted;

static void write_weights(const char *folder, const planted *w)
{
    const pc_tensor_out tensors[] = {
        {"embed.W_E", 2, {VOCAB, D_MODEL}, &w->embed[0][0]},
        {"pos_embed.W_pos", 2, {N_CTX, D_MODEL}, &w->position[0][0]},
        {"blocks.0.attn.W_Q", 3, {N_HEADS, D_MODEL, D_HEAD}, &w->q[0][0][0]},
        {"blocks.0.attn.W_K", 3, {N_HEADS, D_MODEL, D_HEAD}, &w->k[0][0][0]},
        {"blocks.0.attn.W_V", 3, {N_HEADS, D_MODEL, D_HEAD}, &w->v[0][0][0]},
        {"blocks.0.attn.W_O", 3, {N_HEADS, D_HEAD, D_MODEL}, &w->o[0][0][0]},
        {"blocks.0.mlp.W_in", 2, {D_MODEL, D_MLP}, &w->in[0][0]},
        {"blocks.0.mlp.b_in", 1, {D_MLP}, w->in_bias},
        {"blocks.0.mlp.W_out", 2, {D_MLP, D_MODEL}, &w->out[0][0]},
        {"blocks.0.mlp.b_out", 1, {D_MODEL}, w->out_bias},
        {"unembed.W_U", 2, {D_MODEL, ANSWERS}, &w->unembed[0][0]},
    };
    char path[512];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    cr_assert_eq(pc_safetensors_write(path, tensors, sizeof tensors / sizeof *tensors), PC_OK, "%s",
                 pc_last_error());
}

static const char config[] =
    "{\"n_layers\": 1, \"n_heads\": 2, \"d_model\": 8, \"d_head\": 1, \"d_mlp\": 2, \"n_ctx\": 3,"
    " \"d_vocab\": 5, \"d_vocab_out\": 2, \"act_fn\": \"relu\", \"normalization_type\": null}";

static void write_file(const char *folder, const char *name, const char *words)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    cr_assert(file, "%s", path);
    fputs(words, file);
    fclose(file);
}

static pc_model *open_planted(const planted *weights)
{
    char folder[TEST_FOLDER_BYTES];
    test_folder_make(folder);
    write_file(folder, "cfg.json", config);
    write_weights(folder, weights);
    pc_model *model;
    const char *sha256;
    cr_assert_eq(pc_model_open(&model, folder), PC_OK, "%s", pc_last_error());
    /* reads the files, which are gone in a moment; the model remembers it */
    cr_assert_eq(pc_model_sha256(&sha256, model), PC_OK, "%s", pc_last_error());
    test_folder_remove(folder);
    return model;
}

pc_model *planted_gate_model(planted_gate gate)
{
    planted w = {0};
    w.embed[A1][BIT_A] = w.embed[B1][BIT_B] = w.embed[END][AT_END] = 1;
    w.position[0][AT_0] = w.position[1][AT_1] = 1;
    for (int head = 0; head < N_HEADS; head++) {
        w.q[head][AT_END][0] = SHARP;
        w.k[head][head == 0 ? AT_0 : AT_1][0] = 1;
        w.v[head][head == 0 ? BIT_A : BIT_B][0] = 1;
        w.o[head][0][head == 0 ? OUT_A : OUT_B] = 1;
    }
    for (int neuron = 0; neuron < D_MLP; neuron++)
        w.in[OUT_A][neuron] = w.in[OUT_B][neuron] = 1;
    w.in_bias[1] = -1; /* neuron 0 = A + B, neuron 1 = max(A + B - 1, 0) = A AND B */
    w.out[0][RESULT] = gate == PLANTED_OR ? 1 : 0;
    w.out[1][RESULT] = gate == PLANTED_OR ? -1 : 1;
    w.unembed[RESULT][YES] = 1;
    return open_planted(&w);
}

pc_model *planted_random_model(uint64_t seed)
{
    planted w;
    float *values = (float *)&w;
    pc_rng rng = {.seed = seed};
    for (size_t i = 0; i < sizeof w / sizeof *values; i++)
        values[i] = (float)(2 * pc_rng_unit(&rng) - 1);
    return open_planted(&w);
}

pc_task_limits planted_limits(const pc_model *model)
{
    const pc_model_info *info = pc_model_describe(model);
    return (pc_task_limits){
        .vocab = info->vocab, .vocab_out = info->vocab_out, .n_ctx = info->n_ctx, .bos = -1};
}

pc_task *planted_task(const char *lines, const pc_task_limits *limits)
{
    char folder[TEST_FOLDER_BYTES], path[128];
    test_folder_make(folder);
    write_file(folder, "task.jsonl", lines);
    snprintf(path, sizeof path, "%s/task.jsonl", folder);
    pc_task *task;
    cr_assert_eq(pc_task_read(&task, path, NULL, limits), PC_OK, "%s", pc_last_error());
    test_folder_remove(folder);
    return task;
}

pc_task *planted_gate_task(const pc_model *model)
{
    static const char pairs[] =
        "{\"clean\":[1,3,4],\"corrupted\":[0,2,4],\"answers\":[0],\"wrong_answers\":[1]}\n"
        "{\"clean\":[1,3,4],\"corrupted\":[0,2,4],\"answers\":[0],\"wrong_answers\":[1]}\n";
    const pc_task_limits limits = planted_limits(model);
    return planted_task(pairs, &limits);
}

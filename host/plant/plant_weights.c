/* Weights by name, and the habits of heads that planted models share. */
#include "plant/plant_weights.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/safetensors_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tensors of the file: these of each layer, then those of the whole. The biases of attention
 * and b_out are zero; TransformerLens expects them. */
enum { W_Q, W_K, W_V, W_O, W_IN, B_IN, W_OUT, B_Q, B_K, B_V, B_O, B_OUT, N_OF_LAYER };
enum { W_E = PC_PLANT_LAYERS * N_OF_LAYER, W_POS, W_U, B_U, N_TENSORS };

struct pc_plant_weights {
    pc_plant_layout layout;
    pc_tensor_out tensors[N_TENSORS];
    float *values[N_TENSORS];
};

pc_plant_layout pc_plant_layout_of(int vocab, int n_ctx)
{
    pc_plant_layout l = {.vocab = vocab, .n_ctx = n_ctx};
    l.position = l.word + vocab;
    l.moved = l.position + n_ctx;
    l.result = l.moved + vocab;
    l.idle = l.result + vocab;
    l.shift = l.idle + 2 * vocab;
    l.d_model = l.shift + 1;
    l.d_head = vocab > n_ctx ? vocab : n_ctx;
    return l;
}

/* ---- tensors ---- */

static pc_status add_tensor(pc_plant_weights *w, int i, const char *name, int rows, int columns,
                            int depth)
{
    pc_tensor_out *t = &w->tensors[i];
    const int dims[] = {rows, columns, depth};
    size_t n = 1;
    strcpy(t->name, name);
    while (t->n_dims < PC_OUT_DIMS && dims[t->n_dims]) {
        t->dims[t->n_dims] = dims[t->n_dims];
        n *= (size_t)dims[t->n_dims++];
    }
    w->values[i] = pc_alloc(n, sizeof *w->values[i]);
    t->values = w->values[i];
    return t->values ? PC_OK : PC_ERR_NOMEM;
}

static pc_status add_layer(pc_plant_weights *w, int layer)
{
    const pc_plant_layout *l = &w->layout;
    const struct {
        const char *name;
        int rows, columns, depth;
    } rows[N_OF_LAYER] = {[W_Q] = {"attn.W_Q", PC_PLANT_HEADS, l->d_model, l->d_head},
                          [W_K] = {"attn.W_K", PC_PLANT_HEADS, l->d_model, l->d_head},
                          [W_V] = {"attn.W_V", PC_PLANT_HEADS, l->d_model, l->d_head},
                          [W_O] = {"attn.W_O", PC_PLANT_HEADS, l->d_head, l->d_model},
                          [W_IN] = {"mlp.W_in", l->d_model, l->vocab, 0},
                          [B_IN] = {"mlp.b_in", l->vocab, 0, 0},
                          [W_OUT] = {"mlp.W_out", l->vocab, l->d_model, 0},
                          [B_Q] = {"attn.b_Q", PC_PLANT_HEADS, l->d_head, 0},
                          [B_K] = {"attn.b_K", PC_PLANT_HEADS, l->d_head, 0},
                          [B_V] = {"attn.b_V", PC_PLANT_HEADS, l->d_head, 0},
                          [B_O] = {"attn.b_O", l->d_model, 0, 0},
                          [B_OUT] = {"mlp.b_out", l->d_model, 0, 0}};
    for (int i = 0; i < N_OF_LAYER; i++) {
        char name[PC_OUT_NAME_BYTES];
        snprintf(name, sizeof name, "blocks.%d.%s", layer, rows[i].name);
        PC_TRY(add_tensor(w, layer * N_OF_LAYER + i, name, rows[i].rows, rows[i].columns,
                          rows[i].depth));
    }
    return PC_OK;
}

static pc_status add_tensors(pc_plant_weights *w)
{
    const pc_plant_layout *l = &w->layout;
    for (int layer = 0; layer < PC_PLANT_LAYERS; layer++)
        PC_TRY(add_layer(w, layer));
    PC_TRY(add_tensor(w, W_E, "embed.W_E", l->vocab, l->d_model, 0));
    PC_TRY(add_tensor(w, W_POS, "pos_embed.W_pos", l->n_ctx, l->d_model, 0));
    PC_TRY(add_tensor(w, W_U, "unembed.W_U", l->d_model, l->vocab, 0));
    return add_tensor(w, B_U, "unembed.b_U", l->vocab, 0, 0);
}

/* ---- matrices ---- */

static pc_plant_matrix of_head(pc_plant_weights *w, int tensor, int layer, int head)
{
    const int i = layer * N_OF_LAYER + tensor;
    const int *dims = w->tensors[i].dims;
    return (pc_plant_matrix){w->values[i] + (int64_t)head * dims[1] * dims[2], dims[1], dims[2]};
}

static pc_plant_matrix whole(pc_plant_weights *w, int i)
{
    const pc_tensor_out *t = &w->tensors[i];
    if (t->n_dims == 1) return (pc_plant_matrix){w->values[i], 1, t->dims[0]};
    return (pc_plant_matrix){w->values[i], t->dims[0], t->dims[1]};
}

pc_plant_matrix pc_plant_matrix_of(pc_plant_weights *w, pc_plant_part part, int layer, int head)
{
    static const int of_layer[] = {
        [PC_PLANT_Q] = W_Q,       [PC_PLANT_K] = W_K,     [PC_PLANT_V] = W_V,
        [PC_PLANT_O] = W_O,       [PC_PLANT_IN] = W_IN,   [PC_PLANT_BIAS] = B_IN,
        [PC_PLANT_OUT] = W_OUT,   [PC_PLANT_EMBED] = W_E, [PC_PLANT_PLACE] = W_POS,
        [PC_PLANT_UNEMBED] = W_U, [PC_PLANT_PRIOR] = B_U};
    if (part <= PC_PLANT_O) return of_head(w, of_layer[part], layer, head);
    if (part <= PC_PLANT_OUT) return whole(w, layer * N_OF_LAYER + of_layer[part]);
    return whole(w, of_layer[part]);
}

void pc_plant_set(pc_plant_matrix m, int row, int column, float value)
{
    m.values[(int64_t)row * m.columns + column] = value;
}

void pc_plant_diagonal(pc_plant_matrix m, int row, int column, int n, float value)
{
    for (int i = 0; i < n; i++)
        pc_plant_set(m, row + i, column + i, value);
}

const pc_plant_layout *pc_plant_layout_in(const pc_plant_weights *w)
{
    return &w->layout;
}

static void write_ends(pc_plant_weights *w)
{
    const pc_plant_layout *l = &w->layout;
    const pc_plant_matrix unembed = pc_plant_matrix_of(w, PC_PLANT_UNEMBED, 0, 0);
    pc_plant_diagonal(pc_plant_matrix_of(w, PC_PLANT_EMBED, 0, 0), 0, l->word, l->vocab, 1);
    pc_plant_diagonal(pc_plant_matrix_of(w, PC_PLANT_PLACE, 0, 0), 0, l->position, l->n_ctx, 1);
    pc_plant_diagonal(unembed, l->result, 0, l->vocab, 1);
    for (int word = 0; word < l->vocab; word++)
        pc_plant_set(unembed, l->shift, word, 1);
}

pc_status pc_plant_weights_new(pc_plant_weights **out, const pc_plant_layout *layout)
{
    pc_plant_weights *w = pc_alloc(1, sizeof *w);
    *out = w;
    if (!w) return PC_ERR_NOMEM;
    w->layout = *layout;
    const pc_status status = add_tensors(w);
    if (status == PC_OK) write_ends(w);
    return status;
}

void pc_plant_weights_free(pc_plant_weights *w)
{
    for (int i = 0; w && i < N_TENSORS; i++)
        free(w->values[i]);
    free(w);
}

/* ---- habits ---- */

void pc_plant_attend_back(pc_plant_weights *w, int layer, int head, int n_back)
{
    const pc_plant_layout *l = &w->layout;
    pc_plant_diagonal(pc_plant_matrix_of(w, PC_PLANT_Q, layer, head), l->position, 0, l->n_ctx,
                      PC_PLANT_SHARP);
    pc_plant_diagonal(pc_plant_matrix_of(w, PC_PLANT_K, layer, head), l->position, n_back,
                      l->n_ctx - n_back, 1);
}

void pc_plant_move(pc_plant_weights *w, int layer, int head, int from, int to)
{
    const int n = w->layout.vocab;
    pc_plant_diagonal(pc_plant_matrix_of(w, PC_PLANT_V, layer, head), from, 0, n, 1);
    pc_plant_diagonal(pc_plant_matrix_of(w, PC_PLANT_O, layer, head), 0, to, n, 1);
}

/* Every position to the first. */
static void attend_first(pc_plant_weights *w, int layer, int head)
{
    const pc_plant_layout *l = &w->layout;
    const pc_plant_matrix q = pc_plant_matrix_of(w, PC_PLANT_Q, layer, head);
    for (int p = 0; p < l->n_ctx; p++)
        pc_plant_set(q, l->position + p, 0, PC_PLANT_SHARP);
    pc_plant_set(pc_plant_matrix_of(w, PC_PLANT_K, layer, head), l->position, 0, 1);
}

static void look_like(pc_plant_weights *w, int layer, int head, int other, pc_plant_part part)
{
    const pc_plant_matrix to = pc_plant_matrix_of(w, part, layer, head);
    const pc_plant_matrix from = pc_plant_matrix_of(w, part, layer, other);
    memcpy(to.values, from.values, (size_t)(to.rows * to.columns) * sizeof *to.values);
}

/* Neurons of words that they read, which write into an idle block, and move all logits. */
static void idle_mlp(pc_plant_weights *w, int layer, int n_used, int from, int to)
{
    const pc_plant_layout *l = &w->layout;
    const int n = l->vocab - n_used;
    const pc_plant_matrix in = pc_plant_matrix_of(w, PC_PLANT_IN, layer, 0);
    const pc_plant_matrix out = pc_plant_matrix_of(w, PC_PLANT_OUT, layer, 0);
    pc_plant_diagonal(in, from + n_used, n_used, n, 1);
    pc_plant_diagonal(in, l->idle + n_used, n_used, n, 1);
    pc_plant_diagonal(out, n_used, to + n_used, n, 1);
    for (int i = n_used; i < l->vocab; i++)
        pc_plant_set(out, i, l->shift, 0.25f * (float)(1 + i % 4));
}

void pc_plant_idle(pc_plant_weights *w, const int n_used[PC_PLANT_LAYERS])
{
    const pc_plant_layout *l = &w->layout;
    const int other = l->idle + l->vocab;
    pc_plant_attend_back(w, 0, 0, 0);
    pc_plant_move(w, 0, 0, l->word, l->idle);
    attend_first(w, 0, 2);
    pc_plant_move(w, 0, 2, l->word, other);
    pc_plant_attend_back(w, 1, 0, 1);
    pc_plant_move(w, 1, 0, l->idle, other);
    look_like(w, 1, 1, 2, PC_PLANT_Q);
    look_like(w, 1, 1, 2, PC_PLANT_K);
    pc_plant_move(w, 1, 1, l->word, l->idle);
    idle_mlp(w, 0, n_used[0], l->word, l->idle);
    idle_mlp(w, 1, n_used[1], l->result, l->idle);
}

/* ---- the checkpoint ---- */

static void put_config(pc_text *out, const pc_plant_layout *l)
{
    pc_text_printf(out,
                   "{\"n_layers\": %d, \"n_heads\": %d, \"d_model\": %d, \"d_head\": %d, "
                   "\"d_mlp\": %d, \"n_ctx\": %d, \"d_vocab\": %d, \"d_vocab_out\": %d, "
                   "\"act_fn\": \"relu\", \"normalization_type\": null, \"use_attn_scale\": false, "
                   "\"attention_dir\": \"causal\", \"positional_embedding_type\": \"standard\"}\n",
                   PC_PLANT_LAYERS, PC_PLANT_HEADS, l->d_model, l->d_head, l->vocab, l->n_ctx,
                   l->vocab, l->vocab);
}

static pc_status write_config(const char *directory, const pc_plant_layout *l)
{
    pc_text text = {0};
    put_config(&text, l);
    char *path = pc_path_join(directory, "cfg.json");
    pc_status status = path ? pc_text_status(&text) : PC_ERR_NOMEM;
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    free(path);
    pc_text_free(&text);
    return status;
}

pc_status pc_plant_weights_write(const pc_plant_weights *w, const char *directory)
{
    PC_TRY(write_config(directory, &w->layout));
    char *path = pc_path_join(directory, "model.safetensors");
    const pc_status status =
        path ? pc_safetensors_write(path, w->tensors, N_TENSORS) : PC_ERR_NOMEM;
    free(path);
    return status;
}

/* shaped_model neox|sequential|llama|wide|gpt2 FOLDER: a checkpoint of random weights in an
 * existing folder, as many layers and heads as Pythia-160m but narrow, the same with GPT-2 small's
 * edges, a small Llama with grouped heads, or four layers of Pythia-160m's width, or GPT-2 small's
 * whole shape (500 MB). */
#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tensor {
    const char *name;  /* %d: once a layer */
    int rows, columns; /* no columns: a vector */
} tensor;

typedef struct shaped {
    const char *name, *config;
    int n_layers;
    float scale;           /* weights lie between - and + this */
    const tensor *tensors; /* ends with a NULL name */
} shaped;

enum { VOCAB = 20 };

/* d_model 24, 12 heads of 2, d_mlp 8 */
static const tensor neox[] = {{"gpt_neox.embed_in.weight", VOCAB, 24},
                              {"gpt_neox.final_layer_norm.weight", 24, 0},
                              {"gpt_neox.final_layer_norm.bias", 24, 0},
                              {"embed_out.weight", VOCAB, 24},
                              {"gpt_neox.layers.%d.input_layernorm.weight", 24, 0},
                              {"gpt_neox.layers.%d.input_layernorm.bias", 24, 0},
                              {"gpt_neox.layers.%d.post_attention_layernorm.weight", 24, 0},
                              {"gpt_neox.layers.%d.post_attention_layernorm.bias", 24, 0},
                              {"gpt_neox.layers.%d.attention.query_key_value.weight", 72, 24},
                              {"gpt_neox.layers.%d.attention.query_key_value.bias", 72, 0},
                              {"gpt_neox.layers.%d.attention.dense.weight", 24, 24},
                              {"gpt_neox.layers.%d.attention.dense.bias", 24, 0},
                              {"gpt_neox.layers.%d.mlp.dense_h_to_4h.weight", 8, 24},
                              {"gpt_neox.layers.%d.mlp.dense_h_to_4h.bias", 8, 0},
                              {"gpt_neox.layers.%d.mlp.dense_4h_to_h.weight", 24, 8},
                              {"gpt_neox.layers.%d.mlp.dense_4h_to_h.bias", 24, 0},
                              {NULL, 0, 0}};

/* d_model 768, 12 heads of 64, d_mlp 3072 */
static const tensor wide[] = {{"gpt_neox.embed_in.weight", VOCAB, 768},
                              {"gpt_neox.final_layer_norm.weight", 768, 0},
                              {"gpt_neox.final_layer_norm.bias", 768, 0},
                              {"embed_out.weight", VOCAB, 768},
                              {"gpt_neox.layers.%d.input_layernorm.weight", 768, 0},
                              {"gpt_neox.layers.%d.input_layernorm.bias", 768, 0},
                              {"gpt_neox.layers.%d.post_attention_layernorm.weight", 768, 0},
                              {"gpt_neox.layers.%d.post_attention_layernorm.bias", 768, 0},
                              {"gpt_neox.layers.%d.attention.query_key_value.weight", 2304, 768},
                              {"gpt_neox.layers.%d.attention.query_key_value.bias", 2304, 0},
                              {"gpt_neox.layers.%d.attention.dense.weight", 768, 768},
                              {"gpt_neox.layers.%d.attention.dense.bias", 768, 0},
                              {"gpt_neox.layers.%d.mlp.dense_h_to_4h.weight", 3072, 768},
                              {"gpt_neox.layers.%d.mlp.dense_h_to_4h.bias", 3072, 0},
                              {"gpt_neox.layers.%d.mlp.dense_4h_to_h.weight", 768, 3072},
                              {"gpt_neox.layers.%d.mlp.dense_4h_to_h.bias", 768, 0},
                              {NULL, 0, 0}};

/* GPT-2 small, all of it */
static const tensor gpt2[] = {{"wte.weight", 50257, 768},
                              {"wpe.weight", 1024, 768},
                              {"ln_f.weight", 768, 0},
                              {"ln_f.bias", 768, 0},
                              {"h.%d.ln_1.weight", 768, 0},
                              {"h.%d.ln_1.bias", 768, 0},
                              {"h.%d.ln_2.weight", 768, 0},
                              {"h.%d.ln_2.bias", 768, 0},
                              {"h.%d.attn.c_attn.weight", 768, 2304},
                              {"h.%d.attn.c_attn.bias", 2304, 0},
                              {"h.%d.attn.c_proj.weight", 768, 768},
                              {"h.%d.attn.c_proj.bias", 768, 0},
                              {"h.%d.mlp.c_fc.weight", 768, 3072},
                              {"h.%d.mlp.c_fc.bias", 3072, 0},
                              {"h.%d.mlp.c_proj.weight", 3072, 768},
                              {"h.%d.mlp.c_proj.bias", 768, 0},
                              {NULL, 0, 0}};

/* d_model 12, 8 heads of 4 on 2 KV heads, d_mlp 10 */
static const tensor llama[] = {{"model.embed_tokens.weight", VOCAB, 12},
                               {"model.norm.weight", 12, 0},
                               {"lm_head.weight", VOCAB, 12},
                               {"model.layers.%d.input_layernorm.weight", 12, 0},
                               {"model.layers.%d.post_attention_layernorm.weight", 12, 0},
                               {"model.layers.%d.self_attn.q_proj.weight", 32, 12},
                               {"model.layers.%d.self_attn.k_proj.weight", 8, 12},
                               {"model.layers.%d.self_attn.v_proj.weight", 8, 12},
                               {"model.layers.%d.self_attn.o_proj.weight", 12, 32},
                               {"model.layers.%d.mlp.gate_proj.weight", 10, 12},
                               {"model.layers.%d.mlp.up_proj.weight", 10, 12},
                               {"model.layers.%d.mlp.down_proj.weight", 12, 10},
                               {NULL, 0, 0}};

static const shaped shapes[] = {
    {"neox",
     "{\"model_type\": \"gpt_neox\", \"architectures\": [\"GPTNeoXForCausalLM\"], \"hidden_act\": "
     "\"gelu\", \"hidden_size\": 24, \"intermediate_size\": 8, \"layer_norm_eps\": 1e-05, "
     "\"max_position_embeddings\": 16, \"num_attention_heads\": 12, \"num_hidden_layers\": 12, "
     "\"rotary_emb_base\": 10000, \"rotary_pct\": 1.0, \"use_parallel_residual\": true, "
     "\"tie_word_embeddings\": false, \"vocab_size\": 20, \"bos_token_id\": 0}\n",
     12, 0.5f, neox},
    {"sequential",
     "{\"model_type\": \"gpt_neox\", \"architectures\": [\"GPTNeoXForCausalLM\"], \"hidden_act\": "
     "\"gelu\", \"hidden_size\": 24, \"intermediate_size\": 8, \"layer_norm_eps\": 1e-05, "
     "\"max_position_embeddings\": 16, \"num_attention_heads\": 12, \"num_hidden_layers\": 12, "
     "\"rotary_emb_base\": 10000, \"rotary_pct\": 1.0, \"use_parallel_residual\": false, "
     "\"tie_word_embeddings\": false, \"vocab_size\": 20, \"bos_token_id\": 0}\n",
     12, 0.5f, neox},
    {"llama",
     "{\"model_type\": \"llama\", \"architectures\": [\"LlamaForCausalLM\"], \"hidden_act\": "
     "\"silu\", \"hidden_size\": 12, \"head_dim\": 4, \"intermediate_size\": 10, "
     "\"rms_norm_eps\": 1e-05, \"max_position_embeddings\": 16, \"num_attention_heads\": 8, "
     "\"num_key_value_heads\": 2, \"num_hidden_layers\": 3, \"rope_theta\": 10000.0, "
     "\"tie_word_embeddings\": false, \"vocab_size\": 20, \"bos_token_id\": 0}\n",
     3, 0.5f, llama},
    {"wide",
     "{\"model_type\": \"gpt_neox\", \"architectures\": [\"GPTNeoXForCausalLM\"], \"hidden_act\": "
     "\"gelu\", \"hidden_size\": 768, \"intermediate_size\": 3072, \"layer_norm_eps\": 1e-05, "
     "\"max_position_embeddings\": 64, \"num_attention_heads\": 12, \"num_hidden_layers\": 4, "
     "\"rotary_emb_base\": 10000, \"rotary_pct\": 1.0, \"use_parallel_residual\": false, "
     "\"tie_word_embeddings\": false, \"vocab_size\": 20, \"bos_token_id\": 0}\n",
     4, 0.05f, wide},
    {"gpt2",
     "{\"model_type\": \"gpt2\", \"architectures\": [\"GPT2LMHeadModel\"], "
     "\"activation_function\": \"gelu_new\", \"n_embd\": 768, \"n_head\": 12, \"n_layer\": 12, "
     "\"n_positions\": 1024, \"n_ctx\": 1024, \"layer_norm_epsilon\": 1e-05, "
     "\"vocab_size\": 50257, \"bos_token_id\": 50256}\n",
     12, 0.035f, gpt2}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static pc_status put_file(const char *folder, const char *name, const pc_text *text)
{
    char *path = pc_path_join(folder, name);
    pc_status status = path ? pc_text_status(text) : PC_ERR_NOMEM;
    if (status == PC_OK) status = pc_file_replace(path, text->data, text->length);
    free(path);
    return status;
}

/* The tensor's entry in the header; its weights behind the others. */
static void put_tensor(pc_text *header, pc_text *weights, pc_rng *rng, const tensor *t, int layer,
                       float scale)
{
    const size_t first = weights->length;
    const int n = t->rows * (t->columns ? t->columns : 1);
    for (int i = 0; i < n; i++) {
        const float value = scale * (float)(2 * pc_rng_unit(rng) - 1);
        pc_text_put_bytes(weights, (const char *)&value, sizeof value);
    }
    pc_text_put(header, header->length ? ",\"" : "{\"");
    pc_text_printf(header, t->name, layer);
    pc_text_printf(header, "\":{\"dtype\":\"F32\",\"shape\":[%d", t->rows);
    if (t->columns) pc_text_printf(header, ",%d", t->columns);
    pc_text_printf(header, "],\"data_offsets\":[%zu,%zu]}", first, weights->length);
}

static pc_status put_weights(const char *folder, const shaped *s)
{
    pc_text file = {0}, header = {0}, weights = {0};
    pc_rng rng = {.seed = 7};
    for (const tensor *t = s->tensors; t->name; t++)
        for (int layer = 0; layer < (strstr(t->name, "%d") ? s->n_layers : 1); layer++)
            put_tensor(&header, &weights, &rng, t, layer, s->scale);
    pc_text_put(&header, "}");
    for (int byte = 0; byte < 8; byte++)
        pc_text_put_bytes(&file, &(char){(char)(header.length >> (8 * byte) & 0xff)}, 1);
    pc_text_put_bytes(&file, header.data, header.length);
    pc_text_put_bytes(&file, weights.data, weights.length);
    const pc_status status = put_file(folder, "model.safetensors", &file);
    pc_text_free(&weights);
    pc_text_free(&header);
    pc_text_free(&file);
    return status;
}

static pc_status put_model(const char *folder, const shaped *s)
{
    pc_text config = {0};
    pc_text_put(&config, s->config);
    pc_status status = put_file(folder, "config.json", &config);
    pc_text_free(&config);
    return status == PC_OK ? put_weights(folder, s) : status;
}

int main(int argc, char **argv)
{
    for (int i = 0; argc == 3 && i < N_SHAPES; i++) {
        if (strcmp(shapes[i].name, argv[1]) != 0) continue;
        if (put_model(argv[2], &shapes[i]) == PC_OK) return 0;
        fprintf(stderr, "shaped_model: %s\n", pc_last_error());
        return 1;
    }
    fprintf(stderr, "shaped_model: expected neox, sequential, llama, wide or gpt2, and FOLDER\n");
    return 1;
}

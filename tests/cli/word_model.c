/* word_model FOLDER: a GPT-2 of random weights in an existing folder, with a tokenizer that has the
 * words of the built-in tasks. */
#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "support/word_tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { D = 8, N_CTX = 256 };

typedef struct shape {
    const char *name;
    int64_t rows, columns; /* no columns: a vector */
} shape;

static pc_status put_file(const char *folder, const char *name, const pc_text *text)
{
    char *path = pc_path_join(folder, name);
    pc_status status = path ? pc_text_status(text) : PC_ERR_NOMEM;
    if (status == PC_OK) status = pc_file_replace(path, text->data, text->length);
    free(path);
    return status;
}

static size_t count_bytes(const shape *s)
{
    return (size_t)(s->rows * (s->columns ? s->columns : 1)) * sizeof(float);
}

static void put_header(pc_text *out, const shape *shapes)
{
    size_t at = 0;
    for (const shape *s = shapes; s->name; at += count_bytes(s), s++) {
        pc_text_printf(out, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%lld", s == shapes ? "{" : ",",
                       s->name, (long long)s->rows);
        if (s->columns) pc_text_printf(out, ",%lld", (long long)s->columns);
        pc_text_printf(out, "],\"data_offsets\":[%zu,%zu]}", at, at + count_bytes(s));
    }
    pc_text_put(out, "}");
}

static pc_status put_weights(const char *folder, const shape *shapes)
{
    pc_text file = {0}, header = {0};
    pc_rng rng = {.seed = 1};
    put_header(&header, shapes);
    for (int byte = 0; byte < 8; byte++)
        pc_text_put_bytes(&file, &(char){(char)(header.length >> (8 * byte) & 0xff)}, 1);
    pc_text_put_bytes(&file, header.data, header.length);
    for (const shape *s = shapes; s->name; s++)
        for (size_t i = 0; i < count_bytes(s) / sizeof(float); i++) {
            const float value = (float)(pc_rng_unit(&rng) - 0.5);
            pc_text_put_bytes(&file, (const char *)&value, sizeof value);
        }
    const pc_status status = put_file(folder, "model.safetensors", &file);
    pc_text_free(&header);
    pc_text_free(&file);
    return status;
}

static pc_status put_config(const char *folder, int64_t vocab)
{
    pc_text config = {0};
    pc_text_printf(&config,
                   "{\"model_type\": \"gpt2\", \"architectures\": [\"GPT2LMHeadModel\"], "
                   "\"activation_function\": \"gelu_new\", \"layer_norm_epsilon\": 1e-05, "
                   "\"n_embd\": %d, \"n_head\": 2, \"n_inner\": null, \"n_layer\": 1, "
                   "\"n_positions\": %d, \"bos_token_id\": 0, \"eos_token_id\": 0, "
                   "\"vocab_size\": %lld}\n",
                   D, N_CTX, (long long)vocab);
    const pc_status status = put_file(folder, "config.json", &config);
    pc_text_free(&config);
    return status;
}

static pc_status write_model(const char *folder)
{
    const word_options options = {0};
    pc_text json = {0};
    pc_tokenizer *tokenizer = NULL;
    pc_status status = word_tokenizer_put(&json, &options);
    if (status == PC_OK) status = put_file(folder, "tokenizer.json", &json);
    pc_text_free(&json);
    pc_text_put(&json, word_tokenizer_config);
    if (status == PC_OK) status = put_file(folder, "tokenizer_config.json", &json);
    if (status == PC_OK) status = pc_tokenizer_open(&tokenizer, folder);
    pc_text_free(&json);
    if (status != PC_OK) return status;
    const int64_t vocab = pc_tokenizer_size(tokenizer);
    pc_tokenizer_free(tokenizer);
    const shape shapes[] = {{"wte.weight", vocab, D},
                            {"wpe.weight", N_CTX, D},
                            {"h.0.ln_1.weight", D, 0},
                            {"h.0.ln_1.bias", D, 0},
                            {"h.0.attn.c_attn.weight", D, 3 * D},
                            {"h.0.attn.c_attn.bias", 3 * D, 0},
                            {"h.0.attn.c_proj.weight", D, D},
                            {"h.0.attn.c_proj.bias", D, 0},
                            {"h.0.ln_2.weight", D, 0},
                            {"h.0.ln_2.bias", D, 0},
                            {"h.0.mlp.c_fc.weight", D, 4 * D},
                            {"h.0.mlp.c_fc.bias", 4 * D, 0},
                            {"h.0.mlp.c_proj.weight", 4 * D, D},
                            {"h.0.mlp.c_proj.bias", D, 0},
                            {"ln_f.weight", D, 0},
                            {"ln_f.bias", D, 0},
                            {NULL, 0, 0}};
    PC_TRY(put_config(folder, vocab));
    return put_weights(folder, shapes);
}

int main(int argc, char **argv)
{
    if (argc == 2 && write_model(argv[1]) == PC_OK) return 0;
    fprintf(stderr, "word_model: %s\n", argc == 2 ? pc_last_error() : "expected FOLDER");
    return 1;
}

/* A model directory that is not as it must be is refused with one line that names the place. */
#define _POSIX_C_SOURCE 200809L
#include "support/test_folder.h"

#include "base/file.h"
#include "io/safetensors.h"
#include "patchclamp/model.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(model_errors, .init = test_folder_set_up, .fini = test_folder_clean_up);

static char *read_golden(size_t *length, const char *model, const char *file)
{
    char path[512], *bytes;
    snprintf(path, sizeof path, "%s/tests/golden/models/%s/%s", PC_SOURCE_DIR, model, file);
    cr_assert_eq(pc_file_read(&bytes, length, path, 1 << 24), PC_OK, "%s", pc_last_error());
    return bytes;
}

static void write_here(const char *file, const char *bytes, size_t length)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", test_folder, file);
    cr_assert_eq(pc_file_replace(path, bytes, length), PC_OK, "%s", pc_last_error());
}

/* The file's content with the first `from` replaced by `to`; both NULL: as it is. */
static void copy_file(const char *model, const char *file, const char *from, const char *to)
{
    size_t length;
    char *bytes = read_golden(&length, model, file);
    if (!from) {
        write_here(file, bytes, length);
        free(bytes);
        return;
    }
    char *at = NULL;
    for (size_t i = 0; i + strlen(from) <= length && !at; i++)
        if (memcmp(bytes + i, from, strlen(from)) == 0) at = bytes + i;
    cr_assert(at, "%s has no %s", file, from);
    const size_t before = (size_t)(at - bytes), after = length - before - strlen(from);
    char *changed = malloc(length + strlen(to) + 1);
    memcpy(changed, bytes, before);
    memcpy(changed + before, to, strlen(to));
    memcpy(changed + before + strlen(to), at + strlen(from), after);
    write_here(file, changed, before + strlen(to) + after);
    free(changed);
    free(bytes);
}

static void expect_refused(const char *what, pc_status expected, const char *message)
{
    pc_model *model = NULL;
    pc_status status = pc_model_open(&model, test_folder);
    cr_expect_eq(status, expected, "%s: %s, %s", what, pc_status_name(status), pc_last_error());
    cr_expect(status == PC_OK || strstr(pc_last_error(), message), "%s: %s", what, pc_last_error());
    cr_expect(!strchr(pc_last_error(), '\n'), "%s", what);
    cr_expect(!model || status == PC_OK, "%s: a model came out", what);
    pc_model_free(model);
}

static const struct {
    const char *model, *config, *from, *to;
    pc_status status;
    const char *message;
} configs[] = {
    {"gpt2-plain", "config.json", "\"n_layer\": 2", "\"n_layer\": \"2\"", PC_ERR_INPUT,
     "config.json: n_layer is \"2\", expected an integer from 1"},
    {"gpt2-plain", "config.json", "\"n_layer\": 2", "\"n_layer\": 0", PC_ERR_INPUT, "n_layer is 0"},
    {"gpt2-plain", "config.json", "\"n_layer\": 2", "\"n_layer\": 3", PC_ERR_INPUT,
     "tensor h.2.ln_1.weight is missing"},
    {"gpt2-plain", "config.json", "\"n_layer\": 2", "\"n_layer\": 1", PC_ERR_UNSUPPORTED,
     "is not part of a gpt2 model of 1 layers"},
    {"gpt2-plain", "config.json", "\"n_layer\": 2", "\"n_layer\": 16777216", PC_ERR_INPUT,
     "the configuration has 16777216 layers"},
    {"gpt2-plain", "config.json", "\"n_head\": 3", "\"n_head\": 5", PC_ERR_INPUT,
     "expected a multiple of n_head"},
    {"gpt2-plain", "config.json", "\"n_embd\": 24", "\"n_embd\": 27", PC_ERR_INPUT,
     "wte.weight is (37, 24), expected (37, 27) from the configuration"},
    {"gpt2-plain", "config.json", "\"vocab_size\": 37", "\"vocab_size\": 16777216", PC_ERR_INPUT,
     "wte.weight is (37, 24), expected (16777216, 24)"},
    {"gpt2-plain", "config.json", "\"gelu_new\"", "\"mish\"", PC_ERR_UNSUPPORTED,
     "activation_function is \"mish\""},
    {"gpt2-plain", "config.json", "\"model_type\": \"gpt2\"", "\"model_type\": \"mamba\"",
     PC_ERR_UNSUPPORTED, "model_type is \"mamba\""},
    {"gpt2-plain", "config.json", "{", "{\"rope_theta\": 10000, ", PC_ERR_UNSUPPORTED,
     "key \"rope_theta\" is unknown for gpt2 and might change the computation"},
    {"gpt2-plain", "config.json", "{", "{\"n_layer\": 2, ", PC_ERR_INPUT, "not valid JSON"},
    {"gpt2-plain", "config.json", "{", "[{", PC_ERR_INPUT, "config.json:"},
    {"tl-ln", "cfg.json", "\"gated_mlp\": false", "\"gated_mlp\": true", PC_ERR_INPUT,
     "tensor blocks.0.mlp.W_gate is missing"},
    {"tl-ln", "cfg.json", "\"positional_embedding_type\": \"standard\"",
     "\"positional_embedding_type\": \"rotary\"", PC_ERR_UNSUPPORTED,
     "pos_embed.W_pos is there, but by its configuration the model has none"},
    {"tl-ln", "cfg.json", "\"positional_embedding_type\": \"standard\"",
     "\"positional_embedding_type\": \"shortformer\"", PC_ERR_UNSUPPORTED,
     "positional_embedding_type is \"shortformer\", expected standard or rotary"},
    {"tl-ln", "cfg.json", "\"use_yarn_rope\": false", "\"use_yarn_rope\": true", PC_ERR_UNSUPPORTED,
     "use_yarn_rope is true, Patchclamp supports only false"},
    {"tl-ln", "cfg.json", "\"use_local_attn\": false", "\"use_local_attn\": true", PC_ERR_INPUT,
     "attn_types has 0 entries, expected 2"},
    {"tl-ln", "cfg.json", "\"normalization_type\": \"LN\"", "\"normalization_type\": \"XX\"",
     PC_ERR_UNSUPPORTED, "normalization_type is \"XX\""},
    {"tl-ln", "cfg.json", "\"n_key_value_heads\": null", "\"n_key_value_heads\": 1", PC_ERR_INPUT,
     "blocks.0.attn.W_K is (3, 18, 6), expected (1, 18, 6)"},
    {"tl-ln", "cfg.json", "\"n_key_value_heads\": null", "\"n_key_value_heads\": 2", PC_ERR_INPUT,
     "n_key_value_heads is 2, expected a divisor of the 3 heads"},
    {"tl-ln", "cfg.json", "\"final_rms\": false", "\"final_rms\": true", PC_ERR_UNSUPPORTED,
     "final_rms"},
    {"tl-ln", "cfg.json", "\"attn_only\": false", "\"attn_only\": true", PC_ERR_UNSUPPORTED, ""},
    {"llama-gqa", "config.json", "\"rope_type\": \"llama3\"", "\"rope_type\": \"yarn\"",
     PC_ERR_UNSUPPORTED, "rope_type is \"yarn\", expected default, linear or llama3"},
    {"llama-gqa", "config.json", "\"low_freq_factor\"", "\"slow_freq_factor\"", PC_ERR_UNSUPPORTED,
     "rotary positions: key \"slow_freq_factor\" is unknown"},
    {"llama-gqa", "config.json", "{", "{\"rope_theta\": 7, ", PC_ERR_INPUT,
     "rope_parameters.rope_theta is 100, but rope_theta is 7"},
    {"llama-gqa", "config.json", "{", "{\"quantization_config\": {}, ", PC_ERR_UNSUPPORTED,
     "key \"quantization_config\" is unknown for llama"},
    {"llama-gqa", "config.json", "\"head_dim\": 6", "\"head_dim\": 7", PC_ERR_UNSUPPORTED,
     "turn 7 of a head's 7 channels, expected an even number"},
    {"llama-gqa", "config.json", "\"head_dim\": 6", "\"head_dim\": 8", PC_ERR_INPUT,
     "self_attn.q_proj.weight is (24, 20), expected (32, 20)"},
    {"llama-gqa", "config.json", "\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3",
     PC_ERR_INPUT, "num_key_value_heads is 3, expected a divisor of the 4 heads"},
    {"llama-gqa", "config.json", "\"attention_bias\": false", "\"attention_bias\": true",
     PC_ERR_INPUT, "tensor layers.0.self_attn.q_proj.bias is missing"},
    {"llama-gqa", "config.json", "\"model_type\": \"llama\"", "\"model_type\": \"qwen2\"",
     PC_ERR_UNSUPPORTED, "is unknown for qwen2"},
    {"qwen2-bias", "config.json", "\"model_type\": \"qwen2\"", "\"model_type\": \"llama4\"",
     PC_ERR_UNSUPPORTED,
     "model_type is \"llama4\", expected one of: gpt2, gpt_neo, gpt_neox, llama"},
    {"qwen2-bias", "config.json", "\"sliding_window\": 6", "\"sliding_window\": 0", PC_ERR_INPUT,
     "sliding_window is 0, expected an integer from 1"},
    {"qwen2-bias", "config.json", "\"use_sliding_window\": true",
     "\"use_sliding_window\": false, \"layer_types\": "
     "[\"full_attention\", \"full_attention\", \"sliding_attention\"]",
     PC_ERR_INPUT, "layers have sliding_attention, but there is no sliding_window"},
    {"qwen2-bias", "config.json", "{", "{\"layer_types\": [\"full_attention\"], ", PC_ERR_INPUT,
     "layer_types has 1 entries, expected 3"},
    {"qwen2-bias", "config.json", "{",
     "{\"layer_types\": [\"full_attention\", \"full_attention\", \"chunked_attention\"], ",
     PC_ERR_UNSUPPORTED, "layer_types[2] is \"chunked_attention\""},
    {"gemma2-caps", "config.json", "\"attn_logit_softcapping\": 2.5",
     "\"attn_logit_softcapping\": -2.5", PC_ERR_INPUT, "attn_logit_softcapping is -2.5"},
    {"gemma2-caps", "config.json", "\"sliding_window\": 4", "\"sliding_window\": null",
     PC_ERR_INPUT, "layers have sliding_attention, but there is no sliding_window"},
    {"gemma2-caps", "config.json", "\"query_pre_attn_scalar\": 7", "\"query_pre_attn_scalar\": 0",
     PC_ERR_INPUT, "query_pre_attn_scalar is 0, expected a positive number"},
    {"neo-local", "config.json", "\"window_size\": 4", "\"window_size\": 0", PC_ERR_INPUT,
     "window_size is 0, expected an integer from 1"},
    {"neo-local", "config.json", "\"num_layers\": 3", "\"num_layers\": 2", PC_ERR_INPUT,
     "layers have an attention type, expected 2"},
};

Test(model_errors, configurations_that_cannot_be_are_named)
{
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        copy_file(configs[i].model, configs[i].config, configs[i].from, configs[i].to);
        copy_file(configs[i].model, "model.safetensors", NULL, NULL);
        if (*configs[i].message)
            expect_refused(configs[i].to, configs[i].status, configs[i].message);
        test_folder_clean_up();
        test_folder_set_up();
    }
}

static const struct {
    const char *from, *to;
    pc_status status;
    const char *message;
} weights[] = {
    {"\"wte.weight\"", "\"wtf.weight\"", PC_ERR_INPUT, "tensor wte.weight is missing"},
    {"[37,24]", "[24,37]", PC_ERR_INPUT, "wte.weight is (24, 37), expected (37, 24)"},
    {"[24,72]", "[72,24]", PC_ERR_INPUT, "attn.c_attn.weight is (72, 24), expected (24, 72)"},
    {"\"ln_f.bias\"", "\"ln_g.bias\"", PC_ERR_INPUT, "tensor ln_f.bias is missing"},
    {"\"h.0.attn.masked_bias\"", "\"h.2.attn.masked_bias\"", PC_ERR_UNSUPPORTED,
     "tensor h.2.attn.masked_bias is not part of a gpt2 model"},
    {"\"h.0.attn.masked_bias\"", "\"h.0.attn.masked_bent\"", PC_ERR_UNSUPPORTED,
     "tensor h.0.attn.masked_bent is not part of a gpt2 model"},
    {"\"h.0.attn.c_attn.weight\"", "\"transformer.wpe.weight\"", PC_ERR_INPUT,
     "has both wpe.weight and transformer.wpe.weight"},
};

Test(model_errors, tensors_that_do_not_fit_are_named)
{
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        copy_file("gpt2-plain", "config.json", NULL, NULL);
        copy_file("gpt2-plain", "model.safetensors", weights[i].from, weights[i].to);
        expect_refused(weights[i].to, weights[i].status, weights[i].message);
    }
}

/* Keys that the published GPT-2 configurations carry and that change nothing. */
Test(model_errors, keys_without_effect_and_a_bos_beyond_the_vocabulary_are_passed_over)
{
    pc_model *model;
    copy_file("gpt2-plain", "config.json", "\"bos_token_id\": 0",
              "\"n_special\": 0, \"output_past\": true, \"_num_labels\": 1,"
              " \"predict_special_tokens\": true, \"n_ctx\": 19, \"bos_token_id\": 50256");
    copy_file("gpt2-plain", "model.safetensors", NULL, NULL);
    cr_assert_eq(pc_model_open(&model, test_folder), PC_OK, "%s", pc_last_error());
    cr_expect_eq(pc_model_describe(model)->bos, -1);
    pc_model_free(model);
}

static uint64_t offset_of(const char *tensor)
{
    pc_checkpoint *checkpoint;
    cr_assert_eq(pc_checkpoint_open(&checkpoint, test_folder), PC_OK, "%s", pc_last_error());
    const uint64_t offset = pc_checkpoint_find(checkpoint, tensor)->offset;
    pc_checkpoint_free(checkpoint);
    return offset;
}

Test(model_errors, nan_and_infinite_weights_are_located)
{
    static const char nan_bytes[] = "\x00\x00\xc0\x7f", infinity[] = "\x00\x00\x80\x7f";
    size_t length;
    char *bytes = read_golden(&length, "gpt2-plain", "model.safetensors");
    copy_file("gpt2-plain", "config.json", NULL, NULL);
    write_here("model.safetensors", bytes, length);
    const uint64_t at = offset_of("h.1.ln_2.bias") + 4 * 7;
    memcpy(bytes + at, nan_bytes, 4);
    write_here("model.safetensors", bytes, length);
    expect_refused("NaN", PC_ERR_INPUT, "h.1.ln_2.bias has NaN at element 7");
    memcpy(bytes + at, infinity, 4);
    write_here("model.safetensors", bytes, length);
    expect_refused("infinity", PC_ERR_INPUT, "h.1.ln_2.bias has an infinity at element 7");
    free(bytes);
}

Test(model_errors, every_truncation_is_refused)
{
    size_t length;
    char *bytes = read_golden(&length, "gpt2-relu", "model.safetensors");
    copy_file("gpt2-relu", "config.json", NULL, NULL);
    for (size_t cut = 0; cut < length; cut += 1 + cut / 16) {
        write_here("model.safetensors", bytes, cut);
        expect_refused("truncated", PC_ERR_INPUT, "model.safetensors");
    }
    free(bytes);
}

Test(model_errors, directories_without_a_model_say_what_was_looked_for)
{
    expect_refused("empty", PC_ERR_INPUT, "has neither config.json (Hugging Face) nor cfg.json");
    copy_file("gpt2-plain", "config.json", NULL, NULL);
    expect_refused("no weights", PC_ERR_INPUT, "safetensors");
    pc_model *model = NULL;
    cr_expect_eq(pc_model_open(&model, "/nowhere/at/all"), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "/nowhere/at/all: no such model directory"), "%s",
              pc_last_error());
}

Test(model_errors, prompts_that_cannot_be_are_refused)
{
    pc_model *model;
    double logits[64 * 37];
    int32_t tokens[64] = {0};
    copy_file("gpt2-plain", "config.json", NULL, NULL);
    copy_file("gpt2-plain", "model.safetensors", NULL, NULL);
    cr_assert_eq(pc_model_open(&model, test_folder), PC_OK, "%s", pc_last_error());
    cr_expect_eq(pc_model_logits(logits, model, tokens, 0), PC_ERR_INPUT);
    cr_expect_eq(pc_model_logits(logits, model, tokens, 20), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "has 20 tokens"), "%s", pc_last_error());
    tokens[3] = 37;
    cr_expect_eq(pc_model_logits(logits, model, tokens, 5), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "token 3 of the prompt is 37, expected 0 to 36"), "%s",
              pc_last_error());
    pc_model_free(model);
}

/* The configurations that models are published with are understood, key by key. The files are where
 * the fuzzer of configurations begins, too. */
#include "base/file.h"
#include "model/architecture.h"
#include "model/components.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *file, *architecture;
    int n_layers, n_heads, n_kv_heads, d_head, d_mlp, rotary_dim, window, n_windowed;
    double attention_scale;
    int64_t n_edges[2]; /* k and v per KV head, per query head */
} cases[] = {
    {"pythia-160m", "gpt_neox", 12, 12, 12, 64, 3072, 16, 0, 0, 0.125, {32347, 32347}},
    {"tinystories-33m", "gpt_neo", 4, 16, 16, 48, 3072, 0, 256, 2, 1, {5327, 5327}},
    {"llama-3.1-8b", "llama", 32, 32, 8, 128, 14336, 128, 0, 0, 0, {805681, 1592881}},
    {"mistral-7b", "mistral", 32, 32, 8, 128, 14336, 128, 4096, 32, 0, {805681, 1592881}},
    {"qwen2.5-0.5b", "qwen2", 24, 14, 2, 64, 4864, 64, 0, 0, 0.125, {79813, 179749}},
    {"qwen3-0.6b", "qwen3", 28, 16, 8, 128, 3072, 128, 0, 0, 0, {213907, 317171}},
    {"gemma-2-2b", "gemma2", 26, 8, 4, 256, 9216, 256, 4096, 13, 0.0625, {50610, 74218}},
};

static void read_config(pc_shape *shape, const char *file, const char *architecture)
{
    char path[512], *bytes;
    size_t length;
    const pc_architecture *found;
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/fuzz_config/%s.json", PC_SOURCE_DIR, file);
    cr_assert_eq(pc_file_read(&bytes, &length, path, 1 << 20), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_architecture_parse(&found, shape, bytes, length, "config.json", path), PC_OK,
                 "%s", pc_last_error());
    cr_expect_str_eq(found->name, architecture, "%s", file);
    free(bytes);
}

static void check_edges(size_t i, const pc_shape *shape)
{
    for (pc_kv_granularity g = PC_KV_SHARED; g <= PC_KV_PER_QUERY; g++) {
        pc_components c;
        cr_assert_eq(pc_components_init(&c, shape, g), PC_OK);
        cr_expect_eq(c.n_edges, cases[i].n_edges[g], "%s: %lld edges", cases[i].file,
                     (long long)c.n_edges);
        pc_components_free(&c);
    }
}

Test(model_configs, published_configurations_are_understood)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pc_shape s;
        int n_windowed = 0;
        read_config(&s, cases[i].file, cases[i].architecture);
        for (int layer = 0; layer < s.n_layers; layer++)
            n_windowed += s.is_windowed[layer];
        cr_expect_eq(s.n_layers, cases[i].n_layers, "%s", cases[i].file);
        cr_expect_eq(s.n_heads, cases[i].n_heads, "%s", cases[i].file);
        cr_expect_eq(s.n_kv_heads, cases[i].n_kv_heads, "%s", cases[i].file);
        cr_expect_eq(s.d_head, cases[i].d_head, "%s", cases[i].file);
        cr_expect_eq(s.d_mlp, cases[i].d_mlp, "%s", cases[i].file);
        cr_expect_eq(s.rotary.dim, cases[i].rotary_dim, "%s", cases[i].file);
        cr_expect_eq(n_windowed, cases[i].n_windowed, "%s: %d windows", cases[i].file, n_windowed);
        if (n_windowed) cr_expect_eq(s.window, cases[i].window, "%s: %d", cases[i].file, s.window);
        if (cases[i].attention_scale > 0)
            cr_expect_eq(s.attention_scale, cases[i].attention_scale, "%s", cases[i].file);
        check_edges(i, &s);
    }
}

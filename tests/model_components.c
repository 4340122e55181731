/* The component table counts what the field's tools count, and names parse back. */
#include "model/components.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    const char *name;
    int n_layers, n_heads, n_kv_heads, d_mlp;
    pc_block block;
    pc_kv_granularity granularity;
    int n_writers, n_readers;
    int64_t n_edges;
} cases[] = {
    {"gpt2 small", 12, 12, 12, 3072, PC_BLOCK_SEQUENTIAL, PC_KV_SHARED, 157, 445, 32491},
    {"gpt2 medium", 24, 16, 16, 4096, PC_BLOCK_SEQUENTIAL, PC_KV_SHARED, 409, 1177, 231877},
    {"pythia-160m, parallel", 12, 12, 12, 3072, PC_BLOCK_PARALLEL, PC_KV_PER_QUERY, 157, 445,
     32347},
    {"llama-3.1-8b, query", 32, 32, 8, 14336, PC_BLOCK_SEQUENTIAL, PC_KV_PER_QUERY, 1057, 3105,
     1592881},
    {"llama-3.1-8b, kv", 32, 32, 8, 14336, PC_BLOCK_SEQUENTIAL, PC_KV_SHARED, 1057, 1569, 805681},
    {"qwen2.5-0.5b, query", 24, 14, 2, 4864, PC_BLOCK_SEQUENTIAL, PC_KV_PER_QUERY, 361, 1033,
     179749},
    {"qwen2.5-0.5b, kv", 24, 14, 2, 4864, PC_BLOCK_SEQUENTIAL, PC_KV_SHARED, 361, 457, 79813},
    {"gemma-2-2b, query", 26, 8, 4, 9216, PC_BLOCK_SEQUENTIAL, PC_KV_PER_QUERY, 235, 651, 74218},
    {"gemma-2-2b, kv", 26, 8, 4, 9216, PC_BLOCK_SEQUENTIAL, PC_KV_SHARED, 235, 443, 50610},
    {"attention only, 2 layers of 8", 2, 8, 8, 0, PC_BLOCK_SEQUENTIAL, PC_KV_SHARED, 17, 49, 257},
};

static pc_components make(size_t i)
{
    const pc_shape shape = {.n_layers = cases[i].n_layers,
                            .n_heads = cases[i].n_heads,
                            .n_kv_heads = cases[i].n_kv_heads,
                            .d_mlp = cases[i].d_mlp,
                            .block = cases[i].block};
    pc_components c;
    cr_assert_eq(pc_components_init(&c, &shape, cases[i].granularity), PC_OK);
    return c;
}

Test(model_components, counts_are_the_fields)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pc_components c = make(i);
        cr_expect_eq(c.n_writers, cases[i].n_writers, "%s: %d writers", cases[i].name, c.n_writers);
        cr_expect_eq(c.n_readers, cases[i].n_readers, "%s: %d readers", cases[i].name, c.n_readers);
        cr_expect_eq(c.n_edges, cases[i].n_edges, "%s: %lld edges", cases[i].name,
                     (long long)c.n_edges);
        pc_components_free(&c);
    }
}

Test(model_components, every_edge_has_a_name_that_parses_back)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pc_components c = make(i);
        for (int64_t edge = 0; edge < c.n_edges; edge += 1 + c.n_edges / 1000) {
            char name[2 * PC_NAME_BYTES + 2];
            pc_place place;
            pc_edge_name(name, &c, edge);
            cr_assert_eq(pc_place_parse(&place, &c, name), PC_OK, "%s: %s: %s", cases[i].name, name,
                         pc_last_error());
            cr_expect_eq(c.readers[place.reader].first_edge + place.writer, edge, "%s: %s",
                         cases[i].name, name);
        }
        pc_components_free(&c);
    }
}

static const struct {
    const char *name, *message;
} bad[] = {
    {"a0.h12", "the nearest name is \"a0.h1\""},
    {"a12.h0", "the nearest name is"},
    {"b0.h1", "component \"b0.h1\" is not in this model; the nearest name is \"a0.h1\""},
    {"m0.n3072", "m0 has n0 to n3071"},
    {"m0.n", "component \"m0.n\" is not"},
    {"a0.h01", "component \"a0.h01\" is not"},
    {"a1.h0->a0.h0<k>", "cannot exist: a0.h0<k> does not see what a1.h0 writes"},
    {"m0->m0", "cannot exist"},
    {"a0.h0->a1.h0", "reader \"a1.h0\" is not in this model; the nearest name is \"a1.h0<q>\""},
    {"", "component \"\" is not"},
    {"a99999999999.h0", "component"},
    {"inputinputinputinputinputinputinputinputinputinputinput->m0", "component"},
};

Test(model_components, bad_names_are_refused_with_the_nearest)
{
    pc_components c = make(0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pc_place place;
        cr_expect_eq(pc_place_parse(&place, &c, bad[i].name), PC_ERR_INPUT, "%s", bad[i].name);
        cr_expect(strstr(pc_last_error(), bad[i].message), "%s: %s", bad[i].name, pc_last_error());
    }
    pc_components_free(&c);
}

Test(model_components, transformer_lens_short_names_are_heads)
{
    pc_components c = make(0);
    pc_place place;
    cr_assert_eq(pc_place_parse(&place, &c, "3.7"), PC_OK);
    cr_expect_str_eq(c.writers[place.writer].name, "a3.h7");
    pc_components_free(&c);
}

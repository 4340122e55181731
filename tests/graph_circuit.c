/* Circuits: what is built is checked, written and read back byte for byte; hostile files are
 * refused. */
#include "support/graph_samples.h"
#include "support/test_folder.h"

#include "base/file.h"
#include "base/memory.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_round_trip(pc_circuit *c, const char *name)
{
    pc_text first = {0}, second = {0};
    pc_circuit *back = NULL;
    cr_assert_eq(pc_circuit_put_json(&first, c), PC_OK, "%s: %s", name, pc_last_error());
    cr_assert_eq(pc_circuit_parse(&back, first.data, first.length, "circuit.json"), PC_OK, "%s: %s",
                 name, pc_last_error());
    cr_assert_eq(pc_circuit_put_json(&second, back), PC_OK);
    cr_expect_str_eq(first.data, second.data, "%s", name);
    pc_text_free(&second);
    pc_text_free(&first);
    pc_circuit_free(back);
    pc_circuit_free(c);
}

Test(graph_circuit, json_reads_back_byte_for_byte)
{
    static const sample_shape shape = {12, 12, 12, 150, 40}, grouped = {4, 8, 2, 30, 8};
    expect_round_trip(sample_induction(), "induction");
    expect_round_trip(sample_random(&shape), "random");
    expect_round_trip(sample_random(&grouped), "grouped queries");
    expect_round_trip(sample_neurons(3, 40), "neurons");
}

Test(graph_circuit, awkward_values_read_back_byte_for_byte)
{
    pc_circuit *c = sample_induction();
    pc_circuit_node strange = {
        .name = "logits", .role = "quote \" back \\ tab\t \x01 \xc3\xa9", .is_untouched = true};
    pc_circuit_edge edge = {.from = "input",
                            .to = "logits",
                            .effect = 5e-324,
                            .stderr_ = 0.1 + 0.2,
                            .is_measured = true,
                            .is_untouched = true};
    cr_assert_eq(pc_circuit_add_node(c, &strange), PC_OK);
    cr_assert_eq(pc_circuit_add_edge(c, &edge), PC_OK);
    cr_assert_eq(pc_circuit_set_baseline(c, "empty", -0.0), PC_OK);
    cr_assert_eq(pc_circuit_set_evaluation(c, "a \"name\"", 1e300), PC_OK);
    cr_assert_eq(pc_circuit_set_evaluation(c, "big", 99999999999999984.0), PC_OK);
    expect_round_trip(c, "awkward");
}

Test(graph_circuit, json_has_the_promised_shape)
{
    static const char *const lines[] = {
        "{\n  \"schema\": \"patchclamp-circuit/1\",\n  \"version\": \"0.1.0\",\n",
        "  \"model\": {\"name\": \"demo\", \"sha256\": \"abcd\", \"architecture\": \"gpt2\", "
        "\"n_layers\": 2, \"n_heads\": 4, \"n_kv_heads\": 4, \"d_model\": 64, \"d_head\": 16, "
        "\"d_mlp\": 64, \"vocab\": 65, \"parallel_attn_mlp\": false, \"attn_only\": false},\n",
        "  \"options\": {\"level\": \"edge\", \"metric\": \"logit-diff\", \"direction\": "
        "\"noise\", "
        "\"top\": 15, \"threshold\": 0.1, \"signed\": false},\n",
        "  \"baseline\": {\"clean\": 5.213, \"corrupted\": -0.4412},\n",
        "    {\"name\": \"a1.h3\", \"effect\": -3.2, \"stderr\": 0.03, \"in_circuit\": true, "
        "\"role\": \"induction\"},\n",
        "    {\"from\": \"a0.h2\", \"to\": \"a1.h3<k>\", \"effect\": -3.15, \"stderr\": 0.031, "
        "\"in_circuit\": true},\n",
        "  \"evaluation\": {\"faithfulness\": 0.917}\n}\n"};
    pc_circuit *c = sample_induction();
    pc_text text = {0};
    cr_assert_eq(pc_circuit_put_json(&text, c), PC_OK);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cr_expect(strstr(text.data, lines[i]), "missing: %s in\n%s", lines[i], text.data);
    pc_text_free(&text);
    pc_circuit_free(c);
}

Test(graph_circuit, getters_give_what_was_set)
{
    pc_circuit *c = sample_induction();
    double value = 7;
    cr_expect_str_eq(pc_circuit_describe_model(c)->name, "demo");
    cr_expect_eq(pc_circuit_describe_task(c)->n, 64);
    cr_expect_str_eq(pc_circuit_version(c), "0.1.0");
    cr_expect_str_eq(pc_circuit_option(c, "threshold"), "0.1");
    cr_expect_str_eq(pc_circuit_option(c, "signed"), "false");
    cr_expect_null(pc_circuit_option(c, "no such key"));
    cr_expect(pc_circuit_baseline(&value, c, "clean") && value == 5.213);
    cr_expect_not(pc_circuit_evaluation(&value, c, "clean"));
    cr_expect_eq(value, 5.213, "a missing number left something behind");
    cr_expect_eq(pc_circuit_n_edges(c), 16);
    cr_expect_str_eq(pc_circuit_edge_at(c, 9)->to, "a1.h3<k>");
    cr_expect_null(pc_circuit_edge_at(c, 16));
    cr_expect_null(pc_circuit_node_at(c, 11));
    cr_assert_eq(pc_circuit_set_option(c, "level", "node"), PC_OK);
    cr_expect_str_eq(pc_circuit_option(c, "level"), "node");
    pc_circuit_free(c);
}

Test(graph_circuit, ranks_fall_with_ties_in_component_order_and_the_unmeasured_last)
{
    pc_circuit *c = sample_induction();
    static const size_t expected[] = {3, 1, 0, 2};
    static const char *const names[] = {"a0.h0", "a0.h1", "a0.h2", "a0.h3"};
    size_t order[4];
    c->n_nodes = 0;
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pc_circuit_add_node(c, &(pc_circuit_node){.name = names[i],
                                                               .effect = i == 3   ? -2
                                                                         : i == 0 ? 0
                                                                                  : 1,
                                                               .is_measured = i != 2}),
                     PC_OK);
    cr_assert_eq(pc_circuit_rank_nodes(order, c), PC_OK);
    for (size_t i = 0; i < 4; i++)
        cr_expect_eq(order[i], expected[i], "rank %zu is %s", i, names[order[i]]);
    c->nodes[1].effect = 2;
    cr_assert_eq(pc_circuit_rank_nodes(order, c), PC_OK);
    cr_expect_eq(order[0], 1, "a tie must keep component order");
    pc_circuit_free(c);
}

Test(graph_circuit, share_is_measured_against_everything_cut)
{
    pc_circuit *c = sample_induction();
    double share = 7;
    cr_assert(pc_circuit_share(&share, c, -2));
    cr_expect_float_eq(share, -2 / (-0.4412 - 5.213), 1e-15);
    cr_assert_eq(pc_circuit_set_baseline(c, "empty", 1.213), PC_OK);
    cr_assert(pc_circuit_share(&share, c, -2));
    cr_expect_float_eq(share, 0.5, 1e-15);
    cr_assert_eq(pc_circuit_set_option(c, "direction", "denoise"), PC_OK);
    cr_assert(pc_circuit_share(&share, c, 2));
    cr_expect_float_eq(share, 2 / (5.213 + 0.4412), 1e-15);
    cr_assert_eq(pc_circuit_set_baseline(c, "corrupted", 5.213), PC_OK);
    share = 7;
    cr_expect_not(pc_circuit_share(&share, c, 2), "a share of nothing");
    cr_expect_eq(share, 7);
    pc_circuit_free(c);
}

Test(graph_circuit, csv_lists_what_was_measured_by_rank)
{
    pc_circuit *c = sample_induction();
    pc_text text = {0};
    c->n_edges = 3;
    c->n_nodes = 2;
    cr_assert_eq(pc_circuit_add_node(c, &(pc_circuit_node){"m0.n17", NULL, 0.5, 0.25, true, true,
                                                           false, 16, 0.25, true, 0.75}),
                 PC_OK);
    cr_assert_eq(pc_circuit_add_edge(c, &(pc_circuit_edge){.from = "m1", .to = "logits"}), PC_OK);
    cr_assert_eq(pc_circuit_put_csv(&text, c), PC_OK);
    cr_expect_str_eq(text.data, "kind,name,effect,stderr,n\n"
                                "node,input,-5.1,0.03,64\n"
                                "node,a0.h0,-0.1,0.03,64\n"
                                "neuron,m0.n17,0.5,0.25,16\n"
                                "edge,input->a0.h2<q>,-0.41,0.031,64\n"
                                "edge,input->a0.h2<k>,-0.22,0.031,64\n"
                                "edge,input->a0.h1<v>,0.11,0.031,64\n");
    pc_text_free(&text);
    pc_circuit_free(c);
}

/* Each case replaces `from` by `to` in a good file. */
static const struct {
    const char *name, *from, *to, *message;
    pc_status status;
} hostile[] = {
    {"newer schema", "circuit/1", "circuit/2",
     "c.json: schema is \"patchclamp-circuit/2\", newer than the \"patchclamp-circuit/1\" that "
     "this "
     "version of Patchclamp reads",
     PC_ERR_UNSUPPORTED},
    {"other schema", "patchclamp-circuit/1", "graph",
     "c.json: schema is \"graph\", expected "
     "\"patchclamp-circuit/1\"",
     PC_ERR_INPUT},
    {"number for a name", "\"from\": \"input\", \"to\": \"a0.h2<q>\"",
     "\"from\": 3, \"to\": \"m1\"", "c.json: edges[1].from is 3, expected a string", PC_ERR_INPUT},
    {"no such head", "a1.h3<k>", "a1.h4<k>",
     "c.json: edges[9]: a1.h4<k> is not in the model (2 "
     "layers, 4 heads, 4 KV heads, d_mlp 64)",
     PC_ERR_INPUT},
    {"not a name", "a1.h3<k>", "a1.h3<z>",
     "c.json: edges[9]: \"a1.h3<z>\" is not a component's name", PC_ERR_INPUT},
    {"backwards", "\"from\": \"a0.h2\", \"to\": \"a1.h3<k>\"",
     "\"from\": \"m1\", \"to\": \"a1.h3<k>\"",
     "c.json: edges[9]: a1.h3<k> does not see what m1 writes", PC_ERR_INPUT},
    {"twice", "\"a0.h2<k>\"", "\"a0.h2<q>\"", "c.json: edges[2]: input->a0.h2<q> is there twice",
     PC_ERR_INPUT},
    {"node twice", "\"a0.h3\"", "\"a0.h2\"", "c.json: nodes[4]: a0.h2 is there twice",
     PC_ERR_INPUT},
    {"reader as node", "\"a0.h3\"", "\"a0.h3<q>\"",
     "c.json: nodes[4]: a0.h3<q> is a reader, expected a component", PC_ERR_INPUT},
    {"text for a number", "-3.15", "\"much\"",
     "c.json: edges[9].effect is \"much\", expected a number "
     "or null",
     PC_ERR_INPUT},
    {"NaN", "-3.15", "NaN", "c.json:30:53: not valid JSON: invalid token near 'NaN'", PC_ERR_INPUT},
    {"overflow", "-3.15", "1e999",
     "c.json:30:55: not valid JSON: real number overflow near '1e999'", PC_ERR_INPUT},
    {"half a measurement", "-3.15", "null",
     "c.json: edges[9].stderr is 0.031, expected null, as "
     "effect is",
     PC_ERR_INPUT},
    {"no probability", "-3.15, ", "-3.15, \"p\": 0, ",
     "c.json: edges[9].p is 0, expected a probability above 0", PC_ERR_INPUT},
    {"no share", "-3.15, ", "-3.15, \"frequency\": 1.5, ",
     "c.json: edges[9].frequency is 1.5, expected a share from 0 to 1", PC_ERR_INPUT},
    {"negative error", "-3.15, \"stderr\": 0.031", "1, \"stderr\": -1",
     "c.json: edges[9].stderr is negative", PC_ERR_INPUT},
    {"no layers", "\"n_layers\": 2", "\"n_layers\": 0",
     "c.json: model.n_layers is 0, expected an integer from 1 to 1024", PC_ERR_INPUT},
    {"too many layers", "\"n_layers\": 2", "\"n_layers\": 1000000000",
     "c.json: model.n_layers is 1000000000, expected an integer from 1 to 1024", PC_ERR_INPUT},
    {"more KV heads than heads", "\"n_kv_heads\": 4", "\"n_kv_heads\": 5",
     "c.json: model.n_kv_heads is 5, expected an integer from 1 to 4", PC_ERR_INPUT},
    {"fewer than no prompts", "\"n\": 64", "\"n\": -1",
     "c.json: task.n is -1, expected an integer from 0 to "
     "9223372036854775807",
     PC_ERR_INPUT},
    {"list for an option", "\"top\": 15", "\"top\": [15]",
     "c.json: options.top is an array of 1, expected a string, a number, true or false",
     PC_ERR_INPUT},
    {"text for a baseline", "5.213", "\"x\"", "c.json: baseline.clean is \"x\", expected a number",
     PC_ERR_INPUT},
    {"missing list", "\"nodes\"", "\"knots\"", "c.json: nodes is missing, expected an array",
     PC_ERR_INPUT},
    {"missing key", "\"in_circuit\": true, \"role\": \"previous-token\"", "\"role\": \"x\"",
     "c.json: nodes[3].in_circuit is missing, expected true or false", PC_ERR_INPUT},
};

/* `text` with the first `from` replaced. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    if (!at) return NULL;
    char *out = malloc(strlen(text) + strlen(to) + 1);
    sprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return out;
}

Test(graph_circuit, hostile_files_are_refused_with_the_place)
{
    pc_circuit *c = sample_induction();
    pc_text text = {0};
    cr_assert_eq(pc_circuit_put_json(&text, c), PC_OK);
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        pc_circuit *back = c;
        char *bad = replaced(text.data, hostile[i].from, hostile[i].to);
        cr_assert(bad, "%s: nothing to replace", hostile[i].name);
        cr_expect_eq(pc_circuit_parse(&back, bad, strlen(bad), "c.json"), hostile[i].status, "%s",
                     hostile[i].name);
        cr_expect_null(back, "%s", hostile[i].name);
        cr_expect_str_eq(pc_last_error(), hostile[i].message, "%s: %s", hostile[i].name,
                         pc_last_error());
        free(bad);
    }
    pc_text_free(&text);
    pc_circuit_free(c);
}

Test(graph_circuit, every_truncation_is_refused)
{
    pc_circuit *c = sample_induction(), *back;
    pc_text text = {0};
    cr_assert_eq(pc_circuit_put_json(&text, c), PC_OK);
    for (size_t length = 0; length + 2 < text.length; length += 7)
        cr_expect_eq(pc_circuit_parse(&back, text.data, length, "c.json"), PC_ERR_INPUT,
                     "%zu bytes", length);
    pc_text_free(&text);
    pc_circuit_free(c);
}

Test(graph_circuit, writers_refuse_what_is_not_finite)
{
    pc_circuit *c = sample_induction();
    pc_text text = {0};
    c->edges[5].effect = NAN;
    cr_expect_eq(pc_circuit_put_json(&text, c), PC_ERR_INPUT);
    cr_expect_str_eq(pc_last_error(), "circuit: edges[5].effect is NaN, expected a finite number");
    cr_expect_eq(pc_circuit_put_csv(&text, c), PC_ERR_INPUT);
    cr_expect_eq(pc_circuit_put_svg(&text, c, NULL), PC_ERR_INPUT);
    cr_expect_eq(pc_circuit_put_dot(&text, c, NULL), PC_ERR_INPUT);
    pc_text_free(&text);
    pc_circuit_free(c);
}

Test(graph_circuit, files_are_written_and_read)
{
    char folder[TEST_FOLDER_BYTES];
    test_folder_make(folder);
    char *path = pc_path_join(folder, "circuit.json");
    pc_circuit *c = sample_induction(), *back = NULL;
    cr_expect_eq(pc_circuit_read(&back, path), PC_ERR_INPUT, "a missing file");
    cr_assert_eq(pc_circuit_write_json(c, path), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_circuit_read(&back, path), PC_OK, "%s", pc_last_error());
    cr_expect_eq(pc_circuit_n_edges(back), 16);
    cr_expect_eq(pc_circuit_write_csv(c, "/no/such/folder/scores.csv"), PC_ERR_IO);
    test_folder_remove(folder);
    free(path);
    pc_circuit_free(back);
    pc_circuit_free(c);
}

/* One allocation after the other fails; nothing leaks, nothing crashes. */
Test(graph_circuit, running_out_of_memory_is_reported_wherever_it_happens)
{
    pc_circuit *c = sample_induction();
    pc_text json = {0};
    cr_assert_eq(pc_circuit_put_json(&json, c), PC_OK);
    int64_t n = 0;
    for (pc_status status = PC_ERR_NOMEM; status == PC_ERR_NOMEM && n < 100000; n++) {
        pc_circuit *back = NULL;
        pc_text text = {0};
        pc_alloc_fail_after(n);
        status = pc_circuit_parse(&back, json.data, json.length, "c.json");
        if (status == PC_OK) status = pc_circuit_put_svg(&text, back, NULL);
        if (status == PC_OK) {
            pc_text_free(&text);
            status = pc_circuit_put_dot(&text, back, NULL);
        }
        pc_alloc_fail_after(-1);
        cr_expect(status == PC_OK || status == PC_ERR_NOMEM, "allocation %lld: %s", (long long)n,
                  pc_last_error());
        pc_text_free(&text);
        pc_circuit_free(back);
    }
    cr_expect(n > 100 && n < 100000, "%lld allocations", (long long)n);
    pc_text_free(&json);
    pc_circuit_free(c);
}

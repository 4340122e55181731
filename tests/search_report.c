/* The report: what is measured for it is what it says, what it cannot list it counts, and a run.db
 * that somebody changed is refused or harmless. */
#include "support/golden.h"
#include "support/graph_samples.h"
#include "support/test_folder.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "graph/report_page.h"
#include "patchclamp/find.h"
#include "patchclamp/patch.h"
#include "search/report_private.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(search_report, .init = test_folder_set_up, .fini = test_folder_clean_up);

/* A run of a golden model in "run", and its circuit. */
static pc_circuit *find_golden(const char *name, pc_find_options options)
{
    char directory[256];
    strcpy(directory, test_folder_path("run", ""));
    pc_model *model = golden_open(name);
    json_t *golden = golden_read(name);
    pc_task *task = golden_task(golden, model);
    pc_circuit *circuit;
    options.directory = directory;
    cr_assert_eq(pc_find(&circuit, model, task, &options), PC_OK, "%s: %s", name, pc_last_error());
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
    return circuit;
}

/* The object that the page reads. */
static json_t *read_data(const char *page)
{
    static const char begin[] = "id=\"data\">";
    const char *first = strstr(page, begin);
    cr_assert(first, "no data");
    first += sizeof begin - 1;
    const char *end = strstr(first, "</script>");
    json_t *value = NULL;
    cr_assert_eq(pc_json_parse(&value, first, (size_t)(end - first), "page"), PC_OK, "%s",
                 pc_last_error());
    return value;
}

static int64_t integer(const json_t *object, const char *key)
{
    return (int64_t)json_number_value(json_object_get(object, key));
}

/* ---- faithfulness by size ---- */

/* The first n of the circuit's ranking as a circuit of its own, which eval measures. */
static double evaluate_first(pc_circuit *circuit, int64_t n, const char *model_name)
{
    pc_model *model = golden_open(model_name);
    json_t *golden = golden_read(model_name);
    pc_task *task = golden_task(golden, model);
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    pc_faithfulness f;
    options.metric = PC_METRIC_KL;
    size_t *order = pc_alloc(circuit->n_edges, sizeof *order);
    bool *before = pc_alloc(circuit->n_edges, sizeof *before);
    cr_assert_eq(pc_circuit_rank_edges(order, circuit), PC_OK);
    for (size_t i = 0; i < circuit->n_edges; i++) {
        before[i] = circuit->edges[i].in_circuit;
        circuit->edges[i].in_circuit = false;
    }
    for (int64_t i = 0; i < n; i++)
        circuit->edges[order[i]].in_circuit = true;
    cr_assert_eq(pc_circuit_evaluate(&f, circuit, model, task, &options), PC_OK, "%s",
                 pc_last_error());
    for (size_t i = 0; i < circuit->n_edges; i++)
        circuit->edges[i].in_circuit = before[i];
    free(before);
    free(order);
    pc_task_free(task);
    json_decref(golden);
    pc_model_free(model);
    return f.faithfulness;
}

/* Pruning changes nothing of what reaches the logits, so that eval, which does not prune, agrees.
 */
Test(search_report, prefixes_are_the_faithfulness_that_eval_measures)
{
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.selection = PC_SELECT_TOP;
    options.top = 9;
    options.evaluation.metric = PC_METRIC_KL;
    pc_circuit *circuit = find_golden("gpt2-plain", options);
    cr_assert_gt(circuit->n_prefixes, 20);
    cr_expect_eq(circuit->prefixes[circuit->n_prefixes - 1].n, (int64_t)circuit->n_edges);
    for (size_t i = 3; i < circuit->n_prefixes; i += 6) {
        const pc_circuit_prefix *p = &circuit->prefixes[i];
        cr_expect_float_eq(p->faithfulness, evaluate_first(circuit, p->n, "gpt2-plain"), 1e-9,
                           "the first %lld", (long long)p->n);
        cr_expect(p->low <= p->faithfulness && p->faithfulness <= p->high);
    }
    cr_expect_float_eq(circuit->prefixes[circuit->n_prefixes - 1].faithfulness, 1, 1e-12);
    pc_circuit_free(circuit);
}

/* ---- limits ---- */

Test(search_report, what_is_not_listed_is_counted)
{
    static const sample_shape shape = {12, 12, 12, 6000, 144};
    pc_circuit *circuit = sample_random(&shape);
    pc_text page = {0};
    cr_assert_gt(circuit->n_edges, 2 * PC_REPORT_MOST_ROWS);
    cr_assert_eq(pc_report_put(&page, circuit, NULL, NULL), PC_OK, "%s", pc_last_error());
    json_t *data = read_data(page.data);
    int64_t n_in = 0, n_listed_in = 0;
    const json_t *edges = json_object_get(data, "edges");
    for (size_t i = 0; i < circuit->n_edges; i++)
        n_in += circuit->edges[i].in_circuit;
    for (size_t i = 0; i < json_array_size(edges); i++)
        n_listed_in += json_integer_value(json_array_get(json_array_get(edges, i), 4));
    cr_expect_eq(json_array_size(edges), PC_REPORT_MOST_ROWS);
    cr_expect_eq(integer(data, "n"), (int64_t)circuit->n_edges);
    cr_expect_eq(integer(data, "n_in"), n_in);
    cr_expect_eq(integer(data, "n_listed_in"), n_listed_in);
    cr_expect_lt(n_listed_in, n_in);
    json_decref(data);
    pc_text_free(&page);
    pc_circuit_free(circuit);
}

/* ---- a run.db that somebody changed ---- */

static pc_status report_with_note(pc_text *page, const pc_circuit *circuit, const char *key,
                                  const char *words)
{
    pc_store *store;
    cr_assert_eq(pc_store_open(&store, test_folder_path("run", "run.db"), NULL, 0, PC_STORE_READ),
                 PC_OK, "%s", pc_last_error());
    size_t n;
    const pc_store_fact *identity = pc_store_identity(&n, store);
    pc_store *writing;
    pc_store_fact facts[32];
    cr_assert_leq(n, 32);
    for (size_t i = 0; i < n; i++)
        facts[i] = (pc_store_fact){pc_copy_text(identity[i].key), pc_copy_text(identity[i].value)};
    pc_store_free(store);
    cr_assert_eq(
        pc_store_open(&writing, test_folder_path("run", "run.db"), facts, n, PC_STORE_RESUME),
        PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_store_note(writing, key, words), PC_OK);
    const pc_status status = pc_report_put(page, circuit, writing, NULL);
    cr_assert_eq(pc_store_close(writing), PC_OK);
    pc_store_free(writing);
    for (size_t i = 0; i < n; i++) {
        free((char *)facts[i].key);
        free((char *)facts[i].value);
    }
    return status;
}

static pc_circuit *find_small(void)
{
    pc_find_options options = PC_FIND_OPTIONS_INIT;
    options.level = PC_LEVEL_NODE;
    options.selection = PC_SELECT_TOP;
    options.top = 3;
    return find_golden("gpt2-plain", options);
}

Test(search_report, notes_that_find_did_not_write_are_refused)
{
    static const struct {
        const char *key, *words;
    } bad[] = {
        {"example", "no JSON"},
        {"example", "[]"},
        {"example", "{\"prompt\":0,\"clean\":[\"a\",1],\"corrupted\":[\"a\",\"b\"],\"targets\":[],"
                    "\"heads\":{}}"},
        {"example", "{\"prompt\":0,\"clean\":[\"a\",\"b\"],\"corrupted\":[\"a\"],\"targets\":[],"
                    "\"heads\":{}}"},
        {"example", "{\"prompt\":0,\"clean\":[\"a\"],\"corrupted\":[\"a\"],\"targets\":[],"
                    "\"heads\":{\"a0.h0\":\"fff\"}}"},
        {"example", "{\"prompt\":0,\"clean\":[\"a\"],\"corrupted\":[\"a\"],\"targets\":[3],"
                    "\"heads\":{}}"},
        {"positions", "{\"columns\":[[\"1\",null]],\"rows\":[]}"},
        {"positions", "{\"columns\":[[\"1\",null,null]],\"rows\":[[\"m0\",[]]]}"},
        {"positions", "{\"columns\":[[\"1\",null,null]],\"rows\":[[\"m0\",[\"x\"]]]}"},
    };
    pc_circuit *circuit = find_small();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pc_text page = {0};
        cr_expect_eq(report_with_note(&page, circuit, bad[i].key, bad[i].words), PC_ERR_INPUT, "%s",
                     bad[i].words);
        cr_expect(strstr(pc_last_error(), "run.db"), "%s", pc_last_error());
        pc_text_free(&page);
        cr_assert_eq(report_with_note(&page, circuit, bad[i].key,
                                      strcmp(bad[i].key, "example") == 0
                                          ? "{\"prompt\":0,\"clean\":[\"a\"],\"corrupted\":[\"b\"],"
                                            "\"targets\":[],\"heads\":{\"a0.h0\":\"ff\"}}"
                                          : "{\"columns\":[],\"rows\":[]}"),
                     PC_OK, "%s", pc_last_error());
        pc_text_free(&page);
    }
    pc_circuit_free(circuit);
}

Test(search_report, words_in_notes_stay_words)
{
    pc_circuit *circuit = find_small();
    pc_text page = {0};
    cr_assert_eq(report_with_note(&page, circuit, "command", "</script><script>alert(1)//\"\\"),
                 PC_OK, "%s", pc_last_error());
    json_t *data = read_data(page.data);
    cr_expect_str_eq(json_string_value(json_object_get(data, "command")),
                     "</script><script>alert(1)//\"\\");
    cr_expect_not(strstr(page.data, "<script>alert"));
    json_decref(data);
    pc_text_free(&page);
    cr_assert_eq(
        report_with_note(&page, circuit, "example",
                         "{\"prompt\":0,\"clean\":[\"</script><b>\"],\"corrupted\":[\"&\"],"
                         "\"targets\":[],\"heads\":{}}"),
        PC_OK, "%s", pc_last_error());
    cr_expect_not(strstr(page.data, "<b>"));
    pc_text_free(&page);
    pc_circuit_free(circuit);
}

/* ---- files ---- */

Test(search_report, prefixes_read_back_byte_for_byte)
{
    pc_circuit *c = sample_induction(), *back = NULL;
    pc_text first = {0}, second = {0};
    const pc_circuit_prefix prefixes[] = {{0, 0, 0.1 + 0.2, -1e-300, 5e300}, {7, 3, -0.0, 0, 0}};
    for (int i = 0; i < 2; i++)
        cr_assert_eq(pc_circuit_add_prefix(c, &prefixes[i]), PC_OK);
    cr_assert_eq(pc_circuit_put_json(&first, c), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_circuit_parse(&back, first.data, first.length, "c"), PC_OK, "%s",
                 pc_last_error());
    cr_assert_eq(pc_circuit_put_json(&second, back), PC_OK);
    cr_expect_str_eq(first.data, second.data);
    cr_expect_eq(pc_circuit_n_prefixes(back), 2);
    cr_expect_eq(pc_circuit_prefix_at(back, 1)->n_kept, 3);
    cr_expect_null(pc_circuit_prefix_at(back, 2));
    c->prefixes[1].n = 0;
    cr_expect_eq(pc_circuit_check(c, "c"), PC_ERR_INPUT, "n must rise");
    c->prefixes[1] = (pc_circuit_prefix){7, 8, 0, 0, 0};
    cr_expect_eq(pc_circuit_check(c, "c"), PC_ERR_INPUT, "more kept than there are");
    c->prefixes[1] = (pc_circuit_prefix){7, 3, NAN, 0, 0};
    cr_expect_eq(pc_circuit_check(c, "c"), PC_ERR_INPUT, "NaN");
    pc_text_free(&second);
    pc_text_free(&first);
    pc_circuit_free(back);
    pc_circuit_free(c);
}

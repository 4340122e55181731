/* Component names: what is in the grammar reads back as itself, what is not is refused. */
#include "graph/names.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(graph_names, well_formed_names_read_back_as_themselves)
{
    static const char *const names[] = {"input",     "logits",    "a0.h0",     "a3.h7",
                                        "m3",        "m3.n1021",  "a3.h7<q>",  "a3.h7<k>",
                                        "a12.h0<v>", "a3.kv1<k>", "a3.kv1<v>", "m9999999"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        pc_part part;
        char back[PC_PART_NAME_BYTES];
        cr_assert(pc_part_parse(&part, names[i]), "%s was refused", names[i]);
        cr_expect_str_eq(pc_part_name(back, &part), names[i]);
    }
}

Test(graph_names, everything_else_is_refused)
{
    static const char *const names[] = {
        "",          "inputs",    "logit",  "a3",     "a3.h",        "a3.h7<",
        "a3.h7<x>",  "a3.h7<q>x", "a03.h7", "a3.h07", "a-1.h2",      "a3.kv1",
        "a3.kv1<q>", "m",         "m3.",    "m3.n",   "m10000000",   "a3.h99999999999",
        " a3.h7",    "A3.h7",     "a3.h7 ", "3.7",    "a3.h7<q><k>", "a3,h7"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        pc_part part;
        cr_expect_not(pc_part_parse(&part, names[i]), "\"%s\" was taken", names[i]);
    }
}

Test(graph_names, edges_join_a_writer_and_a_reader)
{
    pc_part from, to;
    cr_assert(pc_edge_parse(&from, &to, "a0.h2->a1.h3<k>"));
    cr_expect_eq(from.kind, PC_PART_HEAD);
    cr_expect_eq(from.index, 2);
    cr_expect_eq(to.layer, 1);
    cr_expect_eq(to.port, PC_PORT_K);
    cr_expect(pc_edge_parse(&from, &to, "m0.n7->logits"));
    cr_expect_not(pc_edge_parse(&from, &to, "logits->m1"), "logits write nothing");
    cr_expect_not(pc_edge_parse(&from, &to, "a0.h1<q>->m1"), "a port writes nothing");
    cr_expect_not(pc_edge_parse(&from, &to, "m0->m1.n7"), "neurons have no edges into them");
    cr_expect_not(pc_edge_parse(&from, &to, "m0-m1"));
    cr_expect_not(pc_edge_parse(&from, &to, "m0->m1->m2"));
}

static const struct {
    const char *edge;
    bool in_sequential, in_parallel;
} orders[] = {
    {"input->a0.h0<q>", true, true},   {"a0.h0->m0", true, false},
    {"m0->m0", false, false},          {"m0->a0.h0<v>", false, false},
    {"a0.h0->a0.h1<k>", false, false}, {"m0->a1.h0<k>", true, true},
    {"a3.h1->a2.h1<q>", false, false}, {"m5->logits", true, true},
    {"m1.n3->m2", true, true},         {"input->logits", true, true},
    {"a0.h0->a1.kv0<v>", true, true},
};

Test(graph_names, writers_precede_the_readers_that_see_them)
{
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        pc_part from, to;
        cr_assert(pc_edge_parse(&from, &to, orders[i].edge), "%s", orders[i].edge);
        cr_expect_eq(pc_part_precedes(&from, &to, false), orders[i].in_sequential, "%s, sequential",
                     orders[i].edge);
        cr_expect_eq(pc_part_precedes(&from, &to, true), orders[i].in_parallel, "%s, parallel",
                     orders[i].edge);
    }
}

Test(graph_names, keys_follow_component_order)
{
    static const char *const names[] = {
        "input",     "a0.h0", "a0.h0<q>", "a0.h0<k>",          "a0.h1", "m0", "m0.n0", "m0.n1",
        "a1.kv0<k>", "a1.h0", "m1",       "m9999999.n9999999", "logits"};
    for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
        pc_part before, after;
        cr_assert(pc_part_parse(&before, names[i - 1]) && pc_part_parse(&after, names[i]));
        cr_expect(pc_part_key(&before) < pc_part_key(&after), "%s, %s", names[i - 1], names[i]);
    }
}

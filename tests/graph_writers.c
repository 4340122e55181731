/* Figures and circuits in every format: well-formed, the same bytes in any locale, safe whatever
 * the names are. */
#include "support/graph_samples.h"

#include "graph/draw.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef pc_status (*put)(pc_text *out, const pc_circuit *c, const pc_draw_options *options);

static pc_status put_pdf(pc_text *out, const pc_circuit *c, const pc_draw_options *options)
{
    return pc_circuit_put_figure(out, c, options, pc_figure_put_pdf);
}

static pc_status put_tikz(pc_text *out, const pc_circuit *c, const pc_draw_options *options)
{
    return pc_circuit_put_figure(out, c, options, pc_figure_put_tikz);
}

static pc_status put_tracer(pc_text *out, const pc_circuit *c, const pc_draw_options *options)
{
    (void)options;
    return pc_circuit_put_circuit_tracer(out, c);
}

static pc_status put_eapig(pc_text *out, const pc_circuit *c, const pc_draw_options *options)
{
    (void)options;
    return pc_circuit_put_eapig(out, c);
}

static const struct {
    const char *name;
    put put;
} formats[] = {{"svg", pc_circuit_put_svg},
               {"pdf", put_pdf},
               {"tex", put_tikz},
               {"dot", pc_circuit_put_dot},
               {"graphml", pc_circuit_put_graphml},
               {"circuit-tracer", put_tracer},
               {"eap-ig", put_eapig}};
enum { N_FORMATS = sizeof formats / sizeof *formats };

static pc_circuit *sample(size_t i)
{
    static const sample_shape grouped = {8, 16, 4, 60, 20}, large = {24, 16, 16, 1000, 200};
    if (i == 0) return sample_induction();
    if (i == 1) return sample_random(&grouped);
    return i == 2 ? sample_random(&large) : sample_neurons(3, 80);
}
enum { N_SAMPLES = 4 };

Test(graph_writers, same_circuit_same_bytes_in_any_locale)
{
    static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"};
    for (size_t f = 0; f < N_FORMATS; f++) {
        pc_text first = {0};
        for (size_t i = 0; i < sizeof locales / sizeof *locales; i++) {
            if (!setlocale(LC_ALL, locales[i])) continue; /* not installed here */
            pc_circuit *c = sample(2);
            pc_text text = {0};
            cr_assert_eq(formats[f].put(&text, c, NULL), PC_OK);
            if (!first.data) first = text;
            else {
                cr_expect_str_eq(first.data, text.data, "%s: %s", formats[f].name, locales[i]);
                pc_text_free(&text);
            }
            pc_circuit_free(c);
        }
        pc_text_free(&first);
    }
}

/* A circuit whose names anyone may have chosen: quotes, brackets, TeX, controls, broken UTF-8. */
static pc_circuit *hostile(void)
{
    pc_circuit *c = sample_induction();
    pc_circuit_model model = *pc_circuit_describe_model(c);
    pc_circuit_task task = *pc_circuit_describe_task(c);
    model.name = "a<b>&\"c\"'d'\\e(f)";
    task.name = "\\end{document}%$#_{}~^\x01\xff\xc3\xa9\xe4\xb8\xad\xf0\x9f\x99\x82\n]]>";
    cr_assert_eq(pc_circuit_set_model(c, &model), PC_OK);
    cr_assert_eq(pc_circuit_set_task(c, &task), PC_OK);
    return c;
}

/* In no format may a control character or a broken byte get through. */
Test(graph_writers, hostile_names_leave_clean_text)
{
    for (size_t f = 0; f < N_FORMATS; f++) {
        pc_circuit *c = hostile();
        pc_text text = {0};
        cr_assert_eq(formats[f].put(&text, c, NULL), PC_OK, "%s", formats[f].name);
        for (size_t i = 0; i < text.length; i++)
            cr_expect(text.data[i] == '\n' ||
                          ((unsigned char)text.data[i] >= 0x20 && text.data[i] != 0x7f),
                      "%s: control character %d at %zu", formats[f].name, text.data[i], i);
        cr_expect_not(strchr(text.data, '\xff'), "%s", formats[f].name);
        pc_text_free(&text);
        pc_circuit_free(c);
    }
}

/* ---- PDF ---- */

/* The number behind the first `word`. */
static long number_behind(const char *at, const char *word)
{
    const char *found = strstr(at, word);
    cr_assert(found, "no %s", word);
    return strtol(found + strlen(word), NULL, 10);
}

static void expect_sound_pdf(const pc_text *pdf, const char *name)
{
    const long start = number_behind(pdf->data, "startxref\n");
    const long n_objects = number_behind(pdf->data, "/Size ");
    cr_assert_eq(strncmp(pdf->data, "%PDF-1.4\n", 9), 0);
    cr_assert_eq(strncmp(pdf->data + start, "xref\n0 ", 7), 0, "%s: startxref is wrong", name);
    cr_expect_str_eq(pdf->data + pdf->length - 6, "%%EOF\n");
    const char *line = strchr(pdf->data + start + 5, '\n') + 1 + 20;
    for (long i = 1; i < n_objects; i++, line += 20) {
        char expected[32];
        snprintf(expected, sizeof expected, "%ld 0 obj\n", i);
        const char *object = pdf->data + strtol(line, NULL, 10);
        cr_expect_eq(strncmp(object, expected, strlen(expected)), 0, "%s: object %ld", name, i);
    }
    const char *stream = strstr(pdf->data, "stream\n") + strlen("stream\n");
    cr_expect_eq(
        strncmp(stream + number_behind(pdf->data, "/Length "), "\nendstream\nendobj\n", 18), 0,
        "%s: the length is wrong", name);
    for (size_t i = 0; i < pdf->length; i++)
        cr_expect((unsigned char)pdf->data[i] < 0x7f, "%s: not ASCII at %zu", name, i);
}

Test(graph_writers, a_pdf_finds_its_objects)
{
    for (size_t i = 0; i < N_SAMPLES; i++) {
        pc_circuit *c = sample(i);
        pc_text text = {0};
        char name[16];
        snprintf(name, sizeof name, "sample %zu", i);
        cr_assert_eq(put_pdf(&text, c, NULL), PC_OK, "%s", pc_last_error());
        expect_sound_pdf(&text, name);
        pc_text_free(&text);
        pc_circuit_free(c);
    }
}

/* Strings end where they should, and what the fonts do not have is named and can be copied. */
Test(graph_writers, a_pdf_escapes_strings_and_names_what_fonts_lack)
{
    pc_circuit *c = hostile();
    pc_text text = {0};
    cr_assert_eq(put_pdf(&text, c, NULL), PC_OK);
    expect_sound_pdf(&text, "hostile");
    cr_expect(strstr(text.data, "a<b>&\"c\"'d'\\\\e\\(f\\)"), "parentheses and backslashes");
    cr_expect(strstr(text.data, "\\351"), "Latin-1 in WinAnsi");
    cr_expect(strstr(text.data, "/Span <</ActualText <FEFF4E2D>>> BDC\n(U+4E2D) Tj\nEMC\n"));
    cr_expect(strstr(text.data, "/Span <</ActualText <FEFFD83DDE42>>> BDC\n(U+1F642) Tj\nEMC\n"));
    cr_expect(strstr(text.data, "(U+0001) Tj"));
    cr_expect(strstr(text.data, "(U+FFFD) Tj"));
    cr_expect(strstr(text.data, "\\2014.10") || strstr(text.data, "\\2013.15"), "the minus sign");
    cr_expect(strstr(text.data, "/F3 9 Tf\n(\\256) Tj"), "the arrow, of Symbol");
    pc_text_free(&text);
    pc_circuit_free(c);
}

/* Only vectors and text: as many paths as marks. */
Test(graph_writers, a_pdf_draws_every_mark)
{
    pc_circuit *c = sample(1);
    pc_figure figure = {0};
    pc_text text = {0};
    size_t n = 0;
    cr_assert_eq(pc_draw_circuit(&figure, c, NULL), PC_OK);
    cr_assert_eq(pc_figure_put_pdf(&text, &figure), PC_OK);
    for (const char *at = text.data; (at = strstr(at, "\nQ\n")); at++)
        n++;
    cr_expect_eq(n, figure.n_marks);
    cr_expect_not(strstr(text.data, "/XObject"));
    cr_expect(strstr(text.data, "/G85 << /ca 0.85 /CA 0.85 >>"), "the edges' opacity");
    pc_text_free(&text);
    pc_figure_free(&figure);
    pc_circuit_free(c);
}

/* A page larger than readers show is scaled down. */
Test(graph_writers, a_pdf_is_no_larger_than_readers_show)
{
    pc_figure figure = {.width = 28800, .height = 100};
    pc_text text = {0};
    pc_figure_rect(&figure, 0, 0, 28800, 100)->fill = 0;
    cr_assert_eq(pc_figure_put_pdf(&text, &figure), PC_OK);
    cr_expect(strstr(text.data, "/MediaBox [0 0 14400 50]"));
    cr_expect(strstr(text.data, "stream\n0.5 0 0 0.5 0 0 cm\n"));
    pc_text_free(&text);
    pc_figure_free(&figure);
}

/* ---- TikZ ---- */

static size_t count(const char *text, const char *words)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, words)); at++)
        n++;
    return n;
}

Test(graph_writers, tikz_has_a_line_a_mark)
{
    pc_circuit *c = sample(1);
    pc_figure figure = {0};
    pc_text text = {0};
    cr_assert_eq(pc_draw_circuit(&figure, c, NULL), PC_OK);
    cr_assert_eq(pc_figure_put_tikz(&text, &figure), PC_OK);
    cr_expect_eq(count(text.data, "\n\\path[") + count(text.data, "\n\\node["), figure.n_marks);
    cr_expect_eq(count(text.data, "\n\\definecolor{c14508c}{HTML}{14508C}\n"), 1);
    for (const char *at = text.data; (at = strstr(at, "=c")); at += 2) {
        char colour[32];
        snprintf(colour, sizeof colour, "{c%.6s}", at + 2);
        cr_expect(strstr(text.data, colour), "%s is not defined", colour);
    }
    pc_text_free(&text);
    pc_figure_free(&figure);
    pc_circuit_free(c);
}

/* Whatever a name is, TeX sees the document's own commands only, and balanced braces. */
Test(graph_writers, tikz_escapes_all_that_tex_acts_on)
{
    pc_circuit *c = hostile();
    pc_text text = {0};
    long depth = 0;
    cr_assert_eq(put_tikz(&text, c, NULL), PC_OK);
    cr_expect(strstr(text.data, "{\\textbackslash{}}end{\\{}document{\\}}{\\%}{\\$}{\\#}{\\_}{\\{}"
                                "{\\}}{\\textasciitilde{}}{\\textasciicircum{}}U+0001U+FFFD{\\'e}"
                                "U+4E2DU+1F642U+000A]]{\\textgreater{}}"),
              "the task's name");
    cr_expect_eq(count(text.data, "\\end{document}"), 1);
    for (size_t i = 0; i < text.length; i++) {
        const bool is_escaped = i > 0 && text.data[i - 1] == '\\';
        cr_expect((unsigned char)text.data[i] < 0x7f, "not ASCII at %zu", i);
        depth += !is_escaped && text.data[i] == '{';
        depth -= !is_escaped && text.data[i] == '}';
        cr_assert(depth >= 0, "a brace too many at %zu", i);
    }
    cr_expect_eq(depth, 0);
    pc_text_free(&text);
    pc_circuit_free(c);
}

Test(graph_writers, tikz_refuses_what_tex_cannot_measure)
{
    pc_figure figure = {.width = 100, .height = 17000};
    pc_text text = {0};
    cr_expect_eq(pc_figure_put_tikz(&text, &figure), PC_ERR_INPUT);
    cr_expect_str_eq(pc_last_error(),
                     "the figure is 100 by 17000 points, TeX knows no lengths over "
                     "16300: draw fewer edges, or PDF or SVG");
    pc_text_free(&text);
}

/* ---- GraphML ---- */

Test(graph_writers, graphml_types_all_that_it_says)
{
    pc_circuit *c = sample(0);
    pc_text text = {0};
    cr_assert_eq(pc_circuit_put_graphml(&text, c, NULL), PC_OK);
    cr_expect_eq(count(text.data, "<node "), c->n_nodes + 1, "the logits are a reader only");
    cr_expect_eq(count(text.data, "<edge "), c->n_edges);
    cr_expect(strstr(text.data, "for=\"edge\" attr.name=\"weight\" attr.type=\"double\"/>"));
    cr_expect(strstr(text.data, "<data key=\"node_layer\">-1</data>"), "the input");
    cr_expect(strstr(text.data,
                     " source=\"a0.h2\" target=\"a1.h3\">"
                     "<data key=\"edge_kind\">effect</data><data key=\"edge_port\">k</data>"
                     "<data key=\"edge_weight\">3.15</data>"
                     "<data key=\"edge_effect\">-3.15</data>"));
    for (const char *at = text.data; (at = strstr(at, "<data key=\"")); at++) {
        char key[64];
        snprintf(key, sizeof key, "<key id=\"%.*s\"", (int)strcspn(at + 11, "\""), at + 11);
        cr_expect(strstr(text.data, key), "%s has no type", key);
    }
    pc_text_free(&text);
    pc_circuit_free(c);
}

/* As many as draw would: the ends of the drawn edges, and the query heads behind a KV head. */
Test(graph_writers, graphml_of_a_figure_has_what_is_drawn)
{
    pc_circuit *c = sample(1);
    pc_draw_options options = PC_DRAW_OPTIONS_INIT;
    pc_text text = {0};
    options.max_edges = 10;
    cr_assert_eq(pc_circuit_put_graphml(&text, c, &options), PC_OK);
    cr_expect_eq(count(text.data, "edge_kind\">effect<"), 10);
    pc_text_free(&text);
    cr_assert_eq(pc_circuit_put_graphml(&text, c, NULL), PC_OK);
    cr_expect_eq(count(text.data, "edge_kind\">effect<"), c->n_edges);
    cr_expect(strstr(text.data, "\"node_kind\">kv-head<"));
    int n_shared = 0, layer, kv, other, head;
    for (const char *at = text.data; (at = strstr(at, "source=\"a")); at++)
        if (sscanf(at, "source=\"a%d.kv%d\" target=\"a%d.h%d\"", &layer, &kv, &other, &head) == 4) {
            cr_expect(layer == other && head / 4 == kv, "a%d.kv%d to a%d.h%d", layer, kv, other,
                      head);
            n_shared++;
        }
    cr_expect(n_shared > 0 && n_shared % 4 == 0, "%d: four query heads share one", n_shared);
    pc_text_free(&text);
    pc_circuit_free(c);
}

/* ---- circuit-tracer ---- */

/* Links name nodes that there are; the prompt that is not there is two tokens, or the viewer drops
 * every node. */
Test(graph_writers, circuit_tracer_links_name_nodes)
{
    pc_circuit *c = sample(0);
    pc_text text = {0};
    cr_assert_eq(pc_circuit_put_circuit_tracer(&text, c), PC_OK, "%s", pc_last_error());
    cr_expect_eq(count(text.data, "{\"source\": "), 15, "edges of the circuit");
    cr_expect_eq(count(text.data, "{\"node_id\": "), 9, "their ends");
    for (const char *at = text.data; (at = strstr(at, "\"source\": \"")); at++) {
        char id[64];
        snprintf(id, sizeof id, "\"node_id\": \"%.*s\"", (int)strcspn(at + 11, "\""), at + 11);
        cr_expect(strstr(text.data, id), "%s is missing", id);
    }
    cr_expect(strstr(text.data, "\"prompt_tokens\": [\"\", \"all positions\"]"));
    cr_expect(strstr(text.data, "\"supernodes\": [[\"duplicate-token\", \"0_1_1\"], "
                                "[\"previous-token\", \"0_2_1\"], "
                                "[\"induction\", \"1_0_1\", \"1_3_1\"], "
                                "[\"current-token\", \"1_2_1\"]]"));
    cr_expect(strstr(text.data, "\"clerp\": \"Output \\\"logit-diff\\\" (p=none)\""));
    pc_text_free(&text);
    pc_circuit_free(c);
}

Test(graph_writers, circuit_tracer_refuses_what_it_cannot_hold)
{
    pc_circuit *grouped = sample(1), *neurons = sample(3);
    pc_text text = {0};
    cr_expect_eq(pc_circuit_put_circuit_tracer(&text, grouped), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "--kv-granularity query"), "%s", pc_last_error());
    cr_expect_eq(pc_circuit_put_circuit_tracer(&text, neurons), PC_ERR_INPUT);
    cr_expect(strstr(pc_last_error(), "keeps no edge"), "%s", pc_last_error());
    pc_text_free(&text);
    pc_circuit_free(neurons);
    pc_circuit_free(grouped);
}

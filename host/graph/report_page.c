/* report.html: the template filled with the figure and with the circuit's numbers as JSON. */
#include "graph/report_page.h"

#include "base/memory.h"
#include "graph/draw.h"
#include "graph/report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- data ---- */

static void put_word(pc_text *t, const char *key, const char *value)
{
    pc_text_printf(t, "\"%s\":", key);
    pc_text_put_json_string(t, value);
    pc_text_put(t, ",");
}

static void put_number(pc_text *t, const char *key, double value)
{
    pc_text_printf(t, "\"%s\":", key);
    pc_text_put_number(t, value);
    pc_text_put(t, ",");
}

/* effect, standard error, in the circuit?, p, prompts, untouched?, how often it is chosen again */
static void put_effect(pc_text *t, const pc_circuit_edge *e)
{
    if (e->is_measured) pc_text_put_number(t, e->effect);
    else pc_text_put(t, "null");
    pc_text_put(t, ",");
    pc_text_put_number(t, e->stderr_);
    pc_text_printf(t, ",%d,", e->in_circuit);
    pc_text_put_number(t, e->p);
    pc_text_printf(t, ",%lld,%d,", (long long)e->n, e->is_untouched);
    if (e->has_frequency) pc_text_put_number(t, e->frequency);
    else pc_text_put(t, "null");
}

static void put_node(pc_text *t, const pc_circuit_node *node)
{
    const pc_circuit_edge same = {.effect = node->effect,
                                  .stderr_ = node->stderr_,
                                  .is_measured = node->is_measured,
                                  .in_circuit = node->in_circuit,
                                  .is_untouched = node->is_untouched,
                                  .n = node->n,
                                  .p = node->p,
                                  .has_frequency = node->has_frequency,
                                  .frequency = node->frequency};
    pc_text_put(t, "[");
    pc_text_put_json_string(t, node->name);
    pc_text_put(t, ",");
    if (node->role) pc_text_put_json_string(t, node->role);
    else pc_text_put(t, "null");
    pc_text_put(t, ",");
    put_effect(t, &same);
    pc_text_put(t, "]");
}

static void put_edge(pc_text *t, const pc_circuit_edge *edge)
{
    pc_text_put(t, "[");
    pc_text_put_json_string(t, edge->from);
    pc_text_put(t, ",");
    pc_text_put_json_string(t, edge->to);
    pc_text_put(t, ",");
    put_effect(t, edge);
    pc_text_put(t, "]");
}

static size_t listed(size_t count)
{
    return count < PC_REPORT_MOST_ROWS ? count : PC_REPORT_MOST_ROWS;
}

static void put_nodes(pc_text *t, const pc_circuit *c, const size_t *order)
{
    pc_text_put(t, "\"nodes\":[");
    for (size_t i = 0; i < listed(c->n_nodes); i++) {
        pc_text_put(t, i ? ",\n" : "\n");
        put_node(t, &c->nodes[order[i]]);
    }
    pc_text_put(t, "],\n");
}

static void put_edges(pc_text *t, const pc_circuit *c, const size_t *order)
{
    pc_text_put(t, "\"edges\":[");
    for (size_t i = 0; i < listed(c->n_edges); i++) {
        pc_text_put(t, i ? ",\n" : "\n");
        put_edge(t, &c->edges[order[i]]);
    }
    pc_text_put(t, "],\n");
}

static void put_prefixes(pc_text *t, const pc_circuit *c)
{
    pc_text_put(t, "\"prefixes\":[");
    for (size_t i = 0; i < c->n_prefixes; i++) {
        const pc_circuit_prefix *p = &c->prefixes[i];
        pc_text_printf(t, "%s[%lld,%lld", i ? "," : "", (long long)p->n, (long long)p->n_kept);
        const double values[] = {p->faithfulness, p->low, p->high};
        for (int k = 0; k < 3; k++) {
            pc_text_put(t, ",");
            pc_text_put_number(t, values[k]);
        }
        pc_text_put(t, "]");
    }
    pc_text_put(t, "],\n");
}

static void put_evaluation(pc_text *t, const pc_circuit *c)
{
    pc_text_put(t, "\"evaluation\":{");
    for (size_t i = 0; i < c->evaluation.count; i++) {
        if (i) pc_text_put(t, ",");
        pc_text_put_json_string(t, c->evaluation.items[i].name);
        pc_text_put(t, ":");
        pc_text_put_number(t, c->evaluation.items[i].value);
    }
    pc_text_put(t, "},\n");
}

/* What stands for all components, the unlisted ones too. */
static void put_totals(pc_text *t, const pc_circuit *c, const size_t *order)
{
    const bool is_edges = c->n_edges > 0;
    const size_t count = is_edges ? c->n_edges : c->n_nodes;
    double sum = 0;
    int64_t n = 0, n_in = 0, n_listed_in = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t at = order[i];
        const bool is_in = is_edges ? c->edges[at].in_circuit : c->nodes[at].in_circuit;
        const bool is_measured = is_edges ? c->edges[at].is_measured : c->nodes[at].is_measured;
        if (!is_edges && !is_measured) continue; /* the logits */
        sum += fabs(is_edges ? c->edges[at].effect : c->nodes[at].effect);
        n++;
        n_in += is_in;
        n_listed_in += is_in && i < PC_REPORT_MOST_ROWS;
    }
    put_number(t, "sum", isfinite(sum) ? sum : 0);
    put_number(t, "n", (double)n);
    put_number(t, "n_in", (double)n_in);
    put_number(t, "n_listed_in", (double)n_listed_in);
}

void pc_report_put_circuit(pc_text *t, const pc_circuit *c, const size_t *node_order,
                           const size_t *edge_order)
{
    const size_t first = c->n_edges ? edge_order[0] : c->n_nodes ? node_order[0] : 0;
    double share, strongest = 0;
    if (c->n_edges) strongest = fabs(c->edges[first].effect);
    else if (c->n_nodes) strongest = fabs(c->nodes[first].effect);
    put_number(t, "decimals", pc_decimals_for(strongest));
    if (pc_circuit_share(&share, c, 1)) put_number(t, "share", share);
    put_totals(t, c, c->n_edges ? edge_order : node_order);
    put_evaluation(t, c);
    put_prefixes(t, c);
    put_nodes(t, c, node_order);
    put_edges(t, c, edge_order);
    pc_circuit_put_provenance(t, c);
}

static pc_status put_data(pc_text *t, const pc_circuit *c, const char *title, const char *members)
{
    size_t *nodes = pc_alloc(c->n_nodes, sizeof *nodes);
    size_t *edges = pc_alloc(c->n_edges, sizeof *edges);
    pc_status status = nodes && edges ? PC_OK : PC_ERR_NOMEM;
    if (status == PC_OK) status = pc_circuit_rank_nodes(nodes, c);
    if (status == PC_OK) status = pc_circuit_rank_edges(edges, c);
    if (status == PC_OK) {
        pc_text_put(t, "{");
        put_word(t, "title", title ? title : "");
        pc_text_put(t, members);
        pc_report_put_circuit(t, c, nodes, edges);
        pc_text_put(t, "}");
        status = pc_text_status(t);
    }
    free(edges);
    free(nodes);
    return status;
}

/* JSON as the text of a script element: nothing in it can end the element. The three signs stand
 * only in strings. */
static void put_harmless(pc_text *t, const char *json)
{
    while (*json) {
        const size_t length = strcspn(json, "<>&");
        pc_text_put_bytes(t, json, length);
        json += length;
        if (*json) pc_text_printf(t, "\\u%04x", (unsigned)*json++);
    }
}

/* ---- figure ---- */

/* How many edges get a place: the circuit's and about as many of those that come next, so that a
 * threshold can be lowered; the layout stays legible. */
static int edges_with_a_place(const pc_circuit *c, const pc_draw_options *options)
{
    enum { LEAST = 40 };
    int n = 0;
    for (size_t i = 0; i < c->n_edges && n < options->max_edges; i++)
        n += c->edges[i].in_circuit;
    n = n < LEAST / 2 ? LEAST : 2 * n;
    return n < options->max_edges ? n : options->max_edges;
}

static pc_status put_figure(pc_text *t, const pc_circuit *c, const pc_draw_options *options)
{
    pc_scene scene;
    pc_figure figure = {0};
    pc_draw_options bare = *options;
    bare.has_table = false;
    PC_TRY(pc_scene_init_bare(&scene, c, edges_with_a_place(c, options), &bare));
    pc_status status =
        scene.n_edges > 0 ? pc_draw_edges(&figure, &scene) : pc_draw_effects(&figure, &scene);
    if (status == PC_OK) status = pc_figure_status(&figure);
    if (status == PC_OK) pc_figure_put_inline_svg(t, &figure);
    pc_figure_free(&figure);
    pc_scene_free(&scene);
    return status;
}

/* ---- page ---- */

static void put_title(pc_text *t, const pc_circuit *c, const pc_draw_options *options)
{
    if (options->title) pc_text_put(t, options->title);
    else pc_text_printf(t, "Circuit of %.200s on %.200s", c->model.name, c->task.name);
}

typedef struct pc_place_in_page {
    const char *mark;
    const char *text;
} pc_place_in_page;

/* The template with its marks, "{{NAME}}", replaced; what is put in is not looked at again. */
static void fill(pc_text *out, const char *page, const pc_place_in_page *places, size_t n)
{
    for (const char *mark; (mark = strstr(page, "{{")) != NULL;) {
        pc_text_put_bytes(out, page, (size_t)(mark - page));
        page = mark + 2;
        for (size_t i = 0; i < n; i++) {
            const size_t length = strlen(places[i].mark);
            if (strncmp(page, places[i].mark, length) != 0) continue;
            if (places[i].text) pc_text_put(out, places[i].text); /* NULL: empty */
            page += length;
            break;
        }
    }
    pc_text_put(out, page);
}

static pc_status put_page(pc_text *out, const pc_circuit *c, const char *members, pc_text parts[4],
                          const pc_draw_options *options)
{
    enum { TITLE, HEADING, FIGURE, DATA };
    pc_text json = {0};
    put_title(&parts[TITLE], c, options);
    PC_TRY(pc_text_status(&parts[TITLE]));
    pc_text_put_xml(&parts[HEADING], parts[TITLE].data ? parts[TITLE].data : "");
    pc_status status = put_figure(&parts[FIGURE], c, options);
    if (status == PC_OK) status = put_data(&json, c, parts[TITLE].data, members);
    if (status == PC_OK) put_harmless(&parts[DATA], json.data);
    pc_text_free(&json);
    for (int i = HEADING; i <= DATA && status == PC_OK; i++)
        status = pc_text_status(&parts[i]);
    PC_TRY(status);
    const pc_place_in_page places[] = {{"title}}", parts[HEADING].data},
                                       {"figure}}", parts[FIGURE].data},
                                       {"data}}", parts[DATA].data},
                                       {"style}}", (const char *)pc_report_style},
                                       {"script}}", (const char *)pc_report_script}};
    fill(out, (const char *)pc_report_page, places, sizeof places / sizeof *places);
    return pc_text_status(out);
}

pc_status pc_report_put_page(pc_text *out, const pc_circuit *c, const char *members,
                             const pc_draw_options *options)
{
    const pc_draw_options standard = PC_DRAW_OPTIONS_INIT;
    pc_text parts[4] = {{0}};
    PC_TRY(pc_circuit_check(c, "circuit"));
    const pc_status status = put_page(out, c, members, parts, options ? options : &standard);
    for (int i = 0; i < 4; i++)
        pc_text_free(&parts[i]);
    return status;
}

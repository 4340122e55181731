/* What stands below the picture: legend and caption. */
#include "graph/circuit_private.h"
#include "graph/draw.h"

#include "base/memory.h"
#include "graph/draw_pen.h"
#include "graph/draw_style.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name that anyone may have chosen. */
static void put_name(pc_text *out, const char *name)
{
    pc_text_put_fitting(out, name, PC_SMALL_SIZE, 420);
}

static void draw_width_samples(pc_pen *pen, const pc_scene *scene)
{
    static const double fractions[] = {1, 0.5, 0.1};
    for (size_t i = 0; i < 3 && scene->strongest > 0; i++) {
        const double effect = scene->strongest * fractions[i];
        pc_text words = {0};
        pc_text_put(&words, i == 0 ? "|effect| " : "");
        pc_text_put_fixed(&words, effect, scene->decimals, PC_SIGN_PLAIN);
        pc_pen_sample(pen, PC_COLOUR_QUIET, pc_stroke_width(scene, effect), PC_DASH_NONE,
                      pc_figure_take(pen->figure, &words));
        pc_text_free(&words);
    }
}

static bool has_port(const pc_scene *scene, const char *port)
{
    for (int e = 0; e < scene->n_edges; e++)
        if (strstr(scene->edges[e]->to, port)) return true;
    return false;
}

static void draw_edge_legend(pc_pen *pen, const pc_scene *scene)
{
    pc_pen_sample(pen, PC_COLOUR_POSITIVE, 3, PC_DASH_NONE, "raises the metric");
    pc_pen_sample(pen, PC_COLOUR_NEGATIVE, 3, PC_DASH_NONE, "lowers the metric");
    draw_width_samples(pen, scene);
    if (has_port(scene, "<q>"))
        pc_pen_sample(pen, PC_COLOUR_QUIET, 2, PC_DASH_LONG, "into a query (q)");
    pc_pen_sample(pen, PC_COLOUR_QUIET, 2, PC_DASH_NONE, "into a key (k), MLP or logits");
    if (has_port(scene, "<v>"))
        pc_pen_sample(pen, PC_COLOUR_QUIET, 2, PC_DASH_DOTS, "into a value (v)");
    if (scene->options.has_pruned)
        pc_pen_swatch(pen, PC_COLOUR_PAPER, PC_COLOUR_PRUNED, "no drawn edge");
    if (scene->strongest_node > 0)
        pc_pen_swatch(pen, pc_shade(1, 0.3), PC_COLOUR_BOX_LINE,
                      "shade: the component's own effect");
}

static void draw_effect_legend(pc_pen *pen, const pc_scene *scene)
{
    static const double fractions[] = {-1, -0.5, 0.5, 1};
    for (size_t i = 0; i < 4 && scene->strongest_node > 0; i++) {
        const double effect = scene->strongest_node * fractions[i];
        pc_text words = {0};
        pc_text_put_effect(&words, scene, effect);
        pc_pen_swatch(pen, pc_shade(effect, 0.8 * fabs(fractions[i])), PC_COLOUR_PRUNED,
                      pc_figure_take(pen->figure, &words));
        pc_text_free(&words);
    }
    pc_pen_swatch(pen, PC_COLOUR_PAPER, PC_COLOUR_BOX_LINE, "dark outline: in the circuit");
}

/* "metric logit-diff" and the like, for those options that say how it was measured. */
static void put_options(pc_text *out, const pc_circuit *c)
{
    static const char *const keys[] = {"metric",    "method",  "source",   "direction",
                                       "precision", "profile", "selection"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = pc_circuit_option(c, keys[i]);
        if (!value) continue;
        pc_text_printf(out, ", %s ", keys[i]);
        put_name(out, value);
    }
}

void pc_put_provenance(pc_text *out, const pc_circuit *c)
{
    const pc_circuit_model *model = pc_circuit_describe_model(c);
    const pc_circuit_task *task = pc_circuit_describe_task(c);
    pc_text_put(out, "Model ");
    put_name(out, model->name);
    pc_text_put(out, " (");
    put_name(out, model->architecture);
    pc_text_printf(out, ", %d layers \xc3\x97 %d heads), task ", model->n_layers, model->n_heads);
    put_name(out, task->name);
    if (task->split[0]) pc_text_put(out, ", split ");
    put_name(out, task->split);
    if (task->n)
        pc_text_printf(out, ", n = %lld prompt pairs, seed %lld", (long long)task->n,
                       (long long)task->seed);
    put_options(out, c);
    pc_text_put(out, ".");
}

static void put_grouped(pc_text *out, int64_t value)
{
    if (value >= 1000) {
        put_grouped(out, value / 1000);
        pc_text_printf(out, ",%03d", (int)(value % 1000));
    } else {
        pc_text_printf(out, "%d", (int)value);
    }
}

static void put_counts(pc_text *out, const pc_scene *scene)
{
    const bool is_edges = scene->n_edges > 0;
    put_grouped(out, is_edges ? scene->n_edges : scene->n_in_circuit);
    pc_text_put(out, " of ");
    put_grouped(out, scene->n_all);
    pc_text_put(out, is_edges ? " edges drawn" : " components in the circuit");
    if (is_edges && scene->n_in_circuit > scene->n_edges) {
        pc_text_put(out, " (the strongest of ");
        put_grouped(out, scene->n_in_circuit);
        pc_text_put(out, " in the circuit)");
    }
    pc_text_put(out, ", ");
    pc_text_put_fixed(out, scene->drawn_fraction * 100, 1, PC_SIGN_PLAIN);
    pc_text_put(out, " % of the total |effect|.");
    if (pc_circuit_is_estimate(scene->circuit))
        pc_text_put(out, " Effects are estimates by gradients; faithfulness is measured.");
}

static void put_evaluation(pc_text *out, const pc_scene *scene)
{
    double value;
    if (pc_circuit_evaluation(&value, scene->circuit, "faithfulness")) {
        pc_text_put(out, " Faithfulness of the circuit ");
        pc_text_put_fixed(out, value, 3, PC_SIGN_PLAIN);
        pc_text_put(out, ".");
    }
    if (pc_circuit_baseline(&value, scene->circuit, "clean")) {
        double corrupted;
        pc_text_put(out, " Metric ");
        pc_text_put_fixed(out, value, 3, PC_SIGN_ALWAYS);
        pc_text_put(out, " clean");
        if (pc_circuit_baseline(&corrupted, scene->circuit, "corrupted")) {
            pc_text_put(out, ", ");
            pc_text_put_fixed(out, corrupted, 3, PC_SIGN_ALWAYS);
            pc_text_put(out, " corrupted");
        }
        pc_text_put(out, ".");
    }
    if (scene->n_edges > 0) pc_text_put(out, " Edges run upwards.");
}

/* ---- roles ---- */

enum { MOST_OF_A_ROLE = 12 };

/* Is the component drawn with its role? */
static bool is_shown(const pc_scene *scene, const pc_circuit_node *node)
{
    const size_t length = strlen(node->name);
    if (!node->role) return false;
    for (int e = 0; e < scene->n_edges; e++) {
        const char *from = scene->edges[e]->from, *to = scene->edges[e]->to;
        if (strcmp(from, node->name) == 0) return true;
        if (strncmp(to, node->name, length) == 0 && (to[length] == '<' || to[length] == 0))
            return true;
    }
    return scene->n_edges == 0 && node->in_circuit;
}

static const char *meaning_of(const char *role)
{
    static const char *const meanings[][2] = {
        {"previous-token", "looks at the token before"},
        {"duplicate-token", "looks at earlier copies of its token"},
        {"induction", "looks behind earlier copies of its token"},
        {"first-token", "looks at the first token"},
        {"current-token", "looks at its own token"},
    };
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (strcmp(meanings[i][0], role) == 0) return meanings[i][1];
    return NULL;
}

static void put_role(pc_text *out, const char *role, const pc_circuit_node *const *shown, size_t n)
{
    const char *meaning = meaning_of(role);
    size_t n_named = 0;
    put_name(out, role);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(shown[i]->role, role) != 0 || ++n_named > MOST_OF_A_ROLE) continue;
        pc_text_printf(out, "%s %s", n_named == 1 ? "" : ",", shown[i]->name);
    }
    if (n_named > MOST_OF_A_ROLE)
        pc_text_printf(out, " and %zu more", n_named - (size_t)MOST_OF_A_ROLE);
    if (meaning) pc_text_printf(out, " (%s)", meaning);
}

static bool is_first(const pc_circuit_node *const *shown, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(shown[k]->role, shown[i]->role) == 0) return false;
    return true;
}

/* Which of the drawn components have which role, in component order. */
static void put_roles(pc_text *out, const pc_scene *scene)
{
    const size_t n_nodes = pc_circuit_n_nodes(scene->circuit);
    const pc_circuit_node **shown = pc_alloc(n_nodes, sizeof *shown);
    size_t n = 0;
    out->has_failed |= !shown;
    for (size_t i = 0; i < n_nodes && shown; i++) {
        const pc_circuit_node *node = pc_circuit_node_at(scene->circuit, i);
        if (is_shown(scene, node)) shown[n++] = node;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_first(shown, i)) continue;
        pc_text_put(out, i == 0 ? "Roles: " : "; ");
        put_role(out, shown[i]->role, shown, n);
    }
    if (n > 0) pc_text_put(out, ".");
    free(shown);
}

static void write_roles(pc_pen *pen, const pc_scene *scene)
{
    pc_text words = {0};
    put_roles(&words, scene);
    pc_pen_wrap(pen, pc_figure_take(pen->figure, &words));
    pc_text_free(&words);
}

static void write_caption(pc_pen *pen, const pc_scene *scene)
{
    pc_text words = {0};
    if (scene->diff) {
        pc_put_diff_caption(&words, scene);
        pc_pen_wrap(pen, pc_figure_take(pen->figure, &words));
        pc_text_free(&words);
        return;
    }
    put_counts(&words, scene);
    put_evaluation(&words, scene);
    pc_pen_wrap(pen, pc_figure_take(pen->figure, &words));
    pc_text_free(&words);
    pc_put_provenance(&words, scene->circuit);
    pc_pen_wrap(pen, pc_figure_take(pen->figure, &words));
    pc_text_free(&words);
}

void pc_draw_page(pc_figure *figure, double right, double bottom)
{
    figure->width = ceil(right + PC_MARGIN);
    figure->height = ceil(bottom + PC_MARGIN);
    figure->marks[0].width = figure->width; /* the paper */
    figure->marks[0].height = figure->height;
}

void pc_draw_footer(pc_figure *figure, const pc_scene *scene, double y, double width)
{
    double right = width;
    for (size_t i = 0; i < figure->n_marks; i++) {
        const pc_mark *mark = &figure->marks[i];
        if (mark->kind == PC_MARK_TEXT && mark->size == PC_TITLE_SIZE &&
            mark->x + mark->width > right)
            right = mark->x + mark->width;
    }
    if (right < 560) right = 560;
    pc_pen pen = {figure, PC_MARGIN, y + 8, PC_MARGIN, right, 16};
    if (scene->diff) pc_draw_diff_legend(&pen, scene);
    else if (scene->n_edges > 0) draw_edge_legend(&pen, scene);
    else draw_effect_legend(&pen, scene);
    pen.y += 22;
    pen.x = pen.left;
    pen.line = 13.5;
    write_roles(&pen, scene);
    write_caption(&pen, scene);
    pc_draw_page(figure, right, pen.y - pen.line - PC_MARGIN * 0.25);
}

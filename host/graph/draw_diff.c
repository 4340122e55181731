/* The figure of two circuits: solid what both have, dashed and dotted what only one has. */
#include "graph/diff_private.h"
#include "graph/draw.h"
#include "graph/draw_style.h"

#include <math.h>

const pc_diff_row *pc_scene_edge_row(const pc_scene *scene, const pc_circuit_edge *edge)
{
    if (!scene->diff) return NULL;
    return &scene->diff->rows[edge - scene->diff->either->edges];
}

const pc_diff_row *pc_scene_node_row(const pc_scene *scene, const pc_circuit_node *node)
{
    if (!scene->diff || scene->diff->summary.kind == PC_DIFF_EDGES) return NULL;
    return &scene->diff->rows[node - scene->diff->either->nodes];
}

/* Black and white print keeps the order: both are darkest, B is lightest. */
int pc_side_colour(pc_diff_side side)
{
    static const int colours[] = {PC_COLOUR_TEXT, PC_COLOUR_ONLY_A, PC_COLOUR_NEGATIVE};
    return colours[side];
}

pc_dash pc_side_dash(pc_diff_side side)
{
    static const pc_dash dashes[] = {PC_DASH_NONE, PC_DASH_LONG, PC_DASH_DOTS};
    return dashes[side];
}

static const char *things(const pc_circuit_diff *diff, int64_t n)
{
    static const char *const one[] = {"edge", "neuron", "component"};
    static const char *const many[] = {"edges", "neurons", "components"};
    return n == 1 ? one[diff->summary.kind] : many[diff->summary.kind];
}

static void draw_side(pc_pen *pen, const pc_scene *scene, pc_diff_side side, const char *words,
                      const char *name)
{
    const int64_t n[] = {scene->diff->summary.n_both, scene->diff->summary.n_only_a,
                         scene->diff->summary.n_only_b};
    pc_text text = {0};
    pc_text_printf(&text, "%s", words);
    if (name) pc_text_put(&text, " (");
    if (name) pc_text_put_fitting(&text, name, PC_SMALL_SIZE, 240);
    if (name) pc_text_put(&text, ")");
    pc_text_printf(&text, ": %lld", (long long)n[side]);
    const char *label = pc_figure_take(pen->figure, &text);
    if (scene->n_edges > 0) pc_pen_sample(pen, pc_side_colour(side), 3, pc_side_dash(side), label);
    else pc_pen_swatch(pen, pc_side_colour(side), PC_COLOUR_BOX_LINE, label);
    pc_text_free(&text);
}

void pc_draw_diff_legend(pc_pen *pen, const pc_scene *scene)
{
    draw_side(pen, scene, PC_DIFF_BOTH, "in both", NULL);
    draw_side(pen, scene, PC_DIFF_ONLY_A, "only in A", scene->names[0]);
    draw_side(pen, scene, PC_DIFF_ONLY_B, "only in B", scene->names[1]);
    if (scene->options.has_pruned)
        pc_pen_swatch(pen, PC_COLOUR_PAPER, PC_COLOUR_PRUNED, "in neither");
}

static void put_circuit(pc_text *out, const pc_scene *scene, int side)
{
    const pc_diff_summary *s = &scene->diff->summary;
    const int64_t n = side ? s->n_b : s->n_a, n_all = side ? s->n_all_b : s->n_all_a;
    pc_text_printf(out, " %c (", "AB"[side]);
    pc_text_put_fitting(out, scene->names[side], PC_SMALL_SIZE, 420);
    pc_text_printf(out, "): %lld of %lld", (long long)n, (long long)n_all);
    if (!isnan(scene->diff->faithfulness[side])) {
        pc_text_put(out, ", faithfulness ");
        pc_text_put_fixed(out, scene->diff->faithfulness[side], 3, PC_SIGN_PLAIN);
    }
    pc_text_put(out, ".");
}

void pc_put_diff_caption(pc_text *out, const pc_scene *scene)
{
    const pc_diff_summary *s = &scene->diff->summary;
    const int64_t n_either = s->n_both + s->n_only_a + s->n_only_b;
    pc_text_printf(out, "%lld of %lld %s in both", (long long)s->n_both, (long long)n_either,
                   things(scene->diff, n_either));
    if (!isnan(s->jaccard)) {
        pc_text_put(out, " (Jaccard ");
        pc_text_put_fixed(out, s->jaccard, 3, PC_SIGN_PLAIN);
        pc_text_put(out, ")");
    }
    if (scene->n_edges > 0 && scene->n_in_circuit > scene->n_edges)
        pc_text_printf(out, ", the %d strongest drawn", scene->n_edges);
    pc_text_put(out, ".");
    if (!isnan(s->rank_correlation)) {
        pc_text_put(out, " Rank correlation of |effect| ");
        pc_text_put_fixed(out, s->rank_correlation, 3, PC_SIGN_PLAIN);
        pc_text_printf(out, " over %lld measured in both.", (long long)s->n_ranked);
    }
    put_circuit(out, scene, 0);
    put_circuit(out, scene, 1);
    if (scene->n_edges > 0)
        pc_text_put(out, " Edges run upwards; width is |effect| as a part of the circuit's "
                         "strongest.");
    if (scene->options.has_table)
        pc_text_put(out,
                    " In the table, effects in A and B; grey where it is not in that circuit.");
}

pc_status pc_draw_diff(pc_figure *figure, const pc_circuit_diff *diff, const char *const *names,
                       const pc_draw_options *options)
{
    pc_scene scene;
    PC_TRY(pc_scene_init(&scene, diff->either, options));
    scene.diff = diff;
    scene.decimals = pc_decimals_for(diff->strongest);
    for (int side = 0; side < 2; side++)
        scene.names[side] = names && names[side] ? names[side] : diff->words[side];
    const pc_status status = pc_draw_scene(figure, &scene);
    pc_scene_free(&scene);
    return status;
}

/* Drawing a circuit: what is selected, and the pieces that the two kinds of figure share. */
#ifndef PC_GRAPH_DRAW_H
#define PC_GRAPH_DRAW_H

#include "graph/draw_pen.h"
#include "graph/figure.h"
#include "patchclamp/circuit.h"
#include "patchclamp/diff.h"

/* What of the circuit is drawn. */
typedef struct pc_scene {
    const pc_circuit *circuit;
    pc_draw_options options;
    const struct pc_circuit_diff
        *diff;                     /* two circuits: `circuit` is what is in either; else NULL */
    const char *names[2];          /* of these */
    const pc_circuit_edge **edges; /* the drawn ones, strongest first */
    int n_edges;
    const pc_circuit_node **nodes; /* the circuit's measured nodes, strongest first; all if none */
    int n_nodes;
    int64_t n_in_circuit;  /* edges, or nodes where no edge is drawn */
    int64_t n_all;         /* of the same kind in the file */
    double drawn_fraction; /* of the sum of their |effect| */
    double strongest;      /* the largest |effect| drawn; 0 if none was measured */
    double strongest_node; /* the largest |effect| of all nodes */
    int decimals;          /* that give the strongest three digits */
    bool is_bare;          /* the picture alone, without title, legend and caption */
} pc_scene;

/* `options` may be NULL. */
pc_status pc_scene_init(pc_scene *out, const pc_circuit *circuit, const pc_draw_options *options);
/* The same, and the strongest edges outside the circuit as long as `n_edges` are not reached. */
pc_status pc_scene_init_bare(pc_scene *out, const pc_circuit *circuit, int n_edges,
                             const pc_draw_options *options);
void pc_scene_free(pc_scene *scene);

/* Of two circuits: what both say of a drawn edge, or of a node. NULL: neither has it, it only bears
 * a role. */
const pc_diff_row *pc_scene_edge_row(const pc_scene *scene, const pc_circuit_edge *edge);
const pc_diff_row *pc_scene_node_row(const pc_scene *scene, const pc_circuit_node *node);
/* How the two circuits' edges differ: by hue and, in grey print, by dash. */
int pc_side_colour(pc_diff_side side);
pc_dash pc_side_dash(pc_diff_side side);

/* The whole figure: edges where the circuit has any, otherwise a map of the components' effects. */
pc_status pc_draw_circuit(pc_figure *figure, const pc_circuit *circuit,
                          const pc_draw_options *options);
pc_status pc_draw_scene(pc_figure *figure, const pc_scene *scene);
pc_status pc_draw_edges(pc_figure *figure, const pc_scene *scene);
pc_status pc_draw_effects(pc_figure *figure, const pc_scene *scene);

/* Parts around the picture proper; each returns the extent it took. */
double pc_draw_title(pc_figure *figure, const pc_scene *scene);
/* The ranked table in as many columns as `height` asks for; its width. */
double pc_draw_table(pc_figure *figure, const pc_scene *scene, double x, double y, double height);
/* Legend and caption below everything; sets the figure's size. `width` is what is drawn above. */
void pc_draw_footer(pc_figure *figure, const pc_scene *scene, double y, double width);

/* Legend and caption of two circuits, for the footer. */
void pc_draw_diff_legend(pc_pen *pen, const pc_scene *scene);
void pc_put_diff_caption(pc_text *out, const pc_scene *scene);

/* Sets the figure's size to what reaches to `right` and `bottom`. */
void pc_draw_page(pc_figure *figure, double right, double bottom);

/* "Model M (...), task T, ..., metric ..." */
void pc_put_provenance(pc_text *out, const pc_circuit *circuit);

/* Decimals that give a value of this size three digits. */
int pc_decimals_for(double strongest);
int pc_sign_colour(double effect);
int pc_sign_text_colour(double effect);
/* White (fraction 0) to the sign's hue (1). */
int pc_shade(double effect, double fraction);
void pc_shade_mark(pc_mark *mark, double effect, double fraction);
double pc_stroke_width(const pc_scene *scene, double effect);
/* "-0.41" with a real minus sign; " +- 0.03". */
void pc_text_put_effect(pc_text *out, const pc_scene *scene, double effect);
void pc_text_put_error(pc_text *out, const pc_scene *scene, double error);

/* A number to stand on an edge. */
typedef struct pc_edge_label {
    size_t path;          /* the edge's mark in the figure */
    double width, height; /* with its margin */
    double x, y;          /* centre, if there was room */
    bool is_placed;
} pc_edge_label;

/* Places labels on their paths, in order, such that none overlaps another nor a mark with role
 * node, pruned or port; among the places that are left, where the fewest other edges pass. */
pc_status pc_place_edge_labels(pc_edge_label *labels, size_t n_labels, const pc_figure *figure);

#endif

/* The figures of circuits, grids and positions, as documents and as files of every format. */
#include "graph/circuit_private.h"
#include "graph/curve_private.h"
#include "graph/diff_private.h"
#include "graph/draw.h"
#include "graph/grid_private.h"
#include "graph/positions_private.h"

/* ---- a circuit ---- */

static pc_status draw_circuit(pc_figure *figure, const pc_circuit *c,
                              const pc_draw_options *options)
{
    PC_TRY(pc_circuit_check(c, "circuit"));
    return pc_draw_circuit(figure, c, options);
}

pc_status pc_circuit_put_figure(pc_text *t, const pc_circuit *c, const pc_draw_options *options,
                                pc_figure_put put)
{
    pc_figure figure = {0};
    pc_status status = draw_circuit(&figure, c, options);
    if (status == PC_OK) status = put(t, &figure);
    pc_figure_free(&figure);
    return status;
}

static pc_status write_circuit(const pc_circuit *c, const char *path,
                               const pc_draw_options *options, pc_figure_put put)
{
    pc_figure figure = {0};
    pc_status status = draw_circuit(&figure, c, options);
    if (status == PC_OK) status = pc_figure_write(&figure, path, put);
    pc_figure_free(&figure);
    return status;
}

pc_status pc_circuit_put_svg(pc_text *t, const pc_circuit *c, const pc_draw_options *options)
{
    return pc_circuit_put_figure(t, c, options, pc_figure_put_svg);
}

pc_status pc_circuit_write_svg(const pc_circuit *c, const char *path,
                               const pc_draw_options *options)
{
    return write_circuit(c, path, options, pc_figure_put_svg);
}

pc_status pc_circuit_write_pdf(const pc_circuit *c, const char *path,
                               const pc_draw_options *options)
{
    return write_circuit(c, path, options, pc_figure_put_pdf);
}

pc_status pc_circuit_write_tikz(const pc_circuit *c, const char *path,
                                const pc_draw_options *options)
{
    return write_circuit(c, path, options, pc_figure_put_tikz);
}

/* ---- a grid ---- */

pc_status pc_grid_put_figure(pc_text *t, const pc_grid *g, pc_figure_put put)
{
    pc_figure figure = {0};
    pc_status status = pc_draw_grid(&figure, g);
    if (status == PC_OK) status = put(t, &figure);
    pc_figure_free(&figure);
    return status;
}

static pc_status write_grid(const pc_grid *g, const char *path, pc_figure_put put)
{
    pc_figure figure = {0};
    pc_status status = pc_draw_grid(&figure, g);
    if (status == PC_OK) status = pc_figure_write(&figure, path, put);
    pc_figure_free(&figure);
    return status;
}

pc_status pc_grid_put_svg(pc_text *t, const pc_grid *g)
{
    return pc_grid_put_figure(t, g, pc_figure_put_svg);
}

pc_status pc_grid_write_svg(const pc_grid *g, const char *path)
{
    return write_grid(g, path, pc_figure_put_svg);
}

pc_status pc_grid_write_pdf(const pc_grid *g, const char *path)
{
    return write_grid(g, path, pc_figure_put_pdf);
}

/* ---- effects by position ---- */

pc_status pc_circuit_put_positions_figure(pc_text *t, const pc_circuit *c, pc_figure_put put)
{
    pc_figure figure = {0};
    pc_status status = pc_draw_positions(&figure, c);
    if (status == PC_OK) status = put(t, &figure);
    pc_figure_free(&figure);
    return status;
}

static pc_status write_positions(const pc_circuit *c, const char *path, pc_figure_put put)
{
    pc_figure figure = {0};
    pc_status status = pc_draw_positions(&figure, c);
    if (status == PC_OK) status = pc_figure_write(&figure, path, put);
    pc_figure_free(&figure);
    return status;
}

pc_status pc_circuit_put_positions_svg(pc_text *t, const pc_circuit *c)
{
    return pc_circuit_put_positions_figure(t, c, pc_figure_put_svg);
}

pc_status pc_circuit_write_positions_svg(const pc_circuit *c, const char *path)
{
    return write_positions(c, path, pc_figure_put_svg);
}

pc_status pc_circuit_write_positions_pdf(const pc_circuit *c, const char *path)
{
    return write_positions(c, path, pc_figure_put_pdf);
}

/* ---- two circuits ---- */

pc_status pc_circuit_diff_put_figure(pc_text *t, const pc_circuit_diff *diff,
                                     const char *const *names, const pc_draw_options *options,
                                     pc_figure_put put)
{
    pc_figure figure = {0};
    pc_status status = pc_draw_diff(&figure, diff, names, options);
    if (status == PC_OK) status = put(t, &figure);
    pc_figure_free(&figure);
    return status;
}

static pc_status write_diff(const pc_circuit_diff *diff, const char *path, const char *const *names,
                            const pc_draw_options *options, pc_figure_put put)
{
    pc_figure figure = {0};
    pc_status status = pc_draw_diff(&figure, diff, names, options);
    if (status == PC_OK) status = pc_figure_write(&figure, path, put);
    pc_figure_free(&figure);
    return status;
}

pc_status pc_circuit_diff_write_svg(const pc_circuit_diff *diff, const char *path,
                                    const char *const *names, const pc_draw_options *options)
{
    return write_diff(diff, path, names, options, pc_figure_put_svg);
}

pc_status pc_circuit_diff_write_pdf(const pc_circuit_diff *diff, const char *path,
                                    const char *const *names, const pc_draw_options *options)
{
    return write_diff(diff, path, names, options, pc_figure_put_pdf);
}

/* ---- a faithfulness curve ---- */

static pc_status write_curve(const pc_curve *curve, const char *path, const pc_curve_labels *labels,
                             pc_figure_put put)
{
    pc_figure figure = {0};
    pc_status status = pc_draw_curve(&figure, curve, labels);
    if (status == PC_OK) status = pc_figure_write(&figure, path, put);
    pc_figure_free(&figure);
    return status;
}

pc_status pc_curve_write_svg(const pc_curve *curve, const char *path, const pc_curve_labels *labels)
{
    return write_curve(curve, path, labels, pc_figure_put_svg);
}

pc_status pc_curve_write_pdf(const pc_curve *curve, const char *path, const pc_curve_labels *labels)
{
    return write_curve(curve, path, labels, pc_figure_put_pdf);
}

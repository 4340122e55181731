/* A figure as a list of marks: what every picture writer (SVG, PDF, TikZ) is given.
 *
 * Units are points (1/72 inch as a page, px on a screen), x to the right, y down. Marks are drawn
 * in order, later ones on top. */
#ifndef PC_GRAPH_FIGURE_H
#define PC_GRAPH_FIGURE_H

#include "base/fail.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum pc_mark_kind { PC_MARK_RECT, PC_MARK_PATH, PC_MARK_TEXT } pc_mark_kind;

/* What a mark stands for: tests measure by it, writers need not look. */
typedef enum pc_mark_role {
    PC_ROLE_PLAIN,
    PC_ROLE_NODE,
    PC_ROLE_PRUNED,
    PC_ROLE_PORT,
    PC_ROLE_EDGE,
    PC_ROLE_EDGE_LABEL
} pc_mark_role;

typedef enum pc_anchor { PC_ANCHOR_START, PC_ANCHOR_MIDDLE, PC_ANCHOR_END } pc_anchor;
typedef enum pc_dash { PC_DASH_NONE, PC_DASH_LONG, PC_DASH_DOTS } pc_dash;

enum { PC_NO_COLOUR = -1 };

typedef struct pc_point {
    double x, y;
} pc_point;

typedef struct pc_mark {
    pc_mark_kind kind;
    pc_mark_role role;
    int fill, stroke; /* 0xRRGGBB or PC_NO_COLOUR; text uses fill */
    double stroke_width, opacity;
    pc_dash dash;
    double x, y, width, height, radius; /* rect; text: x, y of the baseline, `width` as measured */
    size_t first_point, n_points;       /* path: a start and 3 points per cubic Bezier curve */
    size_t text, title;                 /* offsets into `strings`; 0: none. Title: a tooltip */
    size_t tag;                         /* the same: the component or edge that it belongs to */
    int hue;                            /* of a shade: the colour that white was mixed with ... */
    double shade;                       /* ... and how much of it; 0: fill is no shade */
    double size;                        /* of the type */
    pc_anchor anchor;
    bool is_bold;
    bool is_upward; /* text reads upwards: it is turned by 90 degrees about x, y */
} pc_mark;

/* A failed addition (no memory) sets `has_failed`: check once with pc_figure_status(). */
typedef struct pc_figure {
    double width, height;
    pc_mark *marks;
    size_t n_marks, marks_capacity;
    pc_point *points;
    size_t n_points, points_capacity;
    pc_text strings;
    size_t tag;    /* what marks that are added belong to; 0: nothing */
    pc_mark spare; /* what additions return after a failure */
    bool has_failed;
} pc_figure;

void pc_figure_free(pc_figure *figure);
pc_status pc_figure_status(const pc_figure *figure);

/* Never NULL; the pointer holds until the next mark is added. */
pc_mark *pc_figure_rect(pc_figure *figure, double x, double y, double width, double height);
pc_mark *pc_figure_path(pc_figure *figure, double x, double y);
pc_mark *pc_figure_text(pc_figure *figure, double x, double y, double size, const char *words);
/* Appends a curve to the last mark, a path. */
void pc_figure_curve(pc_figure *figure, pc_point near_start, pc_point near_end, pc_point end);
/* A copy of `words` in the figure, for mark->title. */
size_t pc_figure_string(pc_figure *figure, const char *words);
/* The words of a text that may have failed; the figure remembers the failure. */
const char *pc_figure_take(pc_figure *figure, const pc_text *text);
const char *pc_figure_words(const pc_figure *figure, size_t offset);

/* The lengths of a dash and of the gap behind it; of a mark that has dashes. */
typedef struct pc_dash_lengths {
    double on, off;
} pc_dash_lengths;
pc_dash_lengths pc_mark_dash_lengths(const pc_mark *mark);

/* The figure as a document. */
typedef pc_status (*pc_figure_put)(pc_text *out, const pc_figure *figure);
pc_status pc_figure_put_svg(pc_text *out, const pc_figure *figure);
pc_status pc_figure_put_pdf(pc_text *out, const pc_figure *figure);
/* PC_ERR_INPUT: a figure too large for TeX. */
pc_status pc_figure_put_tikz(pc_text *out, const pc_figure *figure);
/* The document as a file. */
pc_status pc_figure_write(const pc_figure *figure, const char *path, pc_figure_put put);
/* The figure as an element of an HTML page: colours are the page's variables, marks with one tag
 * stand in a group that has it as data-of. */
void pc_figure_put_inline_svg(pc_text *out, const pc_figure *figure);

/* Width of a text, from Helvetica's advance widths plus what wider fonts of the stack need. */
double pc_text_width(const char *words, double size);
/* `words` cut with an ellipsis so that it fits into `width`; appended to `out`. */
void pc_text_put_fitting(pc_text *out, const char *words, double size, double width);
/* A coordinate: at most two decimals, without trailing zeros, in any locale. */
void pc_text_put_coordinate(pc_text *out, double value);
/* `value` with `decimals` (0 to 9) digits behind the point, in any locale; "-" is U+2212 for `sign`
 * true, and a "+" stands before positive values. */
typedef enum pc_sign_style { PC_SIGN_PLAIN, PC_SIGN_ALWAYS } pc_sign_style;
void pc_text_put_fixed(pc_text *out, double value, int decimals, pc_sign_style style);

#endif

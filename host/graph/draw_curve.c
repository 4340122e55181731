/* The faithfulness of the first components of a ranking: share kept to the right, on a logarithmic
 * scale, faithfulness upwards; a line with discs by score, a dashed one with squares by |effect|.
 */
#include "graph/curve_private.h"
#include "graph/draw_pen.h"
#include "graph/draw_style.h"

#include <math.h>

static const double plot_left = 76, plot_top = 64, plot_width = 452, plot_height = 232;
static const double title_size = 15, label_size = 8, mark_size = 6;
static const double most_name = 200;

typedef struct pc_plot {
    pc_figure *figure;
    const pc_curve *curve;
    double low, high, step; /* of faithfulness, and from grid line to grid line */
} pc_plot;

/* ---- the scales ---- */

/* 1, 2 or 5 times a power of ten, so that at most eight steps cover `range`. */
static double nice_step(double range)
{
    static const double factors[] = {1, 2, 5};
    double power = pow(10, floor(log10(range / 8)));
    for (;; power *= 10)
        for (int i = 0; i < 3; i++)
            if (factors[i] * power * 8 >= range) return factors[i] * power;
}

/* Always with 0 and 1, where nothing and all is kept. */
static void set_range(pc_plot *plot)
{
    double low = 0, high = 1;
    for (int i = 0; i < PC_CURVE_POINTS; i++) {
        const double a = plot->curve->by_score[i].faithfulness;
        const double b = plot->curve->by_strength[i].faithfulness;
        if (isfinite(a)) low = fmin(low, a), high = fmax(high, a);
        if (isfinite(b)) low = fmin(low, b), high = fmax(high, b);
    }
    plot->step = nice_step(high - low);
    plot->low = floor(low / plot->step + 1e-9) * plot->step;
    plot->high = ceil(high / plot->step - 1e-9) * plot->step;
}

static double x_of(const pc_plot *plot, double share)
{
    const double least = log(plot->curve->by_score[0].share);
    return plot_left + 14 + (plot_width - 28) * (1 - log(share) / least);
}

static double y_of(const pc_plot *plot, double faithfulness)
{
    return plot_top + plot_height * (plot->high - faithfulness) / (plot->high - plot->low);
}

/* ---- axes ---- */

static pc_mark *draw_line(pc_figure *figure, pc_point from, pc_point to, int colour, double width)
{
    pc_mark *path = pc_figure_path(figure, from.x, from.y);
    path->stroke = colour;
    path->stroke_width = width;
    pc_figure_curve(figure, (pc_point){(2 * from.x + to.x) / 3, (2 * from.y + to.y) / 3},
                    (pc_point){(from.x + 2 * to.x) / 3, (from.y + 2 * to.y) / 3}, to);
    return &figure->marks[figure->n_marks - 1];
}

static pc_mark *write_words(pc_figure *figure, double x, double y, double size, pc_anchor anchor,
                            pc_text *words)
{
    pc_mark *text = pc_figure_text(figure, x, y, size, pc_figure_take(figure, words));
    text->anchor = anchor;
    text->fill = PC_COLOUR_TEXT;
    pc_text_free(words);
    return text;
}

static int decimals_of(double step)
{
    int decimals = 0;
    for (; step < 0.999 && decimals < 9; decimals++)
        step *= 10;
    return decimals;
}

/* Grid lines; those of 0 and 1 are darker. */
static void draw_heights(pc_plot *plot)
{
    const int n = (int)lround((plot->high - plot->low) / plot->step);
    for (int i = 0; i <= n; i++) {
        const double value = plot->low + i * plot->step, y = y_of(plot, value);
        const bool is_end = fabs(value) < 1e-9 * plot->step || fabs(value - 1) < 1e-9 * plot->step;
        pc_text words = {0}, figures = {0};
        draw_line(plot->figure, (pc_point){plot_left, y}, (pc_point){plot_left + plot_width, y},
                  is_end ? PC_COLOUR_QUIET : PC_COLOUR_PRUNED, is_end ? 1 : 0.6);
        pc_text_put_fixed(&figures, value, decimals_of(plot->step), PC_SIGN_ALWAYS);
        plot->figure->has_failed |= figures.has_failed;
        if (figures.data) pc_text_put(&words, figures.data + (*figures.data == '+'));
        pc_text_free(&figures);
        write_words(plot->figure, plot_left - 6, y + label_size * 0.36, label_size, PC_ANCHOR_END,
                    &words);
    }
    pc_text title = {0};
    pc_text_put(&title, "faithfulness");
    pc_mark *text = write_words(plot->figure, PC_MARGIN + 8, plot_top + plot_height / 2,
                                PC_SMALL_SIZE, PC_ANCHOR_MIDDLE, &title);
    text->is_upward = true;
    text->fill = PC_COLOUR_QUIET;
}

/* Shares, and below them how many components that is. */
static void draw_shares(pc_plot *plot)
{
    const double bottom = plot_top + plot_height;
    for (int i = 0; i < PC_CURVE_POINTS; i++) {
        const pc_curve_point *point = &plot->curve->by_score[i];
        const double x = x_of(plot, point->share);
        pc_text share = {0}, count = {0};
        draw_line(plot->figure, (pc_point){x, bottom}, (pc_point){x, bottom + 4}, PC_COLOUR_QUIET,
                  1);
        pc_text_printf(&share, "%d.%d", (int)lround(point->share * 1000) / 10,
                       (int)lround(point->share * 1000) % 10);
        if (lround(point->share * 1000) % 10 == 0 && share.length > 2)
            share.data[share.length - 2] = 0;
        pc_text_printf(&count, "%lld", (long long)point->n);
        write_words(plot->figure, x, bottom + 14, label_size, PC_ANCHOR_MIDDLE, &share);
        write_words(plot->figure, x, bottom + 25, label_size - 1, PC_ANCHOR_MIDDLE, &count)->fill =
            PC_COLOUR_QUIET;
    }
    pc_text title = {0};
    pc_text_put(&title, "first % of the ranking that is kept, and how many that is");
    write_words(plot->figure, plot_left + plot_width / 2, bottom + 41, PC_SMALL_SIZE,
                PC_ANCHOR_MIDDLE, &title)
        ->fill = PC_COLOUR_QUIET;
}

/* ---- the lines ---- */

typedef struct pc_series {
    const pc_curve_point *points;
    int colour;
    pc_dash dash;
    double radius; /* of its marks' corners */
} pc_series;

static void draw_series_line(pc_plot *plot, const pc_series *series)
{
    for (int i = 0; i + 1 < PC_CURVE_POINTS; i++) {
        const pc_curve_point *a = &series->points[i], *b = &series->points[i + 1];
        if (!isfinite(a->faithfulness) || !isfinite(b->faithfulness)) continue;
        draw_line(plot->figure, (pc_point){x_of(plot, a->share), y_of(plot, a->faithfulness)},
                  (pc_point){x_of(plot, b->share), y_of(plot, b->faithfulness)}, series->colour,
                  1.8)
            ->dash = series->dash;
    }
}

static void draw_mark(pc_figure *figure, double x, double y, const pc_series *series)
{
    pc_mark *mark =
        pc_figure_rect(figure, x - mark_size / 2, y - mark_size / 2, mark_size, mark_size);
    mark->radius = series->radius;
    mark->fill = PC_COLOUR_PAPER;
    mark->stroke = series->colour;
    mark->stroke_width = 1.5;
}

static void draw_points(pc_plot *plot, const pc_series *series)
{
    for (int i = 0; i < PC_CURVE_POINTS; i++) {
        const pc_curve_point *p = &series->points[i];
        pc_text title = {0};
        if (!isfinite(p->faithfulness)) continue;
        pc_text_printf(&title, "first %lld, %lld after pruning: ", (long long)p->n,
                       (long long)p->n_kept);
        pc_text_put_fixed(&title, p->faithfulness, 4, PC_SIGN_PLAIN);
        const size_t words = pc_figure_string(plot->figure, pc_figure_take(plot->figure, &title));
        pc_text_free(&title);
        draw_mark(plot->figure, x_of(plot, p->share), y_of(plot, p->faithfulness), series);
        plot->figure->marks[plot->figure->n_marks - 1].title = words;
    }
}

static void draw_legend(pc_plot *plot, const pc_series *series, int n, double y)
{
    static const char *const words[] = {"ranked by how much worse the metric gets without it",
                                        "ranked by |effect|"};
    pc_pen pen = {plot->figure, PC_MARGIN, y, PC_MARGIN, plot_left + plot_width, 16};
    for (int i = 0; i < n; i++) {
        const double x = pen.x;
        pc_pen_sample(&pen, series[i].colour, 1.8, series[i].dash, words[i]);
        draw_mark(plot->figure, x + 15, pen.y - 3.2, &series[i]);
    }
}

/* ---- words ---- */

static void draw_title(pc_figure *figure, const pc_curve_labels *labels)
{
    pc_text words = {0};
    pc_text_put_fitting(&words, labels->model, title_size, most_name);
    pc_text_put(&words, " on ");
    pc_text_put_fitting(&words, labels->task, title_size, most_name);
    pc_text_put(&words, ": faithfulness by size");
    write_words(figure, PC_MARGIN, PC_MARGIN + 12, title_size, PC_ANCHOR_START, &words)->is_bold =
        true;
}

static double draw_caption(pc_figure *figure, const pc_curve *curve, const pc_curve_labels *labels,
                           double y)
{
    pc_text words = {0};
    pc_text_put(&words,
                "Everything but the first components of the ranking is cut at once, dangling "
                "edges pruned. CPR ");
    pc_text_put_fixed(&words, curve->cpr, 4, PC_SIGN_PLAIN);
    pc_text_put(&words, " (area under the first line), CMD ");
    pc_text_put_fixed(&words, curve->cmd, 4, PC_SIGN_PLAIN);
    pc_text_printf(&words,
                   " (area between the second and 1), as MIB has them. Metric %s, method %s, "
                   "source %s, direction "
                   "%s, n = %d prompt pairs; %lld in all.",
                   labels->metric, labels->method ? labels->method : "not recorded", labels->source,
                   labels->direction, labels->n, (long long)curve->by_score[PC_CURVE_POINTS - 1].n);
    const double below = pc_draw_wrapped(figure, pc_figure_take(figure, &words), PC_MARGIN, y,
                                         plot_left + plot_width - PC_MARGIN);
    pc_text_free(&words);
    return below;
}

pc_status pc_draw_curve(pc_figure *figure, const pc_curve *curve, const pc_curve_labels *labels)
{
    const pc_series series[] = {{curve->by_score, PC_COLOUR_POSITIVE, PC_DASH_NONE, mark_size / 2},
                                {curve->by_strength, PC_COLOUR_NEGATIVE, PC_DASH_LONG, 0}};
    pc_plot plot = {figure, curve, 0, 0, 0};
    pc_figure_rect(figure, 0, 0, 0, 0)->fill = PC_COLOUR_PAPER;
    set_range(&plot);
    draw_title(figure, labels);
    draw_heights(&plot);
    draw_shares(&plot);
    for (int i = 0; i < 2; i++)
        draw_series_line(&plot, &series[i]);
    for (int i = 1; i >= 0; i--)
        draw_points(&plot, &series[i]);
    draw_legend(&plot, series, 2, plot_top + plot_height + 64);
    const double below = draw_caption(figure, curve, labels, plot_top + plot_height + 86);
    double right = plot_left + plot_width;
    for (size_t i = 0; i < figure->n_marks; i++)
        if (figure->marks[i].size == title_size)
            right = fmax(right, figure->marks[i].x + figure->marks[i].width);
    figure->width = ceil(right + PC_MARGIN);
    figure->height = ceil(below - 13.5 + PC_MARGIN * 0.75);
    figure->marks[0].width = figure->width;
    figure->marks[0].height = figure->height;
    return pc_figure_status(figure);
}

/* The figure of a faithfulness curve: every point is where its numbers say, and it can be read. */
#include "support/legible.h"

#include "graph/curve_private.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const pc_curve_labels labels = {.model = "demo",
                                       .task = "induction",
                                       .metric = "logit-diff",
                                       .source = "resample",
                                       .direction = "noise",
                                       .method = "exact",
                                       .n = 64};

/* Faithfulness by score is i / 9 * scale, by strength its negative. */
static pc_curve sample(double scale)
{
    static const double shares[PC_CURVE_POINTS] = {0.001, 0.002, 0.005, 0.01, 0.02,
                                                   0.05,  0.1,   0.2,   0.5,  1};
    pc_curve curve = {.cpr = 0.5, .cmd = 0.25};
    for (int i = 0; i < PC_CURVE_POINTS; i++) {
        curve.by_score[i] =
            (pc_curve_point){shares[i], (int64_t)(shares[i] * 32491), 3, scale * i / 9};
        curve.by_strength[i] = curve.by_score[i];
        curve.by_strength[i].faithfulness *= -1;
    }
    return curve;
}

/* The marks with a tooltip are the points: by strength first. */
static int find_points(const pc_mark **out, const pc_figure *figure)
{
    int n = 0;
    for (size_t i = 0; i < figure->n_marks && n < 2 * PC_CURVE_POINTS; i++)
        if (figure->marks[i].title) out[n++] = &figure->marks[i];
    return n;
}

/* Heights are linear in faithfulness, places in the logarithm of the share. */
Test(graph_curve, points_stand_where_their_numbers_say)
{
    static const double scales[] = {1, 0.001, 7.3, 1234};
    for (size_t s = 0; s < sizeof scales / sizeof *scales; s++) {
        const pc_curve curve = sample(scales[s]);
        const pc_mark *points[2 * PC_CURVE_POINTS];
        pc_figure figure = {0};
        cr_assert_eq(pc_draw_curve(&figure, &curve, &labels), PC_OK);
        cr_assert_eq(find_points(points, &figure), 2 * PC_CURVE_POINTS);
        const pc_mark **down = points, **up = points + PC_CURVE_POINTS;
        const double rise = up[0]->y - up[PC_CURVE_POINTS - 1]->y;
        cr_expect(rise > 0, "upwards");
        for (int i = 0; i < PC_CURVE_POINTS; i++) {
            cr_expect_float_eq(up[0]->y - up[i]->y, rise * i / 9, 1e-6, "scale %g, point %d",
                               scales[s], i);
            cr_expect_float_eq(down[i]->y - down[0]->y, rise * i / 9, 1e-6);
            cr_expect_float_eq(up[i]->x, down[i]->x, 1e-9);
        }
        cr_expect_float_eq(up[9]->x - up[6]->x, up[6]->x - up[3]->x, 1e-6,
                           "1 to 10 as 10 to 100 %%");
        pc_figure_free(&figure);
    }
}

Test(graph_curve, texts_never_overlap)
{
    static const double scales[] = {0, 1, 1e-6, 4.2, 98765};
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        const pc_curve curve = sample(scales[i]);
        pc_figure figure = {0};
        cr_assert_eq(pc_draw_curve(&figure, &curve, &labels), PC_OK);
        cr_expect(legible_expect(&figure, "curve") > 25);
        pc_figure_free(&figure);
    }
}

/* Names come from files, and a point may not have a value. */
Test(graph_curve, hostile_names_and_missing_values)
{
    pc_curve_labels hostile = labels;
    pc_curve curve = sample(1);
    pc_figure figure = {0};
    pc_text svg = {0};
    hostile.model = "</text><script>&";
    hostile.task =
        "a task with a very long name that would run out of the page if nobody cut it off";
    curve.by_score[4].faithfulness = NAN;
    curve.by_strength[5].faithfulness = INFINITY;
    cr_assert_eq(pc_draw_curve(&figure, &curve, &hostile), PC_OK);
    legible_expect(&figure, "hostile");
    cr_assert_eq(pc_figure_put_svg(&svg, &figure), PC_OK);
    cr_expect_not(strstr(svg.data, "<script"));
    cr_expect_not(strstr(svg.data, "nan"));
    cr_expect_not(strstr(svg.data, "inf"));
    pc_text_free(&svg);
    pc_figure_free(&figure);
}

/* The pen that legends and captions are written with. */
#include "graph/draw_pen.h"

#include "graph/draw_style.h"

#include <string.h>

static void make_space(pc_pen *pen, double width)
{
    if (pen->x + width <= pen->right || pen->x == pen->left) return;
    pen->x = pen->left;
    pen->y += pen->line;
}

void pc_pen_write(pc_pen *pen, const char *words, double after)
{
    pc_mark *text = pc_figure_text(pen->figure, pen->x, pen->y, PC_SMALL_SIZE, words);
    text->fill = PC_COLOUR_TEXT;
    pen->x += text->width + after;
}

void pc_pen_sample(pc_pen *pen, int colour, double width, pc_dash dash, const char *words)
{
    const double length = 30;
    make_space(pen, length + 6 + pc_text_width(words, PC_SMALL_SIZE));
    const pc_point end = {pen->x + length, pen->y - 3.2};
    pc_mark *path = pc_figure_path(pen->figure, pen->x, end.y);
    path->stroke = colour;
    path->stroke_width = width;
    path->dash = dash;
    pc_figure_curve(pen->figure, (pc_point){pen->x + length / 3, end.y},
                    (pc_point){pen->x + 2 * length / 3, end.y}, end);
    pen->x += length + 6;
    pc_pen_write(pen, words, 18);
}

void pc_pen_swatch(pc_pen *pen, int fill, int stroke, const char *words)
{
    make_space(pen, 20 + pc_text_width(words, PC_SMALL_SIZE));
    pc_mark *box = pc_figure_rect(pen->figure, pen->x, pen->y - 8.5, 14, 10);
    box->radius = 2.5;
    box->fill = fill;
    box->stroke = stroke;
    box->stroke_width = 0.9;
    pen->x += 20;
    pc_pen_write(pen, words, 18);
}

void pc_pen_wrap(pc_pen *pen, const char *words)
{
    char line[1024];
    while (*words) {
        size_t fits = 0;
        for (size_t i = 0; i < sizeof line - 1; i++) {
            if (words[i] != ' ' && words[i] != 0) continue;
            memcpy(line, words, i);
            line[i] = 0;
            if (fits > 0 && pc_text_width(line, PC_SMALL_SIZE) > pen->right - pen->left) break;
            fits = i;
            if (words[i] == 0) break;
        }
        if (fits == 0) fits = strlen(words) < sizeof line ? strlen(words) : sizeof line - 1;
        memcpy(line, words, fits);
        line[fits] = 0;
        pc_text fitted = {0};
        pc_text_put_fitting(&fitted, line, PC_SMALL_SIZE, pen->right - pen->left);
        pen->x = pen->left;
        pc_pen_write(pen, pc_figure_take(pen->figure, &fitted), 0);
        pc_text_free(&fitted);
        pen->y += pen->line;
        words += fits;
        while (*words == ' ')
            words++;
    }
}

double pc_draw_wrapped(pc_figure *figure, const char *words, double x, double y, double width)
{
    pc_pen pen = {figure, x, y, x, x + width, 13.5};
    pc_pen_wrap(&pen, words);
    return pen.y;
}

/* Building figures, and measuring their type. */
#include "graph/figure.h"

#include "base/file.h"
#include "base/memory.h"
#include "graph/helvetica.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Fonts that stand in for Helvetica run wider: DejaVu Sans by 14 % in digits. */
static const double width_slack = 1.15;

void pc_figure_free(pc_figure *figure)
{
    pc_text_free(&figure->strings);
    free(figure->points);
    free(figure->marks);
    *figure = (pc_figure){0};
}

pc_status pc_figure_status(const pc_figure *figure)
{
    if (figure->has_failed || figure->strings.has_failed)
        return pc_fail(PC_ERR_NOMEM, "out of memory while drawing");
    return PC_OK;
}

static pc_mark *add_mark(pc_figure *figure, pc_mark_kind kind)
{
    pc_mark *marks =
        pc_grow(figure->marks, &figure->marks_capacity, figure->n_marks + 1, sizeof *marks);
    pc_mark *mark = &figure->spare;
    if (marks) {
        figure->marks = marks;
        mark = &marks[figure->n_marks++];
    } else {
        figure->has_failed = true;
    }
    *mark = (pc_mark){.kind = kind,
                      .fill = PC_NO_COLOUR,
                      .stroke = PC_NO_COLOUR,
                      .opacity = 1,
                      .tag = figure->tag};
    return mark;
}

pc_mark *pc_figure_rect(pc_figure *figure, double x, double y, double width, double height)
{
    pc_mark *mark = add_mark(figure, PC_MARK_RECT);
    mark->x = x;
    mark->y = y;
    mark->width = width;
    mark->height = height;
    return mark;
}

static void add_point(pc_figure *figure, pc_point point)
{
    pc_point *points =
        pc_grow(figure->points, &figure->points_capacity, figure->n_points + 1, sizeof *points);
    if (!points) {
        figure->has_failed = true;
        return;
    }
    figure->points = points;
    points[figure->n_points++] = point;
}

pc_mark *pc_figure_path(pc_figure *figure, double x, double y)
{
    pc_mark *mark = add_mark(figure, PC_MARK_PATH);
    mark->first_point = figure->n_points;
    mark->n_points = 1;
    add_point(figure, (pc_point){x, y});
    return mark;
}

void pc_figure_curve(pc_figure *figure, pc_point near_start, pc_point near_end, pc_point end)
{
    if (figure->has_failed) return;
    add_point(figure, near_start);
    add_point(figure, near_end);
    add_point(figure, end);
    figure->marks[figure->n_marks - 1].n_points += 3;
}

size_t pc_figure_string(pc_figure *figure, const char *words)
{
    if (figure->strings.length == 0) pc_text_put_bytes(&figure->strings, "", 1);
    const size_t offset = figure->strings.length;
    pc_text_put_bytes(&figure->strings, words, strlen(words) + 1);
    return figure->strings.has_failed ? 0 : offset;
}

const char *pc_figure_take(pc_figure *figure, const pc_text *text)
{
    figure->has_failed |= text->has_failed;
    return text->data ? text->data : "";
}

const char *pc_figure_words(const pc_figure *figure, size_t offset)
{
    return offset ? figure->strings.data + offset : "";
}

pc_mark *pc_figure_text(pc_figure *figure, double x, double y, double size, const char *words)
{
    const size_t text = pc_figure_string(figure, words);
    pc_mark *mark = add_mark(figure, PC_MARK_TEXT);
    mark->x = x;
    mark->y = y;
    mark->size = size;
    mark->text = text;
    mark->width = pc_text_width(words, size);
    mark->fill = 0x222222;
    return mark;
}

/* Queries are long dashes, values dots; both grow a little with the stroke. */
pc_dash_lengths pc_mark_dash_lengths(const pc_mark *mark)
{
    const double width = mark->stroke_width;
    if (mark->dash == PC_DASH_LONG) return (pc_dash_lengths){6 + width, 3 + width * 0.4};
    return (pc_dash_lengths){1.2 + width * 0.3, 1.8 + width * 0.3};
}

pc_status pc_figure_write(const pc_figure *figure, const char *path, pc_figure_put put)
{
    pc_text text = {0};
    pc_status status = put(&text, figure);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}

/* Bytes of the character at `s` and its advance; broken UTF-8 counts byte by byte. */
static size_t measure_character(double *width, const unsigned char *s)
{
    if (s[0] < 0x80) {
        *width = s[0] < 0x20 || s[0] == 0x7f ? 600 : pc_helvetica_advance(PC_HELVETICA, s[0]);
        return 1;
    }
    size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 1;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80) length = 1;
    *width = length > 2 && memcmp(s, "\xe2\x88\x92", 3) == 0 ? 584 : length > 2 ? 1000 : 600;
    return length;
}

double pc_text_width(const char *words, double size)
{
    double sum = 0, one;
    for (const unsigned char *s = (const unsigned char *)words; *s; sum += one)
        s += measure_character(&one, s);
    return sum * size / 1000 * width_slack;
}

void pc_text_put_fitting(pc_text *out, const char *words, double size, double width)
{
    if (pc_text_width(words, size) <= width) {
        pc_text_put(out, words);
        return;
    }
    const double scale = size / 1000 * width_slack;
    double sum = 1000 * scale, one;
    const unsigned char *s = (const unsigned char *)words;
    for (;;) {
        const size_t length = measure_character(&one, s);
        if (!*s || sum + one * scale > width) break;
        sum += one * scale;
        s += length;
    }
    pc_text_put_bytes(out, words, (size_t)(s - (const unsigned char *)words));
    pc_text_put(out, "\xe2\x80\xa6");
}

void pc_text_put_coordinate(pc_text *t, double value)
{
    const long long hundredths = llround(value * 100);
    const long long size = hundredths < 0 ? -hundredths : hundredths;
    pc_text_printf(t, "%s%lld", hundredths < 0 ? "-" : "", size / 100);
    if (size % 100 == 0) return;
    if (size % 10 == 0) pc_text_printf(t, ".%lld", size % 100 / 10);
    else pc_text_printf(t, ".%02lld", size % 100);
}

void pc_text_put_fixed(pc_text *out, double value, int decimals, pc_sign_style style)
{
    double power = 1;
    for (int i = 0; i < decimals; i++)
        power *= 10;
    if (!(fabs(value) * power < 9e15)) {
        pc_text_put_number(out, value);
        return;
    }
    const long long scaled = llround(fabs(value) * power), whole = (long long)power;
    if (scaled != 0 && value < 0) pc_text_put(out, style == PC_SIGN_PLAIN ? "-" : "\xe2\x88\x92");
    else if (scaled != 0 && style == PC_SIGN_ALWAYS) pc_text_put(out, "+");
    pc_text_printf(out, "%lld", scaled / whole);
    if (decimals > 0) pc_text_printf(out, ".%0*lld", decimals, scaled % whole);
}

/* A figure as PDF 1.4: one page of vectors in fonts that every reader has, no dates, all ASCII. */
#include "graph/figure.h"

#include "base/utf8.h"
#include "graph/helvetica.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Readers need not show larger pages (ISO 32000-1, annex C); a larger figure is scaled down. */
static const double most_points = 14400;

/* How far a Bezier curve's control points lie from the ends of a quarter circle. */
static const double circle = 0.5522847498;

enum { N_OPACITIES = 101 }; /* in percent */

typedef struct pc_pdf {
    pc_text *out;
    const pc_figure *figure;
    double height;
} pc_pdf;

/* ---- numbers ---- */

/* "x y " with y upwards. */
static void put_point(const pc_pdf *pdf, double x, double y)
{
    pc_text_put_coordinate(pdf->out, x);
    pc_text_put(pdf->out, " ");
    pc_text_put_coordinate(pdf->out, pdf->height - y);
    pc_text_put(pdf->out, " ");
}

static void put_colour(const pc_pdf *pdf, int colour, const char *operator)
{
    for (int shift = 16; shift >= 0; shift -= 8) {
        pc_text_put_fixed(pdf->out, (colour >> shift & 0xff) / 255.0, 3, PC_SIGN_PLAIN);
        pc_text_put(pdf->out, " ");
    }
    pc_text_printf(pdf->out, "%s\n", operator);
}

static int percent_of(const pc_mark *mark)
{
    const double bounded = fmin(fmax(mark->opacity, 0), 1);
    return (int)lround(100 * bounded);
}

/* ---- shapes ---- */

static void put_stroke_style(const pc_pdf *pdf, const pc_mark *mark)
{
    if (mark->stroke == PC_NO_COLOUR) return;
    put_colour(pdf, mark->stroke, "RG");
    pc_text_put_coordinate(pdf->out, mark->stroke_width);
    pc_text_put(pdf->out, " w\n");
    if (mark->dash == PC_DASH_NONE) return;
    const pc_dash_lengths lengths = pc_mark_dash_lengths(mark);
    pc_text_put(pdf->out, "[");
    pc_text_put_coordinate(pdf->out, lengths.on);
    pc_text_put(pdf->out, " ");
    pc_text_put_coordinate(pdf->out, lengths.off);
    pc_text_put(pdf->out, "] 0 d\n");
}

/* Fills and strokes the path at hand; neither: ends it. */
static void put_paint(const pc_pdf *pdf, const pc_mark *mark)
{
    const bool has_fill = mark->fill != PC_NO_COLOUR, has_stroke = mark->stroke != PC_NO_COLOUR;
    pc_text_put(pdf->out, has_fill && has_stroke ? "B\n"
                          : has_fill             ? "f\n"
                          : has_stroke           ? "S\n"
                                                 : "n\n");
}

static void put_curve(const pc_pdf *pdf, const pc_point *points)
{
    for (int i = 0; i < 3; i++)
        put_point(pdf, points[i].x, points[i].y);
    pc_text_put(pdf->out, "c\n");
}

/* From where the path is, straight on to a corner and around it. */
static void put_corner(const pc_pdf *pdf, pc_point from, pc_point corner, pc_point to)
{
    const double c = circle;
    put_point(pdf, from.x, from.y);
    pc_text_put(pdf->out, "l\n");
    put_curve(pdf,
              (pc_point[]){{from.x + c * (corner.x - from.x), from.y + c * (corner.y - from.y)},
                           {to.x + c * (corner.x - to.x), to.y + c * (corner.y - to.y)},
                           to});
}

static void put_round_rect(const pc_pdf *pdf, const pc_mark *m)
{
    const double r = fmin(m->radius, fmin(m->width, m->height) / 2);
    const double left = m->x, top = m->y, right = m->x + m->width, bottom = m->y + m->height;
    put_point(pdf, left + r, top);
    pc_text_put(pdf->out, "m\n");
    put_corner(pdf, (pc_point){right - r, top}, (pc_point){right, top}, (pc_point){right, top + r});
    put_corner(pdf, (pc_point){right, bottom - r}, (pc_point){right, bottom},
               (pc_point){right - r, bottom});
    put_corner(pdf, (pc_point){left + r, bottom}, (pc_point){left, bottom},
               (pc_point){left, bottom - r});
    put_corner(pdf, (pc_point){left, top + r}, (pc_point){left, top}, (pc_point){left + r, top});
    pc_text_put(pdf->out, "h\n");
}

static void put_rect(const pc_pdf *pdf, const pc_mark *mark)
{
    if (mark->radius > 0) {
        put_round_rect(pdf, mark);
        return;
    }
    put_point(pdf, mark->x, mark->y + mark->height);
    pc_text_put_coordinate(pdf->out, mark->width);
    pc_text_put(pdf->out, " ");
    pc_text_put_coordinate(pdf->out, mark->height);
    pc_text_put(pdf->out, " re\n");
}

static void put_path(const pc_pdf *pdf, const pc_mark *mark)
{
    const pc_point *points = pdf->figure->points + mark->first_point;
    put_point(pdf, points[0].x, points[0].y);
    pc_text_put(pdf->out, "m\n");
    for (size_t i = 1; i + 2 < mark->n_points; i += 3)
        put_curve(pdf, points + i);
}

/* ---- text ---- */

enum { ESCAPE_BYTES = 16 };

/* The next character of a text, as it is shown. */
typedef struct pc_shown {
    size_t n_bytes;      /* of the text */
    uint32_t code_point; /* U+FFFD for what is no UTF-8 */
    pc_font font;
    unsigned char code;        /* 0: no font has it, and `escape` stands for it */
    char escape[ESCAPE_BYTES]; /* "U+4E2D" */
} pc_shown;

static pc_shown next_character(const char *s, bool is_bold)
{
    const pc_font font = is_bold ? PC_HELVETICA_BOLD : PC_HELVETICA;
    const size_t length = pc_utf8_length(s, 4);
    pc_shown shown = {.n_bytes = length ? length : 1, .font = font};
    shown.code_point = length ? pc_utf8_code_point(s, length) : 0xfffd;
    const pc_glyph glyph = pc_helvetica_glyph(shown.code_point);
    shown.code = glyph.code;
    if (glyph.font == PC_SYMBOL) shown.font = PC_SYMBOL;
    snprintf(shown.escape, sizeof shown.escape, "U+%04X", (unsigned)shown.code_point);
    return shown;
}

static int advance_of(const pc_shown *shown)
{
    int sum = 0;
    if (shown->code) return pc_helvetica_advance(shown->font, shown->code);
    for (const char *c = shown->escape; *c; c++)
        sum += pc_helvetica_advance(shown->font, (unsigned char)*c);
    return sum;
}

/* Width as it is shown, and whether something in it is escaped. */
static double measure(bool *has_escapes, const char *words, const pc_mark *mark)
{
    int sum = 0;
    *has_escapes = false;
    for (const char *s = words; *s;) {
        const pc_shown shown = next_character(s, mark->is_bold);
        sum += advance_of(&shown);
        *has_escapes |= shown.code == 0;
        s += shown.n_bytes;
    }
    return sum * mark->size / 1000;
}

static void put_code(pc_text *t, unsigned char code)
{
    if (code == '(' || code == ')' || code == '\\') pc_text_printf(t, "\\%c", code);
    else if (code >= 0x20 && code < 0x7f) pc_text_printf(t, "%c", code);
    else pc_text_printf(t, "\\%03o", code);
}

/* What the escape stands for goes with it, for searching and copying. */
static void put_escape(pc_text *t, const pc_shown *shown)
{
    const uint32_t c = shown->code_point, above = c - 0x10000;
    if (c < 0x10000) pc_text_printf(t, "/Span <</ActualText <FEFF%04X>>> BDC\n", (unsigned)c);
    else
        pc_text_printf(t, "/Span <</ActualText <FEFF%04X%04X>>> BDC\n",
                       (unsigned)(0xd800 + (above >> 10)), (unsigned)(0xdc00 + (above & 0x3ff)));
    pc_text_printf(t, "(%s) Tj\nEMC\n", shown->escape);
}

static void put_font(const pc_pdf *pdf, pc_font font, double size)
{
    static const char *const names[] = {"F1", "F2", "F3"};
    pc_text_printf(pdf->out, "/%s ", names[font]);
    pc_text_put_coordinate(pdf->out, size);
    pc_text_put(pdf->out, " Tf\n");
}

/* Runs of one font each. */
static void put_words(const pc_pdf *pdf, const pc_mark *mark, const char *words)
{
    pc_text *t = pdf->out;
    pc_font font = PC_HELVETICA;
    for (const char *s = words; *s;) {
        pc_shown shown = next_character(s, mark->is_bold);
        if (s == words || shown.font != font) put_font(pdf, shown.font, mark->size);
        font = shown.font;
        if (shown.code == 0) {
            put_escape(t, &shown);
            s += shown.n_bytes;
            continue;
        }
        pc_text_put(t, "(");
        do {
            put_code(t, shown.code);
            s += shown.n_bytes;
            if (*s) shown = next_character(s, mark->is_bold);
        } while (*s && shown.code != 0 && shown.font == font);
        pc_text_put(t, ") Tj\n");
    }
}

/* Text with escapes, which are longer than what they stand for, is squeezed into its place. */
static void put_text(const pc_pdf *pdf, const pc_mark *mark)
{
    static const double parts[] = {0, 0.5, 1}; /* of the width, left of the anchor */
    const char *words = pc_figure_words(pdf->figure, mark->text);
    bool has_escapes;
    double width = measure(&has_escapes, words, mark);
    pc_text_put(pdf->out, "BT\n");
    if (has_escapes && width > mark->width && mark->width > 0) {
        pc_text_put_coordinate(pdf->out, 100 * mark->width / width);
        pc_text_put(pdf->out, " Tz\n");
        width = mark->width;
    }
    const double back = width * parts[mark->anchor];
    pc_text_put(pdf->out, mark->is_upward ? "0 1 -1 0 " : "1 0 0 1 ");
    put_point(pdf, mark->is_upward ? mark->x : mark->x - back,
              mark->is_upward ? mark->y + back : mark->y);
    pc_text_put(pdf->out, "Tm\n");
    put_words(pdf, mark, words);
    pc_text_put(pdf->out, "ET\n");
}

/* ---- the page ---- */

static void put_mark(const pc_pdf *pdf, const pc_mark *mark)
{
    const int percent = percent_of(mark);
    pc_text_put(pdf->out, "q\n");
    if (percent < 100) pc_text_printf(pdf->out, "/G%d gs\n", percent);
    if (mark->fill != PC_NO_COLOUR) put_colour(pdf, mark->fill, "rg");
    if (mark->kind == PC_MARK_TEXT) {
        put_text(pdf, mark);
    } else {
        put_stroke_style(pdf, mark);
        if (mark->kind == PC_MARK_RECT) put_rect(pdf, mark);
        else put_path(pdf, mark);
        put_paint(pdf, mark);
    }
    pc_text_put(pdf->out, "Q\n");
}

static void put_content(pc_text *out, const pc_figure *figure, double scale)
{
    const pc_pdf pdf = {out, figure, figure->height};
    if (scale < 1) {
        char number[32];
        pc_format_number(number, scale);
        pc_text_printf(out, "%s 0 0 %s 0 0 cm\n", number, number);
    }
    for (size_t i = 0; i < figure->n_marks; i++)
        put_mark(&pdf, &figure->marks[i]);
}

/* A graphics state for every opacity that occurs. */
static void put_states(pc_text *out, const pc_figure *figure)
{
    bool is_used[N_OPACITIES] = {false};
    for (size_t i = 0; i < figure->n_marks; i++)
        is_used[percent_of(&figure->marks[i])] = true;
    pc_text_put(out, "/ExtGState <<");
    for (int percent = 0; percent < 100; percent++)
        if (is_used[percent])
            pc_text_printf(out, " /G%d << /ca %d.%02d /CA %d.%02d >>", percent, percent / 100,
                           percent % 100, percent / 100, percent % 100);
    pc_text_put(out, " >>");
}

static void put_page(pc_text *out, const pc_figure *figure, double scale)
{
    pc_text_put(out, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ");
    pc_text_put_coordinate(out, figure->width * scale);
    pc_text_put(out, " ");
    pc_text_put_coordinate(out, figure->height * scale);
    pc_text_put(out, "]\n/Resources << /Font << /F1 5 0 R /F2 6 0 R /F3 7 0 R >> ");
    put_states(out, figure);
    pc_text_put(out, " >>\n/Group << /S /Transparency /CS /DeviceRGB >> /Contents 4 0 R >>\n");
}

/* ---- the file ---- */

enum { CONTENT = 4, N_OBJECTS = 8 };

/* The objects that are the same in every file; NULL: page and content. */
static const char *const objects[N_OBJECTS + 1] = {
    [1] = "<< /Type /Catalog /Pages 2 0 R >>\n",
    [2] = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>\n",
    [5] = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding 8 0 R >>\n",
    [6] = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding 8 0 R >>\n",
    [7] = "<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>\n",
    [8] = "<< /Type /Encoding /BaseEncoding /WinAnsiEncoding /Differences [129 /minus] >>\n"};

static void put_object(pc_text *out, int number, const pc_figure *figure, double scale,
                       const pc_text *content)
{
    pc_text_printf(out, "%d 0 obj\n", number);
    if (objects[number]) {
        pc_text_put(out, objects[number]);
    } else if (number == CONTENT) {
        pc_text_printf(out, "<< /Length %zu >>\nstream\n", content->length);
        pc_text_put_bytes(out, content->data ? content->data : "", content->length);
        pc_text_put(out, "\nendstream\n");
    } else {
        put_page(out, figure, scale);
    }
    pc_text_put(out, "endobj\n");
}

/* Where each object begins; every line is 20 bytes long. */
static void put_references(pc_text *out, const size_t *offsets)
{
    const size_t start = out->length;
    pc_text_printf(out, "xref\n0 %d\n0000000000 65535 f \n", N_OBJECTS + 1);
    for (int i = 1; i <= N_OBJECTS; i++)
        pc_text_printf(out, "%010zu 00000 n \n", offsets[i]);
    pc_text_printf(out, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n",
                   N_OBJECTS + 1, start);
}

/* Offsets count from the document's first byte. */
pc_status pc_figure_put_pdf(pc_text *out, const pc_figure *figure)
{
    const double scale = fmin(1, most_points / fmax(fmax(figure->width, figure->height), 1));
    size_t offsets[N_OBJECTS + 1];
    pc_text content = {0}, file = {0};
    put_content(&content, figure, scale);
    pc_text_put(&file, "%PDF-1.4\n");
    for (int i = 1; i <= N_OBJECTS; i++) {
        offsets[i] = file.length;
        put_object(&file, i, figure, scale, &content);
    }
    put_references(&file, offsets);
    out->has_failed |= content.has_failed || file.has_failed;
    if (file.data) pc_text_put_bytes(out, file.data, file.length);
    pc_text_free(&file);
    pc_text_free(&content);
    return pc_text_status(out);
}

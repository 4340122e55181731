/* Measuring the texts of figures. */
#include "support/legible.h"

#include <criterion/criterion.h>

legible_box legible_box_of(const pc_mark *m)
{
    const double before = m->anchor == PC_ANCHOR_START    ? 0
                          : m->anchor == PC_ANCHOR_MIDDLE ? m->width / 2
                                                          : m->width;
    const double after = m->width - before, up = 0.72 * m->size, down = 0.21 * m->size;
    if (m->is_upward) return (legible_box){m->x - up, m->x + down, m->y - after, m->y + before};
    return (legible_box){m->x - before, m->x + after, m->y - up, m->y + down};
}

static bool overlap(const legible_box *a, const legible_box *b)
{
    const double slack = 0.01;
    return a->left < b->right - slack && b->left < a->right - slack && a->top < b->bottom - slack &&
           b->top < a->bottom - slack;
}

static bool is_text(const pc_mark *m)
{
    return m->kind == PC_MARK_TEXT && m->width > 0;
}

static void expect_alone(const pc_figure *figure, size_t i, const char *name)
{
    const legible_box a = legible_box_of(&figure->marks[i]);
    const char *words = pc_figure_words(figure, figure->marks[i].text);
    cr_expect(a.left >= 0 && a.top >= 0 && a.right <= figure->width && a.bottom <= figure->height,
              "%s: \"%s\" leaves the page", name, words);
    for (size_t j = i + 1; j < figure->n_marks; j++) {
        if (!is_text(&figure->marks[j])) continue;
        const legible_box b = legible_box_of(&figure->marks[j]);
        cr_expect_not(overlap(&a, &b), "%s: \"%s\" overlaps \"%s\"", name, words,
                      pc_figure_words(figure, figure->marks[j].text));
    }
}

int legible_expect(const pc_figure *figure, const char *name)
{
    int n_texts = 0;
    for (size_t i = 0; i < figure->n_marks; i++) {
        if (!is_text(&figure->marks[i])) continue;
        expect_alone(figure, i, name);
        n_texts++;
    }
    return n_texts;
}

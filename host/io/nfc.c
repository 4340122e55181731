/* Form C with utf8proc's tables, step by step: its own sorting of marks is quadratic. */
#include "io/nfc.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "io/unicode_ranges.h"

#include <stdbool.h>
#include <stdlib.h>
#include <utf8proc.h>

enum { OPTIONS = UTF8PROC_STABLE | UTF8PROC_COMPOSE, MAX_PARTS = 4 };

/* A combining mark on its way to its place. */
typedef struct mark {
    int32_t code_point;
    int combining_class;
    size_t position;
} mark;

/* A stretch of text in code points, and room for sorting. */
typedef struct stretch {
    int32_t *code_points;
    mark *marks;
    size_t n, capacity, marks_capacity;
} stretch;

static bool may_change(uint32_t code_point)
{
    size_t low = 0, high = pc_unicode_n_canonical;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code_point > pc_unicode_canonical[middle].last) low = middle + 1;
        else high = middle;
    }
    return low < pc_unicode_n_canonical && pc_unicode_canonical[low].first <= code_point;
}

static int class_of(int32_t code_point)
{
    return utf8proc_get_property(code_point)->combining_class;
}

static pc_status put_decomposed(stretch *to, uint32_t code_point)
{
    int32_t *grown =
        pc_grow(to->code_points, &to->capacity, to->n + MAX_PARTS, sizeof *to->code_points);
    if (!grown) return PC_ERR_NOMEM;
    to->code_points = grown;
    int boundary = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)code_point, grown + to->n,
                                                 MAX_PARTS, (utf8proc_option_t)OPTIONS, &boundary);
    if (n < 1 || n > MAX_PARTS)
        return pc_fail(PC_ERR_INTERNAL, "U+%04X decomposes to %lld code points", code_point,
                       (long long)n);
    to->n += (size_t)n;
    return PC_OK;
}

static int compare_marks(const void *left, const void *right)
{
    const mark *a = left, *b = right;
    if (a->combining_class != b->combining_class)
        return a->combining_class < b->combining_class ? -1 : 1;
    return (a->position > b->position) - (a->position < b->position);
}

/* Marks by class, those of one class as they stood. */
static pc_status sort_marks(stretch *within, size_t from, size_t to)
{
    mark *marks = pc_grow(within->marks, &within->marks_capacity, to - from, sizeof *marks);
    if (!marks) return PC_ERR_NOMEM;
    within->marks = marks;
    for (size_t i = from; i < to; i++) {
        int32_t c = within->code_points[i];
        marks[i - from] = (mark){c, class_of(c), i};
    }
    qsort(marks, to - from, sizeof *marks, compare_marks);
    for (size_t i = from; i < to; i++)
        within->code_points[i] = marks[i - from].code_point;
    return PC_OK;
}

static pc_status order(stretch *within)
{
    for (size_t i = 0; i < within->n;) {
        size_t end = i;
        while (end < within->n && class_of(within->code_points[end]) != 0)
            end++;
        if (end - i > 1) PC_TRY(sort_marks(within, i, end));
        i = end + 1;
    }
    return PC_OK;
}

/* Composes what was decomposed, appends it and empties the stretch. */
static pc_status flush(pc_text *out, stretch *from)
{
    if (from->n == 0) return PC_OK;
    PC_TRY(order(from));
    utf8proc_ssize_t n = utf8proc_normalize_utf32(from->code_points, (utf8proc_ssize_t)from->n,
                                                  (utf8proc_option_t)OPTIONS);
    if (n < 0) return pc_fail(PC_ERR_INTERNAL, "NFC: %s", utf8proc_errmsg(n));
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        char bytes[4];
        size_t length = pc_utf8_encode(bytes, (uint32_t)from->code_points[i]);
        pc_text_put_bytes(out, bytes, length);
    }
    from->n = 0;
    return pc_text_status(out);
}

static pc_status put_all(pc_text *out, stretch *pending, const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t length = pc_utf8_length(text + i, n - i);
        uint32_t c = pc_utf8_code_point(text + i, length);
        if (may_change(c)) {
            PC_TRY(put_decomposed(pending, c));
        } else {
            PC_TRY(flush(out, pending));
            pc_text_put_bytes(out, text + i, length);
        }
        i += length;
    }
    PC_TRY(flush(out, pending));
    return pc_text_status(out);
}

pc_status pc_nfc_put(pc_text *out, const char *text, size_t n)
{
    stretch pending = {0};
    pc_status status = put_all(out, &pending, text, n);
    free(pending.code_points);
    free(pending.marks);
    return status;
}

/* Reading lists of positions, showing their tokens. */
#include "position_words.h"

#include "exit_code.h"

#include <stdlib.h>
#include <string.h>

static int count_names(const char *list)
{
    int n = 1;
    for (; *list; list++)
        n += *list == ',';
    return n;
}

/* Cuts the list at its commas. */
static void split(position_words *w)
{
    for (char *at = w->list;; *at++ = 0) {
        w->names[w->n_names++] = at;
        at += strcspn(at, ",");
        if (!*at) return;
    }
}

int read_positions(position_words *out, const char *list, const char *command)
{
    *out = (position_words){0};
    if (!list || strcmp(list, "each") == 0) return EXIT_DONE;
    out->list = malloc(strlen(list) + 1);
    out->names = calloc((size_t)count_names(list), sizeof *out->names);
    if (!out->list || !out->names) {
        position_words_free(out);
        complain(command, "out of memory");
        return EXIT_FAILED;
    }
    strcpy(out->list, list);
    split(out);
    return EXIT_DONE;
}

void position_words_free(position_words *w)
{
    free(w->names);
    free(w->list);
    *w = (position_words){0};
}

/* Bytes of at most `most` characters of UTF-8. */
static int bytes_of(const char *text, int most)
{
    int n = 0;
    for (; text[n]; n++) {
        const bool is_start = ((unsigned char)text[n] & 0xc0) != 0x80;
        if (is_start && most-- == 0) break;
    }
    return n;
}

void table_position_token(table *t, const pc_grid_position *p, int most)
{
    const char *words = p->token ? p->token : p->also ? p->also : "";
    const int n = bytes_of(words, most);
    const char *more = words[n] ? "\xe2\x80\xa6" : "";
    if (p->token) table_cell(t, "\"%.*s%s\"", n, words, more);
    else table_cell(t, "%.*s%s", n, words, more);
}

/* Tasks of sentences: a page of data (words, templates) and a function that fills one pair.
 *
 * A template is text with places in braces, `Then, {N1} and {N2} went to the {PLACE}.`; a place
 * stands there once and holds one word, which is one token together with the space before it. A
 * page's function draws the words of a pair: for each place one for the clean prompt and one for
 * the corrupted, the words of the clean prompt first, so that corruptions share it. So the two
 * prompts have the same tokens but where they shall differ. Opening a page for a tokenizer leaves
 * out the words that are not one token and the templates whose places are not; how many is said in
 * the task's notes.
 *
 * Splits: a clean prompt belongs to train or to test by a hash of its text, so that none is in both
 * (a corrupted prompt of one may be a clean one of the other); ood has templates of its own and
 * each fourth word of every table, which train and test do not have. A prompt's split is the same
 * for every tokenizer. */
#ifndef PC_IO_TASK_TEXT_H
#define PC_IO_TASK_TEXT_H

#include "io/task_generate.h"
#include "io/task_words.h"

enum {
    PC_PAGE_PLACES = 32,
    PC_PAGE_NAMES = 32,
    PC_PAGE_ANSWERS = 100, /* right, and wrong */
    PC_PAGE_ROWS = 32      /* drawn for one pair */
};

typedef struct pc_word {
    const char *text; /* without the space */
    int32_t id;       /* with it */
} pc_word;

/* A table's rows that the tokenizer and the split leave. */
typedef struct pc_word_list {
    const pc_word_table *table;
    pc_word *words; /* (n_rows, table->n_forms) */
    size_t n_rows;
} pc_word_list;

typedef struct pc_draw_span {
    const char *name;
    int first, last, offset; /* places, and how many tokens behind them */
} pc_draw_span;

/* One pair as a page draws it. */
typedef struct pc_draw {
    pc_rng *rng;
    const pc_word_list *lists; /* the page's, in its order */
    int corruption;
    const pc_word *clean[PC_PAGE_PLACES], *corrupted[PC_PAGE_PLACES];
    pc_draw_span spans[PC_PAGE_NAMES];
    const pc_word *answers[PC_PAGE_ANSWERS], *wrong_answers[PC_PAGE_ANSWERS];
    int n_spans, n_answers, n_wrong_answers;
    const pc_word *rows[PC_PAGE_ROWS];
    int n_rows;
} pc_draw;

typedef struct pc_page {
    const char *const *places;          /* names in braces, NULL behind the last */
    const char *const *templates;       /* of train and test, NULL behind the last */
    const char *const *held_out;        /* of ood */
    const pc_word_table *const *tables; /* NULL behind the last */
    /* Draws a pair. A place that a template does not have may be filled all the same. */
    void (*fill)(pc_draw *draw);
    /* PC_ERR_INPUT if the tokenizer cannot hold the task; NULL: nothing to check. */
    pc_status (*check)(const pc_task_order *order);
} pc_page;

/* A row of a list that this pair has not drawn yet: its first form; the others stand behind it. */
const pc_word *pc_draw_row(pc_draw *draw, int list);
bool pc_draw_coin(pc_draw *draw);
void pc_draw_put(pc_draw *draw, int place, const pc_word *clean, const pc_word *corrupted);
/* The same word in both prompts. */
void pc_draw_put_both(pc_draw *draw, int place, const pc_word *word);
void pc_draw_answer(pc_draw *draw, const pc_word *word);
void pc_draw_wrong_answer(pc_draw *draw, const pc_word *word);
/* Names the tokens from one place to another, or the one `offset` tokens behind a place; not in
 * prompts whose template has no such place. */
void pc_draw_name(pc_draw *draw, const char *name, int first, int last);
void pc_draw_name_behind(pc_draw *draw, const char *name, int place, int offset);

/* A page opened for one order. */
typedef struct pc_book pc_book;
pc_status pc_book_open(pc_book **out, pc_task *task, const pc_page *page,
                       const pc_task_order *order);
void pc_book_close(pc_book *book);
/* Fills the cleared pair; it depends on `rng` alone. */
pc_status pc_book_make_pair(pc_pair *pair, const pc_rng *rng, pc_book *book);
/* Adds to the task's notes what was left out while making pairs. */
pc_status pc_book_tell(const pc_book *book, pc_task *task);

/* Inside: what opening a page is made of. */

/* The id of `word` behind `before`; false if it is not one token there. */
pc_status pc_word_id(bool *is_one, int32_t *id, const char *before, const char *word,
                     const pc_task_context *context);
/* PC_ERR_INPUT if fewer rows are left than the table needs; dropped words become a note. */
pc_status pc_word_list_open(pc_word_list *out, pc_task *task, const pc_word_table *table,
                            const pc_task_order *order);

typedef struct pc_template {
    const char *text;
    pc_ids ids;             /* with some words in the places */
    int at[PC_PAGE_PLACES]; /* token of a place, -1 if the template does not have it */
} pc_template;

/* Appends `text` with the words in its places. */
pc_status pc_template_compose(pc_text *out, const char *text, const pc_page *page,
                              const pc_word *const *words);
/* Finds the tokens of the places with the words of one draw. is_usable is false if a place is not
 * one token of its own. Free out->ids.ids. */
pc_status pc_template_open(bool *is_usable, pc_template *out, const char *text, const pc_page *page,
                           const pc_word *const *words, const pc_task_order *order);

#endif

/* Pages of sentences at work: opened for a tokenizer, then a pair at a time. */
#include "io/task_text.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TRIES = 1000, SAMPLES = 50, TRIES_BITS = 32 };

struct pc_book {
    const pc_page *page;
    const pc_task_order *order;
    pc_word_list *lists;
    size_t n_lists;
    pc_template *templates;
    size_t n_templates, n_opened; /* usable, with arrays */
    pc_ids expected;
    pc_text text;
    size_t n_unfit; /* prompts drawn in vain: see encode_prompt() */
};

const pc_word *pc_draw_row(pc_draw *draw, int list)
{
    const pc_word_list *from = &draw->lists[list];
    assert(draw->n_rows < PC_PAGE_ROWS);
    for (;;) {
        const size_t row = (size_t)pc_rng_below(draw->rng, from->n_rows);
        const pc_word *word = from->words + row * (size_t)from->table->n_forms;
        int i = 0;
        while (i < draw->n_rows && draw->rows[i] != word)
            i++;
        if (i == draw->n_rows) return draw->rows[draw->n_rows++] = word;
    }
}

bool pc_draw_coin(pc_draw *draw)
{
    return pc_rng_below(draw->rng, 2) == 1;
}

void pc_draw_put(pc_draw *draw, int place, const pc_word *clean, const pc_word *corrupted)
{
    assert(place < PC_PAGE_PLACES);
    draw->clean[place] = clean;
    draw->corrupted[place] = corrupted;
}

void pc_draw_put_both(pc_draw *draw, int place, const pc_word *word)
{
    pc_draw_put(draw, place, word, word);
}

void pc_draw_answer(pc_draw *draw, const pc_word *word)
{
    assert(draw->n_answers < PC_PAGE_ANSWERS);
    draw->answers[draw->n_answers++] = word;
}

void pc_draw_wrong_answer(pc_draw *draw, const pc_word *word)
{
    assert(draw->n_wrong_answers < PC_PAGE_ANSWERS);
    draw->wrong_answers[draw->n_wrong_answers++] = word;
}

static void add_span(pc_draw *draw, pc_draw_span span)
{
    assert(draw->n_spans < PC_PAGE_NAMES);
    draw->spans[draw->n_spans++] = span;
}

void pc_draw_name(pc_draw *draw, const char *name, int first, int last)
{
    add_span(draw, (pc_draw_span){name, first, last, 0});
}

void pc_draw_name_behind(pc_draw *draw, const char *name, int place, int offset)
{
    add_span(draw, (pc_draw_span){name, place, place, offset});
}

static void draw_pair(pc_draw *draw, pc_rng *rng, const pc_book *book)
{
    *draw = (pc_draw){.rng = rng, .lists = book->lists, .corruption = book->order->corruption};
    book->page->fill(draw);
}

static pc_status open_lists(pc_book *book, pc_task *task)
{
    const pc_word_table *const *tables = book->page->tables;
    size_t n = 0;
    while (tables[n])
        n++;
    book->lists = pc_alloc(n, sizeof *book->lists);
    if (!book->lists) return PC_ERR_NOMEM;
    book->n_lists = n;
    for (size_t i = 0; i < n; i++)
        PC_TRY(pc_word_list_open(&book->lists[i], task, tables[i], book->order));
    return PC_OK;
}

/* With the words of some draw: a single one may be at odds with its neighbours, such as a year that
 * is a token. */
static pc_status open_template(bool *is_usable, pc_template *out, const char *text,
                               const pc_book *book)
{
    *is_usable = false;
    for (uint64_t i = 0; i < SAMPLES && !*is_usable; i++) {
        pc_rng rng = {.stream = i};
        pc_draw draw;
        draw_pair(&draw, &rng, book);
        PC_TRY(pc_template_open(is_usable, out, text, book->page, draw.clean, book->order));
    }
    return PC_OK;
}

static size_t prompt_length(const pc_template *t, const pc_task_order *order)
{
    return t->ids.n + (order->has_bos ? 1 : 0);
}

static pc_status tell_left_out(const pc_book *book, pc_task *task, size_t n_unfit, size_t n_long)
{
    const size_t n = book->n_templates + n_unfit + n_long;
    if (book->n_templates == 0)
        return pc_fail(PC_ERR_INPUT,
                       "none of %zu templates is left: in %zu the words are not tokens of their "
                       "own, %zu are longer than the model's context of %d tokens",
                       n, n_unfit, n_long, book->order->context->limits->n_ctx);
    if (n_unfit)
        PC_TRY(pc_task_add_note(task,
                                "%zu of %zu templates left out, their words are not tokens "
                                "of their own",
                                n_unfit, n));
    if (n_long)
        PC_TRY(pc_task_add_note(task,
                                "%zu of %zu templates left out, longer than the model's "
                                "context",
                                n_long, n));
    return PC_OK;
}

static pc_status open_templates(pc_book *book, pc_task *task)
{
    const bool is_ood = book->order->split == PC_SPLIT_OOD;
    const char *const *texts = is_ood ? book->page->held_out : book->page->templates;
    const size_t most = (size_t)book->order->context->limits->n_ctx;
    size_t n = 0, n_unfit = 0, n_long = 0;
    while (texts[n])
        n++;
    book->templates = pc_alloc(n, sizeof *book->templates);
    if (!book->templates) return PC_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        pc_template *t = &book->templates[book->n_templates];
        bool is_usable;
        if (book->n_opened == book->n_templates) book->n_opened++;
        PC_TRY(open_template(&is_usable, t, texts[i], book));
        if (!is_usable) n_unfit++;
        else if (prompt_length(t, book->order) > most) n_long++;
        else book->n_templates++;
    }
    return tell_left_out(book, task, n_unfit, n_long);
}

static pc_status open_book(pc_book *book, pc_task *task)
{
    const pc_task_order *order = book->order;
    if (!order->context->tokenizer)
        return pc_fail(PC_ERR_INPUT, "made of text, but the model has no tokenizer");
    if (order->length)
        return pc_fail(PC_ERR_INPUT, "prompts of %d tokens, but a sentence has the length it has",
                       order->length);
    if (book->page->check) PC_TRY(book->page->check(order));
    PC_TRY(open_lists(book, task));
    return open_templates(book, task);
}

pc_status pc_book_open(pc_book **out, pc_task *task, const pc_page *page,
                       const pc_task_order *order)
{
    *out = NULL;
    pc_book *book = pc_alloc(1, sizeof *book);
    if (!book) return PC_ERR_NOMEM;
    book->page = page;
    book->order = order;
    const pc_status status = open_book(book, task);
    if (status == PC_OK) *out = book;
    else pc_book_close(book);
    return status;
}

void pc_book_close(pc_book *book)
{
    if (!book) return;
    for (size_t i = 0; i < book->n_opened; i++)
        free(book->templates[i].ids.ids);
    free(book->templates);
    for (size_t i = 0; i < book->n_lists; i++)
        free(book->lists[i].words);
    free(book->lists);
    free(book->expected.ids);
    pc_text_free(&book->text);
    free(book);
}

/* FNV-1a, 64 bits, and one round of the random numbers' mixing. */
static bool is_of_test(const char *text)
{
    uint64_t hash = 14695981039346656037u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    pc_rng mix = {.seed = hash};
    return pc_rng_below(&mix, 2) == 1;
}

static bool is_in_split(const char *text, pc_split split)
{
    return split == PC_SPLIT_OOD || is_of_test(text) == (split == PC_SPLIT_TEST);
}

/* The template's tokens with the words in their places. */
static pc_status push_expected(pc_ids *out, const pc_template *t, const pc_word *const *words)
{
    out->n = 0;
    for (size_t i = 0; i < t->ids.n; i++)
        PC_TRY(pc_ids_push(out, t->ids.ids[i]));
    for (int i = 0; i < PC_PAGE_PLACES; i++)
        if (t->at[i] >= 0) out->ids[t->at[i]] = words[i]->id;
    return PC_OK;
}

/* The prompt's tokens, as its text encodes; it does not fit where a word is another token beside
 * its neighbours. */
static pc_status encode_prompt(bool *fits, pc_ids *out, const pc_template *t,
                               const pc_word *const *words, pc_book *book)
{
    const pc_task_context *context = book->order->context;
    pc_ids *expected = &book->expected;
    PC_TRY(push_expected(expected, t, words));
    pc_text_free(&book->text);
    PC_TRY(pc_template_compose(&book->text, t->text, book->page, words));
    PC_TRY(pc_task_encode(out, book->text.data, book->text.length, PC_BOS_NEVER, "a sentence",
                          context));
    *fits =
        out->n == expected->n && memcmp(out->ids, expected->ids, out->n * sizeof *out->ids) == 0;
    book->n_unfit += !*fits;
    return PC_OK;
}

static pc_status try_prompts(bool *is_done, pc_pair *pair, const pc_draw *draw,
                             const pc_template *t, pc_book *book)
{
    bool fits;
    PC_TRY(encode_prompt(&fits, &pair->clean, t, draw->clean, book));
    *is_done = fits && is_in_split(book->text.data, book->order->split);
    if (!*is_done) return PC_OK;
    PC_TRY(encode_prompt(&fits, &pair->corrupted, t, draw->corrupted, book));
    const size_t n = pair->clean.n;
    *is_done =
        fits && memcmp(pair->clean.ids, pair->corrupted.ids, n * sizeof *pair->clean.ids) != 0;
    return PC_OK;
}

static pc_status put_in_front(pc_ids *ids, int32_t id)
{
    PC_TRY(pc_ids_push(ids, id));
    memmove(ids->ids + 1, ids->ids, (ids->n - 1) * sizeof *ids->ids);
    ids->ids[0] = id;
    return PC_OK;
}

static pc_status push_words(pc_ids *out, const pc_word *const *words, int n)
{
    for (int i = 0; i < n; i++)
        PC_TRY(pc_ids_push(out, words[i]->id));
    return PC_OK;
}

static pc_status push_answers(pc_pair *pair, const pc_draw *draw)
{
    pc_pair_target *target;
    PC_TRY(pc_pair_add_target(&target, pair, -1));
    PC_TRY(push_words(&target->answers, draw->answers, draw->n_answers));
    return push_words(&target->wrong_answers, draw->wrong_answers, draw->n_wrong_answers);
}

static pc_status name_spans(pc_pair *pair, const pc_draw *draw, const pc_template *t, int n_bos)
{
    for (int i = 0; i < draw->n_spans; i++) {
        const pc_draw_span *span = &draw->spans[i];
        const int first = t->at[span->first], last = t->at[span->last];
        if (first < 0 || last < 0) continue;
        PC_TRY(pc_pair_name_position(pair, span->name, first + span->offset + n_bos,
                                     last + span->offset + n_bos));
    }
    return PC_OK;
}

static pc_status finish_pair(pc_pair *pair, const pc_draw *draw, const pc_template *t,
                             const pc_task_order *order)
{
    if (order->has_bos) {
        PC_TRY(put_in_front(&pair->clean, (int32_t)order->context->bos));
        PC_TRY(put_in_front(&pair->corrupted, (int32_t)order->context->bos));
    }
    PC_TRY(push_answers(pair, draw));
    return name_spans(pair, draw, t, order->has_bos ? 1 : 0);
}

pc_status pc_book_make_pair(pc_pair *pair, const pc_rng *rng, pc_book *book)
{
    for (uint64_t i = 0; i < MAX_TRIES; i++) {
        /* a try draws from its own stretch, so that what it drew in vain changes no other */
        pc_rng stretch = {rng->seed, rng->stream, rng->counter + (i << TRIES_BITS)};
        const pc_template *t = &book->templates[pc_rng_below(&stretch, book->n_templates)];
        pc_draw draw;
        bool is_done;
        draw_pair(&draw, &stretch, book);
        PC_TRY(try_prompts(&is_done, pair, &draw, t, book));
        if (is_done) return finish_pair(pair, &draw, t, book->order);
    }
    return pc_fail(PC_ERR_INPUT,
                   "no prompt for the split found in %d draws: too few words are one "
                   "token",
                   MAX_TRIES);
}

pc_status pc_book_tell(const pc_book *book, pc_task *task)
{
    if (book->n_unfit == 0) return PC_OK;
    return pc_task_add_note(task,
                            "draws left out: %zu, a word of theirs is another token beside its "
                            "neighbours",
                            book->n_unfit);
}

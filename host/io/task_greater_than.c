/* The task `greater-than` (Hanna et al. 2023, arXiv:2305.00586): a year's last two digits must
 * exceed those of an earlier year.
 *
 *     The war lasted from the year 1732 to the year 17     answers: 33 to 99, wrong: 00 to 32
 *
 * It takes a tokenizer that has a century and the two digits behind it as a token each; years that
 * are cut otherwise are left out. Corruption `01`: the earlier year ends in 01. The paper's verb is
 * always "lasted"; the digits run from 02 to 98 as there. */
#include "io/task_text.h"

#include <stdlib.h>
#include <string.h>

enum { EVENT, VERB, CENTURY, YEAR, CENTURY_AGAIN };
static const char *const places[] = {"EVENT", "VERB", "XX1", "YY", "XX2", NULL};

static const char *const templates[] = {
    "The {EVENT} {VERB} from the year {XX1}{YY} to the year {XX2}", NULL};

static const char *const held_out[] = {
    "The {EVENT} that began in the year {XX1}{YY} {VERB} until the year {XX2}",
    "They say that the {EVENT} {VERB} from the year {XX1}{YY} up to the year {XX2}", NULL};

static const char *const verb_words[] = {"lasted",    "ran",    "continued", "extended", "went",
                                         "stretched", "spread", "remained",  NULL};
static const char *const century_words[] = {"11", "12", "13", "14", "15", "16", "17", "18", NULL};

enum { EVENTS, VERBS, CENTURIES, DIGITS, N_YEARS = 100 };
static const pc_word_table events = {"events", pc_words_events, 1, 4, " ", false};
static const pc_word_table verbs = {"verbs", verb_words, 1, 1, " ", false};
static const pc_word_table centuries = {"centuries", century_words, 1, 1, " ", false};
static const pc_word_table digits = {"pairs of digits", pc_words_digits, 1, N_YEARS, "", true};
static const pc_word_table *const tables[] = {&events, &verbs, &centuries, &digits, NULL};

static const char *const corruptions[] = {"01", NULL};

static void fill(pc_draw *draw)
{
    const pc_word *century = pc_draw_row(draw, CENTURIES);
    const pc_word *all_digits = draw->lists[DIGITS].words;
    const int year = 2 + (int)pc_rng_below(draw->rng, 97);
    pc_draw_put_both(draw, EVENT, pc_draw_row(draw, EVENTS));
    pc_draw_put_both(draw, VERB, pc_draw_row(draw, VERBS));
    pc_draw_put_both(draw, CENTURY, century);
    pc_draw_put_both(draw, CENTURY_AGAIN, century);
    pc_draw_put(draw, YEAR, &all_digits[year], &all_digits[1]);

    pc_draw_name(draw, "event", EVENT, EVENT);
    pc_draw_name(draw, "verb", VERB, VERB);
    pc_draw_name(draw, "XX1", CENTURY, CENTURY);
    pc_draw_name(draw, "YY", YEAR, YEAR);
    pc_draw_name(draw, "XX2", CENTURY_AGAIN, CENTURY_AGAIN);
    for (int i = 0; i < N_YEARS; i++) {
        if (i > year) pc_draw_answer(draw, &all_digits[i]);
        else pc_draw_wrong_answer(draw, &all_digits[i]);
    }
}

static pc_status fail_years(const pc_ids *found, const pc_tokenizer *tokenizer)
{
    pc_text shown = {0};
    pc_task_put_tokens(&shown, found->ids, found->n, tokenizer);
    pc_status status = pc_text_status(&shown);
    if (status == PC_OK)
        status = pc_fail(PC_ERR_INPUT,
                         "\"the 1732\" is %s, expected \"the\" \" 17\" \"32\": a year must be two "
                         "tokens of two digits",
                         shown.data ? shown.data : "nothing");
    pc_text_free(&shown);
    return status;
}

static pc_status check(const pc_task_order *order)
{
    bool is_century = false, is_year = false;
    int32_t century, year;
    pc_ids found = {0};
    PC_TRY(pc_word_id(&is_century, &century, " ", "17", order->context));
    PC_TRY(pc_word_id(&is_year, &year, " 17", "32", order->context));
    if (is_century && is_year) return PC_OK;
    pc_status status = pc_task_encode(&found, "the 1732", strlen("the 1732"), PC_BOS_NEVER,
                                      "a year", order->context);
    if (status == PC_OK) status = fail_years(&found, order->context->tokenizer);
    free(found.ids);
    return status;
}

static const pc_page page = {places, templates, held_out, tables, fill, check};

const pc_generator pc_generator_greater_than = {
    .name = "greater-than",
    .summary = "years: the second year's last two digits exceed the first's",
    .source = "Hanna, Liu and Variengien 2023 (arXiv:2305.00586); events and verbs are our own",
    .corruptions = corruptions,
    .page = &page,
};

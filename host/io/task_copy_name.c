/* The task `copy-name`: three people come with first name and surname; a first name comes again,
 * say the surname. It is induction (Olsson et al. 2022, arXiv:2209.11895) in a sentence.
 *
 *     Yesterday Mary Smith, John Clark and Anna Hill met at the bank. After a while John
 *                                                    answer: Clark, wrong: Hill, another's
 *
 * Which of the three is asked for is drawn, and whose surname is wrong. Corruptions:
 *     swap    the first names of these two change places where they first come: the wrong answer is
 *             the right one then
 *     key     the first name, where it first comes, is one that stands nowhere else: nothing to
 *             copy */
#include "io/task_text.h"

enum { F1, L1, F2, L2, F3, L3, AGAIN, PLACE, N_PEOPLE = 3 };
static const char *const places[] = {"F1", "L1", "F2", "L2", "F3", "L3", "AGAIN", "PLACE", NULL};

static const char *const templates[] = {
    "Yesterday {F1} {L1}, {F2} {L2} and {F3} {L3} met at the {PLACE}. After a while {AGAIN}",
    "The guests were {F1} {L1}, {F2} {L2} and {F3} {L3}. The first to speak was {AGAIN}",
    "They invited {F1} {L1}, {F2} {L2} and {F3} {L3} to the {PLACE}, but only {AGAIN}",
    "When {F1} {L1}, {F2} {L2} and {F3} {L3} left the {PLACE}, someone called {AGAIN}", NULL};

static const char *const held_out[] = {
    "Members of the club: {F1} {L1}, {F2} {L2}, {F3} {L3}. Elected this year: {AGAIN}",
    "At the {PLACE} I saw {F1} {L1} and {F2} {L2}, and then {F3} {L3}. I talked to {AGAIN}", NULL};

enum { WOMEN, MEN, SURNAMES, PLACES };
static const pc_word_table women = {"women's names", pc_words_women, 1, 4, " ", false};
static const pc_word_table men = {"men's names", pc_words_men, 1, 4, " ", false};
static const pc_word_table surnames = {"surnames", pc_words_surnames, 1, 3, " ", false};
static const pc_word_table place_words = {"places", pc_words_places, 1, 2, " ", false};
static const pc_word_table *const tables[] = {&women, &men, &surnames, &place_words, NULL};

enum { SWAP, KEY };
static const char *const corruptions[] = {"swap", "key", NULL};

static const pc_word *draw_first_name(pc_draw *draw)
{
    return pc_draw_row(draw, pc_draw_coin(draw) ? WOMEN : MEN);
}

static void fill(pc_draw *draw)
{
    const int asked = (int)pc_rng_below(draw->rng, N_PEOPLE);
    const int other = (asked + 1 + (int)pc_rng_below(draw->rng, N_PEOPLE - 1)) % N_PEOPLE;
    const pc_word *first[N_PEOPLE], *last[N_PEOPLE];
    for (int i = 0; i < N_PEOPLE; i++) {
        first[i] = draw_first_name(draw);
        last[i] = pc_draw_row(draw, SURNAMES);
        pc_draw_put_both(draw, F1 + 2 * i, first[i]);
        pc_draw_put_both(draw, L1 + 2 * i, last[i]);
    }
    pc_draw_put_both(draw, AGAIN, first[asked]);
    pc_draw_put_both(draw, PLACE, pc_draw_row(draw, PLACES));

    const bool is_swap = draw->corruption == SWAP;
    draw->corrupted[F1 + 2 * asked] = is_swap ? first[other] : draw_first_name(draw);
    if (is_swap) draw->corrupted[F1 + 2 * other] = first[asked];

    pc_draw_name(draw, "first", F1 + 2 * asked, F1 + 2 * asked);
    pc_draw_name(draw, "last", L1 + 2 * asked, L1 + 2 * asked);
    pc_draw_name(draw, "name", F1 + 2 * asked, L1 + 2 * asked);
    pc_draw_name(draw, "other", F1 + 2 * other, L1 + 2 * other);
    pc_draw_name(draw, "people", F1, L3);
    pc_draw_name(draw, "again", AGAIN, AGAIN);
    pc_draw_answer(draw, last[asked]);
    pc_draw_wrong_answer(draw, last[other]);
}

static const pc_page page = {places, templates, held_out, tables, fill, NULL};

const pc_generator pc_generator_copy_name = {
    .name = "copy-name",
    .summary = "three people: after a first name that came before, say its surname",
    .source = "our own: induction (Olsson et al. 2022, arXiv:2209.11895) with names in a sentence",
    .corruptions = corruptions,
    .page = &page,
};

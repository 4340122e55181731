/* The task `ioi`, indirect object identification (Wang et al. 2022, arXiv:2211.00593): a name comes
 * once, another one twice; say the one that came once.
 *
 *     Then, Mary and John went to the store. John gave a drink to     answer: Mary, wrong: John
 *
 * IO is the answer, S the other name, at S1 and S2. Half of the prompts have S first (BABA), half
 * IO (ABBA). Corruptions:
 *     abc        three other names, all different, stand at the three places (the paper's p_ABC)
 *     s2-flip    S2 becomes IO: now the other name is the answer
 *
 * The templates of train and test are the paper's, those of ood partly ours; names, places and
 * objects are our own lists. */
#include "io/task_text.h"

enum { N1, N2, N3, PLACE, OBJECT, OBJECT_AGAIN };
static const char *const places[] = {"N1", "N2", "N3", "PLACE", "OBJECT", "OBJECT2", NULL};

static const char *const templates[] = {
    "Then, {N1} and {N2} went to the {PLACE}. {N3} gave a {OBJECT} to",
    "Then, {N1} and {N2} had a lot of fun at the {PLACE}. {N3} gave a {OBJECT} to",
    "Then, {N1} and {N2} were working at the {PLACE}. {N3} decided to give a {OBJECT} to",
    "Then, {N1} and {N2} were thinking about going to the {PLACE}. {N3} wanted to give a {OBJECT} "
    "to",
    "Then, {N1} and {N2} had a long argument, and afterwards {N3} said to",
    "After {N1} and {N2} went to the {PLACE}, {N3} gave a {OBJECT} to",
    "When {N1} and {N2} got a {OBJECT} at the {PLACE}, {N3} decided to give it to",
    "When {N1} and {N2} got a {OBJECT} at the {PLACE}, {N3} decided to give the {OBJECT2} to",
    "While {N1} and {N2} were working at the {PLACE}, {N3} gave a {OBJECT} to",
    "While {N1} and {N2} were commuting to the {PLACE}, {N3} gave a {OBJECT} to",
    "After the lunch, {N1} and {N2} went to the {PLACE}. {N3} gave a {OBJECT} to",
    "Afterwards, {N1} and {N2} went to the {PLACE}. {N3} gave a {OBJECT} to",
    NULL};

static const char *const held_out[] = {
    "The {PLACE} {N1} and {N2} went to had a {OBJECT}. {N3} gave it to",
    "Friends {N1} and {N2} found a {OBJECT} at the {PLACE}. {N3} gave it to",
    "Last week {N1} and {N2} spent a day at the {PLACE}, where {N3} sold a {OBJECT} to",
    "Once {N1} and {N2} were alone in the {PLACE}, {N3} handed the {OBJECT} to", NULL};

enum { WOMEN, MEN, PLACES, OBJECTS };
static const pc_word_table women = {"women's names", pc_words_women, 1, 5, " ", false};
static const pc_word_table men = {"men's names", pc_words_men, 1, 5, " ", false};
static const pc_word_table place_words = {"places", pc_words_places, 1, 2, " ", false};
static const pc_word_table objects = {"objects", pc_words_objects, 1, 2, " ", false};
static const pc_word_table *const tables[] = {&women, &men, &place_words, &objects, NULL};

enum { ABC, S2_FLIP };
static const char *const corruptions[] = {"abc", "s2-flip", NULL};

static const pc_word *draw_name(pc_draw *draw)
{
    return pc_draw_row(draw, pc_draw_coin(draw) ? WOMEN : MEN);
}

static void fill(pc_draw *draw)
{
    const pc_word *io = draw_name(draw), *s = draw_name(draw);
    const pc_word *object = pc_draw_row(draw, OBJECTS);
    const bool is_baba = pc_draw_coin(draw);
    const int first_s = is_baba ? N1 : N2, first_io = is_baba ? N2 : N1;
    pc_draw_put_both(draw, PLACE, pc_draw_row(draw, PLACES));
    pc_draw_put_both(draw, OBJECT, object);
    pc_draw_put_both(draw, OBJECT_AGAIN, object);

    const bool is_abc = draw->corruption == ABC;
    pc_draw_put(draw, first_io, io, is_abc ? draw_name(draw) : io);
    pc_draw_put(draw, first_s, s, is_abc ? draw_name(draw) : s);
    pc_draw_put(draw, N3, s, is_abc ? draw_name(draw) : io);

    pc_draw_name(draw, "IO", first_io, first_io);
    pc_draw_name(draw, "S1", first_s, first_s);
    pc_draw_name_behind(draw, "S1+1", first_s, 1);
    pc_draw_name(draw, "S2", N3, N3);
    pc_draw_answer(draw, io);
    pc_draw_wrong_answer(draw, s);
}

static const pc_page page = {places, templates, held_out, tables, fill, NULL};

const pc_generator pc_generator_ioi = {
    .name = "ioi",
    .summary = "indirect object: of two names, say the one that came once",
    .source = "Wang et al. 2022 (arXiv:2211.00593), templates BABA and ABBA; names, places, "
              "objects and two of the ood templates are our own",
    .corruptions = corruptions,
    .page = &page,
};

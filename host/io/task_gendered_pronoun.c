/* The task `gendered-pronoun` (Mathwin and Corlouer 2023, "Identifying a preliminary circuit for
 * predicting gendered pronouns in GPT-2 small"): a tag question takes the pronoun of the name.
 *
 *     So Evan is a really great friend, isn't     answer: he, wrong: she
 *
 * Half of the prompts have a man's name, half a woman's, as the names are used in English.
 * Corruption `other-gender`: a name of the other list; the other pronoun is the answer then;
 * theirs puts "That person" for the name, which is two tokens. */
#include "io/task_text.h"

enum { NAME, ADJECTIVE, PERSON };
static const char *const places[] = {"NAME", "ADJ", "PERSON", NULL};

static const char *const templates[] = {"So {NAME} is a really {ADJ} {PERSON}, isn't",
                                        "So {NAME} is such a {ADJ} {PERSON}, isn't",
                                        "Well, {NAME} is a very {ADJ} {PERSON}, isn't",
                                        "I think {NAME} is a {ADJ} {PERSON}, isn't", NULL};

static const char *const held_out[] = {"Back then {NAME} was a {ADJ} {PERSON}, wasn't",
                                       "You know, {NAME} was always a {ADJ} {PERSON}, wasn't",
                                       NULL};

static const char *const pronoun_words[] = {"she", "he", NULL};

enum { WOMEN, MEN, ADJECTIVES, PEOPLE, PRONOUNS };
static const pc_word_table women = {"women's names", pc_words_women, 1, 4, " ", false};
static const pc_word_table men = {"men's names", pc_words_men, 1, 4, " ", false};
static const pc_word_table adjectives = {"adjectives", pc_words_adjectives, 1, 2, " ", false};
static const pc_word_table people = {"words for people", pc_words_people, 1, 2, " ", false};
static const pc_word_table pronouns = {"pronouns", pronoun_words, 2, 1, " ", true};
static const pc_word_table *const tables[] = {&women, &men, &adjectives, &people, &pronouns, NULL};

static const char *const corruptions[] = {"other-gender", NULL};

static void fill(pc_draw *draw)
{
    const pc_word *pronoun = draw->lists[PRONOUNS].words; /* she, he: as the lists stand */
    const int gender = pc_draw_coin(draw) ? MEN : WOMEN, other = gender == MEN ? WOMEN : MEN;
    const pc_word *name = pc_draw_row(draw, gender);
    pc_draw_put_both(draw, ADJECTIVE, pc_draw_row(draw, ADJECTIVES));
    pc_draw_put_both(draw, PERSON, pc_draw_row(draw, PEOPLE));
    pc_draw_put(draw, NAME, name, pc_draw_row(draw, other));

    pc_draw_name(draw, "name", NAME, NAME);
    pc_draw_name_behind(draw, "name+1", NAME, 1);
    pc_draw_name(draw, "person", PERSON, PERSON);
    pc_draw_answer(draw, &pronoun[gender]);
    pc_draw_wrong_answer(draw, &pronoun[other]);
}

static const pc_page page = {places, templates, held_out, tables, fill, NULL};

const pc_generator pc_generator_gendered_pronoun = {
    .name = "gendered-pronoun",
    .summary = "tag question: he or she, as the name says",
    .source = "Mathwin and Corlouer 2023 (cmathw.itch.io/identifying-a-preliminary-circuit-for-"
              "predicting-gendered-pronouns-in-gpt-2-smal), its first sentence; names, other "
              "sentences and the corruption are our own (theirs puts \"That person\" for the name)",
    .corruptions = corruptions,
    .page = &page,
};

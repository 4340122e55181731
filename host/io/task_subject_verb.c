/* The task `subject-verb`: a verb agrees with its subject, whatever noun stands between (Linzen,
 * Dupoux and Goldberg 2016, arXiv:1611.01368; as a circuit Marks et al. 2024, arXiv:2403.19647,
 * "across a prepositional phrase").
 *
 *     The keys near the cabinet     answer: are, wrong: is
 *
 * Subject and attractor are singular or plural by two coins. Corruption `number`: the subject in
 * its other number; the other verb is the answer then. */
#include "io/task_text.h"

enum { SUBJECT, ATTRACTOR };
static const char *const places[] = {"SUBJECT", "ATTRACTOR", NULL};

static const char *const templates[] = {"The {SUBJECT} near the {ATTRACTOR}",
                                        "The {SUBJECT} behind the {ATTRACTOR}",
                                        "The {SUBJECT} beside the {ATTRACTOR}",
                                        "The {SUBJECT} next to the {ATTRACTOR}",
                                        "The {SUBJECT} close to the {ATTRACTOR}",
                                        "The {SUBJECT} to the left of the {ATTRACTOR}",
                                        NULL};

static const char *const held_out[] = {"I know that the {SUBJECT} in front of the {ATTRACTOR}",
                                       "Today the {SUBJECT} across from the {ATTRACTOR}",
                                       "We were told that the {SUBJECT} around the {ATTRACTOR}",
                                       "As far as we know the {SUBJECT} by the {ATTRACTOR}", NULL};

static const char *const verb_words[] = {"is", "are", NULL};

enum { NOUNS, VERBS };
static const pc_word_table nouns = {"nouns", pc_words_nouns, 2, 4, " ", false};
static const pc_word_table verbs = {"verbs", verb_words, 2, 1, " ", true};
static const pc_word_table *const tables[] = {&nouns, &verbs, NULL};

static const char *const corruptions[] = {"number", NULL};

/* Both kinds of row have the singular first and the plural behind it. */
static void fill(pc_draw *draw)
{
    const pc_word *subject = pc_draw_row(draw, NOUNS), *attractor = pc_draw_row(draw, NOUNS);
    const pc_word *verb = draw->lists[VERBS].words;
    const int number = pc_draw_coin(draw), attractor_number = pc_draw_coin(draw);
    pc_draw_put_both(draw, ATTRACTOR, &attractor[attractor_number]);
    pc_draw_put(draw, SUBJECT, &subject[number], &subject[1 - number]);

    pc_draw_name(draw, "subject", SUBJECT, SUBJECT);
    pc_draw_name(draw, "attractor", ATTRACTOR, ATTRACTOR);
    pc_draw_answer(draw, &verb[number]);
    pc_draw_wrong_answer(draw, &verb[1 - number]);
}

static const pc_page page = {places, templates, held_out, tables, fill, NULL};

const pc_generator pc_generator_subject_verb = {
    .name = "subject-verb",
    .summary = "agreement: is or are, whatever noun stands between",
    .source = "Linzen, Dupoux and Goldberg 2016 (arXiv:1611.01368), across a prepositional phrase "
              "as Marks et al. 2024 (arXiv:2403.19647); nouns and phrases are our own, is and are "
              "the only verbs",
    .corruptions = corruptions,
    .page = &page,
};

/* The task `docstring` (Heimersheim and Janiak 2023, "A circuit for Python docstrings in a 4-layer
 * attention-only transformer"): the documentation of a function names its arguments in their order;
 * say the next one.
 *
 *     def port(self, load, size, files, last, row, mode):
 *         """The price action
 *
 *         :param files: paper sky
 *         :param last: host turn
 *         :param                               answer: row, wrong: the other five
 *
 * A, B and C are the third to fifth arguments, C the answer. Corruptions, named as in the ACDC
 * repository, each with other names:
 *     random-random    A, B and C in the definition, A and B in the documentation
 *     random-doc       A and B in the documentation
 *     random-answer    C in the definition
 *
 * Wrong answers are the definition's other arguments (ACDC counts the names of its corruptions
 * too). The first line of the documentation begins with "The", so that each word has a space before
 * it. ood writes the documentation in two other styles. */
#include "io/task_text.h"

enum { DEF, P1, P2, A1, B1, C1, Q, W1, W2, W3, W4, W5, W6, A2, B2 };
static const char *const places[] = {"DEF", "P1", "P2", "A1", "B1", "C1", "Q",  "W1",
                                     "W2",  "W3", "W4", "W5", "W6", "A2", "B2", NULL};

static const char *const templates[] = {
    "\ndef {DEF}(self, {P1}, {P2}, {A1}, {B1}, {C1}, {Q}):\n    \"\"\"The {W1} {W2}\n\n"
    "    :param {A2}: {W3} {W4}\n    :param {B2}: {W5} {W6}\n    :param",
    NULL};

static const char *const held_out[] = {
    "\ndef {DEF}(self, {P1}, {P2}, {A1}, {B1}, {C1}, {Q}):\n    \"\"\"The {W1} {W2}\n\n"
    "    @param {A2}: {W3} {W4}\n    @param {B2}: {W5} {W6}\n    @param",
    "\ndef {DEF}(self, {P1}, {P2}, {A1}, {B1}, {C1}, {Q}):\n    \"\"\"The {W1} {W2}\n\n"
    "    Arguments:\n    - {A2}: {W3} {W4}\n    - {B2}: {W5} {W6}\n    -",
    NULL};

enum { ARGUMENTS, TOPICS };
static const pc_word_table arguments = {"arguments", pc_words_arguments, 1, 12, " ", false};
static const pc_word_table topics = {"topics", pc_words_topics, 1, 6, " ", false};
static const pc_word_table *const tables[] = {&arguments, &topics, NULL};

enum { RANDOM_RANDOM, RANDOM_DOC, RANDOM_ANSWER };
static const char *const corruptions[] = {"random-random", "random-doc", "random-answer", NULL};

/* A word in both prompts, or with another one in the corrupted. */
static void put_argument(pc_draw *draw, int place, const pc_word *word, bool is_replaced)
{
    pc_draw_put(draw, place, word, is_replaced ? pc_draw_row(draw, ARGUMENTS) : word);
}

static void fill(pc_draw *draw)
{
    const pc_word *words[Q + 1];
    for (int i = DEF; i <= Q; i++)
        words[i] = pc_draw_row(draw, ARGUMENTS);
    for (int i = W1; i <= W6; i++)
        pc_draw_put_both(draw, i, pc_draw_row(draw, TOPICS));

    const bool is_all = draw->corruption == RANDOM_RANDOM;
    for (int i = DEF; i <= Q; i++)
        put_argument(draw, i, words[i],
                     i == C1 ? draw->corruption != RANDOM_DOC : is_all && (i == A1 || i == B1));
    put_argument(draw, A2, words[A1], draw->corruption != RANDOM_ANSWER);
    put_argument(draw, B2, words[B1], draw->corruption != RANDOM_ANSWER);

    pc_draw_name(draw, "A_def", A1, A1);
    pc_draw_name(draw, "B_def", B1, B1);
    pc_draw_name_behind(draw, "B_def+1", B1, 1);
    pc_draw_name(draw, "C_def", C1, C1);
    pc_draw_name(draw, "definition", P1, Q);
    pc_draw_name(draw, "A_doc", A2, A2);
    pc_draw_name_behind(draw, "B_doc-1", B2, -1);
    pc_draw_name(draw, "B_doc", B2, B2);
    pc_draw_answer(draw, words[C1]);
    for (int i = P1; i <= Q; i++)
        if (i != C1) pc_draw_wrong_answer(draw, words[i]);
}

static const pc_page page = {places, templates, held_out, tables, fill, NULL};

const pc_generator pc_generator_docstring = {
    .name = "docstring",
    .summary = "Python documentation: name the next argument of the definition",
    .source = "Heimersheim and Janiak 2023 (alignmentforum.org/posts/u6KXXmKFbXfWzoAXn), "
              "corruptions as in ACDC (arXiv:2304.14997); names and words are our own, wrong "
              "answers the definition's other arguments alone",
    .corruptions = corruptions,
    .page = &page,
};

/* Pages in roff's man macros. Words that could be typed keep their ASCII hyphens and quotes, so
 * that a line copied from a page works. */
#include "manual.h"

#include "commands.h"
#include "patchclamp/patchclamp.h"

#include "pc_build.h" /* written by host/cmake/commit.cmake */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 72, TITLE_BYTES = 64 };

static void put_character(char c)
{
    static const struct {
        char plain;
        const char *escaped;
    } special[] = {{'\\', "\\(rs"}, {'-', "\\-"},   {'\'', "\\(aq"},
                   {'`', "\\(ga"},  {'^', "\\(ha"}, {'~', "\\(ti"}};
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (special[i].plain == c) {
            fputs(special[i].escaped, stdout);
            return;
        }
    putchar(c);
}

static void put_word(const char *word, size_t length)
{
    if (length > 0 && *word == '.') fputs("\\&", stdout); /* no macro */
    for (size_t i = 0; i < length; i++)
        put_character(word[i]);
}

static void put_words(const char *text)
{
    put_word(text, strlen(text));
}

/* As roff wants text: short lines, a sentence ends its line. */
static void put_filled(const char *text, size_t length)
{
    size_t column = 0;
    for (const char *at = text, *end = text + length; at < end;) {
        while (at < end && isspace((unsigned char)*at))
            at++;
        size_t n = 0;
        while (at + n < end && !isspace((unsigned char)at[n]))
            n++;
        if (n == 0) break;
        if (column > 0) putchar(column + n > LINE_BYTES || at[-2] == '.' ? '\n' : ' ');
        if (column > 0 && (column + n > LINE_BYTES || at[-2] == '.')) column = 0;
        put_word(at, n);
        column += n + 1;
        at += n;
    }
    putchar('\n');
}

static void put_verbatim(const char *text, size_t length)
{
    fputs(".nf\n", stdout);
    put_word(text, length);
    fputs("\n.fi\n", stdout);
}

static bool is_verbatim(const char *line)
{
    return *line == ' ';
}

/* Lines that begin with a space stay as they are, others are filled. */
static void put_paragraphs(const char *text)
{
    const char *separator = ""; /* a heading stands before the first */
    while (*text) {
        if (*text == '\n' && *++text != '\n') continue; /* an empty line parts paragraphs */
        const char *end = text;
        const bool kept = is_verbatim(text);
        do
            end += strcspn(end, "\n") + (end[strcspn(end, "\n")] == '\n');
        while (*end && is_verbatim(end) == kept);
        const size_t length = (size_t)(end - text) - (end > text && end[-1] == '\n');
        fputs(separator, stdout);
        if (kept) put_verbatim(text, length);
        else put_filled(text, length);
        separator = ".PP\n";
        text = end;
    }
}

static void put_bold(const char *text)
{
    fputs("\\fB", stdout);
    put_words(text);
    fputs("\\fR", stdout);
}

static void put_italic(const char *text)
{
    fputs("\\fI", stdout);
    put_words(text);
    fputs("\\fR", stdout);
}

/* "bench precision" is patchclamp-bench-precision(1). */
static void put_page_name(const char *words, bool is_upper)
{
    for (const char *c = is_upper ? "PATCHCLAMP" : "patchclamp"; *c; c++)
        putchar(*c);
    if (*words) fputs("\\-", stdout);
    for (; *words; words++)
        put_character(*words == ' ' ? '-'
                                    : (char)(is_upper ? toupper((unsigned char)*words) : *words));
}

static void begin_page(const char *words, const char *summary)
{
    fputs(".TH ", stdout);
    put_page_name(words, true);
    printf(" 1 \"%s\" \"Patchclamp %s\" \"Patchclamp\"\n.SH NAME\n", PC_BUILD_DATE, pc_version());
    put_page_name(words, false);
    fputs(" \\- ", stdout);
    put_words(summary);
    fputs("\n.SH SYNOPSIS\n", stdout);
}

static void put_option(const option_row *row)
{
    const char letter[] = {'-', row->letter, 0};
    fputs(".TP\n", stdout);
    if (row->letter) put_bold(letter), fputs(", ", stdout);
    fputs("\\fB\\-\\-", stdout);
    put_words(row->name);
    fputs("\\fR", stdout);
    if (row->kind != OPTION_FLAG) putchar(' '), put_italic(row->argument);
    putchar('\n');
    put_filled(row->help, strlen(row->help));
}

static void put_example(const char *line)
{
    fputs(".SH EXAMPLES\n.nf\n", stdout);
    put_words(line);
    fputs("\n.fi\n", stdout);
}

static const char *summary_of(const char *words)
{
    help_topic topic;
    char name[TITLE_BYTES];
    for (int i = 0; help_topic_at(&topic, i); i++) {
        snprintf(name, sizeof name, "%s%s%s", topic.command, topic.word ? " " : "",
                 topic.word ? topic.word : "");
        if (strcmp(name, words) == 0) return topic.summary;
    }
    return words;
}

void manual_print_command(const option_row *table, const command_usage *u)
{
    char name[TITLE_BYTES];
    snprintf(name, sizeof name, "patchclamp %s", u->command);
    begin_page(u->command, summary_of(u->command));
    put_bold(name);
    putchar(' ');
    if (*u->operands) put_italic(u->operands), putchar(' ');
    fputs("[options]\n.SH DESCRIPTION\n", stdout);
    put_paragraphs(u->summary);
    fputs(".SH OPTIONS\n", stdout);
    for (const option_row *row = table; row->name; row++)
        put_option(row);
    fputs(".TP\n\\fB\\-\\-help\\fR\nprint the options and exit\n", stdout);
    put_example(u->example);
    fputs(".SH SEE ALSO\n.BR patchclamp (1),\nwhich lists the exit codes.\n", stdout);
}

static void put_commands(void)
{
    help_topic topic;
    for (int i = 0; help_topic_at(&topic, i); i++) {
        char words[TITLE_BYTES];
        snprintf(words, sizeof words, "%s%s%s", topic.command, topic.word ? " " : "",
                 topic.word ? topic.word : "");
        fputs(".TP\n\\fB", stdout);
        put_page_name(words, false);
        fputs("\\fR(1)\n", stdout);
        put_words(topic.summary);
        putchar('\n');
    }
}

static void put_entries(const char *const (*entries)[2], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fputs(".TP\n", stdout);
        put_bold(entries[i][0]);
        putchar('\n');
        put_filled(entries[i][1], strlen(entries[i][1]));
    }
}

static const char *const codes[][2] = {
    {"0", "done"},
    {"1", "failed: the disk, the memory, a device"},
    {"2", "bad input: a model, tokenizer, task or circuit"},
    {"3", "usage: the command line"},
    {"75", "stopped by a signal; the same command with --resume continues, and the result is the "
           "same, byte for byte"},
};

static const char *const variables[][2] = {
    {"PATCHCLAMP_MODELS", "a directory with models that are called by their names, before those "
                          "that lie beside the program"},
    {"PATCHCLAMP_TRUTHS", "the same for lists of the edges of published circuits"},
    {"NO_COLOR", "if it is not empty, nothing is coloured"},
    {"TERM", "if it is dumb, nothing is coloured, no line is drawn twice, bars are ASCII"},
    {"COLUMNS", "the width of a terminal that does not tell its own"},
};

void manual_print_program(void)
{
    begin_page("", "finds circuits in transformer language models");
    put_bold("patchclamp");
    fputs(" \\fICOMMAND\\fR ... [options]\n.br\n", stdout);
    put_bold("patchclamp --version");
    fputs("\n.SH DESCRIPTION\n", stdout);
    put_paragraphs(
        "Finds which heads, MLPs, neurons and edges of a language model carry a behaviour, how "
        "strongly, and how sure that is. Every score is the measured effect of a real intervention "
        "on the model. Results go to the standard output, words and progress to the standard "
        "error; --json prints one JSON value. MODEL is a Hugging Face or TransformerLens directory "
        "or the name of a shipped model (demo).\n\n"
        "patchclamp --help=bash and patchclamp --help=zsh print the completion for these shells, "
        "as "
        "it is installed.");
    fputs(".SH COMMANDS\n", stdout);
    put_commands();
    fputs(".SH EXIT STATUS\n", stdout);
    put_entries(codes, sizeof codes / sizeof *codes);
    fputs(".SH ENVIRONMENT\n", stdout);
    put_entries(variables, sizeof variables / sizeof *variables);
    put_example("patchclamp find demo --task induction -o out/demo\npatchclamp draw out/demo -o "
                "figure.svg");
}

/* The option parser. */
#include "options.h"

#include "exit_code.h"
#include "help_forms.h"
#include "nearest.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_usage(const option_row *table, const command_usage *u)
{
    printf("usage: patchclamp %s%s%s [options]\n\n%s\n\noptions:\n", u->command,
           *u->operands ? " " : "", u->operands, u->summary);
    for (const option_row *row = table; row->name; row++) {
        char left[64];
        snprintf(left, sizeof left, "%c%c%s --%s %s", row->letter ? '-' : ' ',
                 row->letter ? row->letter : ' ', row->letter ? "," : " ", row->name,
                 row->kind == OPTION_FLAG ? "" : row->argument);
        printf("  %-26s %s\n", left, row->help);
    }
    printf("  %-26s %s\n\nexample:\n  %s\n", "    --help", "print this and exit", u->example);
}

/* `word` as the user wrote it, with its dashes and perhaps "=VALUE". */
static parse_outcome fail_unknown(const option_row *table, const command_usage *u, const char *word)
{
    const char *name = word + strspn(word, "-");
    const int length = (int)strcspn(word, "=");
    nearest best = NEAREST_INIT;
    for (const option_row *row = table; row->name; row++)
        nearest_offer(&best, name, strcspn(name, "="), row->name);
    if (best.word)
        complain(u->command, "unknown option %.*s; did you mean --%s?", length, word, best.word);
    else
        complain(u->command, "unknown option %.*s; see patchclamp %s --help", length, word,
                 u->command);
    return PARSE_FAILED;
}

static bool fail_int(const option_row *row, const char *text, const char *command)
{
    char range[64] = "";
    if (row->most == INT64_MAX)
        snprintf(range, sizeof range, " of at least %lld", (long long)row->least);
    else if (row->least != 0 || row->most != 0)
        snprintf(range, sizeof range, " from %lld to %lld", (long long)row->least,
                 (long long)row->most);
    complain(command, "--%s is \"%s\", expected an integer%s", row->name, text, range);
    return false;
}

static bool read_int(const option_row *row, const char *text, const char *command)
{
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    const bool has_bounds = row->least != 0 || row->most != 0;
    const bool is_number = *text && !isspace((unsigned char)*text) && !*end && errno == 0;
    if (is_number && (!has_bounds || (value >= row->least && value <= row->most))) {
        *(int64_t *)row->value = value;
        return true;
    }
    return fail_int(row, text, command);
}

static bool read_real(const option_row *row, const char *text, const char *command)
{
    char *end;
    const double value = strtod(text, &end);
    if (*text && !isspace((unsigned char)*text) && !*end && isfinite(value)) {
        *(double *)row->value = value;
        return true;
    }
    complain(command, "--%s is \"%s\", expected a number", row->name, text);
    return false;
}

/* "2G": decimal, as the sizes that Patchclamp prints. */
static bool read_size(const option_row *row, const char *text, const char *command)
{
    static const char suffixes[] = "KMG";
    char *end;
    const double value = strtod(text, &end);
    const char *suffix = *end ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
    const double bytes = value * (suffix ? pow(1000, (double)(suffix - suffixes + 1)) : 1);
    const bool is_number = isdigit((unsigned char)*text) && !end[suffix != NULL];
    if (is_number && bytes >= 1 && bytes < 1e15) {
        *(int64_t *)row->value = (int64_t)bytes;
        return true;
    }
    complain(command, "--%s is \"%s\", expected bytes, such as 800M or 2G", row->name, text);
    return false;
}

static bool store(const option_row *row, const char *text, const char *command)
{
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)row->value = true;
        return true;
    case OPTION_TEXT:
        *(const char **)row->value = text;
        return true;
    case OPTION_INT:
        return read_int(row, text, command);
    case OPTION_REAL:
        return read_real(row, text, command);
    case OPTION_SIZE:
        return read_size(row, text, command);
    }
    return false;
}

const option_row *options_find(const option_row *table, const char *word,
                               const char **inline_value)
{
    *inline_value = NULL;
    for (const option_row *row = table; row->name; row++) {
        const size_t length = strlen(row->name);
        if (word[1] != '-') {
            if (row->letter && word[1] == row->letter && !word[2]) return row;
        } else if (strncmp(word + 2, row->name, length) == 0 &&
                   (word[2 + length] == 0 || word[2 + length] == '=')) {
            if (word[2 + length] == '=') *inline_value = word + 3 + length;
            return row;
        }
    }
    return NULL;
}

/* One option at argv[*at], and its value; *at moves to the last word that was used. */
static parse_outcome take_option(const option_row *table, const command_usage *u, int *at, int argc,
                                 char **argv)
{
    const char *word = argv[*at], *value;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_usage(table, u);
        return PARSED_HELP;
    }
    if (strncmp(word, "--help=", 7) == 0)
        return help_print_command(table, u, word + 7) ? PARSED_HELP : PARSE_FAILED;
    const option_row *row = options_find(table, word, &value);
    if (!row) return fail_unknown(table, u, word);
    if (row->kind == OPTION_FLAG && value) {
        complain(u->command, "--%s takes no value", row->name);
        return PARSE_FAILED;
    }
    if (row->kind != OPTION_FLAG && !value) {
        value = *at + 1 < argc ? argv[*at + 1] : NULL;
        if (!value || strncmp(value, "--", 2) == 0) { /* the value was forgotten */
            complain(u->command, "--%s needs a value: --%s=%s", row->name, row->name,
                     row->argument);
            return PARSE_FAILED;
        }
        ++*at;
    }
    return store(row, value, u->command) ? PARSED : PARSE_FAILED;
}

parse_outcome options_parse(const option_row *table, const char **operands, const command_usage *u,
                            int argc, char **argv)
{
    int n = 0;
    bool has_ended = false;
    for (int i = 1; i < argc; i++) {
        if (!has_ended && strcmp(argv[i], "--") == 0) {
            has_ended = true;
        } else if (!has_ended && argv[i][0] == '-' && argv[i][1]) {
            const parse_outcome outcome = take_option(table, u, &i, argc, argv);
            if (outcome != PARSED) return outcome;
        } else if (n < u->n_operands) {
            operands[n++] = argv[i];
        } else {
            complain(u->command, "unexpected \"%s\"; see patchclamp %s --help", argv[i],
                     u->command);
            return PARSE_FAILED;
        }
    }
    if (n == u->n_operands) return PARSED;
    complain(u->command, "expected %s; see patchclamp %s --help", u->operands, u->command);
    return PARSE_FAILED;
}

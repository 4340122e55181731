/* The command that gives a result again. */
#include "command_again.h"

#include <stdlib.h>
#include <string.h>

static const char *last_part(const char *word)
{
    const char *slash = strrchr(word, '/');
    return slash && slash[1] ? slash + 1 : word;
}

static bool is_plain(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-.,:=+@%/";
    return *word && !word[strspn(word, plain)];
}

/* As a shell reads it. `out` has room: each byte takes at most four. */
static char *put_word(char *out, const char *word)
{
    if (is_plain(word)) return strcpy(out, word) + strlen(word);
    *out++ = '\'';
    for (; *word; word++) {
        if (*word != '\'') *out++ = *word;
        else out = strcpy(out, "'\\''") + 4;
    }
    *out++ = '\'';
    *out = 0;
    return out;
}

static bool is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

/* One option at argv[*at], with its value; *at moves to the last word that was used. */
static char *put_option(char *out, const option_row *table, const char *const *left_out, int *at,
                        char **argv)
{
    const char *value;
    const option_row *row = options_find(table, argv[*at], &value);
    if (row->kind != OPTION_FLAG && !value) value = argv[++*at];
    if (is_among(row->name, left_out)) return out;
    out = strcpy(out, " --") + 3;
    out = put_word(out, row->name);
    if (!value) return out;
    *out++ = ' ';
    return put_word(out, last_part(value));
}

char *command_again(const option_row *table, const char *const *left_out, const char *command,
                    int argc, char **argv)
{
    size_t room = sizeof "patchclamp " + strlen(command);
    for (int i = 1; i < argc; i++)
        room +=
            4 * strlen(argv[i]) + sizeof " --pairs ''"; /* the longest that a letter stands for */
    char *words = malloc(room), *out = words;
    bool has_ended = false;
    if (!words) return NULL;
    out = strcpy(out, "patchclamp ") + 11;
    out = strcpy(out, command) + strlen(command);
    for (int i = 1; i < argc; i++) {
        if (!has_ended && strcmp(argv[i], "--") == 0) {
            has_ended = true;
        } else if (!has_ended && argv[i][0] == '-' && argv[i][1]) {
            out = put_option(out, table, left_out, &i, argv);
        } else {
            *out++ = ' ';
            out = put_word(out, last_part(argv[i]));
        }
    }
    return words;
}

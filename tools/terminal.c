/* Asking the terminal and the environment. */
#define _DEFAULT_SOURCE /* TIOCGWINSZ */
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { USUAL_COLUMNS = 80, MOST_COLUMNS = 1000 };

static bool is_said(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value;
}

/* The locale's characters, as the C library would find them: the first of the three that is said.
 */
static bool is_utf8(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        if (!is_said(variables[i])) continue;
        const char *value = getenv(variables[i]);
        return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "UTF8") ||
               strstr(value, "utf-8");
    }
    return false;
}

static int columns_of(FILE *stream)
{
    struct winsize size = {0};
    const char *said = getenv("COLUMNS");
    const long columns = said ? strtol(said, NULL, 10) : 0;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return columns > 0 && columns <= MOST_COLUMNS ? (int)columns : USUAL_COLUMNS;
}

terminal terminal_of(FILE *stream)
{
    const char *kind = getenv("TERM"), *depth = getenv("COLORTERM");
    terminal t = {.columns = USUAL_COLUMNS};
    t.is_terminal = isatty(fileno(stream)) != 0;
    if (!t.is_terminal) return t;
    t.is_drawn = kind && *kind && strcmp(kind, "dumb") != 0;
    t.has_colour = t.is_drawn && !is_said("NO_COLOR");
    t.has_millions = depth && (strcmp(depth, "truecolor") == 0 || strcmp(depth, "24bit") == 0);
    t.has_blocks = t.is_drawn && is_utf8();
    t.columns = columns_of(stream);
    return t;
}

/* The nearest of xterm's cube of 6 x 6 x 6. */
static int in_cube(unsigned colour)
{
    static const int levels[] = {0, 95, 135, 175, 215, 255};
    int cell = 16;
    for (int shift = 16, weight = 36; shift >= 0; shift -= 8, weight /= 6) {
        const int value = (int)(colour >> shift & 0xff);
        int best = 0;
        for (int i = 1; i < 6; i++)
            if (abs(levels[i] - value) < abs(levels[best] - value)) best = i;
        cell += weight * best;
    }
    return cell;
}

void terminal_begin_colour(const terminal *t, FILE *stream, unsigned colour)
{
    if (!t->has_colour) return;
    if (t->has_millions)
        fprintf(stream, "\033[38;2;%u;%u;%um", colour >> 16 & 0xff, colour >> 8 & 0xff,
                colour & 0xff);
    else fprintf(stream, "\033[38;5;%dm", in_cube(colour));
}

void terminal_end_colour(const terminal *t, FILE *stream)
{
    if (t->has_colour) fputs("\033[39m", stream);
}

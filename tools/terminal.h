/* What a stream is connected to: whether colours may be used, how wide a line may be. */
#ifndef PC_TOOLS_TERMINAL_H
#define PC_TOOLS_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

typedef struct terminal {
    bool is_terminal;  /* else nothing below holds: a file or a pipe gets plain text */
    bool is_drawn;     /* a line can be drawn again: TERM is not dumb */
    bool has_colour;   /* also: NO_COLOR is not set */
    bool has_millions; /* of colours, or 256 */
    bool has_blocks;   /* UTF-8 */
    int columns;       /* 80 where nobody says */
} terminal;

terminal terminal_of(FILE *stream);

/* Colours as 0xRRGGBB, until the end. Nothing where there are none. */
void terminal_begin_colour(const terminal *t, FILE *stream, unsigned colour);
void terminal_end_colour(const terminal *t, FILE *stream);

#endif

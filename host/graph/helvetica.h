/* Advance widths of Helvetica and the Symbol font, which every PDF reader has. */
#ifndef PC_GRAPH_HELVETICA_H
#define PC_GRAPH_HELVETICA_H

#include <stdint.h>

typedef enum pc_font { PC_HELVETICA, PC_HELVETICA_BOLD, PC_SYMBOL } pc_font;

/* Helvetica is encoded as WinAnsi, with the minus sign under a code that WinAnsi leaves free. */

/* In 1/1000 of the size, of a code of the font's encoding; 0: no character. */
int pc_helvetica_advance(pc_font font, unsigned char code);

/* Which font has a character, and under which code. */
typedef struct pc_glyph {
    pc_font font;       /* PC_HELVETICA: its bold has it too */
    unsigned char code; /* 0: neither has it */
} pc_glyph;
pc_glyph pc_helvetica_glyph(uint32_t code_point);

#endif

/* Bars of block elements (U+2588 and the seven after it, each an eighth less) or of '#'. */
#include "bar.h"

#include <math.h>
#include <string.h>

static int write_ascii(char *out, double share, int width)
{
    const int n = (int)floor(share * width + 0.5);
    memset(out, '#', (size_t)n);
    out[n] = 0;
    return n;
}

int bar_write(char out[BAR_BYTES], double share, int width, bool has_blocks)
{
    if (!has_blocks) return write_ascii(out, share, width);
    int eighths = (int)floor(8 * share * width + 0.5), n = 0;
    if (eighths == 0 && share > 0) eighths = 1;
    for (; eighths > 0; eighths -= 8) {
        const int part = eighths < 8 ? eighths : 8;
        memcpy(out + 3L * n, "\xe2\x96", 2); /* U+2588 is e2 96 88, an eighth e2 96 8f */
        out[3 * n + 2] = (char)(0x90 - part);
        n++;
    }
    out[3 * n] = 0;
    return n;
}

/* Whether a change all but takes away what a norm reads: sums in fp32, side by side. */
#include "kernels/vanishing.h"

#include "kernels/instruction_set.h"

/* Sums that are added up side by side, for the compiler to vectorise. */
enum { LANES = 16 };

/* Squares of x, d and x + d, around their means for layer norms. */
typedef struct moments {
    double base, change, changed;
} moments;

static double spread(const float squares[LANES], const float sums[LANES], int64_t width,
                     int is_centred)
{
    double square = 0, sum = 0;
    for (int i = 0; i < LANES; i++) {
        square += (double)squares[i];
        sum += (double)sums[i];
    }
    return is_centred ? square - sum * sum / (double)width : square;
}

static moments moments_of(const float *x, const float *d, int64_t width, int is_centred)
{
    float x2[LANES] = {0}, d2[LANES] = {0}, y2[LANES] = {0};
    float x1[LANES] = {0}, d1[LANES] = {0}, y1[LANES] = {0};
    for (int64_t i = 0; i < width; i += LANES)
        for (int64_t k = 0; k < LANES && i + k < width; k++) {
            const float a = x[i + k], b = d[i + k], c = a + b;
            x2[k] += a * a, d2[k] += b * b, y2[k] += c * c;
            x1[k] += a, d1[k] += b, y1[k] += c;
        }
    return (moments){spread(x2, x1, width, is_centred), spread(d2, d1, width, is_centred),
                     spread(y2, y1, width, is_centred)};
}

static uint8_t is_lost(const pc_vanishing_args *args, int64_t row)
{
    const moments m = moments_of(args->x + args->base_row[row] * args->width,
                                 args->d + row * args->width, args->width, args->is_centred);
    return m.change > 0 && m.changed < 1e-4 * (m.base + m.change);
}

void PC_FOR_SET(pc_vanishing)(const pc_vanishing_args *args)
{
    for (int64_t i = 0; i < args->n_spans; i++) {
        const pc_row_span *span = &args->spans[i];
        uint8_t lost = 0;
        for (int64_t k = 0; k < span->rows && !lost; k++)
            lost = is_lost(args, span->row + k * span->stride);
        args->is_lost[i] = lost;
    }
}

/* The order in which threads and streams take turns. */
#include "engine.h"

static emu_order kind;
static uint64_t seed = 1;

void emu_set_order(emu_order order, uint64_t seed_of_draws)
{
    kind = order;
    seed = seed_of_draws;
    emu_start_streams_order();
}

emu_order emu_order_of_turns(void)
{
    return kind;
}

uint64_t emu_first_draw(void)
{
    return seed * 0x9E3779B97F4A7C15u | 1;
}

/* xorshift64 (Marsaglia 2003); below a bound with a bias that does not matter here. */
int emu_draw_below(uint64_t *state, int bound)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (int)(*state % (uint64_t)bound);
}

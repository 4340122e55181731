/* Philox4x32-10. */
#include "base/rng.h"

enum { ROUNDS = 10 };

uint64_t pc_rng_bits(pc_rng *rng)
{
    uint32_t c[4] = {(uint32_t)rng->counter, (uint32_t)(rng->counter >> 32), (uint32_t)rng->stream,
                     (uint32_t)(rng->stream >> 32)};
    uint32_t key[2] = {(uint32_t)rng->seed, (uint32_t)(rng->seed >> 32)};
    rng->counter++;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c[0], b = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ key[0], (uint32_t)b,
                            (uint32_t)(a >> 32) ^ c[3] ^ key[1], (uint32_t)a};
        for (int i = 0; i < 4; i++)
            c[i] = next[i];
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
    return (uint64_t)c[1] << 32 | c[0];
}

uint64_t pc_rng_below(pc_rng *rng, uint64_t bound)
{
    /* the largest multiple of bound that fits: draws beyond it would favour small values */
    const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t bits;
    do {
        bits = pc_rng_bits(rng);
    } while (bits >= limit);
    return bits % bound;
}

double pc_rng_unit(pc_rng *rng)
{
    return (double)(pc_rng_bits(rng) >> 11) * 0x1p-53;
}

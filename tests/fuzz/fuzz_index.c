/* Fuzzes model.safetensors.index.json beside two fixed shards: a checkpoint, or one line of
 * message. */
#include "io/safetensors.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void write_shard(const char *file, const char *tensor)
{
    char shard[128] = {0};
    const int n =
        snprintf(shard + 8, sizeof shard - 12,
                 "{\"%s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", tensor);
    shard[0] = (char)n;
    scratch_write(file, shard, 8 + (size_t)n + 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    pc_checkpoint *checkpoint = NULL;
    write_shard("a.safetensors", "x");
    write_shard("b.safetensors", "y");
    scratch_write("model.safetensors.index.json", bytes, length);
    if (pc_checkpoint_open(&checkpoint, scratch_folder()) != PC_OK) {
        if (checkpoint || !*pc_last_error() || strchr(pc_last_error(), '\n')) abort();
        return 0;
    }
    for (size_t i = 0; i < pc_checkpoint_count(checkpoint); i++) {
        float value;
        if (pc_checkpoint_read_f32(&value, checkpoint, pc_checkpoint_at(checkpoint, i), 0, 1) !=
            PC_OK)
            abort();
    }
    pc_checkpoint_free(checkpoint);
    return 0;
}

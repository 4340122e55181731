/* Fuzzes the files of shards: shards.json and state.json, each an object or one line of message. */
#define _POSIX_C_SOURCE 200809L
#include "patchclamp/shards.h"
#include "scratch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_message(void)
{
    if (!*pc_last_error() || strchr(pc_last_error(), '\n')) abort();
}

/* The shards of a list that was read follow each other. */
static void check_list(const pc_shards *shards)
{
    int64_t at = 0;
    int n_words;
    const char *const *words = pc_shards_words(&n_words, shards);
    for (int i = 0; i < n_words; i++)
        if (!words[i]) abort();
    for (int k = 0; k < pc_shards_n(shards); k++) {
        const pc_shard shard = pc_shards_at(shards, k);
        if (shard.first != at || shard.n < 1) abort();
        at += shard.n;
    }
}

static void remove_folders(void)
{
    unlink(scratch_path("shards/0/state.json"));
    rmdir(scratch_path("shards/0"));
    rmdir(scratch_path("shards"));
}

static void make_folders(void)
{
    if (mkdir(scratch_path("shards"), 0777) != 0) return; /* it is there */
    mkdir(scratch_path("shards/0"), 0777);
    atexit(remove_folders); /* before the folder around them goes */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    pc_shards *shards = NULL;
    pc_shard_state state;
    make_folders();
    scratch_write("shards/0/state.json", bytes, length);
    if (pc_shards_read(&shards, scratch_path("shards/0/state.json")) == PC_OK) check_list(shards);
    else check_message();
    pc_shards_free(shards);
    if (pc_shard_state_read(&state, scratch_folder(), 0) != PC_OK) check_message();
    return 0;
}

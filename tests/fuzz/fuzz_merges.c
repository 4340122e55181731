/* Fuzzes merges.txt beside a fixed vocab.json: a tokenizer that works, or one line of message. */
#include "patchclamp/tokenizer.h"
#include "scratch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const char vocabulary[] =
    "{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"abc\":4,\"bc\":5,\"\xc4\xa0\":6,\"\xc4\xa0"
    "a\":7,\"<|endoftext|>\":8}";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    pc_tokenizer *tokenizer = NULL;
    int32_t *ids = NULL;
    size_t n;
    scratch_write("vocab.json", vocabulary, sizeof vocabulary - 1);
    scratch_write("merges.txt", bytes, length);
    if (pc_tokenizer_open(&tokenizer, scratch_folder()) != PC_OK) {
        if (tokenizer || !*pc_last_error() || strchr(pc_last_error(), '\n')) abort();
        return 0;
    }
    if (pc_tokenizer_encode(&ids, &n, tokenizer, "abc abcab", 9, PC_BOS_NEVER) != PC_OK) abort();
    free(ids);
    pc_tokenizer_free(tokenizer);
    return 0;
}

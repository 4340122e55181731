/* Fuzzes the reader of tokenizer.json, then uses what it made: any bytes give a tokenizer that
 * works within its limits, or one line of message. */
#include "base/memory.h"
#include "io/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const char text[] =
    "the cat's  12 na\xc3\xafve <bos>[NEW] \xe6\x88\x91\r\n\xf0\x9f\x98\x80 \t x";

static void expect_message(void)
{
    if (!*pc_last_error() || strchr(pc_last_error(), '\n')) abort();
}

static void use(pc_tokenizer *tokenizer)
{
    int32_t *ids = NULL;
    size_t n = 0, length;
    if (pc_tokenizer_encode(&ids, &n, tokenizer, text, sizeof text - 1, PC_BOS_AS_TOKENIZER) !=
        PC_OK)
        expect_message();
    for (size_t i = 0; i < n; i++)
        if (!pc_tokenizer_token(tokenizer, ids[i]) || ids[i] >= pc_tokenizer_size(tokenizer))
            abort();
    char *back = NULL;
    if (pc_tokenizer_decode(&back, &length, tokenizer, ids, n) != PC_OK) abort();
    free(back);
    free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    pc_tokenizer *tokenizer = pc_tokenizer_new();
    if (!tokenizer) abort();
    pc_status status = pc_tokenizer_parse(tokenizer, (const char *)bytes, length, "tokenizer.json");
    if (status == PC_OK) use(tokenizer);
    else expect_message();
    pc_tokenizer_free(tokenizer);
    return 0;
}

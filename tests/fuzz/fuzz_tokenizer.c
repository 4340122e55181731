/* Fuzzes the reader of tokenizer.json, then uses what it made: any bytes give a tokenizer that
 * works within its limits, or one line of message. */
#include "base/utf8.h"
#include "io/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static const char text[] =
    "the cat's  12 na\xc3\xafve <bos>[NEW] \xe6\x88\x91\r\n\xf0\x9f\x98\x80 \t x "
    "e\xcc\x81\xcc\xa3 \xe2\x96\x81the<s> \xe1\x84\x92\xe1\x85\xa1";

static void expect_message(void)
{
    if (!*pc_last_error() || strchr(pc_last_error(), '\n')) abort();
}

/* Any order of tokens is some text. */
static void decode(const pc_tokenizer *tokenizer, const int32_t *ids, size_t n)
{
    char *back = NULL;
    size_t length;
    if (pc_tokenizer_decode(&back, &length, tokenizer, ids, n) != PC_OK) abort();
    if (pc_utf8_first_error(back, length) != length) abort();
    free(back);
}

static void use(pc_tokenizer *tokenizer)
{
    int32_t *ids = NULL;
    size_t n = 0;
    if (pc_tokenizer_encode(&ids, &n, tokenizer, text, sizeof text - 1, PC_BOS_AS_TOKENIZER) !=
        PC_OK)
        expect_message();
    for (size_t i = 0; i < n; i++)
        if (!pc_tokenizer_token(tokenizer, ids[i]) || ids[i] >= pc_tokenizer_size(tokenizer))
            abort();
    decode(tokenizer, ids, n);
    for (size_t i = 0; i < n / 2; i++) {
        const int32_t id = ids[i];
        ids[i] = ids[n - 1 - i];
        ids[n - 1 - i] = id;
    }
    decode(tokenizer, ids, n);
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

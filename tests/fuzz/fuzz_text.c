/* Fuzzes encoding: one byte chooses among four tokenizers that have a token for every byte, the
 * rest is the text. Valid UTF-8 comes back as it was, whatever the pattern and the merges; other
 * bytes are refused. */
#include "base/memory.h"
#include "io/tokenizer_parts.h"
#include "io/byte_level.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define BYTE_LEVEL(regex)                                                                          \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,\"use_"             \
    "regex\":" regex "}"
#define SPLIT(pattern)                                                                             \
    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"        \
    "\"" pattern "\"},\"behavior\":\"Isolated\",\"invert\":false}," BYTE_LEVEL("false") "]}"

static const char *const pretokenizers[] = {
    BYTE_LEVEL("true"),
    BYTE_LEVEL("false"),
    SPLIT("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}|"
          " ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"),
    SPLIT("\\\\S+|[a-f]++"),
};
enum { N_TOKENIZERS = sizeof pretokenizers / sizeof *pretokenizers };

/* All bytes, and some joins of them. */
static pc_tokenizer *make(const char *pretokenizer)
{
    pc_text json = {0};
    pc_text_printf(&json, "{\"pre_tokenizer\":%s,\"decoder\":{\"type\":\"ByteLevel\"},",
                   pretokenizer);
    pc_text_put(&json, "\"model\":{\"type\":\"BPE\",\"vocab\":{");
    for (int byte = 0; byte < 256; byte++) {
        char one = (char)byte, character[8] = "";
        pc_text spelled = {0};
        pc_byte_level_put(&spelled, &one, 1);
        memcpy(character, spelled.data, spelled.length);
        pc_text_free(&spelled);
        pc_text_put_json_string(&json, character);
        pc_text_printf(&json, ":%d,", byte);
    }
    pc_text_put(&json, "\"aa\":256,\"aaa\":257,\"ab\":258,\"aab\":259,\"abab\":260},\"merges\":"
                       "[\"a b\",\"a a\",\"aa b\",\"aa a\",\"ab ab\",\"a ab\"]}}");
    pc_tokenizer *tokenizer = pc_alloc(1, sizeof *tokenizer);
    if (!tokenizer || pc_text_status(&json) != PC_OK) abort();
    tokenizer->bos = -1;
    if (pc_tokenizer_parse(tokenizer, json.data, json.length, "fixed") != PC_OK) abort();
    pc_text_free(&json);
    return tokenizer;
}

static void expect_round_trip(const pc_tokenizer *tokenizer, const char *text, size_t length)
{
    int32_t *ids;
    size_t n, n_back;
    char *back;
    bool is_valid = pc_utf8_first_error(text, length) == length;
    pc_status status = pc_tokenizer_encode(&ids, &n, tokenizer, text, length, PC_BOS_NEVER);
    if ((status == PC_OK) != is_valid) abort();
    if (status != PC_OK) return;
    if (n > length || pc_tokenizer_decode(&back, &n_back, tokenizer, ids, n) != PC_OK) abort();
    if (n_back != length || (length && memcmp(back, text, length) != 0)) abort();
    free(back);
    free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static pc_tokenizer *tokenizers[N_TOKENIZERS]; /* kept to the end: reachable, so no leak */
    if (length == 0) return 0;
    int chosen = bytes[0] % N_TOKENIZERS;
    if (!tokenizers[chosen]) tokenizers[chosen] = make(pretokenizers[chosen]);
    expect_round_trip(tokenizers[chosen], (const char *)bytes + 1, length - 1);
    return 0;
}

/* Decoding, token by token. */
#include "io/token_decoder.h"

#include "base/utf8.h"
#include "io/byte_level.h"

#include <stdio.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte NN of "<0xNN>", -1 for any other text. */
static int named_byte(const char *token, size_t n)
{
    if (n != 6 || memcmp(token, "<0x", 3) != 0 || token[5] != '>') return -1;
    const int high = hex_digit(token[3]), low = hex_digit(token[4]);
    return high < 0 || low < 0 ? -1 : 16 * high + low;
}

static void put_marks_replaced(pc_text *out, const pc_token_decoder *decoder, const char *token,
                               size_t n, const char *space)
{
    for (size_t i = 0; i < n;) {
        const bool is_mark = decoder->n_mark > 0 && n - i >= decoder->n_mark &&
                             memcmp(token + i, decoder->mark, decoder->n_mark) == 0;
        if (is_mark) pc_text_put(out, space);
        else pc_text_put_bytes(out, token + i, 1);
        i += is_mark ? decoder->n_mark : 1;
    }
}

static bool is_byte_token(const pc_token_decoder *decoder, const char *token, size_t n)
{
    return decoder->has_byte_tokens && named_byte(token, n) >= 0;
}

void pc_token_decoder_put(pc_text *out, const pc_token_decoder *decoder, const char *token,
                          size_t n)
{
    if (decoder->alphabet == PC_ALPHABET_BYTES) {
        pc_byte_level_put_decoded(out, token, n);
    } else if (is_byte_token(decoder, token, n)) {
        const char byte = (char)named_byte(token, n);
        pc_text_put_bytes(out, &byte, 1);
    } else {
        put_marks_replaced(out, decoder, token, n, " ");
    }
}

size_t pc_token_decoder_byte_name(char out[8], const pc_token_decoder *decoder, unsigned char byte)
{
    if (decoder->alphabet == PC_ALPHABET_BYTES)
        return pc_utf8_encode(out, pc_byte_level_character(byte));
    return (size_t)snprintf(out, 8, "<0x%02X>", byte);
}

/* `tokenizers` keeps a run whole or replaces every byte of it, also those that are UTF-8. */
static void end_run(pc_detokenizer *to)
{
    pc_text *text = &to->text;
    if (!to->is_in_run || text->has_failed) return;
    to->is_in_run = false;
    const size_t n = text->length - to->run;
    if (pc_utf8_first_error(text->data + to->run, n) == n) return;
    text->length = to->run;
    for (size_t i = 0; i < n; i++)
        pc_text_put(text, "\xef\xbf\xbd");
}

void pc_detokenizer_take(pc_detokenizer *to, const char *token, size_t n)
{
    const bool is_first = to->n_taken++ == 0;
    if (!is_byte_token(to->decoder, token, n)) {
        end_run(to);
    } else if (!to->is_in_run) {
        to->is_in_run = true;
        to->run = to->text.length;
    }
    if (is_first && to->decoder->drops_first_marks)
        put_marks_replaced(&to->text, to->decoder, token, n, "");
    else pc_token_decoder_put(&to->text, to->decoder, token, n);
}

static void strip(pc_text *text, const pc_token_decoder *decoder)
{
    const size_t n = decoder->n_strip_bytes;
    size_t from = 0;
    for (size_t i = 0; i < decoder->n_strip && n > 0 && text->length - from >= n; i++) {
        if (memcmp(text->data + from, decoder->strip, n) != 0) break;
        from += n;
    }
    memmove(text->data, text->data + from, text->length - from + 1);
    text->length -= from;
}

/* Tokens of bytes end anywhere in a character; a text of characters is whole already. */
pc_status pc_detokenizer_finish(pc_detokenizer *to)
{
    pc_text whole = {0};
    end_run(to);
    pc_text_put(&to->text, "");
    PC_TRY(pc_text_status(&to->text));
    if (to->decoder->alphabet == PC_ALPHABET_CHARACTERS) {
        strip(&to->text, to->decoder);
        return PC_OK;
    }
    pc_text_put(&whole, "");
    pc_utf8_put_replaced(&whole, to->text.data, to->text.length);
    pc_text_free(&to->text);
    to->text = whole;
    return pc_text_status(&whole);
}

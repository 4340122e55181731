/* GPT-2's alphabet for bytes, computed rather than tabulated. */
#include "io/byte_level.h"

#include "base/utf8.h"

static bool stands_for_itself(uint32_t byte)
{
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte != 0xad);
}

/* 0x00-0x20, 0x7f-0xa0 and 0xad are the others: 33 + 34 + 1. */
uint32_t pc_byte_level_character(unsigned char byte)
{
    if (stands_for_itself(byte)) return byte;
    if (byte <= 0x20) return 0x100u + byte;
    if (byte <= 0xa0) return 0x121u + (byte - 0x7fu);
    return 0x143;
}

int pc_byte_level_byte(uint32_t character)
{
    if (character < 0x100) return stands_for_itself(character) ? (int)character : -1;
    if (character <= 0x120) return (int)(character - 0x100);
    if (character <= 0x142) return (int)(character - 0x121 + 0x7f);
    return character == 0x143 ? 0xad : -1;
}

void pc_byte_level_put(pc_text *text, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char character[4];
        size_t length = pc_utf8_encode(character, pc_byte_level_character((unsigned char)bytes[i]));
        pc_text_put_bytes(text, character, length);
    }
}

static bool is_in_alphabet(const char *token, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t length = pc_utf8_length(token + i, n - i);
        if (length == 0 || pc_byte_level_byte(pc_utf8_code_point(token + i, length)) < 0)
            return false;
        i += length;
    }
    return true;
}

void pc_byte_level_put_decoded(pc_text *text, const char *token, size_t n)
{
    if (!is_in_alphabet(token, n)) {
        pc_text_put_bytes(text, token, n);
        return;
    }
    for (size_t i = 0; i < n;) {
        size_t length = pc_utf8_length(token + i, n - i);
        char byte = (char)pc_byte_level_byte(pc_utf8_code_point(token + i, length));
        pc_text_put_bytes(text, &byte, 1);
        i += length;
    }
}

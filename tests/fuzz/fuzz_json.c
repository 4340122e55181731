/* Fuzzes the JSON reader: any bytes give a value or one line of message. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    json_t *value = NULL;
    if (pc_json_parse(&value, (const char *)bytes, length, "fuzz.json") == PC_OK) {
        char words[64];
        pc_json_describe(words, sizeof words, value);
        json_decref(value);
    } else if (!*pc_last_error() || strchr(pc_last_error(), '\n')) {
        abort(); /* a failure without its one line */
    }
    return 0;
}

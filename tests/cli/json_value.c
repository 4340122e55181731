/* json_value FILE [PATH]: checks that FILE is one JSON value, and prints the value at PATH
 * ("heads.0.name"): words and numbers as they are, lists and objects by their size. */
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *step(const json_t *value, const char *key)
{
    return json_is_array(value) ? json_array_get(value, (size_t)strtoul(key, NULL, 10))
                                : json_object_get(value, key);
}

static const json_t *walk(const json_t *value, char *path)
{
    while (value && *path) {
        char *end = path + strcspn(path, ".");
        char *next = *end ? end + 1 : end;
        *end = 0;
        value = step(value, path);
        path = next;
    }
    return value;
}

static void print(const json_t *value)
{
    char words[128];
    if (json_is_string(value)) puts(json_string_value(value));
    else if (json_is_real(value)) printf("%.17g\n", json_real_value(value));
    else if (json_is_object(value)) printf("%zu\n", json_object_size(value));
    else if (json_is_array(value)) printf("%zu\n", json_array_size(value));
    else puts(pc_json_describe(words, sizeof words, value));
}

int main(int argc, char **argv)
{
    json_t *value = NULL;
    char whole[] = "";
    if (argc < 2 || argc > 3) return 3;
    if (pc_json_read(&value, argv[1], 1 << 28) != PC_OK) {
        fprintf(stderr, "%s\n", pc_last_error());
        return 2;
    }
    print(walk(value, argc == 3 ? argv[2] : whole));
    json_decref(value);
    return 0;
}

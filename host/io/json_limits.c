/* Counts the values and the depth of a JSON text without parsing it. */
#include "io/json_limits.h"

#include <stdbool.h>

pc_status pc_json_check_limits(const char *bytes, size_t length, size_t max_values, int max_depth,
                               const char *name)
{
    /* every value but the first stands behind a comma or an opening bracket */
    size_t values = 1;
    int depth = 0;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '"') {
            for (i++; i < length && bytes[i] != '"'; i++)
                if (bytes[i] == '\\') i++;
            continue;
        }
        bool is_opening = bytes[i] == '{' || bytes[i] == '[';
        if (is_opening) depth++;
        if (bytes[i] == '}' || bytes[i] == ']') depth--;
        if (is_opening || bytes[i] == ',') values++;
        if (depth > max_depth)
            return pc_fail(PC_ERR_INPUT, "%s: JSON byte %zu: nested deeper than %d, the limit",
                           name, i, max_depth);
        if (values > max_values)
            return pc_fail(PC_ERR_INPUT, "%s: JSON byte %zu: more than %zu values, the limit", name,
                           i, max_values);
    }
    return PC_OK;
}

/* A bound on what parsing a hostile JSON text can cost, checked before jansson sees it. */
#ifndef PC_IO_JSON_LIMITS_H
#define PC_IO_JSON_LIMITS_H

#include "base/fail.h"

#include <stddef.h>

/* PC_ERR_INPUT naming the byte where `bytes` has more than `max_values` values (numbers, strings,
 * arrays, objects) or nests deeper than `max_depth` brackets. One pass, no allocation; says nothing
 * about whether the text is JSON. A value costs jansson at most some 250 bytes besides its text. */
pc_status pc_json_check_limits(const char *bytes, size_t length, size_t max_values, int max_depth,
                               const char *name);

#endif

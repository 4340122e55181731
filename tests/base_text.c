/* Texts and numbers: what is written reads back, hostile bytes do not get through. */
#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

Test(base_text, numbers_read_back_exactly)
{
    const double values[] = {0.1, 1.0 / 3, -1e-300, 5e-324, 123456789.125, -0.0, 1e22};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char digits[32];
        pc_format_number(digits, values[i]);
        double back = strtod(digits, NULL);
        cr_expect(back == values[i] && signbit(back) == signbit(values[i]), "%s", digits);
    }
}

Test(base_text, json_strings_escape_control_bytes_and_broken_utf8)
{
    pc_text text = {0};
    pc_text_put_json_string(&text, "a\"\\\n\x01\xff\xc3\xa9\xed\xa0\x80");
    cr_expect_str_eq(text.data, "\"a\\\"\\\\\\n\\u0001\\ufffd\xc3\xa9\\ufffd\\ufffd\\ufffd\"");
    pc_text_free(&text);
}

Test(base_text, failed_append_is_remembered)
{
    pc_text text = {0};
    pc_alloc_fail_after(0);
    pc_text_put(&text, "x");
    pc_text_put(&text, "y");
    cr_expect_eq(pc_text_status(&text), PC_ERR_NOMEM);
    pc_text_free(&text);
}

Test(base_text, failure_messages_are_one_printable_line)
{
    cr_expect_eq(pc_fail(PC_ERR_INPUT, "a\nb\x1b[31m %d", 3), PC_ERR_INPUT);
    cr_expect_str_eq(pc_last_error(), "a?b?[31m 3");
    pc_fail_within(PC_ERR_INPUT, "file %s", "f");
    cr_expect_str_eq(pc_last_error(), "file f: a?b?[31m 3");
}

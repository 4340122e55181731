/* The steps of a normalizer, one text after another. */
#include "io/normalizer.h"

#include "io/nfc.h"

#include <stdbool.h>
#include <string.h>

pc_status pc_normalizer_add(pc_normalizer *normalizer, const pc_normal_step *step)
{
    if (normalizer->n_steps == PC_MAX_NORMAL_STEPS)
        return pc_fail(PC_ERR_UNSUPPORTED, "more than %d steps are not supported",
                       PC_MAX_NORMAL_STEPS);
    normalizer->steps[normalizer->n_steps++] = *step;
    return PC_OK;
}

static void replace(pc_text *out, const pc_normal_step *step, const char *text, size_t n)
{
    size_t done = 0;
    for (size_t at = 0; at + step->n_pattern <= n;) {
        if (memcmp(text + at, step->pattern, step->n_pattern) != 0) {
            at++;
            continue;
        }
        pc_text_put_bytes(out, text + done, at - done);
        pc_text_put_bytes(out, step->text, step->n_text);
        done = at += step->n_pattern;
    }
    pc_text_put_bytes(out, text + done, n - done);
}

static pc_status take_step(pc_text *out, const pc_normal_step *step, const char *text, size_t n)
{
    switch (step->kind) {
    case PC_NORMAL_NFC:
        return pc_nfc_put(out, text, n);
    case PC_NORMAL_REPLACE:
        replace(out, step, text, n);
        break;
    case PC_NORMAL_PREPEND:
        if (n > 0) pc_text_put_bytes(out, step->text, step->n_text);
        pc_text_put_bytes(out, text, n);
    }
    return pc_text_status(out);
}

pc_status pc_normalize(pc_text *out, const pc_normalizer *normalizer, const char *text, size_t n)
{
    pc_text before = {0};
    pc_status status;
    out->length = 0;
    pc_text_put_bytes(out, text, n);
    status = pc_text_status(out);
    for (int i = 0; i < normalizer->n_steps && status == PC_OK; i++) {
        const pc_text swapped = before;
        before = *out;
        *out = swapped;
        out->length = 0;
        status = take_step(out, &normalizer->steps[i], before.data, before.length);
    }
    pc_text_free(&before);
    return status;
}

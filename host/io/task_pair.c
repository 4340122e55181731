/* One pair of prompts: how it is built, from text where need be, and what is checked. */
#include "io/task_private.h"

#include "base/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Tokens shown of what two unequal prompts share, and of what they do not. */
enum { SHARED_SHOWN = 6, DIFFERENT_SHOWN = 16 };

pc_status pc_ids_push(pc_ids *ids, int32_t id)
{
    int32_t *grown = pc_grow(ids->ids, &ids->capacity, ids->n + 1, sizeof *grown);
    if (!grown) return PC_ERR_NOMEM;
    ids->ids = grown;
    ids->ids[ids->n++] = id;
    return PC_OK;
}

void pc_pair_clear(pc_pair *pair)
{
    pair->clean.n = pair->corrupted.n = 0;
    pair->n_targets = pair->n_named = 0;
}

void pc_pair_free(pc_pair *pair)
{
    for (size_t i = 0; i < pair->n_made; i++) {
        free(pair->targets[i].answers.ids);
        free(pair->targets[i].wrong_answers.ids);
    }
    free(pair->named);
    free(pair->targets);
    free(pair->corrupted.ids);
    free(pair->clean.ids);
    *pair = (pc_pair){0};
}

pc_status pc_pair_add_target(pc_pair_target **out, pc_pair *pair, int64_t position)
{
    pc_pair_target *targets =
        pc_grow(pair->targets, &pair->capacity, pair->n_targets + 1, sizeof *targets);
    if (!targets) return PC_ERR_NOMEM;
    pair->targets = targets;
    if (pair->n_targets == pair->n_made) targets[pair->n_made++] = (pc_pair_target){0};
    *out = &targets[pair->n_targets++];
    (*out)->position = position;
    (*out)->answers.n = (*out)->wrong_answers.n = 0;
    return PC_OK;
}

static void put_token(pc_text *out, int32_t id, const pc_tokenizer *tokenizer)
{
    const char *shown = tokenizer ? pc_tokenizer_token(tokenizer, id) : NULL;
    if (shown) pc_text_printf(out, "\"%s\"", shown);
    else pc_text_printf(out, "%ld", (long)id);
}

void pc_task_put_tokens(pc_text *out, const int32_t *ids, size_t n, const pc_tokenizer *tokenizer)
{
    for (size_t i = 0; i < n; i++) {
        if (i) pc_text_put(out, " ");
        put_token(out, ids[i], tokenizer);
    }
}

pc_status pc_task_encode(pc_ids *out, const char *text, size_t length, pc_bos_rule rule,
                         const char *what, const pc_task_context *context)
{
    if (!context->tokenizer)
        return pc_fail(PC_ERR_INPUT,
                       "%s is text, but the model has no tokenizer: expected token ids", what);
    int32_t *ids = NULL;
    size_t n = 0;
    pc_status status = pc_tokenizer_encode(&ids, &n, context->tokenizer, text, length, rule);
    if (status != PC_OK) return pc_fail_within(status, "%s", what);
    out->n = 0;
    for (size_t i = 0; i < n && status == PC_OK; i++)
        status = pc_ids_push(out, ids[i]);
    free(ids);
    return status;
}

pc_status pc_task_encode_answer(pc_ids *out, const char *text, size_t length, const char *what,
                                size_t i, const pc_task_context *context)
{
    pc_ids pieces = {0};
    pc_status status = pc_task_encode(&pieces, text, length, PC_BOS_NEVER, what, context);
    if (status == PC_OK && pieces.n != 1) {
        pc_text shown = {0};
        pc_task_put_tokens(&shown, pieces.ids,
                           pieces.n < DIFFERENT_SHOWN ? pieces.n : DIFFERENT_SHOWN,
                           context->tokenizer);
        status = pc_text_status(&shown);
        if (status == PC_OK)
            status = pc_fail(PC_ERR_INPUT, "%s[%zu] \"%.60s\" is %zu tokens, expected 1: %s", what,
                             i, text, pieces.n, shown.data ? shown.data : "none");
        pc_text_free(&shown);
    }
    if (status == PC_OK) status = pc_ids_push(out, pieces.ids[0]);
    free(pieces.ids);
    return status;
}

pc_status pc_task_check_id(const char *what, size_t i, int64_t id, int64_t bound)
{
    if (id >= 0 && id < bound && id <= INT32_MAX) return PC_OK;
    return pc_fail(PC_ERR_INPUT, "%s[%zu] is %lld, expected a token id from 0 to %lld", what, i,
                   (long long)id, (long long)bound - 1);
}

static pc_status check_ids(const char *what, const pc_ids *ids, int64_t bound)
{
    for (size_t i = 0; i < ids->n; i++)
        PC_TRY(pc_task_check_id(what, i, ids->ids[i], bound));
    return PC_OK;
}

/* `... "a" {"b" "c"} "d" ...`: the braces hold what the other prompt does not have. */
static void put_aligned(pc_text *out, const pc_ids *ids, size_t n_head, size_t n_tail,
                        const pc_tokenizer *tokenizer)
{
    const size_t n_own = ids->n - n_head - n_tail;
    const size_t head = n_head < SHARED_SHOWN ? n_head : SHARED_SHOWN;
    const size_t own = n_own < DIFFERENT_SHOWN ? n_own : DIFFERENT_SHOWN;
    const size_t tail = n_tail < SHARED_SHOWN ? n_tail : SHARED_SHOWN;
    if (head < n_head) pc_text_put(out, "... ");
    pc_task_put_tokens(out, ids->ids + n_head - head, head, tokenizer);
    pc_text_put(out, head ? " {" : "{");
    pc_task_put_tokens(out, ids->ids + n_head, own, tokenizer);
    pc_text_put(out, own < n_own ? " ...}" : "}");
    if (tail) pc_text_put(out, " ");
    pc_task_put_tokens(out, ids->ids + n_head + n_own, tail, tokenizer);
    if (tail < n_tail) pc_text_put(out, " ...");
}

static pc_status fail_unequal(const pc_pair *pair, const pc_tokenizer *tokenizer)
{
    const pc_ids *a = &pair->clean, *b = &pair->corrupted;
    const size_t shorter = a->n < b->n ? a->n : b->n;
    size_t n_head = 0, n_tail = 0;
    while (n_head < shorter && a->ids[n_head] == b->ids[n_head])
        n_head++;
    while (n_tail < shorter - n_head && a->ids[a->n - 1 - n_tail] == b->ids[b->n - 1 - n_tail])
        n_tail++;
    pc_text words = {0};
    pc_text_printf(&words, "clean is %zu tokens and corrupted %zu, expected equal lengths; clean ",
                   a->n, b->n);
    if (shorter > 0) put_aligned(&words, a, n_head, n_tail, tokenizer);
    pc_text_put(&words, ", corrupted ");
    if (shorter > 0) put_aligned(&words, b, n_head, n_tail, tokenizer);
    pc_status status = pc_text_status(&words);
    if (status == PC_OK) status = pc_fail(PC_ERR_INPUT, "%s", words.data);
    pc_text_free(&words);
    return status;
}

static pc_status check_prompts(const pc_pair *pair, const pc_task_context *context)
{
    const pc_task_limits *limits = context->limits;
    const size_t n = pair->clean.n;
    PC_TRY(check_ids("clean", &pair->clean, limits->vocab));
    PC_TRY(check_ids("corrupted", &pair->corrupted, limits->vocab));
    if (n == 0 && pair->corrupted.n == 0)
        return pc_fail(PC_ERR_INPUT, "clean and corrupted are empty, expected tokens");
    if (n != pair->corrupted.n) return fail_unequal(pair, context->tokenizer);
    if (n > (size_t)limits->n_ctx)
        return pc_fail(PC_ERR_INPUT,
                       "clean is %zu tokens, expected at most %d, the model's context", n,
                       limits->n_ctx);
    if (memcmp(pair->clean.ids, pair->corrupted.ids, n * sizeof *pair->clean.ids) == 0)
        return pc_fail(PC_ERR_INPUT,
                       "clean and corrupted are the same %zu tokens, expected a "
                       "difference",
                       n);
    return PC_OK;
}

static int compare_ids(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static pc_status fail_repeated(const pc_pair_target *target, int32_t id,
                               const pc_tokenizer *tokenizer)
{
    size_t n_right = 0, n_wrong = 0;
    for (size_t i = 0; i < target->answers.n; i++)
        n_right += target->answers.ids[i] == id;
    for (size_t i = 0; i < target->wrong_answers.n; i++)
        n_wrong += target->wrong_answers.ids[i] == id;
    pc_text token = {0};
    put_token(&token, id, tokenizer);
    pc_status status = pc_text_status(&token);
    const char *how = n_right && n_wrong ? "both an answer and a wrong answer"
                      : n_right          ? "twice among the answers"
                                         : "twice among the wrong answers";
    if (status == PC_OK) status = pc_fail(PC_ERR_INPUT, "token %s is %s", token.data, how);
    pc_text_free(&token);
    return status;
}

/* Sorts both lists together: a token that comes twice is in the way wherever it stands. */
static pc_status check_distinct(const pc_pair_target *target, const pc_tokenizer *tokenizer)
{
    const size_t n_right = target->answers.n, n = n_right + target->wrong_answers.n;
    int32_t *sorted = pc_alloc(n, sizeof *sorted);
    if (!sorted) return PC_ERR_NOMEM;
    memcpy(sorted, target->answers.ids, n_right * sizeof *sorted);
    if (n > n_right)
        memcpy(sorted + n_right, target->wrong_answers.ids, (n - n_right) * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_ids);
    pc_status status = PC_OK;
    for (size_t i = 1; i < n && status == PC_OK; i++)
        if (sorted[i] == sorted[i - 1]) status = fail_repeated(target, sorted[i], tokenizer);
    free(sorted);
    return status;
}

static pc_status check_target(const pc_pair *pair, size_t i, bool *is_read,
                              const pc_task_context *context)
{
    const pc_pair_target *target = &pair->targets[i];
    const int64_t n = (int64_t)pair->clean.n;
    if (target->position < -n || target->position >= n)
        return pc_fail(PC_ERR_INPUT, "position is %lld, expected %lld to %lld for %lld tokens",
                       (long long)target->position, (long long)-n, (long long)n - 1, (long long)n);
    const int64_t at = target->position < 0 ? target->position + n : target->position;
    if (is_read[at]) return pc_fail(PC_ERR_INPUT, "position %lld is read twice", (long long)at);
    is_read[at] = true;
    if (target->answers.n == 0)
        return pc_fail(PC_ERR_INPUT, "no answers, expected at least one token");
    PC_TRY(check_ids("answers", &target->answers, context->limits->vocab_out));
    PC_TRY(check_ids("wrong_answers", &target->wrong_answers, context->limits->vocab_out));
    return check_distinct(target, context->tokenizer);
}

pc_status pc_pair_check(const pc_pair *pair, const pc_task_context *context)
{
    PC_TRY(check_prompts(pair, context));
    if (pair->n_targets == 0) return pc_fail(PC_ERR_INPUT, "no targets, expected at least one");
    bool *is_read = pc_alloc(pair->clean.n, sizeof *is_read);
    if (!is_read) return PC_ERR_NOMEM;
    pc_status status = PC_OK;
    for (size_t i = 0; i < pair->n_targets && status == PC_OK; i++) {
        status = check_target(pair, i, is_read, context);
        if (status != PC_OK && pair->n_targets > 1) pc_fail_within(status, "targets[%zu]", i);
    }
    free(is_read);
    return status;
}

/* The built-in tasks: their table, and what all generators have in common. */
#include "io/task_text.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_N = 64, MAX_N = 1000000 };

const pc_generator *const pc_generators[] = {
    &pc_generator_induction,        &pc_generator_ioi,
    &pc_generator_greater_than,     &pc_generator_docstring,
    &pc_generator_gendered_pronoun, &pc_generator_subject_verb,
    &pc_generator_copy_name,        NULL};
enum { N_GENERATORS = sizeof pc_generators / sizeof *pc_generators - 1 };

static const char *const split_names[] = {
    [PC_SPLIT_TRAIN] = "train", [PC_SPLIT_TEST] = "test", [PC_SPLIT_OOD] = "ood", NULL};

const char *pc_task_builtin_name(int i)
{
    return i >= 0 && i < N_GENERATORS ? pc_generators[i]->name : NULL;
}

const char *pc_task_builtin_summary(int i)
{
    return i >= 0 && i < N_GENERATORS ? pc_generators[i]->summary : NULL;
}

const char *pc_task_builtin_corruption(int i, int j)
{
    if (i < 0 || i >= N_GENERATORS || j < 0) return NULL;
    const char *const *names = pc_generators[i]->corruptions;
    for (int k = 0; k < j && *names; k++)
        names++;
    return *names;
}

/* The index of `name` in a list that ends with NULL; PC_ERR_INPUT names the thing and lists the
 * rest. */
static pc_status choose(int *out, const char *name, const char *const *names, const char *thing)
{
    pc_text list = {0};
    for (int i = 0; names[i]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = i;
            pc_text_free(&list);
            return PC_OK;
        }
        pc_text_printf(&list, "%s%s", i ? ", " : "", names[i]);
    }
    pc_status status = pc_text_status(&list);
    if (status == PC_OK)
        status = pc_fail(PC_ERR_INPUT, "unknown %s \"%.80s\", expected one of: %s", thing, name,
                         list.data);
    pc_text_free(&list);
    return status;
}

static pc_status choose_generator(const pc_generator **out, const char *name)
{
    const char *names[N_GENERATORS + 1] = {NULL};
    int i = 0;
    for (int k = 0; k < N_GENERATORS; k++)
        names[k] = pc_generators[k]->name;
    PC_TRY(choose(&i, name, names, "task"));
    *out = pc_generators[i];
    return PC_OK;
}

static bool is_word(int32_t id, const pc_task_context *context)
{
    const pc_tokenizer *tokenizer = context->tokenizer;
    if (id == context->bos) return false;
    return !tokenizer ||
           (pc_tokenizer_token(tokenizer, id) && !pc_tokenizer_is_special(tokenizer, id));
}

static pc_status collect_words(int32_t **out, size_t *n_words, const pc_task_context *context)
{
    int64_t bound = context->limits->vocab;
    if (bound > context->limits->vocab_out) bound = context->limits->vocab_out;
    if (context->tokenizer && bound > pc_tokenizer_size(context->tokenizer))
        bound = pc_tokenizer_size(context->tokenizer);
    if (bound > INT32_MAX) bound = INT32_MAX;
    int32_t *words = pc_alloc((size_t)bound, sizeof *words);
    if (!words) return PC_ERR_NOMEM;
    size_t n = 0;
    for (int32_t id = 0; id < (int32_t)bound; id++)
        if (is_word(id, context)) words[n++] = id;
    *out = words;
    *n_words = n;
    return PC_OK;
}

/* Pair i has a stream of its own, so that it is the same however many there are. */
static pc_rng stream_of(uint64_t seed, pc_split split, int i)
{
    return (pc_rng){.seed = seed, .stream = ((uint64_t)split + 1) << 32 | (uint32_t)i};
}

static pc_status make_pairs(pc_task *task, const pc_generator *generator,
                            const pc_task_order *order, int n)
{
    pc_pair pair = {0};
    pc_book *book = NULL;
    pc_status status = generator->page ? pc_book_open(&book, task, generator->page, order)
                                       : generator->check(order);
    for (int i = 0; i < n && status == PC_OK; i++) {
        pc_rng rng = stream_of(task->seed, order->split, i);
        pc_pair_clear(&pair);
        status =
            book ? pc_book_make_pair(&pair, &rng, book) : generator->make_pair(&pair, &rng, order);
        if (status == PC_OK) status = pc_task_add(task, &pair, order->context);
    }
    if (book && status == PC_OK) status = pc_book_tell(book, task);
    pc_book_close(book);
    pc_pair_free(&pair);
    return status;
}

static int compare_pairs(const void *a, const void *b)
{
    const pc_prompt *x = *(const pc_prompt *const *)a, *y = *(const pc_prompt *const *)b;
    if (x->n_tokens != y->n_tokens) return x->n_tokens < y->n_tokens ? -1 : 1;
    const size_t n_bytes = (size_t)x->n_tokens * sizeof *x->clean;
    const int order = memcmp(x->clean, y->clean, n_bytes);
    return order ? order : memcmp(x->corrupted, y->corrupted, n_bytes);
}

/* A pair that comes again adds nothing to what n pairs show. */
static pc_status tell_repeats(pc_task *task)
{
    size_t n_again = 0;
    const pc_prompt **sorted = pc_alloc(task->n, sizeof *sorted);
    if (!sorted) return PC_ERR_NOMEM;
    for (size_t i = 0; i < task->n; i++)
        sorted[i] = &task->pairs[i].view;
    qsort(sorted, task->n, sizeof *sorted, compare_pairs);
    for (size_t i = 1; i < task->n; i++)
        n_again += compare_pairs(&sorted[i - 1], &sorted[i]) == 0;
    free(sorted);
    return n_again ? pc_task_add_note(task, "%zu of %zu pairs repeat another one", n_again, task->n)
                   : PC_OK;
}

/* With name, seed and split, the origin is enough to generate the task again for the same model. */
static pc_status describe(pc_task *task, const pc_generator *generator, const pc_task_order *order)
{
    pc_text origin = {0};
    pc_text_printf(&origin, "patchclamp task %s, corruption %s", generator->name,
                   generator->corruptions[order->corruption]);
    if (order->length) pc_text_printf(&origin, ", length %d", order->length);
    if (order->context->limits->bos_rule == PC_BOS_NEVER) pc_text_put(&origin, ", without BOS");
    pc_text_printf(&origin, "; %s", generator->source);
    pc_status status = pc_text_status(&origin);
    if (status == PC_OK) status = pc_task_set(&task->origin, origin.data);
    if (status == PC_OK) status = pc_task_set(&task->split, split_names[order->split]);
    pc_text_free(&origin);
    return status;
}

static pc_status read_options(pc_task_order *order, int *n, const pc_generator *generator,
                              const pc_task_options *options)
{
    int split = PC_SPLIT_TRAIN;
    if (options->split) PC_TRY(choose(&split, options->split, split_names, "split"));
    order->split = (pc_split)split;
    if (options->corruption)
        PC_TRY(
            choose(&order->corruption, options->corruption, generator->corruptions, "corruption"));
    *n = options->n ? options->n : DEFAULT_N;
    if (*n < 1 || *n > MAX_N) return pc_fail(PC_ERR_INPUT, "%d pairs, expected 1 to %d", *n, MAX_N);
    if (options->length < 0 || options->length > order->context->limits->n_ctx)
        return pc_fail(PC_ERR_INPUT, "prompts of %d tokens, expected 1 to %d, the model's context",
                       options->length, order->context->limits->n_ctx);
    order->length = options->length;
    return PC_OK;
}

static pc_status read_bos(pc_task_order *order)
{
    const pc_bos_rule rule = order->context->limits->bos_rule;
    order->has_bos = order->context->bos >= 0 && rule != PC_BOS_NEVER;
    if (rule == PC_BOS_ALWAYS && !order->has_bos)
        return pc_fail(PC_ERR_INPUT, "a BOS token is asked for, but the model has none");
    return PC_OK;
}

static pc_status generate(pc_task **out, const pc_generator *generator, pc_task_order *order,
                          const pc_task_options *options)
{
    int n = 0;
    pc_task *task = NULL;
    PC_TRY(read_options(order, &n, generator, options));
    PC_TRY(read_bos(order));
    int32_t *words = NULL;
    PC_TRY(collect_words(&words, &order->n_words, order->context));
    order->words = words;
    pc_status status = pc_task_new(&task, generator->name, order->context);
    if (status == PC_OK) {
        task->seed = options->seed;
        status = describe(task, generator, order);
    }
    if (status == PC_OK) status = make_pairs(task, generator, order, n);
    if (status == PC_OK) status = tell_repeats(task);
    if (status == PC_OK) status = pc_task_finish(task);
    free(words);
    if (status == PC_OK) *out = task;
    else pc_task_free(task);
    return status;
}

pc_status pc_task_generate(pc_task **out, const char *name, const pc_tokenizer *tokenizer,
                           const pc_task_limits *limits, const pc_task_options *options)
{
    const pc_generator *generator;
    pc_task_context context;
    if (!out || !name || !limits || !options)
        return pc_fail(PC_ERR_ARG, "pc_task_generate: an argument is NULL");
    *out = NULL;
    PC_TRY(choose_generator(&generator, name));
    PC_TRY(pc_task_context_make(&context, tokenizer, limits));
    pc_task_order order = {.context = &context};
    pc_status status = generate(out, generator, &order, options);
    if (status != PC_OK) pc_fail_within(status, "task %s", generator->name);
    return status;
}

/* EAP-IG's data sets: CSV with columns clean, corrupted, and answers that differ by task. */
#include "io/csv.h"
#include "io/task_json.h"
#include "io/task_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NO_COLUMN = -1, N_YEARS = 100, COLUMNS_SHOWN = 20 };

typedef enum pc_csv_answers {
    ANSWERS_IDS,   /* a token id in each of the two columns */
    ANSWERS_LISTS, /* a list of token ids, "[5, 7]", in each */
    ANSWERS_YEARS  /* one column: a two-digit year that the answer must exceed */
} pc_csv_answers;

/* A layout is recognised by its columns; the first row of the table that fits is taken. Other
 * columns say where a pair comes from and do not enter the task. */
static const struct layout {
    const char *right, *wrong; /* wrong: NULL if there is one column */
    pc_csv_answers answers;
} layouts[] = {
    {"correct_idx", "incorrect_idx", ANSWERS_IDS},             /* ioi, colored-objects */
    {"clean_answer_idx", "corrupted_answer_idx", ANSWERS_IDS}, /* gender-bias */
    {"country_idx", "corrupted_country_idx", ANSWERS_IDS},     /* fact-retrieval */
    {"answers_idx", "corrupted_answers_idx", ANSWERS_LISTS},   /* hypernymy */
    {"correct_idx", NULL, ANSWERS_YEARS},                      /* greater-than */
    {"label", NULL, ANSWERS_YEARS},                            /* greater-than */
};

typedef struct reader {
    const pc_task_context *context;
    const struct layout *layout;
    size_t n_columns, clean, corrupted, right, wrong;
    pc_ids years; /* the tokens "00" to "99"; empty where the layout has no use for them */
} reader;

static int find_column(const pc_csv *csv, const char *name)
{
    for (size_t i = 0; name && i < csv->n_cells; i++)
        if (strcmp(pc_csv_cell(csv, i), name) == 0) return (int)i;
    return NO_COLUMN;
}

static const struct layout *find_layout(const pc_csv *csv)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (find_column(csv, layouts[i].right) != NO_COLUMN &&
            (!layouts[i].wrong || find_column(csv, layouts[i].wrong) != NO_COLUMN))
            return &layouts[i];
    return NULL;
}

static pc_status fail_columns(const pc_csv *csv)
{
    pc_text words = {0};
    pc_text_put(&words, "columns ");
    for (size_t i = 0; i < csv->n_cells && i < COLUMNS_SHOWN; i++)
        pc_text_printf(&words, "%s\"%.40s\"", i ? ", " : "", pc_csv_cell(csv, i));
    if (csv->n_cells > COLUMNS_SHOWN) pc_text_put(&words, ", ...");
    pc_text_put(&words, "; expected clean, corrupted and one of: ");
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        pc_text_printf(&words, "%s%s%s%s", i ? ", " : "", layouts[i].right,
                       layouts[i].wrong ? " + " : "", layouts[i].wrong ? layouts[i].wrong : "");
    pc_status status = pc_text_status(&words);
    if (status == PC_OK) status = pc_fail(PC_ERR_INPUT, "%s", words.data);
    pc_text_free(&words);
    return status;
}

static pc_status check_unique(const pc_csv *csv)
{
    static const char *const names[] = {"clean", "corrupted"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        for (size_t i = (size_t)find_column(csv, names[k]) + 1; i < csv->n_cells; i++)
            if (strcmp(pc_csv_cell(csv, i), names[k]) == 0)
                return pc_fail(PC_ERR_INPUT, "two columns are named %s", names[k]);
    return PC_OK;
}

/* The metric compares the years' tokens, so each must be one token. */
pc_status pc_task_encode_years(pc_ids *out, const pc_task_context *context)
{
    for (int year = 0; year < N_YEARS; year++) {
        char digits[8];
        const int length = snprintf(digits, sizeof digits, "%02d", year);
        pc_status status =
            pc_task_encode_answer(out, digits, (size_t)length, "years", (size_t)year, context);
        if (status != PC_OK)
            return pc_fail_within(status, "greater-than needs a token for each of 00 to 99");
    }
    return PC_OK;
}

static pc_status read_header(reader *self, const pc_csv *csv)
{
    const int clean = find_column(csv, "clean"), corrupted = find_column(csv, "corrupted");
    self->layout = find_layout(csv);
    if (clean == NO_COLUMN || corrupted == NO_COLUMN || !self->layout) return fail_columns(csv);
    PC_TRY(check_unique(csv));
    self->n_columns = csv->n_cells;
    self->clean = (size_t)clean;
    self->corrupted = (size_t)corrupted;
    self->right = (size_t)find_column(csv, self->layout->right);
    if (self->layout->wrong) self->wrong = (size_t)find_column(csv, self->layout->wrong);
    return self->layout->answers == ANSWERS_YEARS
               ? pc_task_encode_years(&self->years, self->context)
               : PC_OK;
}

/* A cell as a number from 0 to most; -1 if it is anything else. */
static int64_t parse_number(const char *cell, int64_t most)
{
    int64_t number = 0;
    if (!*cell) return -1;
    for (; *cell; cell++) {
        if (*cell < '0' || *cell > '9') return -1;
        number = 10 * number + (*cell - '0');
        if (number > most) return -1;
    }
    return number;
}

static pc_status read_id(pc_ids *out, const char *cell, const char *column, const reader *self)
{
    const int64_t most = self->context->limits->vocab_out - 1;
    const int64_t id = parse_number(cell, most < INT32_MAX ? most : INT32_MAX);
    if (id < 0)
        return pc_fail(PC_ERR_INPUT, "%s is \"%.60s\", expected a token id from 0 to %lld", column,
                       cell, (long long)most);
    return pc_ids_push(out, (int32_t)id);
}

static pc_status read_list(pc_ids *out, const char *cell, const char *column, const reader *self)
{
    json_t *list = json_loads(cell, 0, NULL);
    pc_status status;
    if (!json_is_array(list))
        status =
            pc_fail(PC_ERR_INPUT, "%s is \"%.60s\", expected a list like [5, 7]", column, cell);
    else status = pc_task_json_answers(out, list, column, self->context);
    json_decref(list);
    return status;
}

/* Answers are the years above the clean prompt's, wrong answers the others. */
static pc_status read_year(pc_pair_target *target, const char *cell, const char *clean,
                           const reader *self)
{
    const int64_t year = parse_number(cell, N_YEARS - 1);
    char digits[8] = "";
    if (year >= 0) snprintf(digits, sizeof digits, "%02d", (int)year);
    if (year < 0 || !strstr(clean, digits))
        return pc_fail(PC_ERR_INPUT,
                       "%s is \"%.60s\", expected the last two digits of a year in clean",
                       self->layout->right, cell);
    for (int i = 0; i < N_YEARS; i++)
        PC_TRY(
            pc_ids_push(i > year ? &target->answers : &target->wrong_answers, self->years.ids[i]));
    return PC_OK;
}

static pc_status read_answers(pc_pair_target *target, const pc_csv *csv, const reader *self)
{
    const struct layout *layout = self->layout;
    const char *right = pc_csv_cell(csv, self->right);
    switch (layout->answers) {
    case ANSWERS_YEARS:
        return read_year(target, right, pc_csv_cell(csv, self->clean), self);
    case ANSWERS_LISTS:
        PC_TRY(read_list(&target->answers, right, layout->right, self));
        return read_list(&target->wrong_answers, pc_csv_cell(csv, self->wrong), layout->wrong,
                         self);
    case ANSWERS_IDS:
        PC_TRY(read_id(&target->answers, right, layout->right, self));
        return read_id(&target->wrong_answers, pc_csv_cell(csv, self->wrong), layout->wrong, self);
    }
    return pc_fail(PC_ERR_INTERNAL, "a layout of answers that does not exist");
}

static pc_status read_record(pc_pair *pair, const pc_csv *csv, const reader *self)
{
    const char *clean = pc_csv_cell(csv, self->clean);
    const char *corrupted = pc_csv_cell(csv, self->corrupted);
    const pc_bos_rule rule = self->context->limits->bos_rule;
    pc_pair_target *target;
    pc_pair_clear(pair);
    PC_TRY(pc_task_encode(&pair->clean, clean, strlen(clean), rule, "clean", self->context));
    PC_TRY(pc_task_encode(&pair->corrupted, corrupted, strlen(corrupted), rule, "corrupted",
                          self->context));
    PC_TRY(pc_pair_add_target(&target, pair, -1));
    return read_answers(target, csv, self);
}

static pc_status read_next(pc_task *task, bool *has_record, pc_csv *csv, pc_pair *pair,
                           reader *self)
{
    PC_TRY(pc_csv_next(has_record, csv));
    if (!*has_record) return PC_OK;
    if (!self->layout) return read_header(self, csv);
    if (csv->n_cells != self->n_columns)
        return pc_fail(PC_ERR_INPUT, "%zu columns, expected %zu as in the first line", csv->n_cells,
                       self->n_columns);
    PC_TRY(read_record(pair, csv, self));
    return pc_task_add(task, pair, self->context);
}

pc_status pc_task_read_eapig(pc_task *task, const char *bytes, size_t length, const char *file,
                             const pc_task_context *context)
{
    pc_csv csv = {.bytes = bytes, .length = length};
    reader self = {.context = context};
    pc_pair pair = {0};
    bool has_record = true;
    pc_status status = PC_OK;
    while (has_record && status == PC_OK)
        status = read_next(task, &has_record, &csv, &pair, &self);
    if (status != PC_OK) pc_fail_within(status, "%s:%zu", file, csv.line);
    pc_pair_free(&pair);
    free(self.years.ids);
    pc_csv_free(&csv);
    return status;
}

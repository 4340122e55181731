/* Reading and printing what find has found out on each split. */
#include "splits_print.h"

#include "json_out.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const split_names[N_SPLITS] = {"train", "test", "ood"};

typedef struct split_numbers {
    double faithfulness, low, high, circuit, full, n; /* NaN: not known */
} split_numbers;

static bool is_own(const pc_circuit *circuit, const char *split)
{
    return strcmp(pc_circuit_describe_task(circuit)->split, split) == 0;
}

/* The evaluation's number; a split's that is not the search's own begins with its name. */
static double number_of(const pc_circuit *circuit, const char *split, const char *name)
{
    char key[64];
    double value = NAN;
    snprintf(key, sizeof key, "%s_%s", split, name);
    pc_circuit_evaluation(&value, circuit, is_own(circuit, split) ? name : key);
    return value;
}

/* The metric at faithfulness 1: of the full model, or of everything restored. */
static double full_of(const pc_circuit *circuit, const char *split)
{
    const char *direction = pc_circuit_option(circuit, "direction");
    const char *name = direction && strcmp(direction, "denoise") == 0 ? "empty" : "clean";
    double value = NAN;
    if (!is_own(circuit, split)) return number_of(circuit, split, name);
    pc_circuit_baseline(&value, circuit, name);
    return value;
}

static split_numbers numbers_of(const pc_circuit *circuit, const char *split)
{
    return (split_numbers){.faithfulness = number_of(circuit, split, "faithfulness"),
                           .low = number_of(circuit, split, "low"),
                           .high = number_of(circuit, split, "high"),
                           .circuit = number_of(circuit, split, "circuit"),
                           .full = full_of(circuit, split),
                           .n = number_of(circuit, split, "n")};
}

static bool has_others(const pc_circuit *circuit)
{
    for (int i = 0; i < N_SPLITS; i++)
        if (!is_own(circuit, split_names[i]) && !isnan(number_of(circuit, split_names[i], "n")))
            return true;
    return false;
}

static void put(table *t, double value)
{
    if (isnan(value)) table_cell(t, "-");
    else table_cell(t, "%.4f", fabs(value) < 0.00005 ? 0 : value); /* no "-0.0000" */
}

static void put_row(table *t, const pc_circuit *circuit, const char *split)
{
    const split_numbers s = numbers_of(circuit, split);
    if (isnan(s.n)) return;
    table_cell(t, "%s", split);
    put(t, s.faithfulness), put(t, s.low), put(t, s.high), put(t, s.circuit), put(t, s.full);
    table_cell(t, "%.0f", s.n);
}

void print_drop(double train, double ood)
{
    if (isnan(train) || isnan(ood)) return;
    printf("on ood the faithfulness is %.4f %s than on train\n", fabs(ood - train),
           ood < train ? "lower" : "higher");
}

static void print_table(const pc_circuit *circuit)
{
    table t;
    table_begin(&t, "lrrrrrr");
    table_cell(&t, "split"), table_cell(&t, "faithfulness"), table_cell(&t, "95 %% from"),
        table_cell(&t, "to"), table_cell(&t, "circuit"), table_cell(&t, "full"),
        table_cell(&t, "prompts");
    for (int i = 0; i < N_SPLITS; i++)
        put_row(&t, circuit, split_names[i]);
    printf("\n");
    table_print(&t);
    table_free(&t);
    print_drop(number_of(circuit, "train", "faithfulness"),
               number_of(circuit, "ood", "faithfulness"));
}

void print_split_faithfulness(const pc_circuit *circuit)
{
    double low, high;
    if (has_others(circuit)) print_table(circuit);
    else if (pc_circuit_evaluation(&low, circuit, "low") &&
             pc_circuit_evaluation(&high, circuit, "high"))
        printf("faithfulness: 95 %% interval %.4f to %.4f over the %lld prompts of %s\n", low, high,
               (long long)pc_circuit_describe_task(circuit)->n,
               pc_circuit_describe_task(circuit)->name);
}

void print_splits_json(const pc_circuit *circuit)
{
    if (!has_others(circuit)) {
        json_text("splits", NULL);
        return;
    }
    json_begin("splits", '{');
    for (int i = 0; i < N_SPLITS; i++) {
        const split_numbers s = numbers_of(circuit, split_names[i]);
        if (isnan(s.n)) continue;
        json_begin(split_names[i], '{');
        json_number("faithfulness", s.faithfulness);
        json_number("low", s.low);
        json_number("high", s.high);
        json_number("circuit", s.circuit);
        json_number("full", s.full);
        json_integer("n", (int64_t)s.n);
        json_end('}');
    }
    json_end('}');
}

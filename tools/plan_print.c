/* What --plan prints: counts, memory, time, and what each saving saves. */
#include "plan_print.h"

#include "json_out.h"
#include "table.h"

#include <stdio.h>

static const char *const meanings[PC_N_SAVINGS] = {
    [PC_SAVING_LAYERS] = "layers before the first change",
    [PC_SAVING_POSITIONS] = "positions before the first that differs",
    [PC_SAVING_LAST_LAYER] = "last layer's positions that no metric reads",
    [PC_SAVING_HEADS] = "heads and MLPs that do not read the first change",
    [PC_SAVING_COLUMNS] = "logits that the metric does not read",
    [PC_SAVING_UNTOUCHED] = "prompts where nothing that is cut differs",
    [PC_SAVING_CONE] = "parts of a circuit that no kept path reads"};

/* "7 h 12 min", "3 min 20 s", "1.4 s" */
static void put_time(char out[32], double seconds)
{
    if (seconds < 100) snprintf(out, 32, "%.1f s", seconds);
    else if (seconds < 6000)
        snprintf(out, 32, "%d min %d s", (int)(seconds / 60), (int)seconds % 60);
    else snprintf(out, 32, "%d h %d min", (int)(seconds / 3600), (int)(seconds / 60) % 60);
}

static void print_memory(const pc_plan *plan)
{
    const pc_plan_memory *m = &plan->memory;
    const struct {
        const char *name;
        double bytes;
    } parts[] = {{"model", m->model},     {"packed weights", m->packed}, {"means", m->means},
                 {"prompts", m->prompts}, {"threads", m->threads},       {"twin", m->twin}};
    const char *mark = ":";
    printf("memory         %.1f MB at most", 1e-6 * pc_plan_memory_sum(m));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].bytes <= 0) continue;
        printf("%s %.1f %s", mark, 1e-6 * parts[i].bytes, parts[i].name);
        mark = ",";
    }
    printf("\n");
}

static void print_time(const pc_plan *plan)
{
    char all[32], preparing[32];
    if (plan->seconds <= 0) return;
    put_time(all, plan->seconds);
    put_time(preparing, plan->seconds_preparing);
    printf("time           %s, of which %s to prepare; %.1f GFLOP/s, measured just now\n", all,
           preparing, 1e-9 * plan->flop_rate);
}

static void print_savings(const pc_plan *plan)
{
    table t;
    table_begin(&t, "lrrl");
    table_cell(&t, "saving");
    table_cell(&t, "FLOP without it");
    table_cell(&t, "saved");
    table_cell(&t, "what is left out");
    for (int i = 0; i < PC_N_SAVINGS; i++) {
        const double without = plan->flop_without[i];
        table_cell(&t, "%s", pc_saving_name((pc_saving)i));
        table_cell(&t, "%.3g", without);
        table_cell(&t, "%.1f%%", without > 0 ? 100 * (1 - plan->flop / without) : 0);
        table_cell(&t, "%s", meanings[i]);
    }
    table_cell(&t, "all");
    table_cell(&t, "%.3g", plan->flop_whole);
    table_cell(&t, "%.1f%%", plan->flop_whole > 0 ? 100 * (1 - plan->flop / plan->flop_whole) : 0);
    table_cell(&t, "the whole model run for each effect");
    table_print(&t);
    table_free(&t);
}

static void print_text(const pc_plan *plan)
{
    printf("interventions  %lld on %d prompts of up to %d tokens: %lld effects to measure, %lld "
           "known to be 0\n",
           (long long)plan->n_interventions, plan->n_prompts, plan->longest, (long long)plan->n_run,
           (long long)plan->n_untouched);
    printf("engine         %s, %d threads\n", pc_engine_name(plan->engine), plan->n_threads);
    printf("batches        %lld, in %lld groups that are kept in run.db one by one\n",
           (long long)plan->n_batches, (long long)plan->n_groups);
    printf("rows           %lld\n", (long long)plan->n_rows);
    printf("products       %.4g FLOP", plan->flop);
    if (plan->bytes > 0) printf(" on %.3g bytes", plan->bytes);
    printf("\n");
    print_memory(plan);
    if (!plan->keeps_prompts)
        printf("               not all prompts fit: each group prepares them again\n");
    print_time(plan);
    printf("\n");
    print_savings(plan);
}

static void print_json(const pc_plan *plan)
{
    const pc_plan_memory *m = &plan->memory;
    json_begin(NULL, '{');
    json_text("engine", pc_engine_name(plan->engine));
    json_integer("interventions", plan->n_interventions);
    json_integer("prompts", plan->n_prompts);
    json_integer("tokens", plan->longest);
    json_integer("threads", plan->n_threads);
    json_integer("effects", plan->n_run);
    json_integer("untouched", plan->n_untouched);
    json_integer("groups", plan->n_groups);
    json_integer("batches", plan->n_batches);
    json_integer("rows", plan->n_rows);
    json_number("flop", plan->flop);
    json_number("bytes", plan->bytes);
    json_number("flop_whole", plan->flop_whole);
    json_begin("flop_without", '{');
    for (int i = 0; i < PC_N_SAVINGS; i++)
        json_number(pc_saving_name((pc_saving)i), plan->flop_without[i]);
    json_end('}');
    json_begin("memory", '{');
    json_number("model", m->model);
    json_number("packed", m->packed);
    json_number("means", m->means);
    json_number("prompts", m->prompts);
    json_number("threads", m->threads);
    json_number("twin", m->twin);
    json_number("all", pc_plan_memory_sum(m));
    json_end('}');
    json_bool("keeps_prompts", plan->keeps_prompts);
    json_number("seconds", plan->seconds);
    json_number("seconds_preparing", plan->seconds_preparing);
    json_number("flop_rate", plan->flop_rate);
    json_end('}');
}

void print_plan(const pc_plan *plan, bool is_json)
{
    if (is_json) print_json(plan);
    else print_text(plan);
}

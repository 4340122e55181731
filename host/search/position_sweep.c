/* Measuring components at each position alone. */
#include "search/position_sweep.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static const char *words_of(pc_positions_of of)
{
    return of == PC_POSITIONS_OF_ALL ? "all" : "circuit";
}

pc_status pc_positions_of_parse(pc_positions_of *out, const char *name)
{
    if (strcmp(name, "circuit") == 0) *out = PC_POSITIONS_OF_CIRCUIT;
    else if (strcmp(name, "all") == 0) *out = PC_POSITIONS_OF_ALL;
    else
        return pc_fail(PC_ERR_INPUT, "positions of \"%.40s\" are unknown, expected circuit or all",
                       name);
    return PC_OK;
}

pc_status pc_position_sweep_init(pc_position_sweep *out, const pc_candidates *candidates,
                                 const pc_task *task, const pc_position_options *options)
{
    *out = (pc_position_sweep){.options = options, .candidates = candidates};
    if (options->of == PC_POSITIONS_OF_NONE) return PC_OK;
    if (options->names && options->n_names < 1)
        return pc_fail(PC_ERR_ARG, "no position is named, expected at least one");
    pc_grid_options columns = PC_GRID_OPTIONS_INIT;
    columns.positions = options->names;
    columns.n_positions = options->n_names;
    return pc_grid_columns_init(&out->columns, task, &columns);
}

void pc_position_sweep_free(pc_position_sweep *s)
{
    pc_grid_columns_free(&s->columns);
    free(s->effects);
    free(s->rows);
    *s = (pc_position_sweep){0};
}

void pc_position_sweep_add_facts(pc_run_facts *facts, const pc_position_sweep *s)
{
    if (s->options->of == PC_POSITIONS_OF_NONE) return;
    pc_run_facts_add(facts, "positions", s->columns.words.data);
    pc_run_facts_add(facts, "positions_of", words_of(s->options->of));
    pc_run_facts_add(facts, "positions_spans", s->columns.spans);
}

pc_status pc_position_sweep_choose(pc_position_sweep *s, const bool *kept)
{
    const bool is_all = s->options->of == PC_POSITIONS_OF_ALL;
    if (s->options->of == PC_POSITIONS_OF_NONE) return PC_OK;
    s->rows = pc_alloc((size_t)s->candidates->n, sizeof *s->rows);
    if (!s->rows) return PC_ERR_NOMEM;
    for (int64_t i = 0; i < s->candidates->n; i++)
        if (is_all || kept[i]) s->rows[s->n_rows++] = i;
    return PC_OK;
}

static pc_status cut_at_position(pc_intervention **out, const void *payload, int64_t i)
{
    const pc_position_sweep *s = payload;
    const pc_place place = pc_candidate_place(s->candidates, s->rows[i / s->columns.n]);
    pc_intervention *made;
    *out = NULL;
    PC_TRY(pc_intervention_cut(&made, &s->candidates->model->components, &place));
    pc_status status =
        pc_intervention_set_positions(made, &s->columns.positions[i % s->columns.n], 1);
    if (status == PC_OK) *out = made;
    else pc_intervention_free(made);
    return status;
}

pc_sweep_list pc_position_sweep_list(const pc_position_sweep *s)
{
    return (pc_sweep_list){.n = s->n_rows * s->columns.n,
                           .phase = "positions",
                           .unit = "effects",
                           .make = cut_at_position,
                           .payload = s};
}

pc_status pc_position_sweep_measure(pc_position_sweep *s, const bool *kept, pc_journal *journal,
                                    const pc_watch *watch)
{
    if (s->options->of == PC_POSITIONS_OF_NONE) return PC_OK;
    PC_TRY(pc_position_sweep_choose(s, kept));
    s->effects = pc_alloc((size_t)s->n_rows, (size_t)s->columns.n * sizeof *s->effects);
    if (!s->effects) return PC_ERR_NOMEM;
    const pc_sweep_list list = pc_position_sweep_list(s);
    return pc_sweep_list_measure(s->effects, &list, journal, watch);
}

static pc_status name_rows(pc_position_effects *positions, const pc_position_sweep *s)
{
    char name[2 * PC_NAME_BYTES + 2];
    for (int64_t i = 0; i < s->n_rows; i++) {
        pc_candidate_name(name, s->candidates, s->rows[i]);
        PC_TRY(pc_position_effects_set_name(positions, i, name));
    }
    return PC_OK;
}

pc_status pc_position_sweep_build(pc_circuit *circuit, const pc_position_sweep *s)
{
    if (s->options->of == PC_POSITIONS_OF_NONE) return PC_OK;
    PC_TRY(pc_position_effects_new(&circuit->positions, s->options->of, s->n_rows, s->columns.n));
    pc_position_effects *p = circuit->positions;
    for (int64_t i = 0; i < s->n_rows * s->columns.n; i++)
        p->cells[i] = (pc_grid_cell){s->effects[i].mean + 0.0, /* -0 becomes 0 */
                                     s->effects[i].standard_error, !s->effects[i].is_touched};
    PC_TRY(name_rows(p, s));
    return pc_grid_columns_label(p->columns, &s->columns, s->options->tokenizer);
}

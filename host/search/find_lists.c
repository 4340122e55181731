/* The lists of an exact search, and what identifies it. */
#include "search/find_lists.h"

#include "base/text.h"
#include "search/estimating.h"
#include "search/greedy.h"

#include <stdio.h>
#include <string.h>

pc_status pc_find_lists_init(pc_find_lists *out, const pc_model *model, const pc_task *task,
                             const pc_find_options *o)
{
    *out = (pc_find_lists){.n = 1};
    PC_TRY(pc_candidates_init(&out->candidates, model, o->level));
    PC_TRY(pc_candidates_init(&out->nodes, model, PC_LEVEL_NODE));
    PC_TRY(pc_position_sweep_init(&out->positions, &out->candidates, task, &o->positions));
    out->lists[0] = pc_sweep_of(&out->candidates);
    if (o->level == PC_LEVEL_EDGE) out->lists[out->n++] = pc_sweep_of(&out->nodes);
    if (o->positions.of == PC_POSITIONS_OF_ALL) {
        PC_TRY(pc_position_sweep_choose(&out->positions, NULL));
        out->lists[out->n++] = pc_position_sweep_list(&out->positions);
    }
    for (int i = 0; i < out->n; i++)
        out->n_all += out->lists[i].n;
    return PC_OK;
}

void pc_find_lists_free(pc_find_lists *lists)
{
    pc_position_sweep_free(&lists->positions);
}

static pc_status make_of_part(pc_intervention **out, const void *payload, int64_t i)
{
    const pc_find_part *part = payload;
    const pc_sweep_list *list = part->lists->lists;
    for (i += part->first; i >= list->n; list++)
        i -= list->n;
    return list->make(out, list->payload, i);
}

pc_sweep_list pc_find_part_list(const pc_find_part *part, int64_t n)
{
    return (pc_sweep_list){.n = n, .unit = "interventions", .make = make_of_part, .payload = part};
}

static void put_selection(char out[PC_RUN_FACT_BYTES], const pc_find_options *o)
{
    char number[32];
    switch (o->selection) {
    case PC_SELECT_FAITHFULNESS:
        strcpy(out, "faithfulness ");
        strcat(out, pc_format_number(number, o->faithfulness));
        break;
    case PC_SELECT_TOP:
        strcpy(out, "top ");
        strcat(out, pc_format_number(number, (double)o->top));
        break;
    case PC_SELECT_THRESHOLD:
        strcpy(out, "threshold ");
        strcat(out, pc_format_number(number, o->threshold));
        break;
    }
}

/* Which tasks are held out: their splits, and the beginnings of their digests. */
enum { DIGEST_SHOWN = 16 };
static void put_held_out(char out[PC_HELD_OUT_BYTES], const pc_find_options *o)
{
    size_t n = 0;
    out[0] = 0;
    for (int i = 0; i < o->n_held_out; i++)
        n += (size_t)snprintf(out + n, PC_HELD_OUT_BYTES - n, "%s%.20s %.*s", i ? ", " : "",
                              pc_task_split(o->held_out[i]), DIGEST_SHOWN,
                              pc_task_sha256(o->held_out[i]));
}

pc_status pc_find_facts(pc_run_facts *out, pc_model *model, const pc_task *task,
                        const pc_find_options *o, const pc_position_sweep *positions)
{
    PC_TRY(pc_run_facts_init(out, model, task, &o->evaluation));
    put_selection(out->selection, o);
    pc_run_facts_add(out, "level", pc_level_name(o->level));
    pc_run_facts_add(out, "method", o->method);
    pc_run_facts_add(out, "selection", out->selection);
    if (strcmp(o->method, "racing") == 0)
        pc_run_facts_add(out, "confidence", pc_format_number(out->confidence, o->confidence));
    put_held_out(out->held_out, o);
    if (o->n_held_out) pc_run_facts_add(out, "tasks_held_out", out->held_out);
    pc_estimating_add_facts(out, o, out->numbers);
    if (strcmp(o->method, "greedy") == 0)
        pc_run_facts_add(out, "candidates",
                         pc_format_number(out->numbers[1], (double)pc_greedy_batch(o)));
    pc_position_sweep_add_facts(out, positions);
    return PC_OK;
}

/* effects.csv and run.json: what each intervention of a list does. */
#include "search/effects_private.h"

#include <stdlib.h>

pc_status pc_effects_put_csv(pc_text *t, const pc_effects *e)
{
    pc_text_put(t, "name,effect,stderr,share,n,touched,source,direction,metric,intervention\n");
    for (int i = 0; i < pc_effects_n(e); i++) {
        const pc_effects_row row = pc_effects_at(e, i);
        pc_text_put_csv_field(t, row.name);
        pc_text_put(t, ",");
        pc_text_put_number(t, row.effect);
        pc_text_put(t, ",");
        pc_text_put_number(t, row.stderr_);
        pc_text_put(t, ",");
        if (row.has_share) pc_text_put_number(t, row.share);
        pc_text_printf(t, ",%d,%d,%s,%s,%s,", e->n_prompts, row.is_touched,
                       pc_source_name(row.source), pc_direction_name(row.direction),
                       pc_metric_name(row.metric));
        pc_text_put_csv_field(t, row.key);
        pc_text_put(t, "\n");
    }
    return pc_text_status(t);
}

static void put_row(pc_text *t, const pc_effects *e, int i)
{
    const pc_effects_row row = pc_effects_at(e, i);
    pc_text_put(t, "    {\"name\": ");
    pc_text_put_json_string(t, row.name);
    pc_text_put(t, ", \"intervention\": ");
    pc_text_put_json_string(t, row.key);
    pc_text_printf(
        t, ", \"source\": \"%s\", \"direction\": \"%s\", \"metric\": \"%s\", \"engine\": \"%s\"",
        pc_source_name(row.source), pc_direction_name(row.direction), pc_metric_name(row.metric),
        pc_engine_name(row.engine));
    pc_text_put(t, ", \"effect\": ");
    pc_text_put_number(t, row.effect);
    pc_text_put(t, ", \"stderr\": ");
    pc_text_put_number(t, row.stderr_);
    pc_text_put(t, ", \"share\": ");
    if (row.has_share) pc_text_put_number(t, row.share);
    else pc_text_put(t, "null");
    pc_text_printf(t, ", \"touched\": %s, \"effects\": [", row.is_touched ? "true" : "false");
    for (int p = 0; p < e->n_prompts; p++) {
        if (p) pc_text_put(t, ", ");
        pc_text_put_number(t, row.effects[p]);
    }
    pc_text_put(t, "]}");
}

pc_status pc_effects_put_json(pc_text *t, const pc_effects *e)
{
    pc_text_put(t, "{\n  \"schema\": \"patchclamp-effects/1\",\n");
    pc_circuit_put_provenance(t, e->run);
    pc_text_put(t, ",\n  \"interventions\": [\n");
    for (int i = 0; i < pc_effects_n(e); i++) {
        if (i > 0) pc_text_put(t, ",\n");
        put_row(t, e, i);
    }
    pc_text_put(t, "]\n}\n");
    return pc_text_status(t);
}

pc_status pc_effects_json(char **out, const pc_effects *e)
{
    pc_text text = {0};
    const pc_status status = pc_effects_put_json(&text, e);
    *out = status == PC_OK ? text.data : NULL;
    if (status != PC_OK) pc_text_free(&text);
    return status;
}

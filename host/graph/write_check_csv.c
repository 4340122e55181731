/* check.csv: estimates beside what was measured. */
#include "graph/circuit_private.h"

#include "base/file.h"

pc_status pc_circuit_put_check_csv(pc_text *t, const pc_circuit *c)
{
    if (c->n_checked == 0) return pc_fail(PC_ERR_ARG, "no estimate was checked");
    pc_text_put(t, "name,estimate,effect,stderr\n");
    for (size_t i = 0; i < c->n_checked; i++) {
        const pc_checked_estimate *row = &c->checked[i];
        const double numbers[] = {row->estimate, row->effect, row->stderr_};
        pc_text_put_csv_field(t, row->name);
        for (size_t k = 0; k < 3; k++) {
            pc_text_put(t, ",");
            pc_text_put_number(t, numbers[k]);
        }
        pc_text_put(t, "\n");
    }
    return pc_text_status(t);
}

pc_status pc_circuit_write_check_csv(const pc_circuit *c, const char *path)
{
    pc_text text = {0};
    pc_status status = pc_circuit_put_check_csv(&text, c);
    if (status == PC_OK) status = pc_file_replace(path, text.data, text.length);
    pc_text_free(&text);
    return status;
}

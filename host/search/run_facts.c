/* Identifying, opening and filling a run directory. */
#include "search/run_facts.h"

#include "base/file.h"
#include "base/text.h"

#include <assert.h>
#include <stdlib.h>

void pc_run_facts_add(pc_run_facts *facts, const char *key, const char *value)
{
    assert(facts->n < PC_MOST_RUN_FACTS);
    facts->facts[facts->n++] = (pc_store_fact){key, value};
}

pc_status pc_run_facts_init(pc_run_facts *out, pc_model *model, const pc_task *task,
                            const pc_evaluator_options *evaluation)
{
    const char *sha256;
    *out = (pc_run_facts){.n = 0};
    PC_TRY(pc_model_sha256(&sha256, model));
    pc_run_facts_add(out, "model", sha256);
    pc_run_facts_add(out, "task", pc_task_name(task));
    /* BOS is left out of means */
    pc_run_facts_add(out, "task_bos", pc_format_number(out->bos, (double)pc_task_bos(task)));
    pc_run_facts_add(out, "task_n", pc_format_number(out->n_prompts, pc_task_n(task)));
    pc_run_facts_add(out, "task_seed", pc_format_number(out->seed, (double)pc_task_seed(task)));
    /* in key order behind those that say it in words */
    pc_run_facts_add(out, "task_sha256", pc_task_sha256(task));
    pc_run_facts_add(out, "task_split", pc_task_split(task));
    pc_run_facts_add(out, "kv_granularity", pc_kv_granularity_name(model->info.kv_granularity));
    pc_run_facts_add(out, "source", pc_source_name(evaluation->source));
    pc_run_facts_add(out, "direction", pc_direction_name(evaluation->direction));
    pc_run_facts_add(out, "metric", pc_metric_name(evaluation->metric));
    pc_run_facts_add(out, "engine", pc_engine_name(evaluation->engine));
    const bool is_twin = evaluation->engine == PC_ENGINE_TWIN; /* the processor's, always */
    PC_TRY(pc_device_fingerprint(out->fingerprint, sizeof out->fingerprint,
                                 is_twin ? NULL : evaluation->device,
                                 is_twin ? PC_PRECISION_FP32 : evaluation->precision));
    pc_run_facts_add(out, "fingerprint", out->fingerprint);
    return PC_OK;
}

bool pc_run_exists(const char *directory)
{
    char *path = directory ? pc_path_join(directory, "run.db") : NULL;
    const bool is_there = path && pc_file_exists(path);
    free(path);
    return is_there;
}

pc_status pc_run_open(pc_store **out, const char *directory, pc_resume resume,
                      const pc_run_facts *facts)
{
    PC_TRY(pc_directory_make(directory));
    char *path = pc_path_join(directory, "run.db");
    if (!path) return PC_ERR_NOMEM;
    static const pc_store_mode modes[] = {[PC_RESUME_NO] = PC_STORE_CREATE,
                                          [PC_RESUME_YES] = PC_STORE_RESUME,
                                          [PC_RESUME_TAKE_OVER] = PC_STORE_TAKE_OVER};
    pc_status status = pc_store_open(out, path, facts->facts, facts->n, modes[resume]);
    free(path);
    return status;
}

pc_status pc_run_write(const char *directory, const pc_run_file *files, size_t n,
                       const void *result)
{
    for (size_t i = 0; i < n; i++) {
        char *path = pc_path_join(directory, files[i].name);
        if (!path) return PC_ERR_NOMEM;
        pc_file_remove_leftovers(path); /* of a run that was killed here */
        pc_status status = files[i].write(result, path);
        free(path);
        PC_TRY(status);
    }
    return PC_OK;
}

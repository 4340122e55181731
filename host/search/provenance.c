/* Writing down the model, the task and the baselines of a result. */
#include "search/provenance.h"

#include "backend/device_private.h"

pc_status pc_provenance_set_model(pc_circuit *circuit, pc_model *model)
{
    const pc_model_info *info = &model->info;
    pc_circuit_model m = {.name = info->name,
                          .architecture = info->architecture,
                          .n_layers = info->n_layers,
                          .n_heads = info->n_heads,
                          .n_kv_heads = info->n_kv_heads,
                          .d_model = info->d_model,
                          .d_head = info->d_head,
                          .d_mlp = info->d_mlp,
                          .vocab = info->vocab,
                          .has_parallel_blocks = info->has_parallel_blocks,
                          .is_attention_only = info->d_mlp == 0};
    PC_TRY(pc_model_sha256(&m.sha256, model));
    return pc_circuit_set_model(circuit, &m);
}

pc_status pc_provenance_set_task(pc_circuit *circuit, const pc_task *task)
{
    const pc_circuit_task t = {.name = pc_task_name(task),
                               .sha256 = pc_task_sha256(task),
                               .n = pc_task_n(task),
                               .seed = (int64_t)pc_task_seed(task),
                               .split = pc_task_split(task)};
    return pc_circuit_set_task(circuit, &t);
}

pc_status pc_provenance_set_baseline(pc_circuit *circuit, const pc_scale *scale)
{
    const bool is_noise = scale->direction == PC_DIRECTION_NOISE;
    PC_TRY(pc_circuit_set_baseline(circuit, "clean", scale->clean));
    PC_TRY(pc_circuit_set_baseline(circuit, "corrupted", scale->corrupted));
    return pc_circuit_set_baseline(circuit, "empty", is_noise ? scale->zero : scale->one);
}

const char *pc_provenance_precision(const pc_evaluator_options *o)
{
    return o->engine == PC_ENGINE_TWIN ? "fp64" : pc_precision_name(o->precision);
}

pc_status pc_provenance_set_device(pc_circuit *circuit, const pc_evaluator_options *o)
{
    const pc_device *d;
    if (o->engine == PC_ENGINE_TWIN || !o->device) return PC_OK;
    PC_TRY(pc_device_get(&d, o->device, o->precision));
    if (d->facts.numerics[0] == '\0') return PC_OK;
    return pc_circuit_set_option(circuit, "device", d->facts.numerics);
}

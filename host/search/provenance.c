/* Writing down the model, the task and the baselines of a result. */
#include "search/provenance.h"

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

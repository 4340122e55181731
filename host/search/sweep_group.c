/* How many interventions a sweep measures together. */
#include "search/sweep_group.h"

#include "patch/batch_cost.h"
#include "patch/engine_batches.h"
#include "patch/workers.h"

#include <math.h>

enum { MOST = 512, FEWEST_TO_PREPARE_FOR = 64 };

/* Operations of a thread in a second, roughly. */
static double second_of(pc_engine_kind engine)
{
    return engine == PC_ENGINE_TWIN ? 1e9 : 5e10;
}

int pc_sweep_group(int64_t n, const pc_model *model, const pc_task *task,
                   const pc_evaluator_options *o, bool keeps_prompts)
{
    const int longest = pc_task_longest(task), n_prompts = pc_task_n(task);
    const int n_threads = pc_workers_count(o->n_threads, INT32_MAX);
    const bool is_twin = o->engine == PC_ENGINE_TWIN;
    /* an intervention changes half of the layers, more or less */
    const double flop = 0.5 * n_prompts * pc_forward_flop(model, longest);
    const pc_batch_sizes sizes = pc_batch_sizes_of(o);
    const pc_batch_limits limits = pc_batch_limits_of(task, o, &sizes);
    const double fill = is_twin ? 1 : pc_batch_fill(&limits);
    const double wanted = second_of(o->engine) * n_threads * (keeps_prompts ? 1 : 20) / flop;
    const double busy = is_twin ? 1 : ceil((double)n_threads / n_prompts);
    double size = fill * fmax(busy, floor(wanted / fill));
    size = fmin(size, fmax(fill, ceil((double)n / 8)));
    if (!keeps_prompts) size = fmax(size, FEWEST_TO_PREPARE_FOR);
    return (int)fmin(fmin(size, MOST), fmax(1, (double)n));
}

/* Patchclamp: finds circuits in transformer language models by measuring real interventions.
 *
 * In reading order:
 *   status.h     how functions report failure
 *   model.h      a checkpoint: dimensions, component names, logits
 *   tokenizer.h  text to token ids and back
 *   task.h       pairs of clean and corrupted prompts with their answers
 *   device.h     where, and how precisely, they are computed
 *   patch.h      interventions and their measured effects
 *   heads.h      attention-pattern detectors
 *   find.h       the search for a circuit, and its evaluation
 *   grid.h       activations patched layer by layer, head by head, position by position
 *   positions.h  what the components that were found do at each position alone
 *   thresholds.h what ACDC found at each of several thresholds
 *   plan.h       what a job takes, before it runs
 *   run.h        who has a run open
 *   plant.h      models whose circuit is known
 *   shards.h     a search in parts, on many machines
 *   bench.h      what a device can do, and what each precision loses
 *   circuit.h    the result: numbers, files, figures
 *   diff.h       two circuits side by side
 *   report.h     the result as a page to explore
 *   version.h    which Patchclamp this is
 *
 * Rules that hold everywhere: a function that can fail returns pc_status and sets pc_last_error();
 * outputs come first; what arrives through pc_x **out belongs to the caller and goes back through
 * pc_x_free(), which accepts NULL; `const` pointers that are returned are borrowed. Objects are
 * freed in the reverse order of their making. The library does not print, exit, or read the
 * environment.
 *
 * A whole program (tests/install/example.c):
 *
 *   pc_model *model;
 *   pc_tokenizer *tokenizer;
 *   pc_task *task;
 *   pc_circuit *circuit;
 *   pc_find_options options = PC_FIND_OPTIONS_INIT;
 *   pc_task_options task_options = PC_TASK_OPTIONS_INIT;
 *
 *   if (pc_model_open(&model, "path/to/gpt2") != PC_OK) return fail();
 *   if (pc_tokenizer_open(&tokenizer, "path/to/gpt2") != PC_OK) return fail();
 *   const pc_model_info *info = pc_model_describe(model);
 *   pc_task_limits limits = {info->vocab, info->vocab_out, info->n_ctx, info->bos, 0, NULL};
 *   if (pc_task_generate(&task, "induction", tokenizer, &limits, &task_options) != PC_OK) ...
 *   if (pc_find(&circuit, model, task, &options) != PC_OK) ...
 *   pc_circuit_write_svg(circuit, "circuit.svg", NULL);
 */
#ifndef PATCHCLAMP_PATCHCLAMP_H
#define PATCHCLAMP_PATCHCLAMP_H

#include "patchclamp/attribute.h"
#include "patchclamp/bench.h"
#include "patchclamp/circuit.h"
#include "patchclamp/device.h"
#include "patchclamp/diff.h"
#include "patchclamp/effects.h"
#include "patchclamp/find.h"
#include "patchclamp/grid.h"
#include "patchclamp/heads.h"
#include "patchclamp/model.h"
#include "patchclamp/patch.h"
#include "patchclamp/plan.h"
#include "patchclamp/plant.h"
#include "patchclamp/positions.h"
#include "patchclamp/report.h"
#include "patchclamp/run.h"
#include "patchclamp/shards.h"
#include "patchclamp/status.h"
#include "patchclamp/task.h"
#include "patchclamp/thresholds.h"
#include "patchclamp/tokenizer.h"
#include "patchclamp/version.h"

#endif

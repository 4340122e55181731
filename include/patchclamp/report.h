/* The interactive report of a circuit: one HTML file that is read offline. */
#ifndef PATCHCLAMP_REPORT_H
#define PATCHCLAMP_REPORT_H

#include "patchclamp/circuit.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the report: figure, ranking, faithfulness by size, heat maps, provenance. `run_db`, the
 * run.db of the search that found the circuit, adds each prompt's effects, an example with its
 * attention patterns, effects by position, the command and the numeric fingerprint; NULL: the
 * report says that they are missing. The 5,000 strongest components are listed, the others counted.
 * The file is replaced atomically; same circuit, run and options, same bytes. `options` may be
 * NULL. PC_ERR_INPUT: a run.db of another model's or task's run, or a damaged one. */
PC_API pc_status pc_report_write(const pc_circuit *circuit, const char *run_db, const char *path,
                                 const pc_draw_options *options);

#ifdef __cplusplus
}
#endif
#endif

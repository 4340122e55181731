/* What components of a circuit do at each position alone: what pc_find() measures where its options
 * name positions. */
#ifndef PATCHCLAMP_POSITIONS_H
#define PATCHCLAMP_POSITIONS_H

#include "patchclamp/grid.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pc_position_effects pc_position_effects;

/* NULL: none were measured, or the circuit was read from a file, which does not hold them.
 * Borrowed, with all that it returns. */
PC_API const pc_position_effects *pc_circuit_positions(const pc_circuit *circuit);

/* Rows are components of the run's level, in component order; columns are positions. */
PC_API int64_t pc_position_effects_n_rows(const pc_position_effects *positions);
PC_API int pc_position_effects_n_columns(const pc_position_effects *positions);
/* "a0.h3->a1.h2<k>"; NULL outside of the rows, as the others are outside of theirs. */
PC_API const char *pc_position_effects_name(const pc_position_effects *positions, int64_t row);
PC_API const pc_grid_position *pc_position_effects_column(const pc_position_effects *positions,
                                                          int column);
/* The effect of cutting the component's edges in this column alone; elsewhere they carry the run's
 * own values. */
PC_API const pc_grid_cell *pc_position_effects_cell(const pc_position_effects *positions,
                                                    int64_t row, int column);

/* Writers, as those of circuit.h; PC_ERR_ARG for a circuit without positions.
 *   csv  kind,name,position,effect,stderr,n: row by row
 *   svg, pdf  a heat map of at most 60 rows, those with the largest |effect| in a column; the caption
 *        counts the others */
PC_API pc_status pc_circuit_write_positions_csv(const pc_circuit *circuit, const char *path);
PC_API pc_status pc_circuit_write_positions_svg(const pc_circuit *circuit, const char *path);
PC_API pc_status pc_circuit_write_positions_pdf(const pc_circuit *circuit, const char *path);

#ifdef __cplusplus
}
#endif
#endif

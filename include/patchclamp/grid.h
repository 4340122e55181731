/* Grids: one activation patched layer by layer, head by head, position by position; tables and heat
 * maps of what that does. */
#ifndef PATCHCLAMP_GRID_H
#define PATCHCLAMP_GRID_H

#include "patchclamp/find.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The axes of a grid, or-ed together. */
typedef enum pc_axis { PC_AXIS_LAYER = 1, PC_AXIS_HEAD = 2, PC_AXIS_POSITION = 4 } pc_axis;

/* "layer,position" and the like, in any order. PC_ERR_INPUT: another word, a word twice, no layer.
 */
PC_API pc_status pc_axes_parse(unsigned *out, const char *words);

typedef struct pc_grid_options {
    pc_site what;
    unsigned axes; /* PC_AXIS_LAYER and others; without head all heads are patched at once, without
                      position every position */
    /* (n_positions) the columns of the position axis: names of the task's spans ("S2", "end"),
     * numbers ("3", "-1"), spans ("2..5"). What a column names is patched at once. NULL: each
     * position of the prompts, which must be of one length. */
    const char *const *positions;
    int n_positions;
    const pc_tokenizer *tokenizer; /* shows the tokens; NULL: their ids are shown */
    pc_evaluator_options evaluation;
    const char *directory; /* the run directory; NULL: nothing is written, nothing can be resumed */
    pc_resume resume;
    pc_progress_fn progress; /* NULL: none */
    void *payload;
} pc_grid_options;
#define PC_GRID_OPTIONS_INIT                                                                       \
    {                                                                                              \
        PC_SITE_RESID_PRE, PC_AXIS_LAYER | PC_AXIS_POSITION, NULL, 0, NULL,                        \
            PC_EVALUATOR_OPTIONS_INIT, NULL, PC_RESUME_NO, NULL, NULL                              \
    }

typedef struct pc_grid pc_grid;

/* Measures the effect of patching `what` at each place of the grid (patch.h says which edges that
 * cuts). Under resample with denoise these are the numbers of transformer_lens.patching, as
 * differences from the corrupted run. Writes run.db as it goes, then grid.json, grid.csv,
 * grid.svg and grid.pdf into the directory, which is made if it is missing. PC_ERR_ARG: axes that do not fit. PC_ERR_INPUT: a
 * site that the model does not have, positions that a prompt does not have, prompts of several lengths where each
 * position is asked for, q, k, v and pattern with another source than resample; and what pc_find()
 * refuses about directories and resuming. */
PC_API pc_status pc_grid_measure(pc_grid **out, pc_model *model, const pc_task *task,
                                 const pc_grid_options *options);
PC_API void pc_grid_free(pc_grid *grid);

/* Strings live as long as the grid. */
typedef struct pc_grid_info {
    unsigned axes;
    int n_layers, n_heads, n_positions; /* 1 along an axis that the grid does not have */
    bool has_kv_heads;                  /* the heads are KV heads */
    const pc_circuit_model *model;
    const pc_circuit_task *task;
} pc_grid_info;
PC_API pc_grid_info pc_grid_describe(const pc_grid *grid);

/* A column of the position axis. */
typedef struct pc_grid_position {
    const char *name;  /* "3", "S2" */
    const char *token; /* the text there; NULL where the clean prompts differ */
    const char *also;  /* a name that the task has for a numbered position; NULL: none */
} pc_grid_position;
PC_API const pc_grid_position *pc_grid_position_at(const pc_grid *grid, int i);

typedef struct pc_grid_cell {
    double effect, stderr_; /* mean over the prompts, standard error of that mean */
    bool is_untouched;      /* patching there changed nothing on any prompt */
} pc_grid_cell;
PC_API const pc_grid_cell *pc_grid_cell_at(const pc_grid *grid, int layer, int head, int position);

/* Options of the run as text ("what", "metric", "direction" ...); NULL: no such option. Named
 * numbers: baseline "clean", "corrupted", "empty". */
PC_API const char *pc_grid_option(const pc_grid *grid, const char *key);
PC_API bool pc_grid_baseline(double *out, const pc_grid *grid, const char *name);

/* The effect as a share of that of cutting everything; false where there is none (circuit.h). */
PC_API bool pc_grid_share(double *out, const pc_grid *grid, double effect);

/* Writers: replaced atomically, the same grid gives the same bytes.
 *   csv   layer,head,position,token,effect,stderr,share,n; what is not there is empty
 *   json  schema patchclamp-grid/1, with model, task, options and baselines
 *   svg, pdf   a heat map; with heads and positions one panel a layer */
PC_API pc_status pc_grid_write_csv(const pc_grid *grid, const char *path);
PC_API pc_status pc_grid_write_json(const pc_grid *grid, const char *path);
PC_API pc_status pc_grid_write_svg(const pc_grid *grid, const char *path);
PC_API pc_status pc_grid_write_pdf(const pc_grid *grid, const char *path);

/* What pc_grid_write_json() writes, 0-terminated; free *text with free(). */
PC_API pc_status pc_grid_json(char **text, const pc_grid *grid);

#ifdef __cplusplus
}
#endif
#endif

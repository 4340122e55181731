/* Making grids. */
#include "support/grid_samples.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void set_run(pc_circuit *run, int n_layers, int n_heads)
{
    const pc_circuit_model model = {.name = "gpt2",
                                    .sha256 = "ab",
                                    .architecture = "gpt2",
                                    .n_layers = n_layers,
                                    .n_heads = n_heads,
                                    .n_kv_heads = n_heads,
                                    .d_model = 64,
                                    .d_head = 8,
                                    .d_mlp = 256,
                                    .vocab = 50257};
    const pc_circuit_task task = {
        .name = "ioi", .sha256 = "cd", .n = 64, .seed = 7, .split = "train"};
    cr_assert_eq(pc_circuit_set_model(run, &model), PC_OK);
    cr_assert_eq(pc_circuit_set_task(run, &task), PC_OK);
    cr_assert_eq(pc_circuit_set_option(run, "what", "resid_pre"), PC_OK);
    cr_assert_eq(pc_circuit_set_option(run, "source", "resample"), PC_OK);
    cr_assert_eq(pc_circuit_set_option(run, "direction", "denoise"), PC_OK);
    cr_assert_eq(pc_circuit_set_option(run, "metric", "logit-diff"), PC_OK);
    cr_assert_eq(pc_circuit_set_baseline(run, "clean", 3.5), PC_OK);
    cr_assert_eq(pc_circuit_set_baseline(run, "corrupted", -2.75), PC_OK);
}

static void set_position(pc_grid *grid, int i, sample_labels labels)
{
    static const char *const tokens[] = {"When", " Mary",  " and", " John",         " went", " to",
                                         " the", " store", ",",    " W\xc3\xa4rme", "\\xf0", " "};
    static const char *const longer[] = {" antidisestablishmentarianism", " WWWWWWWWWWWWWWWWWWW",
                                         " \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "<|endoftext|>"};
    char name[16];
    snprintf(name, sizeof name, "%d", i);
    const pc_grid_position position = {name,
                                       labels == SAMPLE_TOKENS ? tokens[i % 12]
                                       : labels == SAMPLE_LONG ? longer[i % 4]
                                                               : NULL,
                                       i == grid->n_positions - 1 ? "end" : NULL};
    cr_assert_eq(pc_grid_position_copy(&grid->positions[i], &position), PC_OK);
}

pc_grid *sample_grid(const sample_grid_shape *shape)
{
    pc_grid *grid;
    cr_assert_eq(pc_grid_new(&grid, "0.0.0", shape->axes, shape->n_layers, shape->n_heads,
                             shape->n_positions),
                 PC_OK);
    set_run(grid->run, shape->n_layers, shape->n_heads);
    for (int i = 0; pc_grid_has(grid, PC_AXIS_POSITION) && i < grid->n_positions; i++)
        set_position(grid, i, shape->labels);
    pc_rng rng = {.seed = 3};
    const int n = grid->n_layers * grid->n_heads * grid->n_positions;
    for (int i = 0; i < n; i++) {
        const double u = pc_rng_unit(&rng) * 2 - 1;
        const bool is_untouched = grid->n_positions > 1 && i % grid->n_positions == 0;
        grid->cells[i] = (pc_grid_cell){is_untouched ? 0 : shape->scale * u * u * u,
                                        0.01 * shape->scale, is_untouched};
    }
    return grid;
}

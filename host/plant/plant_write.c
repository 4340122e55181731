/* pc_plant_write: the checkpoint, the pairs, the lists of edges. */
#include "patchclamp/plant.h"

#include "base/file.h"
#include "base/text.h"
#include "plant/plant_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const pc_plant *const plants[] = {&pc_plant_induction, &pc_plant_previous_token,
                                         &pc_plant_and, &pc_plant_or, &pc_plant_sorted_count};
enum { N_PLANTS = sizeof plants / sizeof *plants };

const char *pc_plant_name(int i)
{
    return i >= 0 && i < N_PLANTS ? plants[i]->name : NULL;
}

const char *pc_plant_summary(int i)
{
    return i >= 0 && i < N_PLANTS ? plants[i]->summary : NULL;
}

static pc_status find_plant(const pc_plant **out, const char *name)
{
    pc_text names = {0};
    for (int i = 0; i < N_PLANTS; i++) {
        if (strcmp(plants[i]->name, name) == 0)
            return *out = plants[i], pc_text_free(&names), PC_OK;
        pc_text_printf(&names, "%s%s", i ? ", " : "", plants[i]->name);
    }
    const pc_status status =
        pc_fail(PC_ERR_INPUT, "no planted model \"%.60s\", expected one of: %s", name,
                names.data ? names.data : "");
    pc_text_free(&names);
    return status;
}

static pc_status write_text(const char *directory, const char *name, const pc_text *text)
{
    char *path = pc_path_join(directory, name);
    pc_status status = path ? pc_text_status(text) : PC_ERR_NOMEM;
    if (status == PC_OK) status = pc_file_replace(path, text->data, text->length);
    free(path);
    return status;
}

/* ---- the model ---- */

static pc_status write_model(const pc_plant *plant, const char *directory)
{
    const pc_plant_layout layout = pc_plant_layout_of(plant->vocab, plant->n_ctx);
    pc_plant_weights *weights;
    pc_status status = pc_plant_weights_new(&weights, &layout);
    if (status == PC_OK) {
        plant->put_circuit(weights);
        pc_plant_idle(weights, plant->n_used);
        status = pc_plant_weights_write(weights, directory);
    }
    pc_plant_weights_free(weights);
    return status;
}

/* ---- the pairs ---- */

enum { N_PAIRS = 32, N_SPLITS = 2 };
static const char *const splits[N_SPLITS] = {"train", "test"};

int pc_plant_draw_other(pc_rng *rng, int bound, int other)
{
    const int word = (int)pc_rng_below(rng, (uint64_t)bound - 1);
    return word < other ? word : word + 1;
}

static bool is_among(const pc_plant_pair *pair, const pc_plant_pair *pairs, int n)
{
    for (int i = 0; i < n; i++)
        if (memcmp(pairs[i].clean, pair->clean, sizeof pair->clean) == 0) return true;
    return false;
}

/* No clean prompt twice: so none is in both splits. */
static void draw_pairs(pc_plant_pair out[N_SPLITS * N_PAIRS], const pc_plant *plant)
{
    pc_rng rng = {.seed = 1};
    for (int n = 0; n < N_SPLITS * N_PAIRS;) {
        pc_plant_pair pair = {0};
        plant->draw(&pair, &rng);
        if (!is_among(&pair, out, n)) out[n++] = pair;
    }
}

static void put_words(pc_text *out, const int *words, int n)
{
    for (int i = 0; i < n; i++)
        pc_text_printf(out, "%s%d", i ? "," : "[", words[i]);
    pc_text_put(out, "]");
}

static void put_pair(pc_text *out, const pc_plant_pair *pair)
{
    pc_text_put(out, "{\"clean\":");
    put_words(out, pair->clean, pair->n_tokens);
    pc_text_put(out, ",\"corrupted\":");
    put_words(out, pair->corrupted, pair->n_tokens);
    pc_text_printf(out, ",\"answers\":[%d],\"wrong_answers\":[%d]}\n", pair->answer,
                   pair->wrong_answer);
}

static pc_status write_pairs(const pc_plant *plant, const char *directory)
{
    pc_plant_pair pairs[N_SPLITS * N_PAIRS];
    draw_pairs(pairs, plant);
    for (int s = 0; s < N_SPLITS; s++) {
        pc_text text = {0};
        char name[16];
        pc_text_printf(&text, "{\"task\":\"planted-%s\",\"split\":\"%s\",\"seed\":1}\n",
                       plant->name, splits[s]);
        for (int i = 0; i < N_PAIRS; i++)
            put_pair(&text, &pairs[s * N_PAIRS + i]);
        snprintf(name, sizeof name, "%s.jsonl", splits[s]);
        const pc_status status = write_text(directory, name, &text);
        pc_text_free(&text);
        PC_TRY(status);
    }
    return PC_OK;
}

/* ---- the edges ---- */

/* layer 0: 9 readers of the input, and m0; layer 1: 9 of what stands before, and m1; the logits */
enum { N_EDGES = 9 * 1 + 4 + 9 * 5 + 8 + 9 };

static void put_edges(pc_text *out, const pc_plant_edge *edges)
{
    for (const pc_plant_edge *e = edges; e->name; e++)
        pc_text_printf(out, "%-18s # %s\n", e->name, e->carries);
}

static pc_status write_edges(const pc_plant *plant, const char *directory, const char *name,
                             const char *what, const pc_plant_edge *more)
{
    pc_text text = {0};
    pc_text_printf(&text, "# The planted model \"%s\": %s.\n# %s\n", plant->name, plant->summary,
                   what);
    if (plant->note) pc_text_printf(&text, "# %s\n", plant->note);
    pc_text_printf(&text, "model: %d layers, %d heads, %d edges\n", PC_PLANT_LAYERS, PC_PLANT_HEADS,
                   N_EDGES);
    put_edges(&text, plant->truth);
    if (more) put_edges(&text, more);
    const pc_status status = write_text(directory, name, &text);
    pc_text_free(&text);
    return status;
}

/* ---- all ---- */

static pc_status check_directory(const char *directory)
{
    static const char *const files[] = {"cfg.json", "config.json", "model.safetensors"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = pc_path_join(directory, files[i]);
        if (!path) return PC_ERR_NOMEM;
        const bool is_there = pc_file_exists(path);
        free(path);
        if (is_there)
            return pc_fail(PC_ERR_INPUT, "%s: there is a model already (%s), expected a new folder",
                           directory, files[i]);
    }
    return pc_directory_make(directory);
}

pc_status pc_plant_write(const char *name, const char *directory)
{
    const pc_plant *plant = NULL;
    PC_TRY(find_plant(&plant, name));
    PC_TRY(check_directory(directory));
    PC_TRY(write_pairs(plant, directory));
    PC_TRY(write_edges(plant, directory, "truth.edges",
                       "All edges whose cut changes an answer of train.jsonl or test.jsonl, under "
                       "resampling.",
                       NULL));
    PC_TRY(
        write_edges(plant, directory, "truth-zero.edges",
                    "All edges that the answer needs, as cuts to zero see them: also what is the "
                    "same in all prompts.",
                    plant->still));
    return write_model(plant, directory);
}

/* Rows and meaning of the shared options. */
#include "shared_options.h"

#include "exit_code.h"
#include "open_model.h"
#include "progress.h"

#include <stdio.h>
#include <string.h>

option_row *add_prompt_options(option_row *at, prompt_words *w)
{
    const option_row rows[] = {
        {"pairs", 'n', OPTION_INT, &w->n, "N", "prompt pairs to generate (64)", 1, 1000000},
        {"seed", 0, OPTION_INT, &w->seed, "S", "seed of the generated prompts (0)", 0, INT64_MAX},
        {"split", 0, OPTION_TEXT, &w->split, "NAME", "train, test or ood (train)", 0, 0},
        {"corruption", 0, OPTION_TEXT, &w->corruption, "NAME", "the task's corruption (its first)",
         0, 0},
        {"length", 0, OPTION_INT, &w->length, "T", "tokens of a generated prompt (the task's own)",
         2, 1 << 20},
    };
    memcpy(at, rows, sizeof rows);
    return at + sizeof rows / sizeof *rows;
}

option_row *add_measure_options(option_row *at, measure_words *w)
{
    const option_row rows[] = {
        {"source", 0, OPTION_TEXT, &w->source, "NAME",
         "resample, zero, mean or mean-positional (resample)", 0, 0},
        {"direction", 0, OPTION_TEXT, &w->direction, "NAME", "noise or denoise (noise)", 0, 0},
        {"metric", 0, OPTION_TEXT, &w->metric, "NAME",
         "logit-diff, prob-diff, logit, log-prob, loss, kl, accuracy (logit-diff)", 0, 0},
        {"threads", 0, OPTION_INT, &w->threads, "N",
         "processors to use (all); never changes a result", 1, 256},
        {"memory", 0, OPTION_SIZE, &w->memory, "SIZE",
         "what the run may take, such as 2G (no bound); never changes a result", 0, 0},
        {"device", 0, OPTION_TEXT, &w->device, "NAME",
         "auto, cpu, cuda, cuda:N or emu (auto: a GPU if there is one)", 0, 0},
        {"engine", 0, OPTION_TEXT, &w->engine, "NAME",
         "delta (float32, only what changes) or twin (the definition: double, everything)", 0, 0},
        {"precision", 0, OPTION_TEXT, &w->precision, "NAME",
         "of products: fp32, bf16x3, tf32 or bf16 (fp32); fp64 is the twin", 0, 0},
        {"without", 0, OPTION_TEXT, &w->without, "LIST",
         "savings not to make, such as layers,heads; never changes a result", 0, 0},
    };
    memcpy(at, rows, sizeof rows);
    return at + sizeof rows / sizeof *rows;
}

option_row *add_bos_option(option_row *at, const char **bos)
{
    *at = (option_row){
        "bos", 0, OPTION_TEXT, bos, "RULE", "as-tokenizer, always or never (as-tokenizer)", 0, 0};
    return at + 1;
}

int read_bos(pc_bos_rule *out, const char *bos, const char *command)
{
    static const char *const names[] = {[PC_BOS_AS_TOKENIZER] = "as-tokenizer",
                                        [PC_BOS_ALWAYS] = "always",
                                        [PC_BOS_NEVER] = "never"};
    *out = PC_BOS_AS_TOKENIZER;
    if (!bos) return EXIT_DONE;
    for (int i = 0; i < 3; i++)
        if (strcmp(names[i], bos) == 0) return *out = (pc_bos_rule)i, EXIT_DONE;
    complain(command, "--bos is \"%s\", expected as-tokenizer, always or never", bos);
    return EXIT_USAGE;
}

pc_resume resume_of(bool has_resume, bool takes_over)
{
    return takes_over ? PC_RESUME_TAKE_OVER : has_resume ? PC_RESUME_YES : PC_RESUME_NO;
}

int check_prompt_words(const prompt_words *w, const char *task, const char *command)
{
    const char *said = w->n            ? "--pairs"
                       : w->seed       ? "--seed"
                       : w->split      ? "--split"
                       : w->corruption ? "--corruption"
                       : w->length     ? "--length"
                                       : NULL;
    if (!said || !is_task_file(task)) return EXIT_DONE;
    complain(command, "%s is for generated prompts, but %s is a file with its own", said, task);
    return EXIT_USAGE;
}

pc_task_options task_options_of(const prompt_words *w)
{
    return (pc_task_options){.n = (int)w->n,
                             .seed = (uint64_t)w->seed,
                             .split = w->split,
                             .corruption = w->corruption,
                             .length = (int)w->length};
}

/* `auto` is a GPU that can be used, else the processor; why it is not the GPU is said where
 * somebody would expect one: its plug-in is there. */
static int read_device(pc_evaluator_options *out, const measure_words *w, const char *command)
{
    static bool was_told; /* eval reads its words twice */
    char words[256];
    const bool is_auto = !w->device || strcmp(w->device, "auto") == 0;
    if (out->engine == PC_ENGINE_TWIN) {
        if (is_auto || strcmp(w->device, "cpu") == 0) return EXIT_DONE;
        complain(command, "--device %s: the twin computes on the cpu, in double", w->device);
        return EXIT_USAGE;
    }
    if (!is_auto) {
        out->device = w->device;
        const pc_status status = pc_device_describe(words, sizeof words, w->device);
        if (status == PC_OK) return EXIT_DONE;
        complain(command, "%s", pc_last_error());
        return status == PC_ERR_INPUT ? EXIT_USAGE : EXIT_FAILED;
    }
    if (!pc_device_has_plugin("cuda")) return EXIT_DONE;
    if (pc_device_describe(words, sizeof words, "cuda") == PC_OK) out->device = "cuda";
    else if (!was_told)
        fprintf(stderr, "patchclamp %s: computing on the CPU: %s\n", command, pc_last_error());
    was_told = true;
    return EXIT_DONE;
}

/* fp64 is the twin's, the others are the delta engine's. */
static int read_engine(pc_evaluator_options *out, const measure_words *w, const char *command)
{
    if (w->engine && pc_engine_parse(&out->engine, w->engine) != PC_OK) {
        complain(command, "%s", pc_last_error());
        return EXIT_USAGE;
    }
    if (!w->precision) return EXIT_DONE;
    const bool is_double = strcmp(w->precision, "fp64") == 0;
    if (!is_double && pc_precision_parse(&out->precision, w->precision) != PC_OK) {
        complain(command, "--precision is \"%s\", expected fp32, bf16x3, tf32, bf16 or fp64",
                 w->precision);
        return EXIT_USAGE;
    }
    const pc_engine_kind engine = is_double ? PC_ENGINE_TWIN : PC_ENGINE_DELTA;
    if (w->engine && out->engine != engine) {
        complain(command, "--engine %s computes in %s, not in %s", w->engine,
                 is_double ? "fp32" : "fp64", w->precision);
        return EXIT_USAGE;
    }
    out->engine = engine;
    return EXIT_DONE;
}

/* "layers,heads" */
static pc_status read_savings(unsigned *out, const char *list)
{
    while (list && *list) {
        char name[32];
        pc_saving saving;
        const size_t n = strcspn(list, ","), room = sizeof name - 1;
        memcpy(name, list, n < room ? n : room);
        name[n < room ? n : room] = 0;
        const pc_status status = pc_saving_parse(&saving, name);
        if (status != PC_OK) return status;
        *out |= 1u << saving;
        list += n + (list[n] == ',');
    }
    return PC_OK;
}

static bool keep_going(void *payload)
{
    (void)payload;
    return !was_asked_to_stop();
}

int read_measure_words(pc_evaluator_options *out, const measure_words *w, const char *command)
{
    int code = read_engine(out, w, command);
    if (code == EXIT_DONE) code = read_device(out, w, command);
    if (code != EXIT_DONE) return code;
    pc_status status = PC_OK;
    if (w->source) status = pc_source_parse(&out->source, w->source);
    if (status == PC_OK && w->direction) status = pc_direction_parse(&out->direction, w->direction);
    if (status == PC_OK && w->metric) status = pc_metric_parse(&out->metric, w->metric);
    if (status == PC_OK) status = read_savings(&out->without, w->without);
    if (w->threads) out->n_threads = (int)w->threads;
    out->memory = w->memory;
    out->keep_going = keep_going;
    if (status == PC_OK) return EXIT_DONE;
    complain(command, "%s", pc_last_error());
    return EXIT_USAGE;
}

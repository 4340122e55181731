/* The words that options choose among, and what is a file. tests/cli/completion.sh holds the words
 * to what the program accepts, and names an option that neither has words nor is known to be free.
 */
#include "value_choices.h"

#include "patchclamp/patchclamp.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *command; /* NULL: of any that has the option */
    const char *option, *words;
} choices[] = {
    {NULL, "level", "node edge neuron"},
    {NULL, "method",
     "exact racing acdc greedy hybrid eap eap-ig eap-ig-activations clean-corrupted relp"},
    {NULL, "profile", "native mib eap-ig acdc auto-circuit"},
    {NULL, "estimate", "eap eap-ig eap-ig-activations clean-corrupted relp"},
    {NULL, "ig-rule", "default left right midpoint"},
    {NULL, "source", "resample zero mean mean-positional"},
    {"eval", "direction", "noise denoise both"},
    {NULL, "direction", "noise denoise"},
    {"attribute", "metric", "logit-diff logit"},
    {NULL, "metric", "logit-diff prob-diff logit log-prob loss kl accuracy"},
    {NULL, "device", "auto cpu cuda emu"},
    {"bench", "engine", "delta"},
    {"bench precision", "engine", "delta"},
    {NULL, "engine", "delta twin"},
    {"bench", "precision", "fp32 bf16x3 tf32 bf16"},
    {"bench precision", "precision", "fp32 bf16x3 tf32 bf16"},
    {NULL, "precision", "fp32 bf16x3 tf32 bf16 fp64"},
    {NULL, "without", "layers positions last-layer heads columns untouched cone"},
    {NULL, "bos", "as-tokenizer always never"},
    {NULL, "kv-granularity", "kv query"},
    {"eval", "split", "train test ood all"},
    {NULL, "split", "train test ood"},
    {NULL, "positions", "each"},
    {NULL, "positions-of", "circuit all"},
    {"patch", "what", "resid_pre resid_mid attn_out mlp_out z q k v pattern"},
    {"patch", "by", "layer,position layer,head layer,head,position layer"},
    {"path", "from", "each"},
    {"path", "to", "logits"},
    {"path", "mlps", "free frozen"},
    {"convert", "to", "eap-ig circuit-tracer edges csv json graphml dot svg pdf tikz"},
    {"task", "format", "jsonl auto-circuit eap-ig"},
};

static void append(choice *out, const char *word)
{
    const size_t length = strlen(out->words);
    snprintf(out->words + length, sizeof out->words - length, "%s%s", length ? " " : "", word);
}

static bool has_word(const choice *c, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = c->words; *at; at += strspn(at, " ")) {
        const size_t n = strcspn(at, " ");
        if (n == length && strncmp(at, word, n) == 0) return true;
        at += n;
    }
    return false;
}

static choice built_in_tasks(void)
{
    choice out = {.kind = CHOICE_FILE};
    for (int i = 0; pc_task_builtin_name(i); i++)
        append(&out, pc_task_builtin_name(i));
    return out;
}

static choice plants(void)
{
    choice out = {.kind = CHOICE_WORDS};
    for (int i = 0; pc_plant_name(i); i++)
        append(&out, pc_plant_name(i));
    return out;
}

/* Of all tasks: which one it is may not stand on the line yet. */
static choice corruptions(void)
{
    choice out = {.kind = CHOICE_WORDS};
    for (int i = 0; pc_task_builtin_name(i); i++)
        for (int j = 0; pc_task_builtin_corruption(i, j); j++)
            if (!has_word(&out, pc_task_builtin_corruption(i, j)))
                append(&out, pc_task_builtin_corruption(i, j));
    return out;
}

static bool begins(const char *text, size_t length, const char *with)
{
    return length >= strlen(with) && strncmp(text, with, strlen(with)) == 0;
}

/* "FILE.csv", "CIRCUIT.json|DIR": what stands for something on the disk has such a name. */
static choice of_path(const char *name, size_t length)
{
    if (begins(name, length, "MODEL")) return (choice){.kind = CHOICE_MODEL};
    if (begins(name, length, "DIR") && length == 3) return (choice){.kind = CHOICE_DIRECTORY};
    const bool is_file = begins(name, length, "FILE") || memchr(name, '.', length);
    return (choice){.kind = is_file ? CHOICE_FILE : CHOICE_NONE};
}

choice choice_of_option(const char *command, const option_row *row)
{
    if (row->kind != OPTION_TEXT) return (choice){.kind = CHOICE_NONE};
    if (strcmp(row->argument, "T") == 0) return built_in_tasks();
    if (strcmp(row->name, "corruption") == 0) return corruptions();
    if (strcmp(row->name, "truth") == 0) return (choice){.kind = CHOICE_TRUTH};
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const bool is_of_command = !choices[i].command || strcmp(choices[i].command, command) == 0;
        if (!is_of_command || strcmp(choices[i].option, row->name) != 0) continue;
        choice out = {.kind = CHOICE_WORDS};
        append(&out, choices[i].words);
        return out;
    }
    return of_path(row->argument, strlen(row->argument));
}

choice choice_of_operand(const char *command, const char *operand)
{
    const size_t length = (size_t)operand_length(operand);
    if (length == 4 && strncmp(operand, "find", 4) == 0)
        return (choice){.kind = CHOICE_WORDS, .words = "find"};
    if (strcmp(command, "convert") == 0) return (choice){.kind = CHOICE_TRUTH};
    if (length == 4 && strncmp(operand, "NAME", 4) == 0)
        return strcmp(command, "plant") == 0 ? plants() : built_in_tasks();
    return of_path(operand, length);
}

int operand_length(const char *operands)
{
    return (int)strcspn(operands, " ");
}

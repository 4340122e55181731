/* patchclamp info: a model's dimensions, components, edges and memory needs. */
#include "commands.h"
#include "exit_code.h"
#include "json_out.h"
#include "open_model.h"
#include "options.h"

#include <stdio.h>

/* Bytes that one worker holds for a prompt of n tokens: three runs of every writer and MLP
 * activation in double (base, source, and the run at hand). */
static double bytes_per_token(const pc_model_info *m)
{
    return 3.0 * 8 * ((double)m->n_writers * m->d_model + (double)m->n_layers * m->d_mlp);
}

static void print_json(const opened_model *o)
{
    const pc_model_info *m = o->info;
    json_begin(NULL, '{');
    json_text("name", m->name);
    json_text("architecture", m->architecture);
    json_integer("n_layers", m->n_layers);
    json_integer("n_heads", m->n_heads);
    json_integer("n_kv_heads", m->n_kv_heads);
    json_integer("d_model", m->d_model);
    json_integer("d_head", m->d_head);
    json_integer("d_mlp", m->d_mlp);
    json_integer("n_ctx", m->n_ctx);
    json_integer("vocab", m->vocab);
    json_integer("vocab_out", m->vocab_out);
    if (m->bos >= 0) json_integer("bos_token_id", m->bos);
    else json_text("bos_token_id", NULL);
    json_text("norm", m->norm);
    json_text("activation", m->activation);
    json_bool("parallel_attn_mlp", m->has_parallel_blocks);
    json_bool("attn_only", m->d_mlp == 0);
    json_integer("n_parameters", m->n_parameters);
    json_integer("n_writers", m->n_writers);
    json_integer("n_readers", m->n_readers);
    json_integer("n_edges", m->n_edges);
    json_integer("n_neurons", (int64_t)m->n_layers * m->d_mlp);
    json_number("weights_bytes", 4.0 * (double)m->n_parameters);
    json_number("run_bytes_per_token", bytes_per_token(m));
    json_bool("has_tokenizer", o->tokenizer != NULL);
    json_end('}');
}

static void print_text(const opened_model *o)
{
    const pc_model_info *m = o->info;
    printf("model       %s (%s)\n", m->name, m->architecture);
    printf("layers      %d%s, %d heads of %d, d_model %d", m->n_layers,
           m->has_parallel_blocks ? " with parallel blocks" : "", m->n_heads, m->d_head,
           m->d_model);
    if (m->d_mlp) printf(", d_mlp %d (%s)\n", m->d_mlp, m->activation);
    else printf(", attention only\n");
    printf("norm        %s\n", m->norm);
    printf("context     %d tokens, vocabulary %lld", m->n_ctx, (long long)m->vocab);
    if (m->vocab_out != m->vocab) printf(" in and %lld out", (long long)m->vocab_out);
    printf("\nparameters  %lld\n", (long long)m->n_parameters);
    printf("components  %d writers, %d readers, %lld neurons\n", m->n_writers, m->n_readers,
           (long long)m->n_layers * m->d_mlp);
    printf("edges       %lld\n", (long long)m->n_edges);
    printf("memory      %.1f MB weights, %.3f MB a token of the longest prompt for each thread\n",
           4e-6 * (double)m->n_parameters, 1e-6 * bytes_per_token(m));
    if (o->tokenizer)
        printf("tokenizer   %lld tokens\n", (long long)pc_tokenizer_size(o->tokenizer));
    else printf("tokenizer   none: %s\n", o->why_no_tokenizer);
}

int cmd_info(int argc, char **argv)
{
    bool is_json = false;
    const char *name;
    const option_row table[] = {
        {"json", 0, OPTION_FLAG, &is_json, "", "print one JSON value", 0, 0}, {0}};
    const command_usage usage = {"info", "MODEL",
                                 "Prints a model's dimensions, components, edges and memory needs.",
                                 "patchclamp info demo", 1};
    const parse_outcome outcome = options_parse(table, &name, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    opened_model opened;
    const int code = open_model(&opened, name, "info");
    if (code != EXIT_DONE) return code;
    if (is_json) print_json(&opened);
    else print_text(&opened);
    close_model(&opened);
    return EXIT_DONE;
}

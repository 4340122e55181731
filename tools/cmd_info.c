/* patchclamp info: a model's dimensions, components, edges and memory needs. */
#define _DEFAULT_SOURCE /* sysconf */
#include "available_memory.h"
#include "commands.h"
#include "exit_code.h"
#include "json_out.h"
#include "open_model.h"
#include "options.h"

#include <stdio.h>
#include <unistd.h>

/* What the base run of a prompt keeps a token (DESIGN.md, section 4), in float32: the stream before
 * attention and MLP, q, k, v, z, the MLP before its activation; with post-norms what enters them.
 */
static double cache_bytes_per_token(const pc_model_info *m)
{
    const double stream = (m->has_post_norms ? 4.0 : 2.0) * m->d_model;
    const double heads = 2.0 * (m->n_heads + m->n_kv_heads) * m->d_head;
    const double mlp = (m->is_gated ? 2.0 : 1.0) * m->d_mlp;
    return 4.0 * m->n_layers * (stream + heads + mlp);
}

/* What `find` needs for a usual task, model included, and what there is. */
typedef struct memory_need {
    int prompts, tokens, threads;
    double bytes, available;
} memory_need;

enum { USUAL_PROMPTS = 64, USUAL_TOKENS = 64 };

static memory_need memory_of(const opened_model *o)
{
    const pc_model_info *m = o->info;
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    pc_evaluator_options options = PC_EVALUATOR_OPTIONS_INIT;
    memory_need need = {.prompts = USUAL_PROMPTS,
                        .tokens = m->n_ctx < USUAL_TOKENS ? m->n_ctx : USUAL_TOKENS,
                        .threads = processors < 1 ? 1 : (int)processors};
    options.engine = PC_ENGINE_DELTA;
    need.bytes = (double)m->weights_bytes +
                 pc_evaluator_bytes(o->model, &options, need.prompts, need.tokens);
    need.available = (double)m->weights_bytes + available_memory(); /* they are in it by now */
    return need;
}

/* How the profiles count the edges of this model (DESIGN.md, section 8). */
typedef enum edge_count { PER_KV_HEAD, PER_QUERY_HEAD, WITH_DIRECT, UNSPLIT } edge_count;

static const struct {
    const char *name;
    edge_count count;
} profiles[] = {{"native", PER_KV_HEAD}, {"eap-ig", PER_QUERY_HEAD},
                {"mib", PER_QUERY_HEAD}, {"auto-circuit", PER_QUERY_HEAD},
                {"acdc", WITH_DIRECT},   {"unsplit", UNSPLIT}};
enum { N_PROFILES = sizeof profiles / sizeof *profiles };

/* ACDC counts, beside the edges, a "direct computation" from each head's own input to its q, k and
 * v (432 for GPT-2 small): they are in no other tool's graph and not in ours. */
static int64_t edges_of(const pc_model_info *m, edge_count count)
{
    const int64_t per_query = m->n_edges_per_kv[PC_KV_PER_QUERY];
    switch (count) {
    case PER_KV_HEAD:
        return m->n_edges_per_kv[PC_KV_SHARED];
    case WITH_DIRECT:
        return per_query + 3 * (int64_t)m->n_layers * m->n_heads;
    case UNSPLIT:
        return m->n_edges_unsplit;
    case PER_QUERY_HEAD:
        break;
    }
    return per_query;
}

static void print_edges(const pc_model_info *m)
{
    printf("edges       %lld (native: q, k and v apart, k and v once per KV head)\n",
           (long long)edges_of(m, PER_KV_HEAD));
    printf("            %lld (eap-ig, mib, auto-circuit: k and v once per query head)\n",
           (long long)edges_of(m, PER_QUERY_HEAD));
    printf("            %lld (acdc: also from each head's inputs to its q, k, v, which we leave "
           "out)\n",
           (long long)edges_of(m, WITH_DIRECT));
    printf("            %lld (unsplit: one reader a head for q, k and v together)\n",
           (long long)edges_of(m, UNSPLIT));
}

static void print_understood_json(const pc_model_info *m)
{
    json_text("norm", m->norm);
    json_text("activation", m->activation);
    json_bool("gated_mlp", m->is_gated);
    json_bool("parallel_attn_mlp", m->has_parallel_blocks);
    json_bool("attn_only", m->d_mlp == 0);
    json_bool("post_norms", m->has_post_norms);
    json_bool("qk_norm", m->has_qk_norm);
    json_text("positions", m->positions);
    json_integer("rotary_dim", m->rotary_dim);
    if (m->rotary_dim) json_number("rotary_base", m->rotary_base);
    else json_text("rotary_base", NULL);
    json_text("rotary_scaling", m->rotary_dim ? m->rotary_scaling : NULL);
    json_integer("window", m->window);
    json_integer("n_windowed_layers", m->n_windowed_layers);
    json_number("attention_softcap", m->attention_softcap);
    json_number("logit_softcap", m->logit_softcap);
    json_bool("tied_embeddings", m->is_unembedding_tied);
}

static void print_json(const opened_model *o)
{
    const pc_model_info *m = o->info;
    const memory_need need = memory_of(o);
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
    print_understood_json(m);
    json_integer("n_parameters", m->n_parameters);
    json_integer("n_writers", m->n_writers);
    json_integer("n_readers", m->n_readers);
    json_integer("n_edges", m->n_edges);
    json_begin("edges", '{');
    for (int i = 0; i < N_PROFILES; i++)
        json_integer(profiles[i].name, edges_of(m, profiles[i].count));
    json_end('}');
    json_integer("n_neurons", (int64_t)m->n_layers * m->d_mlp);
    json_integer("weights_bytes", m->weights_bytes);
    json_begin("find_memory", '{');
    json_integer("prompts", need.prompts);
    json_integer("prompt_tokens", need.tokens);
    json_integer("threads", need.threads);
    json_number("bytes", need.bytes);
    json_number("available_bytes", need.available);
    json_bool("fits", need.bytes <= need.available);
    json_end('}');
    json_begin("gpu_memory", '{');
    json_number("weights_bytes_float32", 4.0 * (double)m->n_parameters);
    json_number("base_cache_bytes_per_token", cache_bytes_per_token(m));
    json_end('}');
    json_bool("has_tokenizer", o->tokenizer != NULL);
    json_end('}');
}

static void print_choices(const pc_model_info *m)
{
    printf("norm        %s%s%s\n", m->norm,
           m->has_post_norms ? ", also behind attention and MLP" : "",
           m->has_qk_norm ? ", also of queries and keys" : "");
    printf("positions   %s", m->positions);
    if (m->rotary_dim)
        printf(" over %d of %d channels, base %g, scaling %s", m->rotary_dim, m->d_head,
               m->rotary_base, m->rotary_scaling);
    printf("\n");
    if (m->n_windowed_layers)
        printf("window      %d positions in %d of %d layers\n", m->window, m->n_windowed_layers,
               m->n_layers);
    if (m->attention_softcap > 0 || m->logit_softcap > 0)
        printf("softcaps    %g for scores, %g for logits (0: none)\n", m->attention_softcap,
               m->logit_softcap);
}

static void print_memory(const opened_model *o)
{
    const pc_model_info *m = o->info;
    const memory_need need = memory_of(o);
    printf("memory      %.1f MB weights\n", 1e-6 * (double)m->weights_bytes);
    printf(
        "find        %.1f MB in all for %d prompts of %d tokens on %d threads, %.1f MB available: "
        "%s\n",
        1e-6 * need.bytes, need.prompts, need.tokens, need.threads, 1e-6 * need.available,
        need.bytes <= need.available ? "it fits" : "it does not fit");
    printf(
        "GPU         %.1f MB weights in float32, %.3f MB base cache a token; this version has no "
        "CUDA backend\n",
        4e-6 * (double)m->n_parameters, 1e-6 * cache_bytes_per_token(m));
}

static void print_text(const opened_model *o)
{
    const pc_model_info *m = o->info;
    printf("model       %s (%s)\n", m->name, m->architecture);
    printf("layers      %d%s, %d heads of %d", m->n_layers,
           m->has_parallel_blocks ? " with parallel blocks" : "", m->n_heads, m->d_head);
    if (m->n_kv_heads != m->n_heads) printf(" on %d KV heads", m->n_kv_heads);
    printf(", d_model %d", m->d_model);
    if (m->d_mlp)
        printf(", d_mlp %d (%s%s)\n", m->d_mlp, m->is_gated ? "gated " : "", m->activation);
    else printf(", attention only\n");
    print_choices(m);
    printf("context     %d tokens, vocabulary %lld", m->n_ctx, (long long)m->vocab);
    if (m->vocab_out != m->vocab) printf(" in and %lld out", (long long)m->vocab_out);
    printf("%s\nparameters  %lld\n", m->is_unembedding_tied ? ", tied" : "",
           (long long)m->n_parameters);
    printf("components  %d writers, %d readers, %lld neurons\n", m->n_writers, m->n_readers,
           (long long)m->n_layers * m->d_mlp);
    print_edges(m);
    print_memory(o);
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

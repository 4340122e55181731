/* What a name in a cut stands for; TransformerLens's hook names among them. */
#include "model/components.h"

#include <string.h>

/* What may follow "blocks.L.". `form` says what the number behind the name counts. */
typedef enum hook_form { FORM_ALONE, FORM_HEAD, FORM_INPUT, FORM_OTHER } hook_form;

static const struct {
    const char *name;
    hook_form form;
    pc_site site;
} hooks[] = {
    {"hook_resid_pre", FORM_ALONE, PC_SITE_RESID_PRE},
    {"hook_resid_mid", FORM_ALONE, PC_SITE_RESID_MID},
    {"hook_attn_out", FORM_ALONE, PC_SITE_ATTN_OUT},
    {"hook_mlp_out", FORM_ALONE, PC_SITE_MLP_OUT},
    {"attn.hook_z", FORM_HEAD, PC_SITE_Z},
    {"attn.hook_result", FORM_HEAD, PC_SITE_Z},
    {"attn.hook_q", FORM_HEAD, PC_SITE_Q},
    {"attn.hook_k", FORM_HEAD, PC_SITE_K},
    {"attn.hook_v", FORM_HEAD, PC_SITE_V},
    {"attn.hook_pattern", FORM_HEAD, PC_SITE_PATTERN},
    {"hook_q_input", FORM_INPUT, PC_SITE_Q},
    {"hook_k_input", FORM_INPUT, PC_SITE_K},
    {"hook_v_input", FORM_INPUT, PC_SITE_V},
    {"hook_resid_post", FORM_OTHER, PC_SITE_RESID_PRE},
    {"hook_mlp_in", FORM_OTHER, PC_SITE_MLP_OUT},
    {"mlp.hook_post", FORM_OTHER, PC_SITE_MLP_OUT},
};
enum { N_HOOKS = sizeof hooks / sizeof *hooks };

bool pc_is_hook_name(const char *name)
{
    return strncmp(name, "blocks.", 7) == 0;
}

static pc_status fail_name(const char *name)
{
    return pc_fail(PC_ERR_INPUT,
                   "\"%.80s\" is no hook that can be patched, expected blocks.LAYER. and "
                   "hook_resid_pre, hook_resid_mid, hook_resid_post, hook_attn_out, hook_mlp_out, "
                   "hook_mlp_in, hook_q_input.HEAD (k, v), attn.hook_z.HEAD (result, q, k, v, "
                   "pattern) or mlp.hook_post.NEURON",
                   name);
}

static pc_status put_neuron(pc_place *out, const pc_components *c, int layer, int neuron)
{
    if (neuron < 0)
        return pc_fail(PC_ERR_INPUT, "which neuron is not said, expected mlp.hook_post.0 to .%d",
                       c->d_mlp - 1);
    if (neuron >= c->d_mlp)
        return pc_fail(PC_ERR_INPUT, "neuron %d is not in this model: m%d has n0 to n%d", neuron,
                       layer, c->d_mlp - 1);
    *out = (pc_place){.writer = pc_writer_of_mlp(c, layer), .neuron = neuron, .reader = -1};
    return PC_OK;
}

/* The stream behind a layer is the stream before the next, or what the logits read. */
static pc_status put_behind(pc_place *out, int *n, const pc_components *c, int layer)
{
    if (layer < c->n_layers - 1) return pc_site_places(out, n, c, PC_SITE_RESID_PRE, layer + 1, -1);
    *out = pc_reader_place(c, pc_reader_of_logits(c));
    return PC_OK;
}

static pc_status put_hook(pc_place *out, int *n, const pc_components *c, int hook, int layer,
                          int index)
{
    const char *name = hooks[hook].name;
    PC_TRY(pc_site_places(out, n, c, hooks[hook].site, layer, index)); /* checks layer and head */
    if (hooks[hook].form != FORM_OTHER) return PC_OK;
    if (strcmp(name, "hook_resid_post") == 0) return put_behind(out, n, c, layer);
    if (strcmp(name, "hook_mlp_in") != 0) return put_neuron(out, c, layer, index);
    *out = pc_reader_place(c, pc_reader_of_mlp(c, layer));
    return PC_OK;
}

/* The hook whose name stands at *at, which moves behind it; -1: none. No hook's name begins another
 * that may follow it with a dot or the end. */
static int find_hook(const char **at)
{
    for (int i = 0; i < N_HOOKS; i++) {
        const size_t length = strlen(hooks[i].name);
        if (strncmp(*at, hooks[i].name, length) != 0) continue;
        if ((*at)[length] != 0 && (*at)[length] != '.') continue;
        *at += length;
        return i;
    }
    return -1;
}

static bool may_have_index(int hook)
{
    return hooks[hook].form == FORM_HEAD || hooks[hook].form == FORM_INPUT ||
           strcmp(hooks[hook].name, "mlp.hook_post") == 0;
}

pc_status pc_hook_parse(pc_place *out, int *n, bool *needs_resample, const pc_components *c,
                        const char *name)
{
    const char *at = name + 7;
    int layer, hook, index = -1;
    if (!pc_is_hook_name(name) || !pc_take_number(&layer, &at) || *at++ != '.' ||
        (hook = find_hook(&at)) < 0)
        return fail_name(name);
    if (*at == '.' && may_have_index(hook)) {
        at++;
        if (!pc_take_number(&index, &at)) return fail_name(name);
    }
    if (*at) return fail_name(name);
    *needs_resample = hooks[hook].form == FORM_HEAD && pc_site_needs_resample(hooks[hook].site);
    const pc_status status = put_hook(out, n, c, hook, layer, index);
    return status == PC_OK ? PC_OK : pc_fail_within(status, "\"%.80s\"", name);
}

/* "a1.h0<pattern>" */
static pc_status parse_pattern(pc_place *out, const pc_components *c, const char *name,
                               const char *end)
{
    char head[PC_NAME_BYTES] = "";
    pc_place place = {0};
    if (end - name < PC_NAME_BYTES) memcpy(head, name, (size_t)(end - name));
    PC_TRY(pc_place_parse(&place, c, head));
    const pc_writer *w = &c->writers[place.writer];
    if (w->kind != PC_WRITER_HEAD || place.neuron >= 0 || place.reader >= 0)
        return pc_fail(PC_ERR_INPUT, "\"%.60s\": %s has no attention pattern, expected a head",
                       name, w->name);
    int n;
    return pc_site_places(out, &n, c, PC_SITE_PATTERN, w->layer, w->head);
}

pc_status pc_cut_parse(pc_place *out, int *n, bool *needs_resample, const pc_components *c,
                       const char *name)
{
    const char *angle = strchr(name, '<');
    int reader;
    *n = 1;
    *needs_resample = false;
    if (pc_is_hook_name(name)) return pc_hook_parse(out, n, needs_resample, c, name);
    if (angle && strcmp(angle, "<pattern>") == 0) {
        *needs_resample = true;
        return parse_pattern(out, c, name, angle);
    }
    const bool has_arrow = strstr(name, "->") != NULL;
    const bool is_reader =
        strncmp(name, "->", 2) == 0 || (!has_arrow && angle) || strcmp(name, "logits") == 0;
    if (!is_reader) return pc_place_parse(out, c, name);
    PC_TRY(pc_reader_parse(&reader, c, has_arrow ? name + 2 : name));
    *out = pc_reader_place(c, reader);
    return PC_OK;
}

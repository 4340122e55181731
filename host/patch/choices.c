/* Names of sources, directions, metrics and sites, as commands and files write them. */
#include "base/text.h"
#include "patchclamp/patch.h"

#include <string.h>

static const char *const sources[] = {[PC_SOURCE_RESAMPLE] = "resample",
                                      [PC_SOURCE_ZERO] = "zero",
                                      [PC_SOURCE_MEAN] = "mean",
                                      [PC_SOURCE_MEAN_POSITIONAL] = "mean-positional"};
static const char *const directions[] = {
    [PC_DIRECTION_NOISE] = "noise", [PC_DIRECTION_DENOISE] = "denoise"};
static const char *const metrics[] = {[PC_METRIC_LOGIT_DIFF] = "logit-diff",
                                      [PC_METRIC_PROB_DIFF] = "prob-diff",
                                      [PC_METRIC_LOGIT] = "logit",
                                      [PC_METRIC_LOG_PROB] = "log-prob",
                                      [PC_METRIC_LOSS] = "loss",
                                      [PC_METRIC_KL] = "kl",
                                      [PC_METRIC_ACCURACY] = "accuracy"};
static const char *const sites[] = {[PC_SITE_RESID_PRE] = "resid_pre",
                                    [PC_SITE_RESID_MID] = "resid_mid",
                                    [PC_SITE_ATTN_OUT] = "attn_out",
                                    [PC_SITE_MLP_OUT] = "mlp_out",
                                    [PC_SITE_Z] = "z",
                                    [PC_SITE_Q] = "q",
                                    [PC_SITE_K] = "k",
                                    [PC_SITE_V] = "v",
                                    [PC_SITE_PATTERN] = "pattern"};

static const char *const savings[] = {[PC_SAVING_LAYERS] = "layers",
                                      [PC_SAVING_POSITIONS] = "positions",
                                      [PC_SAVING_LAST_LAYER] = "last-layer",
                                      [PC_SAVING_HEADS] = "heads",
                                      [PC_SAVING_COLUMNS] = "columns",
                                      [PC_SAVING_UNTOUCHED] = "untouched",
                                      [PC_SAVING_CONE] = "cone"};

static pc_status parse(int *out, const char *name, const char *what, const char *const *names,
                       size_t n)
{
    pc_text known = {0};
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (int)i;
            pc_text_free(&known);
            return PC_OK;
        }
        pc_text_printf(&known, "%s%s", i ? ", " : "", names[i]);
    }
    pc_status status = pc_fail(PC_ERR_INPUT, "%s \"%.40s\" is unknown, expected one of %s", what,
                               name, known.data ? known.data : "?");
    pc_text_free(&known);
    return status;
}

pc_status pc_source_parse(pc_source *out, const char *name)
{
    int value = 0;
    PC_TRY(parse(&value, name, "source", sources, sizeof sources / sizeof *sources));
    *out = (pc_source)value;
    return PC_OK;
}

pc_status pc_direction_parse(pc_direction *out, const char *name)
{
    int value = 0;
    PC_TRY(parse(&value, name, "direction", directions, sizeof directions / sizeof *directions));
    *out = (pc_direction)value;
    return PC_OK;
}

pc_status pc_metric_parse(pc_metric *out, const char *name)
{
    int value = 0;
    PC_TRY(parse(&value, name, "metric", metrics, sizeof metrics / sizeof *metrics));
    *out = (pc_metric)value;
    return PC_OK;
}

pc_status pc_site_parse(pc_site *out, const char *name)
{
    int value = 0;
    PC_TRY(parse(&value, name, "site", sites, sizeof sites / sizeof *sites));
    *out = (pc_site)value;
    return PC_OK;
}

static const char *const engines[] = {[PC_ENGINE_TWIN] = "twin", [PC_ENGINE_DELTA] = "delta"};

pc_status pc_engine_parse(pc_engine_kind *out, const char *name)
{
    int value = 0;
    PC_TRY(parse(&value, name, "engine", engines, sizeof engines / sizeof *engines));
    *out = (pc_engine_kind)value;
    return PC_OK;
}

const char *pc_engine_name(pc_engine_kind engine)
{
    return engines[engine];
}

const char *pc_source_name(pc_source source)
{
    return sources[source];
}

const char *pc_direction_name(pc_direction direction)
{
    return directions[direction];
}

const char *pc_metric_name(pc_metric metric)
{
    return metrics[metric];
}

const char *pc_site_name(pc_site site)
{
    return sites[site];
}

pc_status pc_saving_parse(pc_saving *out, const char *name)
{
    int value = 0;
    PC_TRY(parse(&value, name, "saving", savings, sizeof savings / sizeof *savings));
    *out = (pc_saving)value;
    return PC_OK;
}

const char *pc_saving_name(pc_saving saving)
{
    return savings[saving];
}

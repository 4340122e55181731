/* The conventions of other tools, as options. */
#include "search/profile.h"

#include "base/fail.h"
#include "patch/evaluator.h"

#include <stdbool.h>
#include <string.h>

typedef struct profile {
    const char *name;
    pc_kv_granularity kv;
    pc_metric_sense sense;
    pc_kl_reduction kl;
    pc_ranking ranking;
    pc_pruning pruning;
    bool is_input_token_alone;
} profile;

static const profile profiles[] = {
    {"native", PC_KV_SHARED, PC_SENSE_METRIC, PC_KL_SUM, PC_RANK_ABSOLUTE, PC_PRUNE_DANGLING,
     false},
    {"mib", PC_KV_PER_QUERY, PC_SENSE_LOSS, PC_KL_MEAN, PC_RANK_SIGNED, PC_PRUNE_DANGLING, true},
    {"eap-ig", PC_KV_PER_QUERY, PC_SENSE_LOSS, PC_KL_MEAN, PC_RANK_ABSOLUTE, PC_PRUNE_DANGLING,
     true},
    {"acdc", PC_KV_PER_QUERY, PC_SENSE_METRIC, PC_KL_SUM, PC_RANK_ABSOLUTE, PC_PRUNE_DANGLING,
     false},
    {"auto-circuit", PC_KV_PER_QUERY, PC_SENSE_METRIC, PC_KL_SUM, PC_RANK_ABSOLUTE,
     PC_PRUNE_NOTHING, false},
};

static const profile *profile_of(const char *name)
{
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        if (strcmp(profiles[i].name, name) == 0) return &profiles[i];
    return NULL;
}

pc_status pc_profile_apply(pc_find_options *options, pc_kv_granularity *kv, const char *name)
{
    const profile *p = profile_of(name);
    if (!p)
        return pc_fail(PC_ERR_INPUT,
                       "profile \"%.40s\", expected native, mib, eap-ig, acdc or auto-circuit",
                       name);
    options->profile = p->name;
    options->evaluation.sense = p->sense;
    options->evaluation.kl = p->kl;
    options->ranking = p->ranking;
    options->pruning = p->pruning;
    *kv = p->kv;
    return PC_OK;
}

pc_status pc_profile_check(const pc_find_options *o)
{
    const profile *p = profile_of(o->profile);
    if (!p || strcmp(p->name, "native") == 0) return PC_OK;
    if (o->evaluation.direction != PC_DIRECTION_NOISE)
        return pc_fail(PC_ERR_INPUT,
                       "profile %s cuts edges of the clean run: direction must be noise", p->name);
    if (p->is_input_token_alone && o->evaluation.source != PC_SOURCE_RESAMPLE)
        return pc_fail(PC_ERR_INPUT,
                       "the input of profile %s is the token's embedding without its position's, "
                       "which is not there under source %s: use resample",
                       p->name, pc_source_name(o->evaluation.source));
    return PC_OK;
}

double pc_ranking_sign(const pc_find_options *o)
{
    const double worse = pc_metric_sign_of_worse(&o->evaluation);
    if (o->ranking == PC_RANK_ABSOLUTE) return 0;
    return o->evaluation.direction == PC_DIRECTION_NOISE ? worse : -worse;
}

const char *pc_embedding_node(const pc_find_options *o)
{
    const profile *p = profile_of(o->profile);
    return p && p->is_input_token_alone ? "token" : "token and position";
}

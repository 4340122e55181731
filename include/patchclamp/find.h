/* The search for a circuit: measure every component, keep those that carry the behaviour, and say
 * how much of it they keep. */
#ifndef PATCHCLAMP_FIND_H
#define PATCHCLAMP_FIND_H

#include "patchclamp/circuit.h"
#include "patchclamp/patch.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pc_level { PC_LEVEL_NODE, PC_LEVEL_EDGE, PC_LEVEL_NEURON } pc_level;

/* "node", "edge", "neuron"; an unknown name is PC_ERR_INPUT that lists them. */
PC_API pc_status pc_level_parse(pc_level *out, const char *name);
PC_API const char *pc_level_name(pc_level level);

typedef enum pc_selection {
    PC_SELECT_FAITHFULNESS, /* the fewest strongest components that reach `faithfulness` */
    PC_SELECT_TOP,          /* the `top` strongest by |effect| */
    PC_SELECT_THRESHOLD     /* those with |effect| >= threshold */
} pc_selection;

/* How components are ranked: by |effect|, or by how much worse the metric gets without them, so that
 * what works against the behaviour comes last. */
typedef enum pc_ranking { PC_RANK_ABSOLUTE, PC_RANK_SIGNED } pc_ranking;
/* What goes after the selection: edges that lead nowhere, or nothing. */
typedef enum pc_pruning { PC_PRUNE_DANGLING, PC_PRUNE_NOTHING } pc_pruning;

typedef enum pc_resume {
    PC_RESUME_NO,
    PC_RESUME_YES,
    PC_RESUME_TAKE_OVER /* the same, from another host's process that is silent (run.h) */
} pc_resume;

typedef struct pc_progress {
    const char *phase;      /* "baseline", "measuring", "selecting", "positions", "evaluating" */
    const char *unit;       /* "edges", "circuits" ... */
    int64_t n_done, n_all;  /* n_all 0: not known */
    int64_t n_from_journal; /* of n_done, those that an earlier run had measured */
} pc_progress;

/* Called now and then from the calling thread. Returning false stops the search: what was measured
 * is in run.db and pc_find returns PC_ERR_INTERRUPTED. */
typedef bool (*pc_progress_fn)(const pc_progress *progress, void *payload);

/* Of which components effects are measured at each position alone. */
typedef enum pc_positions_of {
    PC_POSITIONS_OF_NONE,
    PC_POSITIONS_OF_CIRCUIT, /* those that were selected */
    PC_POSITIONS_OF_ALL      /* every component of the level */
} pc_positions_of;

/* "circuit" or "all"; another name is PC_ERR_INPUT. */
PC_API pc_status pc_positions_of_parse(pc_positions_of *out, const char *name);

typedef struct pc_position_options {
    pc_positions_of of;
    const char *const *names;      /* (n_names) columns, as pc_grid_options has them (grid.h) */
    int n_names;                   /* names NULL: each position of prompts of one length */
    const pc_tokenizer *tokenizer; /* shows the tokens; NULL: their ids are shown */
} pc_position_options;

/* Where integrated gradients are taken, of m steps from the source to the base: at 0 ... (m - 1) / m,
 * at 1 / m ... 1, or in between. By default as the EAP-IG library: left of inputs, right of
 * activations. */
typedef enum pc_ig_rule { PC_IG_DEFAULT, PC_IG_LEFT, PC_IG_RIGHT, PC_IG_MIDPOINT } pc_ig_rule;

/* "default", "left", "right", "midpoint"; another name is PC_ERR_INPUT. */
PC_API pc_status pc_ig_rule_parse(pc_ig_rule *out, const char *name);
PC_API const char *pc_ig_rule_name(pc_ig_rule rule);

typedef struct pc_find_options {
    pc_level level;
    const char *method; /* "exact", "racing", "acdc", "greedy", "hybrid", or an estimate (pc_find) */
    double confidence;  /* of racing: that its top is the top */
    pc_evaluator_options evaluation;
    pc_selection selection;
    int64_t top;
    double threshold;
    double faithfulness;
    const double *thresholds; /* of acdc: (n_thresholds) ascending; NULL: the one above */
    int n_thresholds;
    pc_position_options positions;
    const char *directory; /* the run directory; NULL: nothing is written, nothing can be resumed */
    pc_resume resume;
    pc_progress_fn progress; /* NULL: none */
    void *payload;
    /* (n_held_out) other prompts, each of a split of its own, such as a built-in task's other
     * splits: the circuit that was found is evaluated on them as well */
    const pc_task *const *held_out;
    int n_held_out; /* at most PC_MOST_HELD_OUT */
    int ig_steps;   /* of eap-ig and eap-ig-activations */
    pc_ig_rule ig_rule;
    int64_t n_checked;    /* of an estimate: so many components are measured beside it; 0: none */
    const char *estimate; /* of hybrid: the one that proposes */
    pc_ranking ranking;
    pc_pruning pruning;
    const char *profile;  /* whose conventions these are; pc_profile_apply() sets it */
    /* of hybrid: so many are measured; 0: a tenth of all, at least 4 top and 50. Of greedy: so many
     * at least in a step; 0: 16 */
    int64_t n_candidates;
    const char *command; /* how a user asks for this again, for the report; NULL: not said */
} pc_find_options;
enum { PC_MOST_HELD_OUT = 4 };
#define PC_FIND_OPTIONS_INIT                                                                       \
    {                                                                                              \
        PC_LEVEL_EDGE, "exact", 0.95, PC_EVALUATOR_OPTIONS_INIT, PC_SELECT_FAITHFULNESS, 0, 0,     \
            0.9, NULL, 0, {PC_POSITIONS_OF_NONE, NULL, 0, NULL}, NULL, PC_RESUME_NO, NULL, NULL,   \
            NULL, 0, 5, PC_IG_DEFAULT, 0, "eap-ig", PC_RANK_ABSOLUTE, PC_PRUNE_DANGLING, "native", \
            0, NULL                                                                                \
    }

/* The conventions of a tool (DESIGN.md, section 8), so that scores and selection are its own:
 *
 *   profile        k and v         metric      KL over vocabulary  ranking   pruned    steps
 *   native         per KV head     as it is    sum                 absolute  dangling  default
 *   mib            per query head  as a loss   mean                signed    dangling  default
 *   eap-ig         per query head  as a loss   mean                absolute  dangling  default
 *   acdc           per query head  as it is    sum                 absolute  dangling  default
 *   auto-circuit   per query head  as it is    sum                 absolute  nothing   default
 *
 * Sets all of these in the options, and *kv for pc_model_set_kv_granularity(). The input of mib and eap-ig
 * is the token's embedding without its position's: the same under resample, and PC_ERR_INPUT by
 * pc_find() under other sources; all but native are of noise. PC_ERR_INPUT: no such profile. */
PC_API pc_status pc_profile_apply(pc_find_options *options, pc_kv_granularity *kv,
                                  const char *name);

/* PC_ERR_INPUT for options that do not fit together, PC_ERR_UNSUPPORTED for a method that does not
 * exist: what pc_find() says too, before it opens anything. */
PC_API pc_status pc_find_check(const pc_find_options *options);

/* Methods. Estimates: "eap", "eap-ig", "eap-ig-activations", "clean-corrupted" and "relp" are first-order
 * effects by gradients (host/search/estimating.h says where each takes them), in float32 or the
 * precision of the products; option "effects" is then "estimate". They rank and select; every circuit is measured. With n_checked, so many components are measured too
 * (pc_circuit_checked); evaluation "check_pearson", "check_spearman", "check_same_sign", "check_n". "hybrid": the
 * strongest by `estimate` are measured, and the circuit is chosen among these alone; the others are
 * not measured; option "candidates". PC_ERR_INPUT: a metric without a gradient there.
 *
 * "exact": every component of the level is measured alone, on every prompt. "racing", with
 * selection by top: on 8 prompts first, then more, and only where it is not yet clear whether a
 * component belongs to the top, which is right with probability `confidence` (Bonferroni over
 * components and looks); the chosen ones are measured on every prompt, of the others circuit.json says on how many (host/search/race.h).
 * "acdc", of edges with selection by threshold: ACDC's decisions (host/search/acdc.h);
 * an edge's effect is the change of the metric when its turn came, and edges that were not reached
 * are not measured; options "decided_by_measuring", "unreached", "measured_in_vain",
 * "decided_in_double".
 *
 * "greedy", under noise: from the whole model on, the component goes without which the metric of
 * what is left is the least worse, until `top` are left, or each would worsen it by `threshold`, or
 * less than `faithfulness` would be kept (before edges that lead nowhere are pruned, which under
 * resampling changes nothing). Components are measured again from the least costly on, n_candidates
 * at a time, until the least cost is not above what is known of any other (host/search/greedy.h); an
 * effect is the change of the metric when the component went, or would go; edges that were not
 * reached are not measured; options "candidates", "removed_by_measuring", "unreached".
 *
 * With `thresholds`, and selection by faithfulness, ACDC decides at each of them in lock-step, and
 * as it would at each alone: what several ask is measured once. Every circuit goes into the
 * directory as circuit-T.json, T its threshold, and the table of thresholds.h as thresholds.csv.
 * Returned, and written as circuit.json, is the circuit with the fewest edges that keeps
 * `faithfulness`, of equals the most faithful; the lowest threshold's where none does or
 * faithfulness means nothing.
 *
 * Measures the components (each effect is that of a real intervention), ranks by |effect|, selects,
 * prunes edges that lead nowhere, and evaluates the circuit. Writes run.db as it goes (in its table
 * `decision` what acdc and greedy decide of each component, with the metric before and after), then
 * circuit.json, scores.csv, circuit.svg and report.html (report.h) into the directory, which is made
 * if it is missing; what is written down also has the faithfulness of the ranking's first components
 * at some sizes (pc_circuit_prefix). A
 * directory that holds a run already is PC_ERR_INPUT unless it is resumed; resuming another
 * model's, task's or option's run is PC_ERR_INPUT that says which differs.
 *
 * With method "exact", 6 prompts or more and at most 4 million effects every component gets two
 * numbers more. Its p-value, where option "p_values" says what corrects it, is familywise over all components (max-T by flipping signs, Westfall
 * and Young 1993). Its frequency is the share of 1,000 bootstraps over the prompts in which it is
 * selected again: the prompts are drawn with replacement, the same for all components, which are
 * ranked by the means over these and selected by the same rule, top or threshold, and pruned. The
 * rule of faithfulness would have to measure other circuits for each draw: the number taken (before
 * pruning) is kept at the run's instead, so that this says how sure the ranking is, not the size.
 * Options "bootstraps" and "bootstrap_top" or "bootstrap_threshold". In tf32 and bf16 both numbers
 * are of the effects as the sweep has them.
 *
 * The circuit's faithfulness gets a 95 % interval (pc_faithfulness) on the prompts that it was
 * found on, which does not know that it was chosen there, and on each held-out task: in the
 * evaluation "faithfulness", "low", "high" and, of split test, "test_faithfulness", "test_low",
 * "test_high", "test_circuit", "test_clean", "test_corrupted", "test_empty", "test_n". What is
 * undefined (a faithfulness whose scale has no ends, an interval of one prompt) is missing. This
 * comes last, with an evaluator a task, one after the other; run.db keeps only which tasks they
 * are, and with others it cannot be resumed. Under a mean source the means are each task's own.
 *
 * In tf32 and bf16 (pc_evaluator_options) effects near the selection's cut are measured again in
 * float32, and so are circuits: options "measured_again" and "margin" say how many and how near.
 * Racing in them is PC_ERR_INPUT.
 *
 * Where positions are asked for, the components are measured again at each of them alone: their
 * edges are cut there and carry the run's own values elsewhere (positions.h). positions.csv,
 * positions.svg and positions.pdf are written then, and nothing else changes. PC_ERR_INPUT: positions that a prompt
 * does not have, prompts of several lengths where each position is asked for. */
PC_API pc_status pc_find(pc_circuit **out, pc_model *model, const pc_task *task,
                         const pc_find_options *options);

typedef struct pc_faithfulness {
    /* a ratio of means over prompts: (circuit - empty) / (clean - empty) under noise,
     * (circuit - corrupted) / (empty - corrupted) under denoise, where cutting restores */
    double faithfulness;
    double clean;     /* mean metric of the full model on the clean prompts */
    double corrupted; /* ... on the corrupted prompts */
    double circuit;   /* ... of the circuit: noise cuts everything else, denoise the circuit */
    double empty;     /* ... with every component of the level cut */
    double circuit_stderr;
    /* 95 % interval of the faithfulness: percentiles over prompts drawn anew, 2,000 times */
    double low, high;
    double complement; /* faithfulness of all that is not in the circuit: what it can do without */
    /* faithfulness of n_random circuits of as many components, chosen at random: mean and most */
    double random_mean, random_most;
    int n_random;
    int n;                 /* prompts */
    int64_t n_kept, n_all; /* components in the circuit, and all of its level */
} pc_faithfulness;

/* Faithfulness of a circuit on a task: runs clean and cuts the complement of the circuit; with
 * PC_DIRECTION_DENOISE runs corrupted and cuts the circuit's own edges. PC_ERR_INPUT: a circuit of
 * another model (names or dimensions), or a denominator below two standard errors, where the ratio
 * means nothing. */
PC_API pc_status pc_circuit_evaluate(pc_faithfulness *out, const pc_circuit *circuit,
                                     const pc_model *model, const pc_task *task,
                                     const pc_evaluator_options *options);

/* A circuit of another tool on this model: the graph file of EAP-IG and MIB, or a list of edges, one
 * a line, a score behind it if there is one, # for comments. A line "model: 12 layers, 12 heads, 32491
 * edges" says which models the list is for. Edges that the file does not have are outside and not
 * measured. PC_ERR_INPUT with file and place: no such edge at the model's k/v granularity, an edge
 * twice, another model's dimensions, no edge at all. */
PC_API pc_status pc_circuit_import(pc_circuit **out, const char *path, pc_model *model);

/* A component of the circuit, and what its removal costs: faithfulness of the circuit less that of
 * the circuit without it (Wang et al. 2023, section 4, with K one component). */
typedef struct pc_minimality {
    char name[128];
    double drop;
    double low, high; /* 95 % interval, as above: each by itself, not corrected for their number */
} pc_minimality;

/* The components of the circuit, the least costly first: *n rows, free *rows with free(). Errors as
 * above. */
PC_API pc_status pc_circuit_minimality(pc_minimality **rows, int64_t *n, const pc_circuit *circuit,
                                       const pc_model *model, const pc_task *task,
                                       const pc_evaluator_options *options);

/* Completeness (Wang et al. 2023, section 4.1): what the circuit C does without a part K should be
 * what the model M, all components of the level, does without it. With f the faithfulness of a set
 * of components, 0 with everything cut and 1 of the model,
 *
 *     gap(K) = f(C \ K) - f(M \ K),   K = {}: f(C) - 1
 *
 * Theirs is F(C \ K) - F(M \ K) with F the mean metric: the gap times full - empty. A gap below 0
 * says that the model has something for K that the circuit has not, such as backups. The sets:
 *
 *     nothing   K = {}
 *     part      each head and MLP that the circuit has something of: all components of the level
 *               that leave it, those outside C as well, so that M \ K is the model without it
 *     role      all heads of the circuit that circuit.json gives the same role, if two have it
 *     random    20 times each component of C with probability 1/2
 *     greedy    from {} one component of C after another, each the one that makes |gap| largest,
 *               until none makes it larger, at most 10
 *
 * We differ: their sets are of heads at positions and knocked out by means, ours are of the level
 * and its source. Their greedy search looks at 10 random nodes a step, ten times over; ours once,
 * at all of C \ K, of more than 32 at 32 random ones. */
typedef enum pc_removed {
    PC_REMOVED_NOTHING,
    PC_REMOVED_PART,
    PC_REMOVED_ROLE,
    PC_REMOVED_RANDOM,
    PC_REMOVED_GREEDY
} pc_removed;
PC_API const char *pc_removed_name(pc_removed kind);

typedef struct pc_completeness {
    pc_removed kind;
    char name[128];         /* of the part, the role, or the component that a greedy step added */
    int64_t n;              /* components in both K and C */
    double circuit, model;  /* f(C \ K), f(M \ K) */
    double gap;
    /* 95 % interval of it, as above: each by itself, not corrected for the number of rows; the greedy
     * K was chosen on these prompts */
    double low, high;
} pc_completeness;

/* A row a set, in the order of kinds; parts with the largest |gap| first, greedy steps in turn: *n
 * rows, free *rows with free(). Errors as above. */
PC_API pc_status pc_circuit_completeness(pc_completeness **rows, int64_t *n,
                                         const pc_circuit *circuit, const pc_model *model,
                                         const pc_task *task, const pc_evaluator_options *options);

/* The idealised tests of Shi et al. 2024 ("Hypothesis testing the circuit hypothesis in LLMs",
 * section 3). Each null hypothesis is what an ideal circuit C of the model M would fulfil: a small p
 * speaks against the circuit, a large one does not speak for it. s is the metric on a prompt.
 *
 *     equivalence    |P(s(C) better than s(M)) - 1/2| < epsilon = 0.1: p of as unequal a number of
 *                    wins, at probability 1/2 + epsilon
 *     independence   s(M \ C) and s(M) are independent over prompts: Hilbert-Schmidt criterion, p by
 *                    1,000 permutations
 *     minimality     of each component: its removal matters more than that of a random one, with
 *                    probability at least q = 0.9. effect = mean over prompts of (s(C) - s(C without
 *                    it))^2. A random one: C gets a random path from the input to the logits that
 *                    has new edges (of nodes and neurons, a new one) and loses one of the new; 100
 *                    times. p = P(Binomial(100, q) <= how many of these have less effect)
 *
 * The three are tests by themselves, none corrected for the others. Within minimality p_holm is
 * corrected for all components of the circuit (Holm 1979: familywise, whatever depends on what);
 * one that stays below 5 % says that the circuit is not minimal.
 *
 * We differ: a prompt on which circuit and model do equally well is half a win (their test is for
 * none of these), and wins are counted as their paper has it, where their library takes the mean
 * difference for the share of wins. Each kernel is as wide as the median distance within its sample,
 * theirs both as that between the samples; of more than 2,000 prompts the first are used; p counts
 * the order that was found, so that it is not 0. Theirs has no correction for many edges. */
typedef struct pc_tested_component {
    char name[128];
    double effect;
    double above; /* share of the random components that have less effect */
    double p, p_holm;
} pc_tested_component;

typedef struct pc_hypotheses {
    int n; /* prompts */
    double epsilon, wins, equivalence_p; /* wins: of n, a draw is half of one */
    double hsic, independence_p;
    int n_references; /* random components; 0: the circuit is all of the model, or nothing */
    double quantile;
    pc_tested_component *components; /* (n_components) the least p first */
    int64_t n_components;
} pc_hypotheses;

/* PC_ERR_INPUT as above, and: fewer than 6 prompts; metric kl, of which the model has 0. Free with
 * pc_hypotheses_free(). */
PC_API pc_status pc_circuit_test(pc_hypotheses *out, const pc_circuit *circuit,
                                 const pc_model *model, const pc_task *task,
                                 const pc_evaluator_options *options);
PC_API void pc_hypotheses_free(pc_hypotheses *hypotheses);

/* The faithfulness of the first components of a circuit's ranking, at the sizes of MIB (Mueller et al.
 * 2025): 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50 and 100 % of all, rounded down, then pruned. */
enum { PC_CURVE_POINTS = 10 };
typedef struct pc_curve_point {
    double share;
    int64_t n, n_kept; /* components that were taken, and what pruning leaves of them */
    double faithfulness;
} pc_curve_point;
typedef struct pc_curve {
    /* ranked by how much worse the metric gets without them, and by |effect| */
    pc_curve_point by_score[PC_CURVE_POINTS], by_strength[PC_CURVE_POINTS];
    /* areas by trapezoids from the first point on: of the faithfulness by score; of its distance
     * from 1 by strength. At best 0.999 and 0 */
    double cpr, cmd;
} pc_curve;

/* Of the circuit's measured components. Errors as above, and a circuit without scores. */
PC_API pc_status pc_circuit_curve(pc_curve *out, const pc_circuit *circuit, const pc_model *model,
                                  const pc_task *task, const pc_evaluator_options *options);

/* What the curve's figure says about it; all is borrowed. */
typedef struct pc_curve_labels {
    const char *model, *task, *metric, *source, *direction;
    const char *method; /* that made the ranking; NULL: not known */
    int n;              /* prompts */
} pc_curve_labels;
/* The curve as a picture: the same curve gives the same bytes; the file is replaced atomically. */
PC_API pc_status pc_curve_write_svg(const pc_curve *curve, const char *path,
                                    const pc_curve_labels *labels);
PC_API pc_status pc_curve_write_pdf(const pc_curve *curve, const char *path,
                                    const pc_curve_labels *labels);

/* A circuit's edges beside the true ones. */
typedef struct pc_judgement {
    double auroc; /* how often a true edge has the larger |effect| of a true and a false one, ties
                     half; what was not measured is last; NaN where all edges are true */
    int64_t n_all, n_true, n_kept, n_both; /* edges; true; in the circuit; both */
} pc_judgement;
/* Both of one model at one granularity, and some edge true, else PC_ERR_INPUT. */
PC_API pc_status pc_circuit_judge(pc_judgement *out, const pc_circuit *circuit,
                                  const pc_circuit *truth);

/* The numeric fingerprint: what must be equal for a run to give the same bytes (backend,
 * arithmetic, library versions, kernel ABI). */
PC_API const char *pc_fingerprint(void);

#ifdef __cplusplus
}
#endif
#endif

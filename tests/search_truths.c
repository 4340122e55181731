/* The shipped lists of published circuits' edges are what their headers say: classes of components
 * that read one another, on the architecture that they are for. */
#include "base/file.h"
#include "model/model_private.h"
#include "search/candidates.h"
#include "search/import.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every edge from one of the writers to one of the readers that sees it. Heads read through the
 * letters; MLPs and logits, which have none, as they are. */
typedef struct rule {
    const char *writers, *readers, *letters;
} rule;

enum { MOST_RULES = 16 };

typedef struct listed {
    const char *name;
    int n_layers, n_heads, d_mlp;
    int64_t n_edges, n_true;
    rule rules[MOST_RULES];
} listed;

#define MLPS_TO_8 "m0 m1 m2 m3 m4 m5 m6 m7 m8"
#define MLPS MLPS_TO_8 " m9 m10 m11"

/* IOI */
#define NAME_MOVERS                                                                                \
    "a9.h6 a9.h9 a10.h0 a9.h0 a9.h7 a10.h1 a10.h2 a10.h6 a10.h10 a11.h2 a11.h9 a10.h7 a11.h10"
#define S_INHIBITION "a7.h3 a7.h9 a8.h6 a8.h10"
#define INDUCTION "a5.h5 a5.h8 a5.h9 a6.h9"
#define DUPLICATE "a0.h1 a0.h10 a3.h0"
#define PREVIOUS "a2.h2 a4.h11"
#define HEADS NAME_MOVERS " " S_INHIBITION " " INDUCTION " " DUPLICATE " " PREVIOUS

/* greater-than */
#define FIRST "a0.h1 a0.h3 a0.h5"
#define MIDDLE "a5.h5 a6.h1 a6.h9 a7.h10 a8.h11 a9.h1"
#define EARLY "m0 m1 m2 m3"
#define LATE "m8 m9 m10 m11"

static const listed lists[] = {
    {"ioi",
     12,
     12,
     4,
     32491,
     963,
     {{"input " MLPS, MLPS " logits", NULL},
      {MLPS, HEADS, "qkv"},
      {HEADS, MLPS, NULL},
      {"input", PREVIOUS, "qkv"},
      {"input", DUPLICATE, "qkv"},
      {PREVIOUS, INDUCTION, "kv"},
      {INDUCTION " " DUPLICATE, S_INHIBITION, "kv"},
      {"input", S_INHIBITION, "q"},
      {S_INHIBITION, NAME_MOVERS, "q"},
      {"input", NAME_MOVERS, "kv"},
      {NAME_MOVERS, "logits", NULL}}},
    {"greater-than",
     12,
     12,
     4,
     32491,
     235,
     {{"input", FIRST, "qkv"},
      {"input a0.h1", EARLY, NULL},
      {MLPS_TO_8, MLPS_TO_8, NULL},
      {FIRST " " EARLY, MIDDLE, "qkv"},
      {MLPS, MIDDLE, "q"},
      {MIDDLE " " LATE, LATE " logits", NULL}}},
    {"docstring",
     4,
     8,
     0,
     1281,
     24,
     {{"input", "a0.h5", "v"},
      {"input a0.h5", "a1.h4", "v"},
      {"input a0.h5", "a1.h2", "qk"},
      {"input a0.h5", "a2.h0", "qk"},
      {"a1.h4", "a2.h0", "v"},
      {"a1.h4", "a3.h0 a3.h6", "q"},
      {"a1.h2 a2.h0", "a3.h0 a3.h6", "k"},
      {"input a0.h5", "a3.h0 a3.h6", "v"},
      {"a3.h0 a3.h6", "logits", NULL}}},
};
enum { N_LISTS = sizeof lists / sizeof *lists };

/* A model of components alone: a list is of names. */
static pc_model bare_model(const listed *l)
{
    const pc_shape shape = {.n_layers = l->n_layers,
                            .n_heads = l->n_heads,
                            .n_kv_heads = l->n_heads,
                            .d_mlp = l->d_mlp,
                            .block = PC_BLOCK_SEQUENTIAL};
    pc_model model = {.shape = shape, .info = {.name = "bare"}};
    cr_assert_eq(pc_components_init(&model.components, &shape, PC_KV_SHARED), PC_OK);
    return model;
}

static int writer_named(const pc_components *c, const char *name)
{
    for (int u = 0; u < c->n_writers; u++)
        if (strcmp(c->writers[u].name, name) == 0) return u;
    cr_assert_fail("no writer %s", name);
    return -1;
}

static const pc_reader *reader_named(const pc_components *c, const char *name)
{
    for (int r = 0; r < c->n_readers; r++)
        if (strcmp(c->readers[r].name, name) == 0) return &c->readers[r];
    cr_assert_fail("no reader %s", name);
    return NULL;
}

/* The next word of a list into `out`; where it ends, NULL behind the last. */
static const char *next_word(char out[16], const char *words)
{
    words += strspn(words, " ");
    const size_t length = strcspn(words, " ");
    snprintf(out, 16, "%.*s", (int)length, words);
    return length ? words + length : NULL;
}

static void mark_reader(bool *marks, const pc_components *c, const char *writers,
                        const char *reader_name)
{
    const pc_reader *reader = reader_named(c, reader_name);
    char name[16];
    while ((writers = next_word(name, writers))) {
        const int writer = writer_named(c, name);
        if (writer < reader->n_visible) marks[reader->first_edge + writer] = true;
    }
}

static void mark_rule(bool *marks, const pc_components *c, const rule *r)
{
    char name[16], reader[32];
    for (const char *at = r->readers; (at = next_word(name, at));) {
        if (!r->letters) mark_reader(marks, c, r->writers, name);
        for (const char *x = r->letters; x && *x; x++) {
            snprintf(reader, sizeof reader, "%s<%c>", name, *x);
            mark_reader(marks, c, r->writers, reader);
        }
    }
}

static void read_list(bool *marks, const pc_model *model, const char *name)
{
    char path[1024], *bytes;
    size_t length;
    const size_t n = (size_t)model->components.n_edges;
    pc_imported read = {marks, calloc(n, sizeof(bool)), calloc(n, sizeof(double))};
    snprintf(path, sizeof path, "%s/tools/truths/%s.edges", PC_SOURCE_DIR, name);
    cr_assert_eq(pc_file_read(&bytes, &length, path, 1 << 20), PC_OK, "%s", pc_last_error());
    cr_assert_eq(pc_import_parse(&read, model, bytes, length, name), PC_OK, "%s", pc_last_error());
    free(bytes);
    free(read.score);
    free(read.is_known);
}

static void expect_same(const bool *read, const bool *expected, const listed *l,
                        const pc_components *c)
{
    int64_t n_read = 0;
    for (int64_t e = 0; e < c->n_edges; e++) {
        int writer, reader;
        pc_edge_ends(&writer, &reader, c, e);
        n_read += read[e];
        cr_expect_eq(read[e], expected[e], "%s: %s->%s is %s", l->name, c->writers[writer].name,
                     c->readers[reader].name, read[e] ? "in the list" : "not in the list");
    }
    cr_expect_eq(n_read, l->n_true, "%s: %lld edges", l->name, (long long)n_read);
}

Test(search_truths, the_lists_are_their_circuits_classes)
{
    for (int i = 0; i < N_LISTS; i++) {
        pc_model model = bare_model(&lists[i]);
        const pc_components *c = &model.components;
        cr_assert_eq(c->n_edges, lists[i].n_edges);
        bool *read = calloc((size_t)c->n_edges, 1), *expected = calloc((size_t)c->n_edges, 1);
        read_list(read, &model, lists[i].name);
        for (const rule *r = lists[i].rules; r->writers; r++)
            mark_rule(expected, c, r);
        expect_same(read, expected, &lists[i], c);
        free(expected);
        free(read);
        pc_components_free(&model.components);
    }
}

Test(search_truths, every_edge_lies_between_input_and_logits)
{
    for (int i = 0; i < N_LISTS; i++) {
        pc_model model = bare_model(&lists[i]);
        pc_candidates candidates;
        bool *kept = calloc((size_t)model.components.n_edges, 1);
        read_list(kept, &model, lists[i].name);
        cr_assert_eq(pc_candidates_init(&candidates, &model, PC_LEVEL_EDGE), PC_OK);
        cr_assert_eq(pc_candidates_prune(kept, &candidates), PC_OK);
        int64_t n_left = 0;
        for (int64_t e = 0; e < candidates.n; e++)
            n_left += kept[e];
        cr_expect_eq(n_left, lists[i].n_true, "%s: pruning leaves %lld", lists[i].name,
                     (long long)n_left);
        free(kept);
        pc_components_free(&model.components);
    }
}

/* All names of the list for GPT-2 small exist in GPT-2 medium, too. */
Test(search_truths, another_architecture_is_refused)
{
    for (int i = 0; i < N_LISTS; i++) {
        listed larger = lists[i];
        larger.n_layers *= 2;
        pc_model model = bare_model(&larger);
        char path[1024], *bytes;
        size_t length;
        const size_t n = (size_t)model.components.n_edges;
        pc_imported read = {calloc(n, 1), calloc(n, 1), calloc(n, sizeof(double))};
        snprintf(path, sizeof path, "%s/tools/truths/%s.edges", PC_SOURCE_DIR, lists[i].name);
        cr_assert_eq(pc_file_read(&bytes, &length, path, 1 << 20), PC_OK, "%s", pc_last_error());
        cr_expect_eq(pc_import_parse(&read, &model, bytes, length, "list"), PC_ERR_INPUT);
        cr_expect(strstr(pc_last_error(), "a list of edges of a model of"), "%s", pc_last_error());
        free(bytes);
        free(read.score);
        free(read.is_known);
        free(read.is_kept);
        pc_components_free(&model.components);
    }
}

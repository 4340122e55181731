/* The vocabulary is a tree: every beginning of a word is a token, made of the one before it and a
 * letter. Words with a space before them come first, so that no merge inside them is earlier. */
#define _POSIX_C_SOURCE 200809L
#include "support/word_tokenizer.h"

#include "base/file.h"
#include "base/memory.h"
#include "io/task_text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct tree {
    pc_text tokens; /* of the tree, each with a line break before and behind it */
    pc_text merges, vocabulary;
    int n_tokens;
    const word_options *options;
} tree;

/* The space is U+0120 in the vocabulary of byte-level BPE, the line break U+010A; over characters
 * the space is U+2581. */
static void put_piece(pc_text *out, const char *word, size_t length, word_style style)
{
    const bool is_bytes = style != WORD_CHARACTERS;
    char piece[128] = "";
    memcpy(piece, word, length);
    pc_text_put(out, "\"");
    for (const char *c = piece; *c; c++) {
        const char letter[] = {*c == '"' || *c == '\\' ? '\\' : *c, *c, 0};
        if (*c == ' ') pc_text_put(out, is_bytes ? "\xc4\xa0" : "\xe2\x96\x81");
        else if (*c == '\n') pc_text_put(out, is_bytes ? "\xc4\x8a" : "\\n");
        else pc_text_put(out, *c == '"' || *c == '\\' ? letter : letter + 1);
    }
    pc_text_put(out, "\"");
}

static bool has_token(const tree *t, const char *word, size_t length)
{
    char line[130] = "\n";
    memcpy(line + 1, word, length);
    line[length + 1] = '\n';
    return t->tokens.data && strstr(t->tokens.data, line);
}

static void add_token(tree *t, const char *word, size_t length)
{
    pc_text_put(&t->tokens, "\n");
    pc_text_put_bytes(&t->tokens, word, length);
    pc_text_put(&t->tokens, "\n");
    pc_text_put(&t->vocabulary, ", ");
    put_piece(&t->vocabulary, word, length, t->options->style);
    pc_text_printf(&t->vocabulary, ": %d", t->n_tokens++);
}

static void add_word(tree *t, const char *word)
{
    for (size_t n = 2; n <= strlen(word); n++) {
        if (has_token(t, word, n)) continue;
        add_token(t, word, n);
        pc_text_put(&t->merges, t->merges.length ? ", [" : "[");
        put_piece(&t->merges, word, n - 1, t->options->style);
        pc_text_put(&t->merges, ", ");
        put_piece(&t->merges, word + n - 1, 1, t->options->style);
        pc_text_put(&t->merges, "]");
    }
}

static bool is_missing(const tree *t, const pc_word_table *table, const char *word)
{
    const word_options *o = t->options;
    const bool is_short = table->is_whole || table->least == 1;
    int sum = 0;
    for (const char *c = word; *c; c++)
        sum += *c;
    return (o->missing && strcmp(o->missing, word) == 0) ||
           (o->missing_each && !is_short && sum % o->missing_each == 0);
}

static void add_table(tree *t, const pc_word_table *table)
{
    for (size_t i = 0; table->words[i]; i++) {
        char word[64] = "";
        strcat(strcpy(word, table->before), table->words[i]);
        const bool is_digit = word[strlen(word) - 1] >= '0' && word[strlen(word) - 1] <= '9';
        if (is_digit && t->options->style != WORD_PAIRS_OF_DIGITS) continue;
        if (is_digit || !is_missing(t, table, table->words[i])) add_word(t, word);
    }
}

/* Words with a space before them, then the others. */
static void add_tables(tree *t, bool has_space)
{
    for (int i = 0; pc_generators[i]; i++) {
        const pc_page *page = pc_generators[i]->page;
        for (int k = 0; page && page->tables[k]; k++)
            if ((*page->tables[k]->before == ' ') == has_space) add_table(t, page->tables[k]);
    }
}

static void add_bytes(tree *t)
{
    add_token(t, " ", 1);
    add_token(t, "\n", 1);
    for (char c = '!'; c <= '~'; c++)
        add_token(t, &c, 1);
    for (int byte = 0; byte < 256 && t->options->style == WORD_CHARACTERS; byte++)
        pc_text_printf(&t->vocabulary, ", \"<0x%02X>\": %d", (unsigned)byte, t->n_tokens++);
}

const char word_tokenizer_config[] = "{\"bos_token\": \"<|bos|>\"}\n";

/* Normalizer, pre_tokenizer and decoder; what the model has besides. */
static const char *const parts[][2] = {
    [WORD_PAIRS_OF_DIGITS] = {"\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"ByteLevel\", "
                              "\"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": "
                              "true}, \"decoder\": {\"type\": \"ByteLevel\"}",
                              "\"unk_token\": null"},
    [WORD_SINGLE_DIGITS] =
        {"\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": "
         "[{\"type\": \"Split\", \"pattern\": {\"Regex\": "
         "\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|"
         "\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|"
         "\\\\s+(?!\\\\S)|\\\\s+\"}, \"behavior\": \"Isolated\", \"invert\": false}, {\"type\": "
         "\"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": false, \"use_regex\": "
         "false}]}, \"decoder\": {\"type\": \"ByteLevel\"}",
         "\"unk_token\": null"},
    [WORD_CHARACTERS] =
        {"\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", "
         "\"prepend\": \"\xe2\x96\x81\"}, {\"type\": \"Replace\", \"pattern\": {\"String\": \" "
         "\"}, "
         "\"content\": \"\xe2\x96\x81\"}]}, \"pre_tokenizer\": null, \"decoder\": {\"type\": "
         "\"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": {\"String\": "
         "\"\xe2\x96\x81\"}, \"content\": \" \"}, {\"type\": \"ByteFallback\"}, {\"type\": "
         "\"Fuse\"}, {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}]}",
         "\"unk_token\": null, \"byte_fallback\": true"},
};

pc_status word_tokenizer_put(pc_text *out, const word_options *options)
{
    tree t = {.n_tokens = 1, .options = options};
    pc_text_put(&t.vocabulary, "\"<|bos|>\": 0");
    add_bytes(&t);
    add_tables(&t, true);
    add_tables(&t, false);
    pc_text_printf(out,
                   "{\"version\": \"1.0\", \"added_tokens\": [{\"id\": 0, \"content\": "
                   "\"<|bos|>\", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
                   "\"normalized\": false, \"special\": true}], %s, \"post_processor\": null, "
                   "\"model\": {\"type\": \"BPE\", \"dropout\": null, %s, \"vocab\": {",
                   parts[options->style][0], parts[options->style][1]);
    if (!t.merges.has_failed && !t.vocabulary.has_failed && !t.tokens.has_failed) {
        pc_text_put(out, t.vocabulary.data);
        pc_text_put(out, "}, \"merges\": [");
        pc_text_put(out, t.merges.data);
        pc_text_put(out, "]}}\n");
    }
    pc_text_free(&t.merges);
    pc_text_free(&t.vocabulary);
    pc_text_free(&t.tokens);
    return pc_text_status(out);
}

pc_status word_tokenizer_open(pc_tokenizer **out, const word_options *options)
{
    char folder[] = "/tmp/patchclamp-words-XXXXXX";
    pc_text json = {0};
    if (!mkdtemp(folder)) return PC_ERR_IO;
    char *path = pc_path_join(folder, "tokenizer.json");
    char *config = pc_path_join(folder, "tokenizer_config.json");
    pc_status status = word_tokenizer_put(&json, options);
    if (status == PC_OK) status = pc_file_replace(path, json.data, json.length);
    if (status == PC_OK)
        status = pc_file_replace(config, word_tokenizer_config, strlen(word_tokenizer_config));
    if (status == PC_OK) status = pc_tokenizer_open(out, folder);
    unlink(config);
    unlink(path);
    rmdir(folder);
    free(config);
    free(path);
    pc_text_free(&json);
    return status;
}

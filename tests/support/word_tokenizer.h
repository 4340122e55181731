/* Tokenizers made for the built-in tasks: BPE whose vocabulary has the words of the
 * tasks' pages as one token each, the space before them included; all other text is bytes or
 * characters. */
#ifndef PC_TESTS_WORD_TOKENIZER_H
#define PC_TESTS_WORD_TOKENIZER_H

#include "base/text.h"
#include "patchclamp/tokenizer.h"

typedef enum word_style {
    WORD_PAIRS_OF_DIGITS, /* as GPT-2: " 1732" is " 17" "32" */
    WORD_SINGLE_DIGITS,   /* as Qwen: " 1732" is " " "1" "7" "3" "2" */
    WORD_CHARACTERS       /* as Llama 2: characters, a space put in front of a text */
} word_style;

typedef struct word_options {
    word_style style;
    int missing_each;    /* about one of n words is not in the vocabulary; 0: all are */
    const char *missing; /* nor is this one, NULL: none */
} word_options;

/* tokenizer.json, and what tokenizer_config.json says beside it: token 0 is <|bos|>, which is not
 * put in front of a text by itself. */
pc_status word_tokenizer_put(pc_text *out, const word_options *options);
extern const char word_tokenizer_config[];

/* The tokenizer of these files. */
pc_status word_tokenizer_open(pc_tokenizer **out, const word_options *options);

#endif

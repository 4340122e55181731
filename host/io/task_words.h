/* The words that tasks of sentences are made of: everyday words, chosen to be one token each in
 * common vocabularies. Which ones are is found out for each tokenizer. */
#ifndef PC_IO_TASK_WORDS_H
#define PC_IO_TASK_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Rows of forms that belong together, such as singular and plural. */
typedef struct pc_word_table {
    const char *name;         /* of many of them: "women's names" */
    const char *const *words; /* (n_rows, n_forms), NULL behind the last */
    int n_forms;
    int least;          /* rows that a pair needs */
    const char *before; /* of a word in a sentence: " ", or "" where none is */
    bool is_whole;      /* every split has all rows; else ood has each fourth one alone */
} pc_word_table;

extern const char *const pc_words_women[], *const pc_words_men[], *const pc_words_surnames[];
extern const char *const pc_words_places[], *const pc_words_objects[];
extern const char *const pc_words_adjectives[], *const pc_words_people[];
extern const char *const pc_words_nouns[];     /* singular, plural */
extern const char *const pc_words_events[];    /* what lasts for years */
extern const char *const pc_words_arguments[]; /* of functions in Python */
extern const char *const pc_words_topics[];    /* nouns that describe them */
extern const char *const pc_words_digits[];    /* "00" to "99" */

#endif

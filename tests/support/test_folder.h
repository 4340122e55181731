/* Folders for files that tests write: empty when they are made, gone with all that is in them. */
#ifndef PC_TESTS_TEST_FOLDER_H
#define PC_TESTS_TEST_FOLDER_H

enum { TEST_FOLDER_BYTES = 64 };

/* The path of a new folder. Fails the test where there can be none. */
void test_folder_make(char folder[TEST_FOLDER_BYTES]);
void test_folder_remove(const char *folder);

/* One for each test of a suite:
 * TestSuite(NAME, .init = test_folder_set_up, .fini = test_folder_clean_up). */
extern char test_folder[TEST_FOLDER_BYTES];
void test_folder_set_up(void);
void test_folder_clean_up(void);

/* "FOLDER/RUN/FILE", or "FOLDER/RUN" where `file` is empty; holds until the next call. */
const char *test_folder_path(const char *run, const char *file);

/* The file has the same bytes in both runs. */
void test_folder_expect_same(const char *a, const char *b, const char *file);

#endif

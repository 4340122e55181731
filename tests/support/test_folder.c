/* Making, naming and removing folders. */
#define _POSIX_C_SOURCE 200809L
#include "support/test_folder.h"

#include "base/file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char test_folder[TEST_FOLDER_BYTES];

void test_folder_make(char folder[TEST_FOLDER_BYTES])
{
    strcpy(folder, "/tmp/patchclamp-test-XXXXXX");
    cr_assert(mkdtemp(folder), "%s: %s", folder, strerror(errno));
}

void test_folder_remove(const char *folder)
{
    char command[TEST_FOLDER_BYTES + 16];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    (void)!system(command);
}

void test_folder_set_up(void)
{
    test_folder_make(test_folder);
}

void test_folder_clean_up(void)
{
    test_folder_remove(test_folder);
}

const char *test_folder_path(const char *run, const char *file)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s%s%s", test_folder, run, *file ? "/" : "", file);
    return path;
}

void test_folder_expect_same(const char *a, const char *b, const char *file)
{
    char *x, *y;
    size_t n, m;
    cr_assert_eq(pc_file_read(&x, &n, test_folder_path(a, file), 1 << 26), PC_OK, "%s",
                 pc_last_error());
    cr_assert_eq(pc_file_read(&y, &m, test_folder_path(b, file), 1 << 26), PC_OK, "%s",
                 pc_last_error());
    cr_expect(n == m && memcmp(x, y, n) == 0, "%s differs between %s and %s", file, a, b);
    free(y);
    free(x);
}

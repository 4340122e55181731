/* The version and the commit are what the build says they are. */
#include "patchclamp/version.h"

#include <criterion/criterion.h>
#include <string.h>

Test(base_version, version_is_the_projects)
{
    cr_expect_str_eq(pc_version(), PC_PROJECT_VERSION);
}

Test(base_version, commit_is_one_word)
{
    const char *commit = pc_version_commit();
    cr_expect_geq(strlen(commit), 7, "\"%s\"", commit);
    cr_expect_null(strpbrk(commit, " \t\r\n\""), "\"%s\"", commit);
}

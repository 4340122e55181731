/* The version, and the commit that the build found. */
#include "patchclamp/version.h"

#include "pc_build.h" /* written by host/cmake/commit.cmake */

const char *pc_version(void)
{
    return PC_BUILD_VERSION;
}

const char *pc_version_commit(void)
{
    return PC_BUILD_COMMIT;
}

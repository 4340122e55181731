/* Which Patchclamp this is. */
#ifndef PATCHCLAMP_VERSION_H
#define PATCHCLAMP_VERSION_H

#include "patchclamp/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version, "MAJOR.MINOR.PATCH". */
PC_API const char *pc_version(void);

/* The commit it was built from, as `git describe --always --dirty` names it; "unknown" when it was
 * not built in a git working tree. */
PC_API const char *pc_version_commit(void);

#ifdef __cplusplus
}
#endif
#endif

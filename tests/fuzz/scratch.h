/* A folder for parsers that read files: made once, removed at exit. */
#ifndef PC_TESTS_SCRATCH_H
#define PC_TESTS_SCRATCH_H

#include <stddef.h>

/* The folder, and a file in it replaced by these bytes (in place: no rename, no flush to disk). */
const char *scratch_folder(void);
void scratch_write(const char *name, const void *bytes, size_t length);
/* "FOLDER/NAME", valid until the next call. */
const char *scratch_path(const char *name);

#endif

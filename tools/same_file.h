/* An output must not be an input. */
#ifndef PC_TOOLS_SAME_FILE_H
#define PC_TOOLS_SAME_FILE_H

#include <stdbool.h>

/* Both exist and are one file, whatever their paths. */
bool is_same_file(const char *a, const char *b);

/* The file exists and lies in this folder. */
bool is_file_in(const char *file, const char *folder);

/* The file is one of those that a run replaces in its folder; NULL ends the names. */
bool is_run_output(const char *file, const char *folder, const char *const *names);

#endif

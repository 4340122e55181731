/* An output must not be an input. */
#ifndef PC_TOOLS_SAME_FILE_H
#define PC_TOOLS_SAME_FILE_H

#include <stdbool.h>

/* Both exist and are one file, whatever their paths. */
bool is_same_file(const char *a, const char *b);

/* The file exists and lies in this folder. */
bool is_file_in(const char *file, const char *folder);

#endif

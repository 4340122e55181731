/* Comparing files by device and inode. */
#define _POSIX_C_SOURCE 200809L
#include "same_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool is_named_in(const char *file, const char *folder, const char *name)
{
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    return length > 0 && (size_t)length < sizeof path && is_same_file(file, path);
}

bool is_file_in(const char *file, const char *folder)
{
    const char *slash = strrchr(file, '/');
    return is_named_in(file, folder, slash ? slash + 1 : file);
}

bool is_run_output(const char *file, const char *folder, const char *const *names)
{
    for (; *names; names++)
        if (is_named_in(file, folder, *names)) return true;
    return false;
}

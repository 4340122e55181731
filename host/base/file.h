/* Files: whole reads with a limit, positioned reads, atomic replacement. */
#ifndef PC_BASE_FILE_H
#define PC_BASE_FILE_H

#include "base/fail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a regular file whole; `*bytes` gets a terminating 0 beyond `*length`. A missing or
 * unreadable file, a folder, or more than `max_bytes` is PC_ERR_INPUT. Free `*bytes`. */
pc_status pc_file_read(char **bytes, size_t *length, const char *path, size_t max_bytes);

/* An open file for positioned reads from several places. */
typedef struct pc_file {
    char *path;
    int descriptor;
    uint64_t bytes; /* size when it was opened */
} pc_file;

pc_status pc_file_open(pc_file *out, const char *path);
/* Exactly `length` bytes at `offset`; a shorter file is PC_ERR_INPUT naming the offset. */
pc_status pc_file_read_at(void *out, const pc_file *file, uint64_t offset, size_t length);
void pc_file_close(pc_file *file);

/* Writes `path` so that a reader sees the old file or the whole new one: a temporary file beside
 * it, flushed to disk, then renamed. On failure (PC_ERR_IO) nothing is left behind. A symbolic link
 * is followed; what is no regular file (a pipe, /dev/stdout) is written into. */
pc_status pc_file_replace(const char *path, const char *bytes, size_t length);

/* Removes the temporary files beside `path` that a killed pc_file_replace() left. Only for a writer
 * that knows to be alone. What cannot be removed stays: it harms nobody. */
void pc_file_remove_leftovers(const char *path);

bool pc_file_exists(const char *path);
bool pc_directory_exists(const char *path);
/* Makes the directory and its parents; an existing directory is fine. PC_ERR_IO otherwise. */
pc_status pc_directory_make(const char *path);

/* "directory/name"; NULL with the message set when memory is out. Free it. */
char *pc_path_join(const char *directory, const char *name);

#endif

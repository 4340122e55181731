/* POSIX file access: bounded reads and atomic replacement. */
#define _XOPEN_SOURCE 700
#include "base/file.h"

#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

pc_status pc_file_open(pc_file *out, const char *path)
{
    *out = (pc_file){.descriptor = -1};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a fifo must not hang us */
    if (descriptor < 0) return pc_fail(PC_ERR_INPUT, "%s: %s", path, strerror(errno));
    struct stat facts;
    pc_status status = PC_OK;
    if (fstat(descriptor, &facts) != 0)
        status = pc_fail(PC_ERR_INPUT, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(facts.st_mode))
        status = pc_fail(PC_ERR_INPUT, "%s: %s, expected a regular file", path,
                         S_ISDIR(facts.st_mode) ? "a directory" : "a special file");
    else if (!(out->path = pc_copy_text(path))) status = PC_ERR_NOMEM;
    if (status != PC_OK) {
        close(descriptor);
        return status;
    }
    out->descriptor = descriptor;
    out->bytes = (uint64_t)facts.st_size;
    return PC_OK;
}

pc_status pc_file_read_at(void *out, const pc_file *file, uint64_t offset, size_t length)
{
    char *to = out;
    while (length > 0) {
        ssize_t got = pread(file->descriptor, to, length, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return pc_fail(PC_ERR_IO, "%s:%llu: %s", file->path, (unsigned long long)offset,
                           strerror(errno));
        if (got == 0)
            return pc_fail(PC_ERR_INPUT, "%s:%llu: the file ends here, expected %zu more bytes",
                           file->path, (unsigned long long)offset, length);
        to += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return PC_OK;
}

void pc_file_close(pc_file *file)
{
    if (file->path) close(file->descriptor);
    free(file->path);
    *file = (pc_file){.descriptor = -1};
}

pc_status pc_file_read(char **bytes, size_t *length, const char *path, size_t max_bytes)
{
    pc_file file;
    *bytes = NULL;
    *length = 0;
    PC_TRY(pc_file_open(&file, path));
    pc_status status = PC_OK;
    if (file.bytes > max_bytes) {
        status = pc_fail(PC_ERR_INPUT, "%s: %llu bytes, expected at most %zu", path,
                         (unsigned long long)file.bytes, max_bytes);
    } else if (!(*bytes = pc_alloc((size_t)file.bytes + 1, 1))) {
        status = PC_ERR_NOMEM;
    } else {
        *length = (size_t)file.bytes;
        status = pc_file_read_at(*bytes, &file, 0, *length);
    }
    pc_file_close(&file);
    if (status != PC_OK) {
        free(*bytes);
        *bytes = NULL;
        *length = 0;
    }
    return status;
}

static pc_status write_all(int descriptor, const char *bytes, size_t length, const char *path)
{
    while (length > 0) {
        ssize_t put = write(descriptor, bytes, length);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return pc_fail(PC_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
        bytes += put;
        length -= (size_t)put;
    }
    if (fsync(descriptor) != 0 && errno != EINVAL)
        return pc_fail(PC_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    return PC_OK;
}

/* The rename is durable only once the directory itself is on disk. */
static void sync_directory_of(const char *path)
{
    char *copy = pc_copy_text(path);
    if (!copy) return;
    char *slash = strrchr(copy, '/');
    if (slash) slash[slash == copy ? 1 : 0] = 0;
    int directory = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        (void)fsync(directory);
        close(directory);
    }
    free(copy);
}

static pc_status fill_and_rename(int descriptor, const char *temporary, const char *path,
                                 const char *bytes, size_t length)
{
    mode_t mask = umask(0);
    umask(mask);
    pc_status status = write_all(descriptor, bytes, length, path);
    if (status == PC_OK && fchmod(descriptor, 0666 & ~mask) != 0)
        status = pc_fail(PC_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    if (close(descriptor) != 0 && status == PC_OK)
        status = pc_fail(PC_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    if (status == PC_OK && rename(temporary, path) != 0)
        status = pc_fail(PC_ERR_IO, "%s: cannot replace: %s", path, strerror(errno));
    return status;
}

/* A device or a pipe, such as /dev/stdout, is written into: a rename would put a file in its place.
 */
static pc_status write_into(const char *path, const char *bytes, size_t length)
{
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return pc_fail(PC_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    pc_status status = write_all(descriptor, bytes, length, path);
    if (close(descriptor) != 0 && status == PC_OK)
        status = pc_fail(PC_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    return status;
}

/* Follows the path's name in that of its temporary file; six letters of mkstemp's end it. */
static const char partial[] = ".partial-";

static pc_status replace_regular(const char *path, const char *bytes, size_t length)
{
    size_t room = strlen(path) + sizeof partial + 6;
    char *temporary = pc_alloc(room, 1);
    if (!temporary) return PC_ERR_NOMEM;
    snprintf(temporary, room, "%s%sXXXXXX", path, partial);
    pc_status status;
    int descriptor = mkstemp(temporary);
    if (descriptor < 0) {
        status = pc_fail(PC_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    } else {
        status = fill_and_rename(descriptor, temporary, path, bytes, length);
        if (status != PC_OK) unlink(temporary);
        else sync_directory_of(path);
    }
    free(temporary);
    return status;
}

pc_status pc_file_replace(const char *path, const char *bytes, size_t length)
{
    struct stat facts;
    if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode))
        return write_into(path, bytes, length);
    const bool is_link = lstat(path, &facts) == 0 && S_ISLNK(facts.st_mode);
    char *target = is_link ? realpath(path, NULL) : NULL; /* NULL: it leads nowhere, or no link */
    pc_status status = replace_regular(target ? target : path, bytes, length);
    free(target);
    return status;
}

static bool is_leftover(const char *entry, const char *name)
{
    const size_t length = strlen(name);
    return strncmp(entry, name, length) == 0 &&
           strncmp(entry + length, partial, sizeof partial - 1) == 0;
}

void pc_file_remove_leftovers(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? pc_copy_bytes(path, (size_t)(slash - path) + 1) : pc_copy_text(".");
    DIR *directory = folder ? opendir(folder) : NULL;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (!is_leftover(entry->d_name, slash ? slash + 1 : path)) continue;
        char *leftover = pc_path_join(folder, entry->d_name);
        if (leftover) unlink(leftover);
        free(leftover);
    }
    if (directory) closedir(directory);
    free(folder);
}

bool pc_file_exists(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISREG(facts.st_mode);
}

bool pc_directory_exists(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static pc_status make_one_directory(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return PC_OK;
    return pc_fail(PC_ERR_IO, "%s: cannot make the directory: %s", path, strerror(errno));
}

pc_status pc_directory_make(const char *path)
{
    char *copy = pc_copy_text(path);
    if (!copy) return PC_ERR_NOMEM;
    pc_status status = PC_OK;
    for (char *c = copy + 1; *copy && *c && status == PC_OK; c++) {
        if (*c != '/') continue;
        *c = 0;
        status = make_one_directory(copy);
        *c = '/';
    }
    if (status == PC_OK) status = make_one_directory(copy);
    free(copy);
    if (status == PC_OK && !pc_directory_exists(path))
        status = pc_fail(PC_ERR_IO, "%s: exists and is not a directory", path);
    return status;
}

char *pc_path_join(const char *directory, const char *name)
{
    size_t length = strlen(directory);
    const char *slash = length > 0 && directory[length - 1] == '/' ? "" : "/";
    char *path = pc_alloc(length + strlen(name) + 2, 1);
    if (path) sprintf(path, "%s%s%s", directory, slash, name);
    return path;
}

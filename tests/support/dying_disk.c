/* SQLite's own file system with a trap in front of what changes the disk. */
#define _POSIX_C_SOURCE 200809L
#include "support/dying_disk.h"

#include <signal.h>
#include <sqlite3.h>
#include <stddef.h>

static sqlite3_vfs *real, trapped;
static const sqlite3_io_methods *real_methods;
static sqlite3_io_methods trapped_methods;
static int changes_left;
static dying_way way_to_die;

static int is_last_change(void)
{
    return changes_left-- == 0;
}

static int trapped_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
    if (is_last_change()) {
        if (way_to_die == DYING_MIDWAY) real_methods->xWrite(file, bytes, length / 2, offset);
        raise(SIGKILL);
    }
    return real_methods->xWrite(file, bytes, length, offset);
}

static int trapped_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (is_last_change()) raise(SIGKILL);
    return real_methods->xTruncate(file, size);
}

static int trapped_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs;
    if (is_last_change()) raise(SIGKILL);
    return real->xDelete(real, path, sync);
}

static int trapped_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                        int *flags_out)
{
    (void)vfs;
    int code = real->xOpen(real, path, file, flags, flags_out);
    if (code != SQLITE_OK || !file->pMethods) return code;
    real_methods = file->pMethods; /* the same for all files of one file system */
    trapped_methods = *real_methods;
    trapped_methods.xWrite = trapped_write;
    trapped_methods.xTruncate = trapped_truncate;
    file->pMethods = &trapped_methods;
    return code;
}

void dying_disk_install(int n, dying_way way)
{
    sqlite3_initialize();
    real = sqlite3_vfs_find(NULL);
    trapped = *real;
    trapped.zName = "dying";
    trapped.xOpen = trapped_open;
    trapped.xDelete = trapped_delete;
    changes_left = n;
    way_to_die = way;
    sqlite3_vfs_register(&trapped, 1);
}

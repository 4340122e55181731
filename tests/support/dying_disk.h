/* A disk whose process is killed at a chosen change of it. */
#ifndef TEST_SUPPORT_DYING_DISK_H
#define TEST_SUPPORT_DYING_DISK_H

typedef enum dying_way {
    DYING_BEFORE, /* the change is not made */
    DYING_MIDWAY, /* of a write, half is made */
    N_DYING_WAYS
} dying_way;

/* From now on SQLite's files count their changes (writes, truncations, removals), and the change
 * number n, from 0, kills the process with SIGKILL. For a child that was just forked. */
void dying_disk_install(int n, dying_way way);

#endif

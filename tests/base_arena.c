/* One block cut into arrays: counted and placed by the same calls. */
#include "base/arena.h"
#include "base/memory.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

typedef struct rooms {
    float *x;
    char *c;
    double *none, *y;
} rooms;

static void lay_out(rooms *r, pc_arena *a)
{
    r->x = pc_arena_take(a, 3, sizeof *r->x);
    r->c = pc_arena_take(a, 65, sizeof *r->c);
    r->none = pc_arena_take(a, 0, sizeof *r->none);
    r->y = pc_arena_take(a, 2, sizeof *r->y);
}

Test(base_arena, what_was_counted_is_what_is_placed)
{
    pc_arena a = {0};
    rooms r;
    lay_out(&r, &a);
    cr_expect_null(r.x);
    const size_t counted = a.used;
    cr_assert_eq(pc_arena_open(&a), PC_OK);
    lay_out(&r, &a);
    cr_expect_eq(a.used, counted);
    cr_expect_eq(a.size, counted);
    const void *const starts[] = {r.x, r.c, r.y};
    for (size_t i = 0; i < 3; i++)
        cr_expect_eq((uintptr_t)starts[i] % 64, 0);
    for (int i = 0; i < 65; i++)
        cr_expect_eq(r.c[i], 0);
    memset(r.x, 1, 3 * sizeof *r.x);
    memset(r.c, 2, 65);
    cr_expect((char *)r.c >= (char *)(r.x + 3) && (char *)r.y >= r.c + 65);
    pc_arena_free(&a);
}

Test(base_arena, sizes_that_overflow_are_refused)
{
    pc_arena a = {0};
    cr_expect_null(pc_arena_take(&a, INT64_MAX, 16));
    cr_expect_eq(pc_arena_open(&a), PC_ERR_NOMEM);
    pc_arena_free(&a);
    a = (pc_arena){0};
    pc_arena_take(&a, INT64_MAX, 1);
    pc_arena_take(&a, INT64_MAX, 1);
    pc_arena_take(&a, INT64_MAX, 1);
    cr_expect_eq(pc_arena_open(&a), PC_ERR_NOMEM);
    pc_arena_free(&a);
}

Test(base_arena, no_memory_is_said)
{
    pc_arena a = {0};
    rooms r;
    lay_out(&r, &a);
    pc_alloc_fail_after(0);
    cr_expect_eq(pc_arena_open(&a), PC_ERR_NOMEM);
    pc_arena_free(&a);
}

/* The positions of an intervention, in canonical form. */
#include "patch/intervention.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Both ends from the start of the prompt, both from its end, or one of each: these cannot be joined
 * without knowing how long a prompt is. */
static int class_of(const pc_position *p)
{
    if (p->name) return 3;
    return p->first >= 0 && p->last >= 0 ? 0 : p->first < 0 && p->last < 0 ? 1 : 2;
}

static int compare(const void *a, const void *b)
{
    const pc_position *x = a, *y = b;
    const int class_x = class_of(x), class_y = class_of(y);
    if (class_x != class_y) return class_x < class_y ? -1 : 1;
    if (x->name) return strcmp(x->name, y->name);
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return (x->last > y->last) - (x->last < y->last);
}

/* Makes `before` hold what `p` does, if the two touch. */
static bool join(pc_position *before, const pc_position *p)
{
    if (class_of(before) != class_of(p)) return false;
    if (class_of(p) >= 2) return compare(before, p) == 0;
    if (p->first > before->last + 1) return false;
    if (p->last > before->last) before->last = p->last;
    return true;
}

static void make_canonical(pc_intervention *x, int n)
{
    qsort(x->positions, (size_t)n, sizeof *x->positions, compare);
    x->n_positions = 0;
    for (int i = 0; i < n; i++) {
        const pc_position p = x->positions[i];
        if (x->n_positions > 0 && join(&x->positions[x->n_positions - 1], &p)) free(p.name);
        else x->positions[x->n_positions++] = p;
    }
}

pc_status pc_intervention_set_positions(pc_intervention *x, const pc_position *positions, size_t n)
{
    pc_status status = PC_OK;
    x->positions = pc_alloc(n, sizeof *x->positions);
    if (!x->positions) return PC_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        pc_position *p = &x->positions[x->n_positions++];
        *p = positions[i];
        if (p->name && !(p->name = pc_copy_text(positions[i].name))) status = PC_ERR_NOMEM;
    }
    if (status == PC_OK) make_canonical(x, x->n_positions);
    return status;
}

/* What is installed with the program, by name: models, which are folders, and truths, lists of the
 * edges of published circuits. */
#ifndef PC_TOOLS_SHIPPED_H
#define PC_TOOLS_SHIPPED_H

#include <stdbool.h>
#include <stddef.h>

typedef enum shipped_kind { SHIPPED_MODEL, SHIPPED_TRUTH } shipped_kind;

/* Called with a path and a name. */
typedef void (*shipped_visit)(const char *path, const char *name, void *payload);

/* Visits all of a kind in the order in which they are found, by name within a folder. Looked for in
 * the folder that the environment's PATCHCLAMP_MODELS or PATCHCLAMP_TRUTHS names, then beside the
 * program. */
void each_shipped(shipped_kind kind, shipped_visit visit, void *payload);

/* The path of the first of that name. False if there is none. */
bool find_shipped(char *path, size_t bytes, shipped_kind kind, const char *name);

/* Their names with commas between them, as far as there is room; "none is found beside the program"
 * if there are none. Returns `out`. */
const char *shipped_names(char *out, size_t bytes, shipped_kind kind);

#endif

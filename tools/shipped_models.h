/* The models that are installed with the program, by name. */
#ifndef PC_TOOLS_SHIPPED_MODELS_H
#define PC_TOOLS_SHIPPED_MODELS_H

#include <stdbool.h>
#include <stddef.h>

/* Called with a model's folder and name. */
typedef void (*shipped_model_visit)(const char *path, const char *name, void *payload);

/* Visits every shipped model in the order in which they are found, by name within a folder. Looked
 * for in the folder that the environment's PATCHCLAMP_MODELS names, then beside the program. */
void each_shipped_model(shipped_model_visit visit, void *payload);

/* The folder of the first model of that name. False if there is none. */
bool find_shipped_model(char *path, size_t bytes, const char *name);

#endif

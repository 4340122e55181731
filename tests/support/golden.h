/* The golden models: what PyTorch in float64 said about them (tests/golden/make_models.py). */
#ifndef PC_TESTS_GOLDEN_H
#define PC_TESTS_GOLDEN_H

#include "patchclamp/model.h"
#include "patchclamp/task.h"

#include <jansson.h>

enum { N_GOLDEN_MODELS = 20 };
extern const char *const golden_models[N_GOLDEN_MODELS];

/* Opens the model; free it. Fails the test if it cannot. */
pc_model *golden_open(const char *name);

/* golden.json; json_decref() it. */
json_t *golden_read(const char *name);

/* The golden's task, read from JSONL as a user's would be; free it. */
pc_task *golden_task(const json_t *golden, const pc_model *model);

/* A list of integers as an array of *n tokens; free it. */
int32_t *golden_tokens(int *n, const json_t *list);

#endif

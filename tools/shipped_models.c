/* Finding shipped models from the program's own place, so that the tree may be moved. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "shipped_models.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, N_PLACES = 3 };

static bool is_directory(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

/* /usr/bin/patchclamp becomes /usr/bin. */
static bool find_program_folder(char *out, size_t bytes)
{
    const ssize_t length = readlink("/proc/self/exe", out, bytes - 1);
    if (length <= 0) return false;
    out[length] = 0;
    char *slash = strrchr(out, '/');
    if (slash) *slash = 0;
    return slash != NULL;
}

/* The i-th place where models may lie, NULL if it does not exist. Goes back to free(). */
static char *place_at(int i)
{
    static const char *const beside_program[] = {
        "/../share/patchclamp/models", /* installed */
        "/../../../tools/models",      /* built in the source tree */
    };
    char place[2 * PATH_BYTES], folder[PATH_BYTES];
    const char *chosen = getenv("PATCHCLAMP_MODELS");
    if (i == 0) return chosen && *chosen ? realpath(chosen, NULL) : NULL;
    if (!find_program_folder(folder, sizeof folder)) return NULL;
    snprintf(place, sizeof place, "%s%s", folder, beside_program[i - 1]);
    return realpath(place, NULL);
}

static bool join(char *out, size_t bytes, const char *folder, const char *name)
{
    const int length = snprintf(out, bytes, "%s/%s", folder, name);
    return length > 0 && (size_t)length < bytes && is_directory(out);
}

static void visit_place(const char *place, shipped_model_visit visit, void *payload)
{
    struct dirent **entries = NULL;
    char path[PATH_BYTES];
    const int n = scandir(place, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.' && join(path, sizeof path, place, entries[i]->d_name))
            visit(path, entries[i]->d_name, payload);
        free(entries[i]);
    }
    free(entries);
}

void each_shipped_model(shipped_model_visit visit, void *payload)
{
    for (int i = 0; i < N_PLACES; i++) {
        char *place = place_at(i);
        if (place) visit_place(place, visit, payload);
        free(place);
    }
}

bool find_shipped_model(char *path, size_t bytes, const char *name)
{
    if (!*name || *name == '.' || strchr(name, '/')) return false;
    bool is_found = false;
    for (int i = 0; i < N_PLACES && !is_found; i++) {
        char *place = place_at(i);
        is_found = place && join(path, bytes, place, name);
        free(place);
    }
    return is_found;
}

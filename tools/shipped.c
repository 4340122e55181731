/* Finding what is shipped from the program's own place, so that the tree may be moved. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "shipped.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, NAME_BYTES = 256, N_PLACES = 3 };

static const struct {
    const char *variable;  /* of the environment: a folder to look in first */
    const char *installed; /* from the program's folder */
    const char *in_source; /* ... where it was built in the source tree */
    const char *suffix;    /* of the files; of folders none */
    bool is_folder;
} kinds[] = {
    [SHIPPED_MODEL] = {"PATCHCLAMP_MODELS", "/../share/patchclamp/models", "/../../../tools/models",
                       "", true},
    [SHIPPED_TRUTH] = {"PATCHCLAMP_TRUTHS", "/../share/patchclamp/truths", "/../../../tools/truths",
                       ".edges", false},
};

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

/* The i-th folder to look in, NULL if it does not exist. Goes back to free(). */
static char *place_at(int i, shipped_kind kind)
{
    char place[2 * PATH_BYTES], folder[PATH_BYTES];
    const char *chosen = getenv(kinds[kind].variable);
    if (i == 0) return chosen && *chosen ? realpath(chosen, NULL) : NULL;
    if (!find_program_folder(folder, sizeof folder)) return NULL;
    snprintf(place, sizeof place, "%s%s", folder,
             i == 1 ? kinds[kind].installed : kinds[kind].in_source);
    return realpath(place, NULL);
}

/* The path of `name`, if there is such a thing in the folder. */
static bool join(char *out, size_t bytes, const char *folder, const char *name, shipped_kind kind)
{
    struct stat facts;
    const int length = snprintf(out, bytes, "%s/%s%s", folder, name, kinds[kind].suffix);
    return length > 0 && (size_t)length < bytes && stat(out, &facts) == 0 &&
           (kinds[kind].is_folder ? S_ISDIR(facts.st_mode) : S_ISREG(facts.st_mode));
}

/* Without its suffix; false if it has another one. */
static bool name_of(char out[NAME_BYTES], const char *entry, shipped_kind kind)
{
    const size_t length = strlen(entry), suffix = strlen(kinds[kind].suffix);
    if (*entry == '.' || length <= suffix || length >= NAME_BYTES) return false;
    strcpy(out, entry);
    out[length - suffix] = '\0';
    return strcmp(entry + length - suffix, kinds[kind].suffix) == 0;
}

static void visit_place(const char *place, shipped_kind kind, shipped_visit visit, void *payload)
{
    struct dirent **entries = NULL;
    char path[PATH_BYTES], name[NAME_BYTES];
    const int n = scandir(place, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (name_of(name, entries[i]->d_name, kind) && join(path, sizeof path, place, name, kind))
            visit(path, name, payload);
        free(entries[i]);
    }
    free(entries);
}

void each_shipped(shipped_kind kind, shipped_visit visit, void *payload)
{
    for (int i = 0; i < N_PLACES; i++) {
        char *place = place_at(i, kind);
        if (place) visit_place(place, kind, visit, payload);
        free(place);
    }
}

bool find_shipped(char *path, size_t bytes, shipped_kind kind, const char *name)
{
    if (!*name || *name == '.' || strchr(name, '/')) return false;
    bool is_found = false;
    for (int i = 0; i < N_PLACES && !is_found; i++) {
        char *place = place_at(i, kind);
        is_found = place && join(path, bytes, place, name, kind);
        free(place);
    }
    return is_found;
}

typedef struct names {
    char *text;
    size_t bytes;
} names;

static void append_name(const char *path, const char *name, void *payload)
{
    names *n = payload;
    const size_t used = strlen(n->text);
    (void)path;
    if (used + strlen(name) + 3 > n->bytes) return;
    sprintf(n->text + used, "%s%s", used ? ", " : "", name);
}

const char *shipped_names(char *out, size_t bytes, shipped_kind kind)
{
    *out = '\0';
    each_shipped(kind, append_name, &(names){out, bytes});
    if (!*out) snprintf(out, bytes, "none is found beside the program");
    return out;
}

/* Plug-ins: shared objects beside this one, opened when they are asked for. */
#define _GNU_SOURCE
#include "backend/plugin_load.h"

#include "backend/plugin.h"
#include "base/fail.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_PATH = PATH_MAX };

/* Where this code was loaded from: the library's folder, or the program's. folder (MOST_PATH) */
static void own_folder(char *folder)
{
    Dl_info here;
    static const char anything; /* of this file: where it is mapped is asked */
    if (!dladdr(&anything, &here) || !realpath(here.dli_fname, folder)) {
        const ssize_t n = readlink("/proc/self/exe", folder, MOST_PATH - 1);
        folder[n > 0 ? n : 0] = '\0';
    }
    char *slash = strrchr(folder, '/');
    if (slash) *slash = '\0';
}

/* The first of the places that has the file. */
static bool find(char *path, const char *backend)
{
    static const char *const places[] = {"/patchclamp", ""};
    char folder[MOST_PATH];
    struct stat facts;
    own_folder(folder);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const int n =
            snprintf(path, MOST_PATH, "%s%s/libpatchclamp_%s.so", folder, places[i], backend);
        if (n < MOST_PATH && stat(path, &facts) == 0) return true;
    }
    return false;
}

bool pc_plugin_exists(const char *backend)
{
    char path[MOST_PATH];
    return find(path, backend);
}

static pc_status refuse(const char *backend, const char *why)
{
    return pc_fail(PC_ERR_UNSUPPORTED, "device %s: %s", backend, why);
}

pc_status pc_plugin_load(const pc_ops **out, const char *backend)
{
    char path[MOST_PATH], why[512];
    const pc_ops *(*ops_of)(void);
    if (!find(path, backend)) {
        snprintf(why, sizeof why,
                 "no plug-in libpatchclamp_%s.so beside the program: build it, or use --device cpu",
                 backend);
        return refuse(backend, why);
    }
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = plugin ? dlsym(plugin, PC_PLUGIN_SYMBOL) : NULL;
    if (!symbol) {
        const char *words = dlerror();
        snprintf(why, sizeof why, "the plug-in cannot be loaded: %.400s",
                 words ? words : "it exports nothing");
        return refuse(backend, why);
    }
    memcpy(&ops_of, &symbol, sizeof ops_of);
    *out = ops_of();
    if ((*out)->abi == PC_OPS_ABI) return PC_OK;
    snprintf(why, sizeof why,
             "the plug-in was built for interface %d of Patchclamp, this one has %d: build both "
             "from one commit",
             (*out)->abi, (int)PC_OPS_ABI);
    return refuse(backend, why);
}

/* patchclamp doctor: what this machine can run, and what is missing. */
#define _POSIX_C_SOURCE 200809L
#include "commands.h"
#include "exit_code.h"
#include "options.h"
#include "shipped.h"

#include "patchclamp/patchclamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What /proc/cpuinfo says about the first processor. */
typedef struct cpu_facts {
    char name[256];
    char *flags;         /* " fpu vme ... "; NULL: not told */
    int siblings, cores; /* of a socket; 0: not told */
} cpu_facts;

static void read_cpu(cpu_facts *out)
{
    char *line = NULL;
    size_t room = 0;
    *out = (cpu_facts){.name = "unknown"};
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && getline(&line, &room, file) > 1) { /* an empty line ends the processor */
        (void)sscanf(line, "model name : %255[^\n]", out->name);
        (void)sscanf(line, "siblings : %d", &out->siblings);
        (void)sscanf(line, "cpu cores : %d", &out->cores);
        if (strncmp(line, "flags", 5) != 0 || out->flags) continue;
        line[strcspn(line, "\n")] = ' ';
        out->flags = line;
        line = NULL;
        room = 0;
    }
    free(line);
    if (file) fclose(file);
}

static void print_instructions(const cpu_facts *cpu)
{
    static const char *const sets[] = {"sse4_2",  "avx",      "avx2",        "fma",     "f16c",
                                       "avx512f", "avx512bw", "avx512_bf16", "amx_tile"};
    char word[32];
    printf("instructions");
    for (size_t i = 0; cpu->flags && i < sizeof sets / sizeof *sets; i++) {
        snprintf(word, sizeof word, " %s ", sets[i]);
        if (strstr(cpu->flags, word)) printf(" %s", sets[i]);
    }
    printf("%s\n", cpu->flags ? "" : " unknown");
}

static void print_cpu(void)
{
    cpu_facts cpu;
    read_cpu(&cpu);
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    printf("cpu          %s, %ld processors", cpu.name, n);
    if (cpu.siblings > 0 && cpu.cores > 0) printf(", %ld cores", n * cpu.cores / cpu.siblings);
    printf("\n");
    print_instructions(&cpu);
    free(cpu.flags);
}

static void print_memory(void)
{
    const double page = (double)sysconf(_SC_PAGESIZE), gib = 1024.0 * 1024 * 1024;
    printf("memory       %.1f GiB, %.1f GiB free\n", page * (double)sysconf(_SC_PHYS_PAGES) / gib,
           page * (double)sysconf(_SC_AVPHYS_PAGES) / gib);
}

/* What a backend says of itself, or why it cannot be used; whether it can. */
static bool print_device(const char *label, const char *name)
{
    char words[256];
    const bool is_usable = pc_device_describe(words, sizeof words, name) == PC_OK;
    printf("%s%s%s\n", label,
           is_usable ? "" : "cannot be used: ", is_usable ? words : pc_last_error());
    return is_usable;
}

static void print_devices(void)
{
    char name[32], label[64], words[256];
    bool is_usable = print_device("cuda         ", "cuda");
    for (int i = 1; is_usable; i++) {
        snprintf(name, sizeof name, "cuda:%d", i);
        snprintf(label, sizeof label, "cuda:%-8d", i);
        is_usable = pc_device_describe(words, sizeof words, name) != PC_ERR_INPUT &&
                    print_device(label, name);
    }
    printf("             needs an NVIDIA driver for CUDA 13 (580 or later) and a GPU of compute "
           "capability 7.5 or more\n");
    if (pc_device_has_plugin("emu")) print_device("emu          the CUDA backend, ", "emu");
}

static void print_model(const char *path, const char *name, void *payload)
{
    pc_model *model = NULL;
    pc_tokenizer *tokenizer = NULL;
    ++*(int *)payload;
    printf("model        %s: ", name);
    if (pc_model_open(&model, path) != PC_OK) {
        printf("cannot be used: %s\n", pc_last_error());
        return;
    }
    printf("%lld parameters, ", (long long)pc_model_describe(model)->n_parameters);
    if (pc_tokenizer_open(&tokenizer, path) == PC_OK)
        printf("tokenizer of %lld tokens", (long long)pc_tokenizer_size(tokenizer));
    else printf("no tokenizer");
    printf(" (%s)\n", path);
    pc_tokenizer_free(tokenizer);
    pc_model_free(model);
}

int cmd_doctor(int argc, char **argv)
{
    const option_row table[] = {{0}};
    const command_usage usage = {"doctor", "",
                                 "Tells what this machine can run, and what is missing.",
                                 "patchclamp doctor", 0};
    const parse_outcome outcome = options_parse(table, NULL, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    int n_models = 0;
    char truths[256];
    printf("patchclamp   %s, commit %s\n", pc_version(), pc_version_commit());
    printf("fingerprint  %s\n", pc_fingerprint());
    print_cpu();
    print_memory();
    printf("engines      delta (float32, only what an intervention changes), twin (the definition: "
           "double, everything)\n");
    print_devices();
    printf("cluster      this version has no MPI, no NCCL and no submit\n");
    each_shipped(SHIPPED_MODEL, print_model, &n_models);
    if (n_models == 0)
        printf("model        no shipped model beside the program or in PATCHCLAMP_MODELS\n");
    printf("truths       %s\n", shipped_names(truths, sizeof truths, SHIPPED_TRUTH));
    return EXIT_DONE;
}

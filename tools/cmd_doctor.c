/* patchclamp doctor: what this machine can run, and what is missing. */
#define _POSIX_C_SOURCE 200809L
#include "commands.h"
#include "exit_code.h"
#include "open_model.h"
#include "options.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_cpu(void)
{
    char line[512], name[400] = "unknown";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "model name : %399[^\n]", name) == 1) break;
    if (file) fclose(file);
    printf("cpu          %s, %ld processors online\n", name, sysconf(_SC_NPROCESSORS_ONLN));
}

static void print_memory(void)
{
    const double page = (double)sysconf(_SC_PAGESIZE), gib = 1024.0 * 1024 * 1024;
    printf("memory       %.1f GiB, %.1f GiB free\n", page * (double)sysconf(_SC_PHYS_PAGES) / gib,
           page * (double)sysconf(_SC_AVPHYS_PAGES) / gib);
}

/* Two of the three things that a CUDA backend will need can be told already. */
static void print_gpu(void)
{
    struct stat facts;
    const bool has_driver = stat("/proc/driver/nvidia/version", &facts) == 0;
    printf("cuda         not in this version: --device cuda fails, auto means cpu (%s)\n",
           has_driver ? "an NVIDIA driver is loaded" : "no NVIDIA driver is loaded");
}

static int print_models_in(const char *folder)
{
    DIR *directory = opendir(folder);
    int n = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (entry->d_name[0] == '.') continue;
        printf("model        %s (%s/%s)\n", entry->d_name, folder, entry->d_name);
        n++;
    }
    if (directory) closedir(directory);
    return n;
}

int cmd_doctor(int argc, char **argv)
{
    const option_row table[] = {{0}};
    const command_usage usage = {"doctor", "",
                                 "Tells what this machine can run, and what is missing.",
                                 "patchclamp doctor", 0};
    const parse_outcome outcome = options_parse(table, NULL, &usage, argc, argv);
    if (outcome != PARSED) return outcome == PARSED_HELP ? EXIT_DONE : EXIT_USAGE;
    printf("patchclamp   %s, commit %s\n", pc_version(), pc_version_commit());
    printf("fingerprint  %s\n", pc_fingerprint());
    print_cpu();
    print_memory();
    printf("engine       slow twin (double precision, the whole model for every intervention)\n");
    print_gpu();
    printf("cluster      not in this version: no MPI, no NCCL, no submit\n");
    int n_models = 0;
    for (int i = 0; shipped_models_folder(i); i++)
        n_models += print_models_in(shipped_models_folder(i));
    if (n_models == 0) printf("model        no shipped model found beside the program\n");
    return EXIT_DONE;
}

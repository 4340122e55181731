/* Reading the kernel's own estimate of free memory. */
#define _DEFAULT_SOURCE /* sysconf's _SC_PHYS_PAGES */
#include "available_memory.h"

#include <stdio.h>
#include <unistd.h>

double available_memory(void)
{
    char line[128];
    unsigned long long kilobytes = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %llu kB", &kilobytes) == 1) break;
    if (file) fclose(file);
    if (kilobytes) return 1024.0 * (double)kilobytes;
    return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
}

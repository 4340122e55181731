/* A program of somebody else's, in C: built against an installed Patchclamp. Prints the version. */
#include <patchclamp/status.h>
#include <patchclamp/version.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    if (strcmp(pc_status_name(PC_ERR_INPUT), "PC_ERR_INPUT") != 0) return 1;
    if (printf("%s\n", pc_version()) < 0 || fflush(stdout) != 0) return 1;
    return 0;
}

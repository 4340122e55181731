/* peak_memory COMMAND...: runs it, its output to stderr, and prints the most memory that was
 * resident, in bytes. */
#define _DEFAULT_SOURCE /* wait4 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct rusage usage;
    int status;
    if (argc < 2) return 2;
    const pid_t child = fork();
    if (child < 0) return 2;
    if (child == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    if (wait4(child, &status, 0, &usage) != child || !WIFEXITED(status)) return 2;
    printf("%lld\n", 1024LL * usage.ru_maxrss);
    return WEXITSTATUS(status);
}

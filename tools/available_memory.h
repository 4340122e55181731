/* How much memory this machine could still give. */
#ifndef PC_TOOLS_AVAILABLE_MEMORY_H
#define PC_TOOLS_AVAILABLE_MEMORY_H

/* Bytes, as the kernel estimates them (MemAvailable); where it does not say, all that is installed.
 */
double available_memory(void);

#endif

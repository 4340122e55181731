/* The names of what is compiled once for each instruction set.
 *
 * Files listed under pc_cpu_sources in CMakeLists.txt are plain C: the compiler vectorises them
 * for the set it is told. Multiplications and additions are never contracted, sums run in lanes
 * whose number the text fixes, and so every set gives the same bits. */
#ifndef PC_KERNELS_INSTRUCTION_SET_H
#define PC_KERNELS_INSTRUCTION_SET_H

#ifndef PC_INSTRUCTION_SET
#error "compile with -DPC_INSTRUCTION_SET=baseline or avx2"
#endif

#define PC_JOIN_NAMES(name, set) name##_##set
#define PC_JOIN_EXPANDED(name, set) PC_JOIN_NAMES(name, set)
/* pc_rotary_avx2 for pc_rotary, and so on. */
#define PC_FOR_SET(name) PC_JOIN_EXPANDED(name, PC_INSTRUCTION_SET)

#endif

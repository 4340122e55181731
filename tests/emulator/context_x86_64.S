/* Switching stacks on x86-64 (System V): the registers that a call preserves go onto the stack that
 * stops, and come from the one that goes on. swapcontext() makes a system call and takes twenty times as long. */
        .text
        .globl  emu_context_swap
        .type   emu_context_swap, @function
emu_context_swap:                       /* (emu_context *from, emu_context *to) */
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, (%rdi)
        movq    (%rsi), %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret
        .size   emu_context_swap, .-emu_context_swap
        .section .note.GNU-stack, "", @progbits

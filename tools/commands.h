/* The commands: each is a main of its own, argv[0] = its name, returning an exit code. */
#ifndef PC_TOOLS_COMMANDS_H
#define PC_TOOLS_COMMANDS_H

#include <stdbool.h>

int cmd_attribute(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_logits(int argc, char **argv);
int cmd_tokenize(int argc, char **argv);
int cmd_task(int argc, char **argv);
int cmd_heads(int argc, char **argv);
int cmd_plant(int argc, char **argv);
int cmd_patch(int argc, char **argv);
int cmd_path(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_find(int argc, char **argv);
int cmd_submit(int argc, char **argv);
int cmd_shard(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_draw(int argc, char **argv);

/* A command, or a command with a word behind it ("bench precision"), which has a help of its own.
 */
typedef struct help_topic {
    const char *command, *word; /* NULL: the command itself */
    const char *summary;        /* a line */
    int (*run)(int argc, char **argv);
} help_topic;

/* The i-th, in the order of the list; false past the last. */
bool help_topic_at(help_topic *out, int i);

#endif

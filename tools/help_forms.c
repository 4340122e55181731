/* The forms of help, by name. */
#include "help_forms.h"

#include "commands.h"
#include "completion.h"
#include "exit_code.h"
#include "manual.h"
#include "shipped.h"

#include <stdio.h>
#include <string.h>

static void print_topics(void)
{
    help_topic topic;
    for (int i = 0; help_topic_at(&topic, i); i++)
        printf("%s%s%s\n", topic.command, topic.word ? " " : "", topic.word ? topic.word : "");
}

static void print_name(const char *path, const char *name, void *payload)
{
    (void)path;
    (void)payload;
    printf("%s\n", name);
}

static void print_models(void)
{
    each_shipped(SHIPPED_MODEL, print_name, NULL);
}

static void print_truths(void)
{
    each_shipped(SHIPPED_TRUTH, print_name, NULL);
}

int help_print(const char *form)
{
    static const struct {
        const char *form;
        void (*print)(void);
    } forms[] = {{"man", manual_print_program}, {"bash", completion_print_bash},
                 {"zsh", completion_print_zsh}, {"topics", print_topics},
                 {"models", print_models},      {"truths", print_truths}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(forms[i].form, form) == 0) return forms[i].print(), EXIT_DONE;
    char option[64];
    snprintf(option, sizeof option, "--help=%.40s", form);
    complain(option, "expected man, bash, zsh, topics, models or truths");
    return EXIT_USAGE;
}

bool help_print_command(const option_row *table, const command_usage *usage, const char *form)
{
    static const struct {
        const char *form;
        void (*print)(const option_row *table, const command_usage *usage);
    } forms[] = {{"man", manual_print_command},
                 {"bash", completion_print_command_bash},
                 {"zsh", completion_print_command_zsh}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(forms[i].form, form) == 0) return forms[i].print(table, usage), true;
    complain(usage->command, "--help is \"%.40s\", expected man, bash or zsh", form);
    return false;
}

void help_topics_print(const char *form)
{
    help_topic topic;
    char command[64], word[64], option[32];
    for (int i = 0; help_topic_at(&topic, i); i++) {
        snprintf(command, sizeof command, "%s", topic.command);
        snprintf(word, sizeof word, "%s", topic.word ? topic.word : "");
        snprintf(option, sizeof option, "--help=%s", form);
        char *argv[] = {command, topic.word ? word : option, topic.word ? option : NULL, NULL};
        topic.run(topic.word ? 3 : 2, argv);
    }
}

/* The completion file for zsh, for its completion system (_arguments). */
#include "completion.h"

#include "commands.h"
#include "help_forms.h"
#include "value_choices.h"

#include <stdio.h>
#include <string.h>

static const char head[] =
    "#compdef patchclamp\n"
    "# Completion of patchclamp in zsh, made from its tables of options: patchclamp --help=zsh\n"
    "\n"
    "# Words, or files.\n"
    "_patchclamp_either()\n"
    "{\n"
    "    local expl found=1\n"
    "    local -a names\n"
    "    names=(\"$@\")\n"
    "    _wanted names expl name compadd -a names && found=0\n"
    "    _files && found=0\n"
    "    return found\n"
    "}\n"
    "\n"
    "# What is shipped: models, which are directories, or truths, which are files.\n"
    "_patchclamp_shipped()\n"
    "{\n"
    "    local expl found=1\n"
    "    local -a names\n"
    "    names=(${(f)\"$(_call_program $1 ${(q)program} --help=$1 2>/dev/null)\"} ${@:2})\n"
    "    _wanted names expl \"shipped $1\" compadd -a names && found=0\n"
    "    if [[ $1 == models ]]; then _files -/ && found=0; else _files && found=0; fi\n"
    "    return found\n"
    "}\n"
    "\n"
    "_patchclamp()\n"
    "{\n"
    "    local curcontext=$curcontext state state_descr line program=$words[1] topic\n"
    "    typeset -A opt_args\n"
    "    local -a commands\n"
    "    commands=(\n"
    "        'help:the options of a command'\n";

static const char middle[] =
    "    _arguments -C '(- *)--help[list the commands]' '(- *)--version[print the version]' \\\n"
    "        '1:command:->command' '*::argument:->argument' && return 0\n"
    "    if [[ $state == command ]]; then\n"
    "        _describe command commands\n"
    "        return\n"
    "    fi\n"
    "    topic=$words[1]\n"
    "    if ((CURRENT > 2)) && [[ $topic/$words[2] == ($~second_words) ]]; then\n"
    "        topic=\"$topic $words[2]\"\n"
    "        shift words\n"
    "        ((CURRENT--))\n"
    "    fi\n"
    "    if ((CURRENT > 2)) && [[ $topic/$words[2] == submit/find ]]; then # find's own words\n"
    "        topic=find\n"
    "        shift words\n"
    "        ((CURRENT--))\n"
    "    fi\n"
    "    case $topic in\n"
    "    help) ((CURRENT == 2)) && _describe command commands ;;\n";

static const char tail[] = "    esac\n"
                           "}\n"
                           "\n"
                           "if [[ $funcstack[1] == _patchclamp ]]; then\n"
                           "    _patchclamp \"$@\"\n"
                           "else\n"
                           "    compdef _patchclamp patchclamp # read by source\n"
                           "fi\n";

/* Inside single quotes; `special` are what _arguments or _describe takes for its own. */
static void put_quoted(const char *text, const char *special)
{
    for (; *text; text++) {
        if (*text == '\'') fputs("'\\'", stdout);
        else if (*text == '\n') continue;
        else if (strchr(special, *text)) putchar('\\');
        putchar(*text);
    }
}

static void put_action(const choice *c)
{
    switch (c->kind) {
    case CHOICE_NONE:
        break;
    case CHOICE_WORDS:
        printf("(%s)", c->words);
        break;
    case CHOICE_FILE:
        printf(" _patchclamp_either %s", c->words);
        break;
    case CHOICE_DIRECTORY:
        printf("_files -/");
        break;
    case CHOICE_MODEL:
        printf(" _patchclamp_shipped models %s", c->words);
        break;
    case CHOICE_TRUTH:
        printf(" _patchclamp_shipped truths %s", c->words);
        break;
    }
}

/* One way to write an option: "-t+" or "--task=". */
static void put_option(const option_row *row, const char *command, bool is_letter)
{
    printf(" \\\n            '");
    if (row->letter) printf("(-%c --%s)", row->letter, row->name);
    if (is_letter) printf("-%c", row->letter);
    else printf("--%s", row->name);
    if (row->kind != OPTION_FLAG) putchar(is_letter ? '+' : '=');
    putchar('[');
    put_quoted(row->help, "[]\\");
    putchar(']');
    if (row->kind != OPTION_FLAG) {
        const choice c = choice_of_option(command, row);
        putchar(':');
        put_quoted(row->argument, ":\\");
        putchar(':');
        put_action(&c);
    }
    putchar('\'');
}

/* Second words stand where the first operand does. */
static void add_second_words(choice *c, const char *command)
{
    help_topic topic;
    for (int i = 0; help_topic_at(&topic, i); i++) {
        const size_t length = strlen(c->words);
        if (topic.word && strcmp(topic.command, command) == 0)
            snprintf(c->words + length, sizeof c->words - length, " %s", topic.word);
    }
}

static void put_operands(const command_usage *u)
{
    int n = 0;
    for (const char *at = u->operands; *at; at += operand_length(at), at += *at == ' ') {
        choice c = choice_of_operand(u->command, at);
        if (n == 0) add_second_words(&c, u->command);
        printf(" \\\n            '%d:%.*s:", ++n, operand_length(at), at);
        put_action(&c);
        putchar('\'');
    }
}

void completion_print_command_zsh(const option_row *table, const command_usage *u)
{
    printf("    '%s')\n        _arguments -s -S", u->command);
    put_operands(u);
    for (const option_row *row = table; row->name; row++) {
        if (row->letter) put_option(row, u->command, true);
        put_option(row, u->command, false);
    }
    printf(" \\\n            '(- *)--help[print the options and exit]'\n        ;;\n");
}

void completion_print_zsh(void)
{
    help_topic topic;
    fputs(head, stdout);
    for (int i = 0; help_topic_at(&topic, i); i++) {
        if (topic.word) continue;
        printf("        '%s:", topic.command);
        put_quoted(topic.summary, ":\\");
        printf("'\n");
    }
    printf("    )\n    local second_words='-");
    for (int i = 0; help_topic_at(&topic, i); i++)
        if (topic.word) printf("|%s/%s", topic.command, topic.word);
    printf("'\n");
    fputs(middle, stdout);
    help_topics_print("zsh");
    fputs(tail, stdout);
}

/* The completion file for bash. Its functions need bash 4 and no package. */
#include "completion.h"

#include "commands.h"
#include "help_forms.h"
#include "value_choices.h"

#include <stdio.h>

/* Before the commands: what each of them sets. */
static const char head[] =
    "# Completion of patchclamp in bash, made from its tables of options: patchclamp --help=bash\n"
    "\n"
    "# Of $command: options, those that take a value, and of $option or of operand $operand the\n"
    "# kind and the words.\n"
    "_patchclamp_look_up()\n"
    "{\n"
    "    options='' takes='' kind=none words=''\n"
    "    case $command in\n";

static const char look_up_tail[] = "    esac\n"
                                   "}\n"
                                   "\n";

/* The words before the one that is completed, then that one. */
static const char tail[] =
    "# Words, or the last one of a list.\n"
    "_patchclamp_offer_words()\n"
    "{\n"
    "    mapfile -t COMPREPLY < <(compgen -P \"$prefix\" -W \"$1\" -- \"$current\")\n"
    "    if [ ${#COMPREPLY[@]} -eq 0 ] && [[ $current == *,* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -P \"$prefix${current%,*},\" -W \"$1\" -- "
    "\"${current##*,}\")\n"
    "    fi\n"
    "}\n"
    "\n"
    "# Names and what compgen finds of files or directories.\n"
    "_patchclamp_offer_files()\n"
    "{\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen -P \"$prefix\" -W \"$1\" -- \"$current\"\n"
    "        compgen -P \"$prefix\" \"$2\" -- \"$current\")\n"
    "}\n"
    "\n"
    "_patchclamp_offer()\n"
    "{\n"
    "    case $kind in\n"
    "    words) _patchclamp_offer_words \"$words\" ;;\n"
    "    file) _patchclamp_offer_files \"$words\" -f ;;\n"
    "    directory) _patchclamp_offer_files '' -d ;;\n"
    "    model) _patchclamp_offer_files \"$words $(\"$program\" --help=models 2>/dev/null)\" -d "
    ";;\n"
    "    truth) _patchclamp_offer_files \"$words $(\"$program\" --help=truths 2>/dev/null)\" -f "
    ";;\n"
    "    esac\n"
    "}\n"
    "\n"
    "# Sets command, the option whose value comes next, operand and has_ended.\n"
    "_patchclamp_read()\n"
    "{\n"
    "    local i word\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [ \"$word\" = = ]; then\n"
    "            continue # --option=value is three words\n"
    "        elif [ -z \"$command\" ]; then\n"
    "            command=$word\n"
    "            _patchclamp_look_up\n"
    "        elif [ -n \"$option\" ]; then\n"
    "            option=''\n"
    "        elif [ \"$word\" = -- ]; then\n"
    "            has_ended=yes\n"
    "        elif [ -z \"$has_ended\" ] && [[ $word == -?* ]]; then\n"
    "            if [[ $takes == *\" $word \"* ]]; then option=$word; fi\n"
    "        elif [ \"$operand\" -eq 0 ] && [[ $second_words == *\" $command/$word \"* ]]; then\n"
    "            command=\"$command $word\"\n"
    "            _patchclamp_look_up\n"
    "        elif [ \"$command/$word/$operand\" = submit/find/0 ]; then # find's own words\n"
    "            command=find\n"
    "            _patchclamp_look_up\n"
    "        else\n"
    "            operand=$((operand + 1))\n"
    "        fi\n"
    "    done\n"
    "}\n"
    "\n"
    "_patchclamp()\n"
    "{\n"
    "    local program=${1/#\\~/$HOME} current=${COMP_WORDS[COMP_CWORD]} prefix='' pair\n"
    "    local command='' option='' operand=0 has_ended='' options='' takes='' kind=none words=''\n"
    "    local commands second_words\n"
    "    COMPREPLY=()\n"
    "    _patchclamp_names\n"
    "    _patchclamp_read\n"
    "    if [ \"$current\" = = ]; then current=''; fi\n"
    "    if [ -z \"$has_ended\" ] && [[ $current == --*=* ]]; then # = parts no words here\n"
    "        option=${current%%=*} prefix=${current%%=*}= current=${current#*=}\n"
    "    fi\n"
    "    if [ -z \"$command\" ]; then\n"
    "        _patchclamp_offer_words \"$commands --help --version\"\n"
    "    elif [ -z \"$option\" ] && [ -z \"$has_ended\" ] && [[ $current == -* ]]; then\n"
    "        _patchclamp_look_up\n"
    "        _patchclamp_offer_words \"$options\"\n"
    "    else\n"
    "        _patchclamp_look_up\n"
    "        for pair in $second_words; do\n"
    "            if [ \"$operand$option\" = 0 ] && [ \"${pair%/*}\" = \"$command\" ]; then\n"
    "                words+=\" ${pair#*/}\"\n"
    "            fi\n"
    "        done\n"
    "        _patchclamp_offer\n"
    "    fi\n"
    "}\n"
    "complete -F _patchclamp patchclamp\n";

static void put_choice(const choice *c)
{
    static const char *const kinds[] = {
        [CHOICE_NONE] = "none",           [CHOICE_WORDS] = "words", [CHOICE_FILE] = "file",
        [CHOICE_DIRECTORY] = "directory", [CHOICE_MODEL] = "model", [CHOICE_TRUTH] = "truth"};
    printf("kind=%s words='%s' ;;\n", kinds[c->kind], c->words);
}

static void put_options(const option_row *table)
{
    printf("        options='");
    for (const option_row *row = table; row->name; row++)
        printf("--%s ", row->name);
    printf("--help'\n        takes=' ");
    for (const option_row *row = table; row->name; row++) {
        if (row->kind == OPTION_FLAG) continue;
        printf("--%s ", row->name);
        if (row->letter) printf("-%c ", row->letter);
    }
    printf("'\n");
}

void completion_print_command_bash(const option_row *table, const command_usage *u)
{
    int n = 0;
    printf("    '%s')\n", u->command);
    put_options(table);
    printf("        case ${option:-$operand} in\n");
    for (const char *at = u->operands; *at; at += operand_length(at), at += *at == ' ') {
        const choice c = choice_of_operand(u->command, at);
        printf("        %d) ", n++);
        put_choice(&c);
    }
    for (const option_row *row = table; row->name; row++) {
        const choice c = choice_of_option(u->command, row);
        if (c.kind == CHOICE_NONE) continue;
        printf("        --%s", row->name);
        if (row->letter) printf(" | -%c", row->letter);
        printf(") ");
        put_choice(&c);
    }
    printf("        esac\n        ;;\n");
}

/* Which words are commands, and which pairs. */
static void put_names(void)
{
    help_topic topic;
    printf("# Of the functions below.\n_patchclamp_names()\n{\n    commands='help");
    for (int i = 0; help_topic_at(&topic, i); i++)
        if (!topic.word) printf(" %s", topic.command);
    printf("'\n    second_words=' ");
    for (int i = 0; help_topic_at(&topic, i); i++)
        if (topic.word) printf("%s/%s ", topic.command, topic.word);
    printf("'\n}\n\n");
}

void completion_print_bash(void)
{
    fputs(head, stdout);
    help_topics_print("bash");
    printf("    help) if [ \"$operand\" = 0 ]; then kind=words words=$commands; fi ;;\n");
    fputs(look_up_tail, stdout);
    put_names();
    fputs(tail, stdout);
}

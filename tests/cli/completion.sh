#!/bin/bash
# completion.sh PROGRAM SHARE: in bash, the completion under SHARE offers commands, options, words, models and files; the
# words are those that the program accepts. Typed on a terminal, in bash and in zsh (where they and script(1) are).
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
share=$2
bash_file=$share/bash-completion/completions/patchclamp
zsh_file=$share/zsh/site-functions/_patchclamp

# What is typed runs this: it keeps its words, but answers the completion.
mkdir bin
cat >bin/patchclamp <<END
#!/bin/bash
case \${1-} in --help=*) exec "$program" "\$@" ;; esac
printf '%s\n' "\$@" >typed
END
chmod +x bin/patchclamp
PATH=$PWD/bin:$PATH
: >here.jsonl
mkdir folder

expect "the file of the program" cmp -s "$bash_file" <("$program" --help=bash)
expect "the file of the program" cmp -s "$zsh_file" <("$program" --help=zsh)
expect "bash reads it" bash -n "$bash_file"
# shellcheck disable=SC1090
. "$bash_file"

# offered WORDS...: what is offered for the last of them, after `patchclamp`; as bash parts words, = is one.
offered()
{
    COMP_WORDS=(patchclamp "$@")
    COMP_CWORD=$#
    _patchclamp patchclamp
    echo "${COMPREPLY[*]}" >"$out"
}

# expect_offer EXPECTED WORDS...
expect_offer()
{
    local expected=$1
    shift
    offered "$@" 2>"$err"
    n_checks=$((n_checks + 1))
    [ "$(cat "$out")" = "$expected" ] || fail "offered for \"$*\", expected: $expected"
}

expect_offer "find" fi
expect_offer "--version" --v
expect_offer "find" help fi
expect_offer "" help find fi
expect_offer "--level" find demo --lev
expect_offer "--level" find --lev
expect_offer "edge" find demo --level ed
expect_offer "edge" find demo --level = ed
expect_offer "node edge neuron" find demo --level =
expect_offer "--level=edge" find demo --level=ed
expect_offer "logit-diff logit" attribute demo --metric logit
expect_offer "layers,positions" find demo --without layers,pos
expect_offer "layer,head layer,head,position" patch demo --by layer,h
expect_offer "test" find demo -n 3 --split te
expect_offer "all" eval x --split a
expect_offer "both" eval x --direction b
expect_offer "" find x --direction b
expect_offer "" find demo --split a
expect_offer "induction" find demo --task ind
expect_offer "induction" find demo -t ind
expect_offer "here.jsonl" find demo --task he
expect_offer "greater-than" task gr
expect_offer "sorted-count" plant so
expect_offer "demo" find de
expect_offer "folder" find fo
expect_offer "folder" find demo -o fo
expect_offer "" find demo -o he
expect_offer "precision" bench pre
expect_offer "demo" bench precision de
expect_offer "--edges" bench precision demo --ed
expect_offer "" bench demo --ed
expect_offer "here.jsonl" draw he
expect_offer "find" submit fi
expect_offer "--shards" submit --sh
expect_offer "demo" submit find de
expect_offer "--level" submit find demo --lev
expect_offer "edge" submit --shards 3 find demo --level ed
expect_offer "" find demo --top 1
expect_offer "" find -- --lev
expect_offer "ioi" eval circuit.json --truth io
expect_offer "" nonsense --lev

# Each option of each command: numbers are free, so are these; all others have words or are files.
free=" prompt tokens thresholds title names via interventions partition account constraint mem "
# What is refused otherwise than by the list of what is offered.
lists=" without positions by path/from path/to eval/direction "
other=" device engine precision " # cuda:N; bench has fewer engines than it names

# in_list LIST NAME
in_list() { [[ $1 == *" $2 "* ]]; }

# Words that get every command as far as its model, which is not there.
command_line()
{
    case $1 in
    attribute | heads | bench | 'bench precision') echo "$1 nowhere --task induction" ;;
    logits) echo "$1 nowhere --tokens 1" ;;
    tokenize) echo "$1 nowhere text" ;;
    task) echo "$1 induction --model nowhere -o tasks" ;;
    patch) echo "$1 nowhere --task induction --what z" ;;
    path) echo "$1 nowhere --task induction --to logits" ;;
    run) echo "$1 nowhere --task induction -i here.jsonl" ;;
    find) echo "$1 nowhere --task induction -o run" ;;
    eval) echo "$1 here.jsonl --model nowhere --task induction" ;;
    convert) echo "$1 here.jsonl --model nowhere --to csv -o converted" ;;
    *) return 1 ;;
    esac
}

# What an option, or one of its words, asks for.
companion()
{
    case $1 in
    --method=racing) echo "--top 3" ;;
    --method=acdc) echo "--threshold 1" ;;
    --method=hybrid) echo "--top 3" ;;
    --estimate=*) echo "--method hybrid --top 3" ;;
    --ig-rule=*) echo "--method eap-ig --top 3" ;;
    --positions-of=*) echo "--positions each" ;;
    esac
}

# The words of a refusal like "expected one of a, b or c".
expected_words() { sed -nE 's/^.*expected (one of )?([a-z0-9_-]+(, [a-z0-9_-]+)*( or [a-z0-9_-]+)?)$/\2/p' "$err" | sed 's/,//g; s/ or / /'; }

sorted() { tr ' ' '\n' <<<"$*" | sort | tr '\n' ' '; }

check_words()
{
    local line word found
    line=$(command_line "$command") || {
        fail "tests/cli/completion.sh has no command line for $command"
        return
    }
    for word in $words; do
        # shellcheck disable=SC2046,SC2086
        run $line "$option=$word" $(companion "$option=$word")
        expect "$command $option=$word is accepted" test "$code" -ne 3
    done
    if in_list "$lists" "${option#--}" || in_list "$lists" "$command/${option#--}" || in_list "$other" "${option#--}"; then return; fi
    # shellcheck disable=SC2046,SC2086
    expect_exit 3 $line "$option=nonsense" $(companion "$option=nonsense")
    found=$(expected_words)
    if [ "$command $option" = "attribute --metric" ]; then return; fi # two of those that it names
    if [ -n "$found" ]; then expect "$command $option offers all" test "$(sorted "$found")" = "$(sorted "$words")"; fi
}

check_option()
{
    _patchclamp_look_up
    if [ "$kind" = words ]; then
        case $option in --split | --corruption) ;; *) check_words ;; esac
    elif [ "$kind" = none ] && ! in_list "$free" "${option#--}"; then
        # shellcheck disable=SC2086
        run $command "$option=nonsense"
        expect "$command $option is a number, or has words in tools/value_choices.c" \
            grep -qE 'expected (an integer|a number|bytes)' "$err"
    fi
}

while read -r command; do
    option='' operand=0
    _patchclamp_look_up
    for option in $takes; do
        case $option in --*) check_option ;; esac
    done
done < <("$program" --help=topics)

# All words of --split and --corruption, on the tasks that have them.
for split in train test ood; do
    expect_exit 0 task induction --model demo -n 2 --split "$split" -o tasks
done
offered find demo --corruption ""
for corruption in $("$program" help task | sed -n 's/^.*corruptions: \(.*\))$/\1/p'); do
    expect "--corruption $corruption is offered" grep -qwF -- "$corruption" "$out"
done

# type_in COMMAND...: with tabs; what the line was is in `typed` once Return is pressed.
keys='patchclamp fi\tdem\t --lev\ted\t --metric=prob-\t --task ind\t\n'
type_in()
{
    rm -f typed
    { printf "$keys" && for _ in $(seq 100); do
        if [ -e typed ]; then break; fi
        sleep 0.1
    done && printf 'exit\n'; } | TERM=xterm ZDOTDIR=$PWD script -qec "$1" /dev/null >"$out" 2>&1
    n_checks=$((n_checks + 1))
    [ "$(tr '=\n' '  ' <typed)" = "find demo --level edge --metric prob-diff --task induction " ] ||
        fail "typed with tabs: $1: $(tr '\n' ' ' <typed)"
}

printf '%s\n' "PS1='> '" "PATH='$PATH'" ". '$bash_file'" >bashrc
printf '%s\n' "PS1='> '" "path=($PWD/bin \$path)" "fpath=('${zsh_file%/*}' \$fpath)" 'autoload -U compinit' \
    'compinit -u -D' >.zshrc
if command -v script >/dev/null; then
    type_in 'bash --noprofile --rcfile bashrc -i'
else
    echo "skipped: typing (no script)"
fi
if command -v zsh >/dev/null; then
    expect "zsh reads it" zsh -n "$zsh_file"
    keys='patchclamp fi\tdem\t--lev\ted\t --metric=prob-\t --task ind\t\n'
    if command -v script >/dev/null; then type_in 'zsh -i'; fi
else
    echo "skipped: zsh (there is none)"
fi
report

#!/bin/bash
# slurm.sh PROGRAM JSON_VALUE: a real Slurm on two virtual nodes, started and stopped here, runs a submitted array of a
# search. One task is requeued half-way, one gets the signal that comes before a time limit, one is killed; merged, the
# array gives the bytes of one process. Needs slurmctld, slurmd, slurm-client and munge (tools/setup --all).

# shellcheck disable=SC2317 # functions are handed to wait_until, which calls them
json_value=$2
folder=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cli/lib.sh
. "$folder/../cli/lib.sh"
n_shards=4
search=(demo --task induction -n 48 --engine twin --threads 1)
cluster=$temporary/cluster
export SLURM_CONF=$cluster/slurm.conf
munge_key=$cluster/munge.key

for name in munged slurmctld slurmd sbatch squeue scontrol scancel; do
    PATH=$PATH:/usr/sbin command -v $name >/dev/null || {
        echo "$name is missing: tools/setup --all installs it"
        exit 1
    }
done
PATH=$PATH:/usr/sbin

# wait_until SECONDS COMMAND...
wait_until()
{
    local left=$(($1 * 5))
    shift
    while ! "$@"; do
        left=$((left - 1))
        if [ $left -le 0 ]; then return 1; fi
        sleep 0.2
    done
}

# Exactly the daemons that were started here, by their pid files, the first started last.
stop_cluster()
{
    local file pid
    for file in "$cluster"/slurmd.n*.pid "$cluster/slurmctld.pid" "$cluster/munged.pid"; do
        if ! pid=$(cat "$file" 2>/dev/null); then continue; fi
        kill "$pid" 2>/dev/null
        is_gone() { ! kill -0 "$pid" 2>/dev/null; }
        wait_until 10 is_gone || kill -KILL "$pid" 2>/dev/null
    done
}
trap 'stop_cluster; rm -rf "$temporary"' EXIT

are_idle() { [ "$(sinfo -h -N -o %T 2>/dev/null | sort -u)" = idle ]; }

start_cluster()
{
    local port=$((200 + $$ % 100)) host
    host=$(hostname -s)
    chmod 755 "$temporary"
    mkdir -p "$cluster"/{log,state,spool.n0,spool.n1,tmp.n0,tmp.n1}
    chmod 755 "$cluster" "$cluster"/*
    sed -e "s#@HOST@#$host#g; s#@USER@#$(id -un)#g; s#@DIR@#$cluster#g; s#@PORT@#$port#g" "$folder/slurm.conf.in" \
        >"$cluster/slurm.conf"
    (umask 077 && head -c 1024 /dev/urandom >"$munge_key")
    munged --key-file="$munge_key" --socket="$cluster/munge.socket" --pid-file="$cluster/munged.pid" \
        --log-file="$cluster/log/munged.log" --seed-file="$cluster/munged.seed" --num-threads=2 &&
        slurmctld -i && slurmd -N n0 && slurmd -N n1 && wait_until 30 are_idle
}

# show_logs: where something is wrong with the cluster itself.
show_logs() { tail -n 5 "$cluster"/log/*.log | cut -c 1-200; }

if ! start_cluster >"$out" 2>"$err"; then
    fail "the cluster does not come up"
    show_logs
    report
fi
began=$(date +%s)
expect_exit 0 find "${search[@]}" -o whole
echo "one process: $(($(date +%s) - began)) s"

expect_exit 0 submit find "${search[@]}" --shards $n_shards --time 0:10:00 --cpus 1 -o array
expect "how to go on" grep -qFx 'sbatch array/array.sbatch' "$out"
job=$(sbatch --parsable array/array.sbatch 2>"$err")
expect "a job" test -n "$job"

state_of() { "$json_value" "array/shards/$1/state.json" "$2" 2>/dev/null; }

# Has measured something, but not all.
is_half_way()
{
    local n_done n_all
    n_done=$(state_of "$1" n_done) n_all=$(state_of "$1" n_all)
    [ "$(state_of "$1" phase)" = running ] && [ "${n_done:-0}" -gt 0 ] && [ "$n_done" -lt "$n_all" ]
}

wait_until 60 is_half_way 0
expect "task 0 is half-way" is_half_way 0
expect "it is requeued" scontrol requeue "${job}_0"
wait_until 60 is_half_way 1
expect "task 1 is half-way" is_half_way 1
expect "it is told that its time is over" scancel --signal=USR2 "${job}_1"
wait_until 60 is_half_way 2
expect "task 2 is half-way" is_half_way 2
kill -KILL "$(state_of 2 pid)" || fail "task 2 cannot be killed"

expect_exit 0 status array
expect_line '^ +3 +[a-z]+ +.* slurm '"$job"'_3 |^ +3 +waiting '
is_over() { [ -z "$(squeue -h -j "$job" 2>/dev/null)" ]; }
wait_until 200 is_over || fail "the array does not end: $(squeue -h)"
expect "task 0 came back" test "$(state_of 0 n_starts)" -eq 2
expect "task 1 requeued itself" test "$(state_of 1 n_starts)" -eq 2
expect "it says why it had stopped" grep -q 'stopped; what was measured is kept' array/logs/1.log
for k in 0 1 3; do expect "shard $k is done" test "$(state_of $k phase)" = "done"; done

# The task that was killed has failed; it is named, and submitted again alone.
expect_exit 2 merge array
expect "what is missing" grep -q '1 of 4 shards cannot be joined; shard 2: .*; to be run again: 2$' "$err"
job=$(sbatch --parsable --array=2 array/array.sbatch 2>"$err")
wait_until 100 is_over || fail "the task does not end: $(squeue -h)"
expect "shard 2 came back" test "$(state_of 2 n_starts)" -eq 2
expect_exit 0 status array
expect_line '^4 of 4 shards done; '
expect_exit 0 merge array
for name in circuit.json scores.csv circuit.svg; do expect_same whole/$name array/$name; done
if [ $n_failed -gt 0 ]; then
    show_logs
    tail -n 5 array/logs/*.log
fi
echo "$(($(date +%s) - began)) s in all"
report

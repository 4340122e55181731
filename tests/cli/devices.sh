#!/bin/bash
# devices.sh PROGRAM HAS_EMULATOR JSON_VALUE BUILD: --device and --precision, what doctor says of them, bench, gpu-check.
has_emulator=$2 json_value=$3 build=$4
root=$PWD
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

find=(find demo --task induction -n 2 --length 12)

# are_near A B TOLERANCE: the effects of two scores.csv, row by row of the same name.
are_near()
{
    awk -F, -v tolerance="$3" 'NR == FNR { effect[$1 "," $2] = $3; next }
        !(($1 "," $2) in effect) { bad = 1 }
        FNR > 1 { d = effect[$1 "," $2] - $3; if (d < 0) d = -d; n++; if (d > tolerance) bad = 1 }
        END { exit bad || n == 0 }' "$1/scores.csv" "$2/scores.csv"
}

# ---- precisions, which the processor simulates ----
expect_exit 0 "${find[@]}" -o fp32
for precision in bf16x3 tf32 bf16; do
    expect_exit 0 "${find[@]}" --precision $precision -o $precision
    expect "it is written down" grep -q "\"precision\": \"$precision\"" $precision/circuit.json
    expect "it is another run" test "$(sha256sum <$precision/scores.csv)" != "$(sha256sum <fp32/scores.csv)"
done
expect "bf16x3" are_near fp32 bf16x3 1e-4
expect "tf32" are_near fp32 tf32 1e-2
expect "bf16" are_near fp32 bf16 1e-1
expect "bf16 loses more" test "$(are_near fp32 bf16 1e-4; echo $?)" -ne 0
cp -r fp32 other
expect_refusal 2 'fingerprint' "${find[@]}" --precision bf16 -o other --resume

# ---- a GPU that is not there ----
expect_exit 0 doctor
expect_line '^cuda +cannot be used: device cuda: no plug-in'
expect_line 'driver for CUDA 13 \(580 or later\) and a GPU of compute capability 7.5'
expect_refusal 1 'device cuda: no plug-in' "${find[@]}" --device cuda -o none
expect_refusal 3 'device is "cuda:one"' "${find[@]}" --device cuda:one -o none
expect_refusal 3 'the twin computes on the cpu' "${find[@]}" --device cuda --engine twin -o none
expect_exit 0 "${find[@]}" --device auto -o auto
expect "auto is the processor" cmp fp32/circuit.json auto/circuit.json

expect_refusal 1 'device cuda: no plug-in' logits demo --tokens 1,2 --device cuda
expect_exit 0 logits demo --tokens 3,7,11,3 --json
cp "$out" in-double
expect_exit 0 logits demo --tokens 3,7,11,3 --device cpu --json
expect "float32 has other digits" test "$(cmp -s in-double "$out" && echo same)" != same

# ---- bench ----
value() { "$json_value" "$out" "$1" 2>>"$err"; }
is_less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 < b + 0) }'; }
expect_exit 0 bench precision demo -n 2 --length 12 --edges 30 --json
expect "four precisions" test "$(value '')" -eq 4
expect "50 effects and more" is_less 49 "$(value 0.n)"
expect "fp32 loses least" is_less "$(value 0.rms_error)" "$(value 1.rms_error)"
expect "then bf16x3" is_less "$(value 1.rms_error)" "$(value 2.rms_error)"
expect "then tf32" is_less "$(value 2.rms_error)" "$(value 3.rms_error)"
expect "bf16 keeps the ranks" is_less 0.99 "$(value 3.agreement)"
expect_exit 0 bench precision demo -n 2 --length 12 --edges 30
expect_line '^bf16x3 '
expect_exit 0 bench demo -n 2 --length 12 --every 11 --ms 20 --json
expect "operators" test "$(value operators)" -eq 10
expect "a sweep of 10 edges" test "$(value sweep.measured)" -eq 10
expect "no sweep is faster than its products" is_less "$(value sweep.floor)" "$(value sweep.predicted)"
expect_exit 0 bench demo -n 2 --length 12 --every 11 --ms 20
expect_line '^attention_delta '
expect_line '^sweep +10 of 110 edges on 2 prompts'
expect_refusal 3 'expected MODEL' bench
expect_exit 3 bench precision
expect_refusal 3 '--every is "0"' bench demo --every 0
expect_refusal 2 'no-such' bench no-such-model
expect_exit 3 bench precision demo --every 3

# ---- the CUDA backend, emulated ----
if [ "$has_emulator" -eq 0 ]; then
    expect_refusal 1 'device emu: no plug-in' "${find[@]}" --device emu -o none
    report
fi
expect_exit 0 doctor
expect_line '^emu +the CUDA backend, emulated'
expect_refusal 3 'device is "emu:1"' "${find[@]}" --device emu:1 -o none
expect_exit 0 logits demo --tokens 3,7,11,3 --device emu --top 1
cp "$out" on-emu
expect_exit 0 logits demo --tokens 3,7,11,3 --top 1
expect "the same answer" cmp on-emu "$out"
expect_exit 0 heads demo -n 2 --length 12 --device emu
expect_line '^a0.h3 .*previous-token$'
expect_exit 0 "${find[@]}" --method eap-ig -o eap-cpu
expect_exit 0 "${find[@]}" --method eap-ig --device emu -o eap-emu
expect "its estimates" are_near eap-cpu eap-emu 1e-5
expect_exit 0 "${find[@]}" --device emu -o emu
expect "its effects" are_near fp32 emu 1e-5
expect "it is written down" grep -q '"device": "emu ' emu/circuit.json
expect_exit 0 "${find[@]}" --device emu -o again
expect "the same bytes" cmp emu/circuit.json again/circuit.json
expect "the same bytes" cmp emu/scores.csv again/scores.csv
expect_refusal 2 'fingerprint' "${find[@]}" -o emu --resume
for precision in bf16x3 bf16; do
    expect_exit 0 "${find[@]}" --device emu --precision $precision -o emu-$precision
    expect "$precision on both" are_near $precision emu-$precision 2e-2
done
for command in "patch demo --task induction -n 2 --length 12 --what z --by layer,head" \
    "path demo --task induction -n 2 --length 12 --from a0.h3 --to a1.h2<k>"; do
    # shellcheck disable=SC2086
    expect_exit 0 $command --device cpu -o "cpu-${command%% *}"
    # shellcheck disable=SC2086
    expect_exit 0 $command --device emu -o "emu-${command%% *}"
done
expect_exit 0 eval emu --model demo --task induction -n 2 --length 12 --device emu

# ---- gpu-check ----
bash "$root/tools/gpu-check" --emulated --quick --out checked "$build" >"$out" 2>"$err" || fail "gpu-check"
expect_line '^architecture gemma2-caps +ok +fp32 .* bf16x3 .* tf32 .* bf16 '
expect_line '^a sweep twice +ok'
expect_line '^sweep demo bf16x3 +ok +110 edges'
expect_line '^gpu-check: all passed'
bash "$root/tools/gpu-check" --quick --out checked "$build" >"$out" 2>"$err" && fail "a GPU where there is none"
expect_line '^device cuda +FAILED +.*no plug-in'
report

#!/bin/bash
# shipped_figure.sh PROGRAM: the figures that README.md shows are those that its commands make.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

expect_exit 0 find "$demo" --task induction --level edge --method exact -o run
expect "README's figure is up to date: else copy circuit.svg into tools/models/demo" \
    cmp run/circuit.svg "$demo/circuit.svg"
expect_exit 0 patch demo --task induction -n 1 --length 12 --what resid_pre --direction denoise -o grid
expect "README's heat map is up to date: else copy grid.svg into tools/models/demo" \
    cmp grid/grid.svg "$demo/grid.svg"
expect_exit 0 find demo --task induction -n 1 --length 12 --positions each -o where
expect "README's map of positions is up to date: else copy positions.svg into tools/models/demo" \
    cmp where/positions.svg "$demo/positions.svg"
report

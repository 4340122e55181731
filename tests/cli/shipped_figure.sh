#!/bin/bash
# shipped_figure.sh PROGRAM: the figure that README.md shows is the one that tools/demo makes.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

expect_exit 0 find "$demo" --task induction --level edge --method exact -o run
expect "README's figure is up to date: else copy circuit.svg into tools/models/demo" \
    cmp run/circuit.svg "$demo/circuit.svg"
report

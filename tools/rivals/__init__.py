"""What tools/bench times: one module a program, each with the same small interface.

ROWS       the lines of the table, a Row each
missing()  why this program cannot run here, in a few words, or None
Row.open(work) gives an object whose measure(names) returns the effect of cutting each named edge (or node), (names,
prompts) or (names, 1) where the program gives only means. What does not depend on `names` is done when it is opened.
"""

import dataclasses
from typing import Callable


@dataclasses.dataclass(frozen=True)
class Row:
    tool: str
    how: str
    unit: str  # "edge" or "node"
    open: Callable
    flop: Callable  # FLOP of its products for one effect on one prompt, by formula: see flop.py


class BenchError(Exception):
    """One line for the user: what, where, what was expected."""


class Disagreement(BenchError):
    """A tool measures something else than Patchclamp does."""

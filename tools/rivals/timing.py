"""Seconds an effect, by one rule for every program: two lists of the same kind, a long one and a short one, and the
difference of their times over the difference of their lengths. What a run does once (opening a model, a baseline) is
in both and goes out."""

import resource
import statistics
import time

from rivals import BenchError
from rivals.work import all_names, spread

FEWEST, MOST, SHORT_PART = 8, 1000, 4


def processor_time():
    """Of this process and those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


CLOCKS = {"wall": time.perf_counter, "cpu": processor_time}


class Timed:
    """A row in one case: its lists, and a time for every round."""

    def __init__(self, row, work, clock):
        self.row, self.work, self.clock, self.seconds = row, work, CLOCKS[clock], []
        self.tool = row.open(work)

    def _clock(self, names):
        start = self.clock()
        self.tool.measure(names)
        return self.clock() - start

    def choose(self, seconds):
        """Lists that take about so long. A busy machine may make two short times differ by nothing: not less than a
        quarter of the longer one is believed."""
        names = all_names(self.work.shape, self.row.unit)
        few, more = spread(names, FEWEST), spread(names, 3 * FEWEST)
        self._clock(few)  # the warm-up
        whole = self._clock(more)
        each = max((whole - self._clock(few)) / (len(more) - len(few)), whole / len(more) / 4)
        n = max(2 * FEWEST, min(len(names), MOST, int(seconds / each)))
        self.long = spread(names, n)
        self.short = spread(self.long, n // SHORT_PART)

    def round(self):
        longer, shorter = self._clock(self.long), self._clock(self.short)
        if longer <= shorter:
            raise BenchError(f"{self.row.tool}, {self.row.how}: {len(self.long)} {self.row.unit}s took no longer than "
                             f"{len(self.short)}; the model is too small to time, or the machine too busy")
        self.seconds.append((longer - shorter) / (len(self.long) - len(self.short)) / self.work.n_prompts)

    def record(self):
        return {"tool": self.row.tool, "how": self.row.how, "unit": self.row.unit, "case": self.work.case.name,
                "lists": [len(self.short), len(self.long)], "ms": [1e3 * s for s in self.seconds],
                "median": 1e3 * statistics.median(self.seconds), "min": 1e3 * min(self.seconds),
                "max": 1e3 * max(self.seconds)}


def interleave(rivals, ours, rounds, say):
    """rival, ours, rival, ours: what else the machine does hits both. ours: unit -> Timed."""
    for i in range(rounds):
        for rival in rivals:
            mine = ours[rival.row.unit]
            rival.round()
            mine.round()
            say(f"{rival.work.case.name}: round {i + 1} of {rounds}, {rival.row.tool} ({rival.row.how}) "
                f"{1e3 * rival.seconds[-1]:.2f} ms, Patchclamp {1e3 * mine.seconds[-1]:.2f} ms")

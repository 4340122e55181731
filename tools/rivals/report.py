"""The tables in Markdown: what an effect takes, and where the ratio comes from."""

from rivals.work import CASES, all_names


def _line(cells):
    return "| " + " | ".join(cells) + " |"


def _head(names):
    return [_line(names), "|" + "---|" * len(names)]


def _find(records, row, case):
    for record in records:
        if (record["tool"], record["how"], record["unit"], record["case"]) == (row.tool, row.how, row.unit, case.name):
            return record
    return None


def _span(record):
    return f"{record['median']:.3g} ({record['min']:.3g} to {record['max']:.3g})"


def _duration(seconds):
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _ratio(rival, ours):
    return rival["median"] / ours["median"]


def table(rows, mine, records, shape, n_prompts):
    """ms an effect and prompt, median (min to max); how many times Patchclamp's that is; all edges at this speed."""
    lines = _head(["tool", "how", "effect of", *(f"{case.name}, ms" for case in CASES),
                   *(f"{case.name}, times Patchclamp's" for case in CASES),
                   f"all of them, {n_prompts} prompts, {CASES[0].name}, extrapolated"])
    for unit in ("edge", "node"):
        others = [row for row in rows if row.unit == unit]
        for row in [mine[unit], *others] if others else []:
            found = [_find(records, row, case) for case in CASES]
            ratios = [_ratio(one, _find(records, mine[unit], case)) for one, case in zip(found, CASES)]
            whole = 1e-3 * found[0]["median"] * n_prompts * len(all_names(shape, unit))
            lines.append(_line([row.tool, row.how, unit, *map(_span, found), *(f"{r:.1f}" for r in ratios),
                                _duration(whole)]))
    return "\n".join(lines)


def flop_table(rows, mine, records, shape, counted):
    """ratio = FLOP ratio x efficiency ratio. counted[unit, case] is Patchclamp's own count for an effect."""
    lines = _head(["tool", "how", "effect of", "case", "GFLOP", "Patchclamp's", "FLOP ratio", "efficiency ratio",
                   "ratio"])
    for row in rows:
        for case in CASES:
            theirs, ours = row.flop(shape, case), counted[row.unit, case.name]
            ratio = _ratio(_find(records, row, case), _find(records, mine[row.unit], case))
            lines.append(_line([row.tool, row.how, row.unit, case.name, f"{1e-9 * theirs:.3g}", f"{1e-9 * ours:.3g}",
                                f"{theirs / ours:.2f}", f"{ratio * ours / theirs:.2f}", f"{ratio:.1f}"]))
    return "\n".join(lines)

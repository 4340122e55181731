"""The check before any timing: in float64, every program's effects are Patchclamp's."""

import torch

from rivals import Disagreement
from rivals.patchclamp_run import Run
from rivals.work import all_names, spread

RELATIVE, ABSOLUTE = 1e-5, 3e-6  # the delta engine's bound: README, "Precision and speed"
TWIN = 1e-9  # the definition's, absolute and relative: the same intervention, not a similar one


def bound(effects, sd, engine):
    if engine == "twin":
        return TWIN * (1 + effects.abs())
    return RELATIVE * effects.abs() + ABSOLUTE * max(1.0, sd)


def _like(effects, rival):
    """Means over prompts, where the rival gives only these."""
    return effects if rival.shape[1] > 1 else effects.mean(1, keepdim=True)


def _worst(names, ours, rival, allowed):
    over = ((ours - rival).abs() / allowed).max(1).values
    for i in over.argsort(descending=True)[:3].tolist():
        at = int(((ours - rival).abs() / allowed)[i].argmax())
        yield (f"{names[i]}: {rival[i, at].item():.9g}, Patchclamp {ours[i, at].item():.9g}, "
               f"{over[i].item():.3g} times the bound apart")


def compare(row, names, ours, rival, sd, engine):
    """The largest difference; an error that names the worst if it is beyond the bound."""
    ours = _like(ours, rival)
    allowed = bound(ours, sd, engine)
    if not bool(((ours - rival).abs() <= allowed).all()):
        raise Disagreement(f"{row.tool}, {row.how}, disagrees with Patchclamp's {engine} engine, nothing was timed: "
                         + "; ".join(_worst(names, ours, rival, allowed)))
    return (ours - rival).abs().max().item()


def check(rows, work, sizes, say):
    """Every row against both engines, sizes[engine] edges or nodes. Returns a record for each."""
    records, measured = [], {}
    for row in rows:
        rival, theirs = row.open(work), {}
        known = hasattr(rival, "base") and work.n_prompts > 1
        sd = rival.base.std().item() if known else 0.0  # 0: the tighter bound
        for engine, n in sizes.items():
            names = spread(all_names(work.shape, row.unit), n)
            if (row.unit, engine) not in measured:
                measured[row.unit, engine] = Run(work, engine).measure(names)
            ours = measured[row.unit, engine]
            theirs = rival.measure(names).double()
            apart = compare(row, names, ours, theirs, sd, engine)
            records.append({"tool": row.tool, "how": row.how, "case": work.case.name, "engine": engine, "n": len(names),
                            "largest_difference": apart, "largest_effect": theirs.abs().max().item(),
                            "median_effect": theirs.abs().median().item()})
            say(f"{work.case.name}: {row.tool} ({row.how}), {engine}: {len(names)} {row.unit}s, effects up to "
                f"{records[-1]['largest_effect']:.2g} (median {records[-1]['median_effect']:.2g}), "
                f"at most {apart:.1e} apart")
        del rival
    return records

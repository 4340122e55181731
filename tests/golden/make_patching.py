"""Writes tests/golden/models/NAME/patching.json for the TransformerLens models: what transformer_lens.patching says.

    python make_patching.py [FOLDER]         (default: models/ beside this file; make_models.py comes first)

Needs what make_models.py needs.  Every number is the library's own: its patching functions on its own model in
float64, the logit difference as the metric.  They patch one run's activation into another run; "denoise" has the clean
run's in the corrupted one, "noise" the two exchanged.

patching.json
    a list of {"pair": index in golden.json's task, "direction", "site", "by": the axes of `effects`, "effects":
    metric(patched) - metric(unpatched), nested as `by` says}
"""

import json
import sys
from pathlib import Path

import torch
import transformer_lens.patching as patching

import brute_force as bf
import make_models

LAYER_SITES = {
    "resid_pre": patching.get_act_patch_resid_pre,
    "resid_mid": patching.get_act_patch_resid_mid,
    "attn_out": patching.get_act_patch_attn_out,
    "mlp_out": patching.get_act_patch_mlp_out,
}
HEAD_SITES = {
    "z": (patching.get_act_patch_attn_head_out_by_pos, patching.get_act_patch_attn_head_out_all_pos),
    "q": (patching.get_act_patch_attn_head_q_by_pos, patching.get_act_patch_attn_head_q_all_pos),
    "k": (patching.get_act_patch_attn_head_k_by_pos, patching.get_act_patch_attn_head_k_all_pos),
    "v": (patching.get_act_patch_attn_head_v_by_pos, patching.get_act_patch_attn_head_v_all_pos),
    "pattern": (patching.get_act_patch_attn_head_pattern_by_pos, patching.get_act_patch_attn_head_pattern_all_pos),
}
# The pair that differs everywhere one way, the pair that differs from its middle on the other.
CASES = ((0, "denoise"), (4, "noise"))


def grids(cfg):
    """(site, axes, function) for all that the model has."""
    absent = {"mlp_out", "resid_mid"} if cfg.attn_only else {"resid_mid"} if cfg.parallel_attn_mlp else set()
    for site, function in LAYER_SITES.items():
        if site not in absent:
            yield site, ["layer", "position"], function
    for site, (by_position, everywhere) in HEAD_SITES.items():
        # of a pattern the library lists the heads first
        yield site, ["layer", *(["head", "position"] if site == "pattern" else ["position", "head"])], by_position
        yield site, ["layer", "head"], everywhere


def rows(model, task):
    for index, direction in CASES:
        pair = task[index]
        base, source = ("corrupted", "clean") if direction == "denoise" else ("clean", "corrupted")
        tokens = torch.tensor([pair[base]])
        plain, cache = model.run_with_cache(torch.tensor([pair[source]]))
        metric = lambda logits: torch.tensor(bf.metric("logit-diff", pair, logits[0], logits[0]), dtype=torch.float64)
        unpatched = metric(model(tokens))
        for site, axes, function in grids(model.cfg):
            effects = function(model, tokens, cache, metric).double() - unpatched
            yield {"pair": index, "direction": direction, "site": site, "by": axes, "effects": effects.tolist()}


def main(folder):
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)  # the library fills its tables in the default type
    for name in make_models.TL_MODELS:
        model = make_models.load_hooked_transformer(folder / name)
        task = json.loads((folder / name / "golden.json").read_text())["task"]
        lines = ",\n".join(json.dumps(row) for row in rows(model, task))
        (folder / name / "patching.json").write_text(f"[\n{lines}\n]\n")
        print(name, lines.count("\n") + 1, "grids")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "models")

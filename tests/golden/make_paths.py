"""Writes tests/golden/models/NAME/paths.json: what paths through other components are worth, and path patching as
callummcdougall/path_patching defines it.

    python make_paths.py [FOLDER [PATH_PATCHING.py]]      (default: models/ beside this file; make_models.py comes first)

Needs what make_models.py needs.  With that repository's path_patching.py as a second argument, its own path_patch() is
run beside the definitions below, which are spelt out in TransformerLens's hooks, and must say the same.

paths.json
    multi    [{"intervention", "source", "direction", "metric", "effects"}] as in golden.json, of paths with stops;
             for TransformerLens models its own forward pass says the same
    direct   [{"pair", "from", "to", "includes_mlps", "effect"}] of the logit difference, TransformerLens models with
             split inputs: one sender into one reader, clean values replaced by corrupted ones.  False: the sender's change
             is added to what the reader sees.  True: what the reader sees is taken from a run in which the sender is
             replaced and every other head's z has its clean value
"""

import importlib.util
import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch

import brute_force as bf
import make_models

PAIRS = (0, 4)  # the one that differs everywhere, the one that differs from its middle on


# ---- paths with stops ---------------------------------------------------------------------------------------------


def stop_cases(net):
    last, r = len(net.layers) - 1, partial(bf.reader_of, net)
    path = lambda senders, via, to, mlps: {"path": {"from": senders, "via": via, "to": to, "mlps": mlps}}
    cases = []
    for mlps in ("frozen", "free"):
        if last > 0:
            cases += [
                path(["a0.h1"], [[r(1, 0, "v")]], ["logits"], mlps),
                path(["input"], [[r(0, 1, "v")], [r(last, 0, "k"), r(last, 1, "q")]], ["logits"], mlps),
                path(["a0.h0", "input"], [[r(1, 1, "k"), r(0, 0, "q")]], ["logits"], mlps),
                path(["input"], [[r(0, 0, "v"), r(0, 1, "v")]], [r(last, 0, "q"), r(last, 1, "v"), "logits"], mlps),
                # a component in two stops that follow each other, and a receiver in front of a stop
                path(["input"], [[r(0, 0, "q"), r(1, 0, "v")], [r(1, 0, "v")]], ["logits"], mlps),
                path(["input"], [[r(1, 0, "v")]], [r(0, 1, "k"), "logits"], mlps),
            ]
        if net.has_mlp:
            cases += [
                path(["input"], [["m0"]], ["logits"], mlps),
                path(["input"], [[r(0, 0, "v"), "m0"], [f"m{last}"]] if last else [["m0"]], ["logits"], mlps),
            ]
        if net.has_mlp and last > 0 and not net.is_parallel:
            cases.append(path(["a0.h0"], [["m0"], [r(1, 1, "v")]], ["logits", f"m{last}"], mlps))
    return cases


def multi(net, task, bos, library_run):
    for i, what in enumerate(stop_cases(net)):
        entry = {
            "intervention": what,
            "source": ("resample", "zero", "resample")[i % 3],
            "direction": ("noise", "noise", "denoise")[i % 3],
            "metric": ("logit-diff", "kl", "log-prob")[i % 3],
        }
        entry["effects"] = bf.effects(net, partial(bf.forward, net), task, bos, entry)
        if library_run:
            again = bf.effects(net, library_run, task, bos, entry)
            assert np.abs(np.subtract(again, entry["effects"])).max() < 1e-9, entry
        yield entry


# ---- path_patching's two definitions --------------------------------------------------------------------------------


def parts_of(name):
    """"a1.h0<k>" -> (1, 0, "k"); the head is None for MLPs."""
    if name[0] == "m":
        return int(name[1:]), None, None
    place, _, letter = name.partition("<")
    layer, head = place[1:].split(".h")
    return int(layer), int(head), letter[:1]


def input_hook(model, reader):
    layer, head, letter = (model.cfg.n_layers - 1, None, None) if reader == "logits" else parts_of(reader)
    name = {True: f"blocks.{layer}.hook_resid_post", False: f"blocks.{layer}.hook_{letter}_input"}[reader == "logits"]
    return name, (slice(None), slice(None)) if head is None else (slice(None), slice(None), head)


def z_or_mlp(sender):
    layer, head, _ = parts_of(sender)
    if head is None:
        return f"blocks.{layer}.hook_mlp_out", (slice(None), slice(None))
    return f"blocks.{layer}.attn.hook_z", (slice(None), slice(None), head)


def put(place, value):
    def hook(x, hook):
        x = x.clone()
        x[place] = value
        return x

    return hook


def without_mlps(model, tokens, clean, corrupted, sender, reader):
    name, place = input_hook(model, reader)
    at, where = z_or_mlp(sender)
    change = (corrupted[at] - clean[at])[where]
    layer, head, _ = parts_of(sender)
    if head is not None:
        change = change @ model.blocks[layer].attn.W_O[head]
    add = lambda x, hook: put(place, x[place] + change)(x, hook)
    return model.run_with_hooks(tokens, fwd_hooks=[(name, add)])


def with_mlps(model, tokens, clean, corrupted, sender, reader):
    name, place = input_hook(model, reader)
    at, where = z_or_mlp(sender)
    seen = {}
    freeze = lambda x, hook: clean[hook.name]
    keep = lambda x, hook: seen.update(x=x[place].clone())
    model.run_with_hooks(
        tokens, fwd_hooks=[(lambda n: n.endswith("attn.hook_z"), freeze), (name, keep), (at, put(where, corrupted[at][where]))]
    )
    return model.run_with_hooks(tokens, fwd_hooks=[(name, put(place, seen["x"]))])


def library(path, model, tokens, other, metric, sender, reader, includes_mlps):
    """The same by the repository's path_patch()."""
    node = lambda name: path.Node("resid_post", model.cfg.n_layers - 1) if name == "logits" else path.Node(
        {None: "mlp_out", "": "z"}.get(parts_of(name)[2], parts_of(name)[2]), parts_of(name)[0], parts_of(name)[1])  # fmt: skip
    return path.path_patch(
        model, orig_input=tokens, new_input=other, sender_nodes=node(sender), receiver_nodes=node(reader),
        patching_metric=metric, direct_includes_mlps=includes_mlps, verbose=False,
    )  # fmt: skip


def direct(model, net, task, path):
    readers = [r for r in bf.readers(net) if r[0] != "m"]
    for index in PAIRS:
        pair = task[index]
        tokens, other = torch.tensor([pair["clean"]]), torch.tensor([pair["corrupted"]])
        metric = lambda logits: bf.metric("logit-diff", pair, logits[0], logits[0])
        plain, clean = model.run_with_cache(tokens)
        _, corrupted = model.run_with_cache(other)
        for reader in readers:
            for sender in bf.before(net, reader)[1:]:
                for includes_mlps, run in ((False, without_mlps), (True, with_mlps)):
                    value = metric(run(model, tokens, clean, corrupted, sender, reader))
                    if path:
                        said = library(path, model, tokens, other, metric, sender, reader, includes_mlps)
                        assert abs(float(said) - value) < 1e-9, (sender, reader, includes_mlps, said, value)
                    yield {"pair": index, "from": sender, "to": reader, "includes_mlps": includes_mlps,
                           "effect": value - metric(plain)}  # fmt: skip


def block(rows):
    return "[\n  " + ",\n  ".join(map(json.dumps, rows)) + "\n ]"


def main(folder, repository):
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    path = None
    if repository:
        spec = importlib.util.spec_from_file_location("path_patching", repository)
        path = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(path)
    for at in sorted(p.parent for p in folder.glob("*/golden.json")):
        golden = json.loads((at / "golden.json").read_text())
        kind = json.loads((at / "config.json").read_text())["model_type"] if (at / "config.json").exists() else "tl"
        # TransformerLens fills its tables in the default type; Gemma's scale of embeddings is rounded to float32
        torch.set_default_dtype(torch.float64 if kind == "tl" else torch.float32)
        loader = {"tl": bf.load_transformer_lens, "gpt2": bf.load_gpt2}.get(kind, bf.load_hugging_face)
        net, model, run = loader(at), None, None
        if kind == "tl":
            model = make_models.load_hooked_transformer(at)
            run = make_models.HookedNet(net, model).forward if net.n_kv_heads == net.n_heads else None
        rows = list(multi(net, golden["task"], golden["bos"], run))
        parts = [f' "multi": {block(rows)}']
        # where nothing is grouped or normed again behind the heads: the library knows no other model
        if run and net.layers[0].post1 is None:
            parts.append(f' "direct": {block(direct(model, net, golden["task"], path))}')
        (at / "paths.json").write_text("{\n" + ",\n".join(parts) + "\n}\n")
        print(at.name, len(rows), "paths with stops", "" if len(parts) == 1 else "and path_patching's")


if __name__ == "__main__":
    arguments = [Path(a) for a in sys.argv[1:]]
    main(arguments[0] if arguments else Path(__file__).parent / "models", arguments[1] if len(arguments) > 1 else None)

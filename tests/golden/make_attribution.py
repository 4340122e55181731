"""Writes tests/golden/models/NAME/attribution.json: direct logit attribution and the logit lens of the clean prompts.

    python make_attribution.py [FOLDER]         (default: models/ beside this file; make_models.py comes first)

attribution.json
    {"components": {name: one number per pair}, "lens": [[one number per pair] per stream]}, of the logit difference
    before a final softcap: the writers, then b_O, ln_final.b, b_U; the stream before layer 0, then after each layer.
    TransformerLens models without post-norms: cache.stack_head_results, apply_ln_to_stack and accumulated_resid say so;
    the others: brute_force.py's run, its norms with their scale held.
"""

import json
import sys
from pathlib import Path

import torch

import brute_force as bf
import make_models


def held(norm, x, whole):
    """A part x of `whole` through the norm with the scale of `whole`, without its bias."""
    if norm.kind is None:
        return x
    centre = (lambda v: v - v.mean(-1, keepdim=True)) if norm.kind == "layer" else lambda v: v
    y = centre(x) / torch.sqrt((centre(whole) ** 2).mean(-1, keepdim=True) + norm.eps)
    return y if norm.gain is None else y * norm.gain


def parts_of(net, run):
    """{name: (seq, d_model)} whose sum is the final stream, and the streams before layer 0 and after each layer."""
    parts, b_O = {"input": run.out["input"]}, 0
    streams = [run.out["input"]]
    for i, layer in enumerate(net.layers):
        heads = bf.heads_of(net, i)
        whole = sum(run.out[h] for h in heads) + layer.b_O
        through = (lambda x: x) if layer.post1 is None else lambda x: held(layer.post1, x, whole)
        parts |= {h: through(run.out[h]) for h in heads}
        bias = through(layer.b_O.expand_as(whole))
        if layer.post1 is not None and layer.post1.bias is not None:
            bias = bias + layer.post1.bias
        b_O = b_O + bias
        if net.has_mlp:
            parts[f"m{i}"] = run.out[f"m{i}"]
        streams.append(sum(parts.values()) + b_O)
    return parts | {"b_O": b_O}, streams


def direction(W, target):
    return W[..., target["answers"]].mean(-1) - W[..., target["wrong_answers"]].mean(-1)


def of_pair(net, pair, model):
    run = bf.forward(net, pair["clean"])
    parts, streams = parts_of(net, run)
    norm, targets = net.final_norm, bf.targets_of(pair)
    mean = lambda f: float(sum(f(t) for t in targets) / len(targets))
    at = lambda y: mean(lambda t: y[t["position"]] @ direction(net.W_U, t))
    bias = torch.zeros_like(streams[-1]) if norm.bias is None else norm.bias.expand_as(streams[-1])
    row = {name: at(held(norm, x, streams[-1])) for name, x in parts.items()}
    row |= {"ln_final.b": at(bias), "b_U": mean(lambda t: direction(net.b_U, t))}
    lens = [at(norm(x)) + row["b_U"] for x in streams]
    assert abs(sum(row.values()) - lens[-1]) < 1e-9
    if model is not None:
        check(model, net, pair, row, lens, at)
    return row, lens


def check(model, net, pair, row, lens, at):
    """The library's own numbers. Nothing is folded, and it leaves the gain to the caller."""
    _, cache = model.run_with_cache(torch.tensor([pair["clean"]]))
    final = getattr(model, "ln_final", lambda x: x)  # a model without norms has none
    gain = getattr(final, "w", None)
    through = lambda x: cache.apply_ln_to_stack(x, layer=-1)[:, 0]
    weigh = lambda x: x if gain is None or net.final_norm.kind is None else x * gain
    heads = cache.stack_head_results(layer=-1)
    names = [h for i in range(len(net.layers)) for h in bf.heads_of(net, i)]
    by_library = dict(zip(names, weigh(through(heads))))
    for name, y in by_library.items():
        assert abs(at(y) - row[name]) < 1e-9, (name, at(y), row[name])
    streams, labels = cache.accumulated_resid(layer=-1, incl_mid=False, return_labels=True)
    assert len(labels) == len(lens)
    for x, value in zip(streams, lens):
        said = at(final(x)[0]) + row["b_U"]
        assert abs(said - value) < 1e-9, (said, value)


def main(folder):
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    for at in sorted(p.parent for p in folder.glob("*/golden.json")):
        task = json.loads((at / "golden.json").read_text())["task"]
        kind = json.loads((at / "config.json").read_text())["model_type"] if (at / "config.json").exists() else "tl"
        # TransformerLens fills its tables in the default type; Gemma's scale of embeddings is rounded to float32
        torch.set_default_dtype(torch.float64 if kind == "tl" else torch.float32)
        net = {"tl": bf.load_transformer_lens, "gpt2": bf.load_gpt2}.get(kind, bf.load_hugging_face)(at)
        model = None
        if kind == "tl" and net.layers[0].post1 is None:
            model = make_models.load_hooked_transformer(at)
        pairs = [of_pair(net, pair, model) for pair in task]
        components = {name: [row[name] for row, _ in pairs] for name in pairs[0][0]}
        lens = [[values[i] for _, values in pairs] for i in range(len(pairs[0][1]))]
        (at / "attribution.json").write_text(json.dumps({"components": components, "lens": lens}) + "\n")
        print(at.name, len(components), "components", "" if model is None else "as TransformerLens has them")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "models")

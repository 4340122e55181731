"""Writes tests/golden/models/NAME/estimates.json: what hannamw/EAP-IG's own functions say of every edge, in float64.

    python make_estimates.py [FOLDER]         (default: models/ beside this file; make_models.py comes first)

Needs the library (`eap`, version 2) on the path.  It wants an MLP in every layer and writes its scores to "cuda": models
without MLPs are left out, and zeros are made where they can be.

estimates.json
    {method: {edge: score}} of golden.json's task, the mean over its prompts, in the metric's sign; methods are EAP,
    EAP-IG-inputs, EAP-IG-activations (4 steps each), clean-corrupted, and "EAP zero", which ablates with zeros (there the
    library's input is the token's embedding alone: its edges are left out).  The metric is the logit difference.
    Without position embeddings the library's steps of the input in EAP-IG-activations do not reach the first layer's
    attention, since nothing there requires a gradient: these edges are left out too.
    "top absolute" and "top signed": the edges of Graph.apply_topn(TOP, prune=True) by EAP's scores of the negated metric,
    the library's loss, as {edge: 1}.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import torch

import brute_force as bf
import make_models

STEPS = 4
TOP = 14
NAMES = ("tl-ln", "tl-lnpre", "tl-modern", "tl-parallel", "tl-rms", "tl-rmspre")
METHODS = {
    "EAP": dict(method="EAP"),
    "EAP-IG-inputs": dict(method="EAP-IG-inputs", ig_steps=STEPS),
    "EAP-IG-activations": dict(method="EAP-IG-activations", ig_steps=STEPS),
    "clean-corrupted": dict(method="clean-corrupted"),
    "EAP zero": dict(method="EAP", intervention="zero"),
}


def on_processor():
    """The library asks for zeros on a GPU."""
    zeros = torch.zeros
    torch.zeros = lambda *size, **more: zeros(*size, **(more | {"device": "cpu"}))


def as_they_are(model, prompts):
    """tokenize_plus for prompts that are tokens already: one at a time, nothing to mask."""
    tokens = torch.stack(prompts)
    return tokens, None, torch.tensor([tokens.shape[1]] * len(prompts)), tokens.shape[1]


def metric_of(pair):
    def of_target(logits, target):
        row = logits[0, target["position"]]
        return row[target["answers"]].mean() - row[target["wrong_answers"]].mean()

    targets = bf.targets_of(pair)
    return lambda logits, clean_logits, lengths, labels: sum(of_target(logits, t) for t in targets) / len(targets)


def estimate(model, task, **options):
    from eap.attribute import attribute
    from eap.graph import Graph

    totals = {}
    for pair in task:
        graph = Graph.from_model(model)
        graph.scores = graph.scores.double()
        batch = [([torch.tensor(pair["clean"])], [torch.tensor(pair["corrupted"])], None)]
        attribute(model, graph, batch, metric_of(pair), quiet=True, **options)
        for name, edge in graph.edges.items():
            totals[name] = totals.get(name, 0) + float(edge.score) / len(task)
    left_out = ()
    if options.get("intervention") == "zero":
        left_out = "input->"
    elif options["method"] == "EAP-IG-activations" and model.cfg.positional_embedding_type == "rotary":
        left_out = "input->a0."
    return {name: score for name, score in totals.items() if not name.startswith(left_out)}


def select(model, scores):
    """What the library keeps by the scores of a loss."""
    from eap.graph import Graph

    kept = {}
    for name, absolute in (("top absolute", True), ("top signed", False)):
        graph = Graph.from_model(model)
        graph.scores = graph.scores.double()
        for edge, score in scores.items():
            graph.edges[edge].score = -score
        graph.apply_topn(TOP, absolute=absolute, prune=True)
        kept[name] = {edge: 1 for edge in scores if graph.edges[edge].in_graph}
    return kept


def make(folder):
    model = make_models.load_hooked_transformer(folder)
    model.tokenizer = SimpleNamespace(pad_token_id=-1, bos_token_id=None, padding_side="right")
    task = json.loads((folder / "golden.json").read_text())["task"]
    scores = {name: estimate(model, task, **options) for name, options in METHODS.items()}
    scores |= select(model, scores["EAP"])
    lines = [f' "{name}": {json.dumps(of)}' for name, of in scores.items()]
    (folder / "estimates.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "models")
    torch.set_num_threads(1)
    on_processor()
    import eap.attribute

    eap.attribute.tokenize_plus = as_they_are
    for name in NAMES:
        make(folder / name)
        print(name)


if __name__ == "__main__":
    main()

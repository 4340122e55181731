"""hannamw/EAP-IG: the loop of its method "exact", over some of the edges: each cut alone, its circuit evaluation run.

The library takes text; the prompts are token ids, which stand in for what it would have tokenized."""

import torch

from .hooked_model import hooked, metric, parse, tokens

NAME = "EAP-IG exact"
NEEDS = "eap"


class Exact:
    def __init__(self, setup):
        from eap import evaluate
        from eap.graph import Graph

        self.setup = setup
        self.evaluate = evaluate.evaluate_graph
        self.model = hooked(setup, use_attn_result=True, use_split_qkv_input=True, use_hook_mlp_in=True)
        self.graph = Graph.from_model(self.model)
        self.graph.in_graph |= self.graph.real_edge_mask
        sides = {"clean": tokens(setup, "clean"), "corrupted": tokens(setup, "corrupted")}

        def as_tokens(model, side, max_length=None):
            ids = sides[side[0]]
            return ids, torch.ones_like(ids), torch.full((len(ids),), ids.shape[1]), ids.shape[1]

        evaluate.tokenize_plus = as_tokens
        with torch.inference_mode():
            self.base = metric(setup, self.model(sides["clean"])[:, -1])

    def name_of(self, edge):
        writer = {"input": "input", "mlp": f"m{edge.writer_layer}"}.get(
            edge.writer, f"a{edge.writer_layer}.h{edge.writer_head}"
        )
        reader = {"logits": "logits", "mlp": f"m{edge.reader_layer}"}.get(
            edge.reader, f"a{edge.reader_layer}.h{edge.reader_head}<{edge.reader}>"
        )
        return f"{writer}->{reader}"

    def effect(self, edge):
        def last(logits, clean_logits, input_lengths, labels):
            return torch.tensor([metric(self.setup, logits[:, -1])], dtype=torch.float64)

        n = len(self.setup.pairs)
        batches = [(["clean"] * n, ["corrupted"] * n, None)]
        cut = self.graph.edges[self.name_of(edge)]
        cut.in_graph = False
        value = self.evaluate(
            self.model, self.graph, batches, last, quiet=True, skip_clean=True
        )
        cut.in_graph = True
        return value.mean().item() - self.base

    def effects(self, edges):
        with torch.no_grad():
            return [self.effect(parse(name)) for name in edges]


open_rival = Exact

"""UFO-101/auto-circuit: its patchable model, one edge's mask set at a time."""

import torch

from .hooked_model import hooked, metric, parse, tokens

NAME = "auto-circuit"
NEEDS = "auto_circuit"


class PatchedEdges:
    def __init__(self, setup):
        from auto_circuit.utils.ablation_activations import src_ablations
        from auto_circuit.utils.graph_utils import patchable_model

        self.setup = setup
        model = hooked(setup, use_attn_result=True, use_split_qkv_input=True, use_hook_mlp_in=True)
        for parameter in model.parameters():
            parameter.requires_grad = False
        self.model = patchable_model(
            model, factorized=True, slice_output="last_seq", separate_qkv=True, device=torch.device("cpu")
        ).to(setup.dtype)
        self.clean = tokens(setup, "clean")
        with torch.inference_mode():
            self.source = src_ablations(self.model, tokens(setup, "corrupted"))
            self.base = metric(setup, self.model(self.clean)[self.model.out_slice])
        self.edges = {edge.name: edge for edge in self.model.edges}

    def name_of(self, edge):
        writer = {"input": "Resid Start", "mlp": f"MLP {edge.writer_layer}"}.get(
            edge.writer, f"A{edge.writer_layer}.{edge.writer_head}"
        )
        reader = {"logits": "Resid End", "mlp": f"MLP {edge.reader_layer}"}.get(
            edge.reader, f"A{edge.reader_layer}.{edge.reader_head}.{edge.reader.upper()}"
        )
        return f"{writer}->{reader}"

    def effect(self, edge):
        from auto_circuit.utils.graph_utils import patch_mode

        with patch_mode(self.model, self.source, edges=[self.edges[self.name_of(edge)]]):
            logits = self.model(self.clean)[self.model.out_slice]
        return metric(self.setup, logits) - self.base

    def effects(self, edges):
        with torch.inference_mode():
            return [self.effect(parse(name)) for name in edges]


open_rival = PatchedEdges

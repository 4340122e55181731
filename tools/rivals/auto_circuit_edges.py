"""auto-circuit: one edge's mask at a time, as its ACDC does it: from the reader's layer on, the clean run kept."""

import torch

from rivals import Row
from rivals import flop
from rivals.hooked_model import FLAGS, load, prefix_cache
from rivals.work import N_TOKENS, layer_and_head, parts


def missing():
    try:
        import auto_circuit.utils.graph_utils  # noqa: F401
    except ImportError as error:
        return f"auto_circuit: {error} (--auto-circuit DIR)"
    return None


def _component(name):
    if name in ("input", "logits"):
        return {"input": "Resid Start", "logits": "Resid End"}[name]
    layer, head = layer_and_head(name)
    return f"MLP {layer}" if head is None else f"A{layer}.{head}"


def _edge(name):
    writer, reader, slot = parts(name)
    return f"{_component(writer)}->{_component(reader)}" + (f".{slot.upper()}" if slot else "")


class _Masks:
    def __init__(self, work):
        from auto_circuit.utils.ablation_activations import src_ablations
        from auto_circuit.utils.graph_utils import patchable_model

        model, prefix = load(work, FLAGS), self.prefix(work)
        cache = prefix_cache(model, work.clean[:, :prefix]) if prefix else None
        self.work, self.tokens = work, work.clean[:, prefix:]
        self.model = patchable_model(model, factorized=True, slice_output="last_seq", separate_qkv=True,
                                     kv_caches=(cache,))
        self.edges = {edge.name: edge for edge in self.model.edges}
        self.corrupted = src_ablations(self.model, work.corrupted[:, prefix:])
        self.clean = src_ablations(self.model, self.tokens)
        with torch.inference_mode():
            self.base = work.metric(self.model(self.tokens)[self.model.out_slice])
        self.opened(model)

    @staticmethod
    def prefix(work):
        """How many tokens the prompts have in common and need not be computed again."""
        return N_TOKENS - work.case.n_differing

    def opened(self, model):
        pass

    def _one(self, edge):
        edge.patch_mask(self.model).data[edge.patch_idx] = 1.0
        with torch.inference_mode():
            logits = self.run(edge)[self.model.out_slice]
        edge.patch_mask(self.model).data[edge.patch_idx] = 0.0
        return self.work.metric(logits) - self.base


class Masks(_Masks):
    """A whole forward pass an edge, of all positions."""

    @staticmethod
    def prefix(work):
        return 0

    def run(self, edge):
        return self.model(self.tokens)

    def measure(self, names):
        from auto_circuit.utils.graph_utils import patch_mode, set_all_masks

        set_all_masks(self.model, val=0.0)
        with patch_mode(self.model, self.corrupted):
            return torch.stack([self._one(self.edges[_edge(name)]) for name in names])


class RestartedMasks(_Masks):
    """From the reader's layer on, readers from the last to the first as acdc_prune_scores takes them; the tokens that
    all prompts share are in a key-value cache (tail_divergence)."""

    def opened(self, model):
        _, self.all_tokens, self.short, self.attention_mask = self.model.input_to_embed(self.tokens)
        with torch.inference_mode():
            _, cache = self.model.run_with_cache(self.tokens)
        self.streams = [cache[f"blocks.{i}.hook_resid_pre"].clone() for i in range(self.work.shape.n_layers)]

    def run(self, edge):
        layer = int(edge.dest.module_name.split(".")[1])
        return self.model(self.streams[layer], start_at_layer=layer, tokens=self.all_tokens,
                          shortformer_pos_embed=self.short, attention_mask=self.attention_mask)

    def measure(self, names):
        from auto_circuit.utils.graph_utils import patch_mode, set_all_masks

        edges = [self.edges[_edge(name)] for name in names]
        effects = [None] * len(names)
        set_all_masks(self.model, val=0.0)
        with patch_mode(self.model, self.corrupted, curr_src_outs=self.clean.clone()):
            for i in sorted(range(len(names)), key=lambda i: edges[i].dest.layer, reverse=True):
                effects[i] = self._one(edges[i])
        return torch.stack(effects)


ROWS = [
    Row("auto-circuit", "masks, one forward an edge", "edge", Masks, flop.auto_circuit),
    Row("auto-circuit", "masks, as its ACDC", "edge", RestartedMasks, flop.auto_circuit_restarted),
]

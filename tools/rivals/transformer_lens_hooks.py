"""Edge patching with TransformerLens hooks: the difference between the writer's two values is added to one reader's
input, the whole model runs. What a careful user writes; both runs are cached once, upstream nothing changes."""

import torch

from .hooked_model import hooked, metric, parse, tokens

NAME = "TransformerLens hooks"
NEEDS = "transformer_lens"


class Hooks:
    def __init__(self, setup):
        self.setup = setup
        self.model = hooked(setup, use_split_qkv_input=True, use_hook_mlp_in=True)
        self.clean = tokens(setup, "clean")
        with torch.inference_mode():
            logits, self.was = self.model.run_with_cache(self.clean)
            self.source = self.model.run_with_cache(tokens(setup, "corrupted"))[1]
        self.base = metric(setup, logits[:, -1])

    def change(self, edge):
        """(n_prompts, seq, d_model): what the writer's value has more in the corrupted run."""
        if edge.writer == "input":
            return self.source["blocks.0.hook_resid_pre"] - self.was["blocks.0.hook_resid_pre"]
        if edge.writer == "mlp":
            name = f"blocks.{edge.writer_layer}.hook_mlp_out"
            return self.source[name] - self.was[name]
        name = f"blocks.{edge.writer_layer}.attn.hook_z"
        z = (self.source[name] - self.was[name])[:, :, edge.writer_head]
        return z @ self.model.blocks[edge.writer_layer].attn.W_O[edge.writer_head]

    def hook_name(self, edge):
        if edge.reader == "logits":
            return f"blocks.{self.model.cfg.n_layers - 1}.hook_resid_post"
        if edge.reader == "mlp":
            return f"blocks.{edge.reader_layer}.hook_mlp_in"
        return f"blocks.{edge.reader_layer}.hook_{edge.reader}_input"

    def effect(self, edge):
        change = self.change(edge)

        def hook(value, hook):
            if value.ndim == 4:
                value[:, :, edge.reader_head] += change
            else:
                value += change
            return value

        logits = self.model.run_with_hooks(self.clean, fwd_hooks=[(self.hook_name(edge), hook)])
        return metric(self.setup, logits[:, -1]) - self.base

    def effects(self, edges):
        with torch.inference_mode():
            return [self.effect(parse(name)) for name in edges]


class NodeHooks:
    """Activation patching: a head's z is replaced."""

    def __init__(self, setup):
        self.setup = setup
        self.model = hooked(setup)
        self.clean = tokens(setup, "clean")
        with torch.inference_mode():
            logits = self.model(self.clean)
            self.source = self.model.run_with_cache(tokens(setup, "corrupted"))[1]
        self.base = metric(setup, logits[:, -1])

    def effect(self, name):
        layer, head = (int(n) for n in name[1:].split(".h"))
        place = f"blocks.{layer}.attn.hook_z"

        def hook(z, hook):
            z[:, :, head] = self.source[place][:, :, head]
            return z

        logits = self.model.run_with_hooks(self.clean, fwd_hooks=[(place, hook)])
        return metric(self.setup, logits[:, -1]) - self.base

    def effects(self, heads):
        with torch.inference_mode():
            return [self.effect(name) for name in heads]


open_rival = Hooks
open_nodes = NodeHooks

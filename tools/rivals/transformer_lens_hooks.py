"""TransformerLens: patching by hooks, as its demos do it and as fast as its options allow."""

import torch

from rivals import Row
from rivals import flop
from rivals.hooked_model import load, prefix_cache
from rivals.work import N_TOKENS, all_writers, layer_and_head, parts


def missing():
    try:
        import transformer_lens  # noqa: F401
    except ImportError as error:
        return f"transformer_lens: {error}"
    return None


def _out_hook(writer):
    if writer == "input":
        return "blocks.0.hook_resid_pre"
    layer, head = layer_and_head(writer)
    return f"blocks.{layer}.hook_mlp_out" if head is None else f"blocks.{layer}.attn.hook_z"


class Differences:
    """What each writer writes, corrupted - clean, (prompts, tokens, d_model)."""

    def __init__(self, model, clean, corrupted):
        self.model, self.clean, self.corrupted, self.made = model, clean, corrupted, {}

    def __call__(self, writer):
        if writer not in self.made:
            name = _out_hook(writer)
            difference = self.corrupted[name] - self.clean[name]
            if name.endswith("hook_z"):
                layer, head = layer_and_head(writer)
                difference = difference[:, :, head] @ self.model.W_O[layer, head]
            self.made[writer] = difference
        return self.made[writer]


def _kept(name):
    return name.endswith(("hook_resid_pre", "hook_z", "hook_mlp_out"))


class _Hooked:
    """Both runs' activations are cached once, each writer's difference made from them."""

    def __init__(self, work, flags):
        self.work, self.model = work, load(work, flags)
        with torch.inference_mode():
            logits, self.clean = self.model.run_with_cache(work.clean, names_filter=_kept)
            _, self.corrupted = self.model.run_with_cache(work.corrupted, names_filter=_kept)
            self.base = work.metric(logits[:, -1])
            self.difference = Differences(self.model, self.clean, self.corrupted)
            for writer in all_writers(work.shape):
                self.difference(writer)


class Edges(_Hooked):
    """The writer's difference added to one reader's input, one forward pass an edge, from the tokens."""

    def __init__(self, work):
        super().__init__(work, ("use_split_qkv_input", "use_hook_mlp_in"))

    def _hook(self, edge):
        writer, reader, slot = parts(edge)
        difference = self.difference(writer)
        if slot is not None:
            layer, head = layer_and_head(reader)

            def add_to_head(inputs, hook):
                inputs[:, :, head] += difference
                return inputs

            return f"blocks.{layer}.hook_{slot}_input", add_to_head
        name = f"blocks.{self.work.shape.n_layers - 1}.hook_resid_post"
        if reader != "logits":
            name = f"blocks.{layer_and_head(reader)[0]}.hook_mlp_in"
        return name, lambda inputs, hook: inputs + difference

    def measure(self, names):
        with torch.inference_mode():
            return torch.stack([
                self.work.metric(self.model.run_with_hooks(self.work.clean, fwd_hooks=[self._hook(name)])[:, -1])
                - self.base for name in names])


class Nodes(_Hooked):
    """One head's z replaced by the corrupted run's, one forward pass a head."""

    def __init__(self, work):
        super().__init__(work, ())

    def measure(self, names):
        return torch.stack([self._one(*layer_and_head(name)) for name in names])

    def _one(self, layer, head):
        name = f"blocks.{layer}.attn.hook_z"

        def replace(z, hook):
            z[:, :, head] = self.corrupted[name][:, :, head]
            return z

        with torch.inference_mode():
            return self.work.metric(self.model.run_with_hooks(self.work.clean, fwd_hooks=[(name, replace)])[:, -1]) \
                - self.base


class TunedEdges(_Hooked):
    """By hand, what TransformerLens's options allow: from the reader's layer on, several edges a forward pass, the
    reader's own q, k or v computed beside it (no split inputs), the common prefix from a key-value cache, logits of
    the last position only."""

    def __init__(self, work):
        super().__init__(work, ("use_hook_mlp_in",))
        self.prefix = N_TOKENS - work.case.n_differing
        self.caches = {}

    def _cache(self, n_edges):
        if n_edges not in self.caches:
            self.caches[n_edges] = prefix_cache(self.model, self.work.clean[:, :self.prefix].repeat(n_edges, 1))
        return self.caches[n_edges]

    def _layer(self, edge):
        reader = parts(edge)[1]
        return self.work.shape.n_layers - 1 if reader == "logits" else layer_and_head(reader)[0]

    def _hook(self, edge, i):
        """What edge i of the batch does to its rows."""
        writer, reader, slot = parts(edge)
        layer, rows = self._layer(edge), slice(i * self.work.n_prompts, (i + 1) * self.work.n_prompts)
        difference = self.difference(writer)[:, self.prefix:]
        if slot is None:
            def add(inputs, hook):
                inputs[rows] += difference
                return inputs

            return f"blocks.{layer}." + ("hook_resid_post" if reader == "logits" else "hook_mlp_in"), add
        block, head = self.model.blocks[layer], layer_and_head(reader)[1]
        inputs = self.clean[f"blocks.{layer}.hook_resid_pre"][:, self.prefix:] + difference
        weight, bias = (getattr(block.attn, f"{kind}_{slot.upper()}")[head] for kind in "Wb")
        patched = block.ln1(inputs) @ weight + bias

        def replace(projected, hook):
            projected[rows, :, head] = patched
            return projected

        return f"blocks.{layer}.attn.hook_{slot}", replace

    def _batch(self, layer, edges):
        n = len(edges)
        stream = self.clean[f"blocks.{layer}.hook_resid_pre"][:, self.prefix:].repeat(n, 1, 1)
        kept = {}
        if self.prefix:
            kept = {"past_kv_cache": self._cache(n),
                    "attention_mask": torch.ones(n * self.work.n_prompts, N_TOKENS, dtype=torch.int64)}
        with self.model.hooks(fwd_hooks=[self._hook(edge, i) for i, edge in enumerate(edges)]):
            stream = self.model(stream, start_at_layer=layer, stop_at_layer=self.work.shape.n_layers, **kept)
        logits = self.model.unembed(self.model.ln_final(stream[:, -1:]))[:, 0]
        return self.work.metric(logits).view(n, -1) - self.base

    def measure(self, names):
        effects, by_layer = [None] * len(names), {}
        for i, name in enumerate(names):
            by_layer.setdefault(self._layer(name), []).append(i)
        with torch.inference_mode():
            for layer, members in by_layer.items():
                for start in range(0, len(members), self.work.at_once):
                    batch = members[start:start + self.work.at_once]
                    for i, effect in zip(batch, self._batch(layer, [names[i] for i in batch])):
                        effects[i] = effect
        return torch.stack(effects)


ROWS = [
    Row("TransformerLens", "hooks, one forward an edge", "edge", Edges, flop.forward),
    Row("TransformerLens", "hooks, tuned by hand", "edge", TunedEdges, flop.from_reader_last_position),
    Row("TransformerLens", "hooks, one forward a head", "node", Nodes, flop.forward),
]

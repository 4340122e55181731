"""A transformers GPT-2 as a HookedTransformer with the same weights, nothing folded; prompts as tensors; edges."""

import re
from dataclasses import dataclass

import torch


@dataclass
class Setup:
    hf: object  # transformers' GPT2LMHeadModel
    pairs: list  # dicts as in a task file
    dtype: torch.dtype


def tokens(setup, key):
    """(n_prompts, seq)"""
    return torch.tensor([pair[key] for pair in setup.pairs])


def metric(setup, logits):
    """Mean over the prompts of the answer's logit less the wrong answer's; logits (n_prompts, vocab) at the end."""
    rows = torch.arange(len(setup.pairs))
    answers = torch.tensor([pair["answers"][0] for pair in setup.pairs])
    wrong = torch.tensor([pair["wrong_answers"][0] for pair in setup.pairs])
    return (logits[rows, answers] - logits[rows, wrong]).mean().item()


def hooked(setup, **switches):
    """Its configuration is written out, because the library would ask a hub for it."""
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights

    c = setup.hf.config
    cfg = HookedTransformerConfig(
        n_layers=c.n_layer,
        d_model=c.n_embd,
        n_ctx=c.n_positions,
        d_head=c.n_embd // c.n_head,
        n_heads=c.n_head,
        d_mlp=c.n_inner or 4 * c.n_embd,
        d_vocab=c.vocab_size,
        act_fn="gelu_new",
        eps=c.layer_norm_epsilon,
        normalization_type="LN",
        original_architecture="GPT2LMHeadModel",
        device="cpu",
        dtype=setup.dtype,
    )
    model = HookedTransformer(cfg)
    state = convert_gpt2_weights(setup.hf.to(setup.dtype), cfg)
    model.load_and_process_state_dict(
        state, fold_ln=False, center_writing_weights=False, center_unembed=False, fold_value_biases=False
    )
    for switch, value in switches.items():
        getattr(model, "set_" + switch)(value)
    return model.to(setup.dtype)


EDGE = re.compile(r"(?:(input)|m(\d+)|a(\d+)\.h(\d+))->(?:(logits)|m(\d+)|a(\d+)\.h(\d+)<([qkv])>)$")


@dataclass
class Edge:
    """kinds "input", "mlp", "head" and "logits", "mlp", "q", "k", "v"."""

    name: str
    writer: str
    writer_layer: int
    writer_head: int
    reader: str
    reader_layer: int
    reader_head: int


def parse(name):
    """Patchclamp's "a0.h3->a1.h2<k>"."""
    m = EDGE.match(name)
    if not m:
        raise ValueError(f'"{name}" is no edge of a GPT-2')
    embedding, mlp, layer, head, logits, to_mlp, to_layer, to_head, kind = m.groups()
    writer = ("input", -1, -1) if embedding else ("mlp", int(mlp), -1) if mlp else ("head", int(layer), int(head))
    reader = (
        ("logits", -1, -1) if logits else ("mlp", int(to_mlp), -1) if to_mlp else (kind, int(to_layer), int(to_head))
    )
    return Edge(name, *writer, *reader)

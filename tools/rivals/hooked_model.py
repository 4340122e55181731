"""The model as a HookedTransformer of TransformerLens, which every rival builds on."""

import contextlib
import io
from types import SimpleNamespace

import torch

from rivals import BenchError

FLAGS = ("use_attn_result", "use_split_qkv_input", "use_hook_mlp_in")


def load(work, flags=()):
    """The model of model_dir as a HookedTransformer: TransformerLens's own conversion, nothing folded or centred."""
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights
    from transformers import GPT2LMHeadModel

    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        source = GPT2LMHeadModel.from_pretrained(work.model_dir)
    shape = work.shape
    cfg = HookedTransformerConfig(
        n_layers=shape.n_layers, n_heads=shape.n_heads, d_model=shape.d_model, d_head=shape.d_head, d_mlp=shape.d_mlp,
        d_vocab=shape.vocab, n_ctx=source.config.n_positions, eps=source.config.layer_norm_epsilon,
        act_fn=source.config.activation_function, normalization_type="LN", dtype=work.dtype, device="cpu")
    model = HookedTransformer(cfg)
    state = {name: value.detach() for name, value in convert_gpt2_weights(source, cfg).items()}
    left_out = model.load_state_dict(state, strict=False)
    left = [name for name in left_out.missing_keys if not name.endswith((".mask", ".IGNORE", "unembed.b_U"))]
    if left or left_out.unexpected_keys:
        raise BenchError(f"TransformerLens does not know these weights: {(left + left_out.unexpected_keys)[0]}")
    with contextlib.redirect_stdout(io.StringIO()):  # TransformerLens prints what it does
        model.to(work.dtype)
    model.eval()
    model.tokenizer = SimpleNamespace(pad_token_id=-1, bos_token_id=None, padding_side="right")
    for flag in flags:
        getattr(model, "set_" + flag)(True)
    return model


def prefix_cache(model, prefix):
    """Keys and values of tokens that are the same in every prompt and come first, (prompts, tokens), frozen."""
    import transformer_lens

    name = "TransformerLensKeyValueCache"  # since version 3
    kind = getattr(transformer_lens, name, None) or transformer_lens.HookedTransformerKeyValueCache
    cache = kind.init_cache(model.cfg, "cpu", len(prefix))
    with torch.inference_mode():
        model(prefix, past_kv_cache=cache)
    cache.freeze()
    return cache

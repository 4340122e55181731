"""The Hugging Face architectures beside GPT-2: tiny, awkward checkpoints, and transformers' own modules with hooks.

transformers computes norms, softmax and rotary angles in float32 whatever the model's type.  in_double() makes it
compute all of it in float64, so that brute_force.py can be held against it to 1e-9; without it the two agree to
float32's rounding (make_models.py prints both).
"""

import contextlib
import json
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file

import brute_force as bf

SMALL = dict(initializer_range=0.02, use_cache=True)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0)

# `drop` are keys that the file leaves out or spells in the old way (`add`); `buffers` what old checkpoints stored.
MODELS = {
    "neo-local": dict(
        config=dict(model_type="gpt_neo", hidden_size=18, num_heads=3, num_layers=3, intermediate_size=11, vocab_size=31,
                    max_position_embeddings=21, window_size=4, attention_types=[[["global", "local"], 1], [["local"], 1]],
                    activation_function="gelu_new", layer_norm_epsilon=2e-3, bos_token_id=0, eos_token_id=0),
        dtype=torch.float16, same_length=True, bos=0, has_heads=True, buffers="gpt_neo",
    ),
    "neox-parallel": dict(
        config=dict(model_type="gpt_neox", hidden_size=24, num_attention_heads=3, num_hidden_layers=3,
                    intermediate_size=17, vocab_size=29, max_position_embeddings=19, hidden_act="gelu",
                    layer_norm_eps=1e-5, use_parallel_residual=True, tie_word_embeddings=False, bos_token_id=None),
        drop=["rope_parameters", "attention_bias", "dtype"],
        add=dict(rotary_pct=0.25, rotary_emb_base=1000, torch_dtype="bfloat16", rope_scaling=None),
        dtype=torch.bfloat16, same_length=False, bos=None, has_heads=True, n_shards=2, buffers="gpt_neox",
    ),
    "neox-sequential": dict(
        config=dict(model_type="gpt_neox", hidden_size=20, num_attention_heads=2, num_hidden_layers=2,
                    intermediate_size=9, vocab_size=23, max_position_embeddings=17, hidden_act="gelu_new",
                    layer_norm_eps=1e-3, use_parallel_residual=False, tie_word_embeddings=True, bos_token_id=1,
                    attention_bias=False, rope_parameters=dict(rope_theta=50.0, partial_rotary_factor=0.6,
                                                               rope_type="default")),
        dtype=torch.float32, same_length=True, bos=1,
    ),
    "llama-gqa": dict(
        config=dict(model_type="llama", hidden_size=20, num_attention_heads=4, num_key_value_heads=2, head_dim=6,
                    num_hidden_layers=3, intermediate_size=15, vocab_size=33, max_position_embeddings=24,
                    rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=0,
                    rope_parameters=LLAMA3 | dict(rope_theta=100.0, original_max_position_embeddings=16)),
        dtype=torch.float32, same_length=True, bos=0, has_heads=True,
    ),
    "llama-bias": dict(
        config=dict(model_type="llama", hidden_size=16, num_attention_heads=2, num_key_value_heads=2,
                    num_hidden_layers=2, intermediate_size=12, vocab_size=27, max_position_embeddings=18,
                    rms_norm_eps=1e-2, tie_word_embeddings=False, attention_bias=True, mlp_bias=True,
                    hidden_act="gelu", bos_token_id=1),
        drop=["rope_parameters", "dtype", "head_dim"],
        add=dict(rope_theta=200.0, rope_scaling=dict(type="linear", factor=2.0), torch_dtype="float16"),
        dtype=torch.float16, same_length=False, bos=1, n_shards=3, buffers="llama",
    ),
    "mistral-window": dict(
        config=dict(model_type="mistral", hidden_size=21, num_attention_heads=3, num_key_value_heads=1, head_dim=8,
                    num_hidden_layers=2, intermediate_size=13, vocab_size=25, max_position_embeddings=20,
                    sliding_window=5, rms_norm_eps=1e-5, tie_word_embeddings=False, bos_token_id=1),
        drop=["rope_parameters"], add=dict(rope_theta=500.0),
        dtype=torch.bfloat16, same_length=True, bos=1,
    ),
    "qwen2-bias": dict(
        config=dict(model_type="qwen2", hidden_size=24, num_attention_heads=4, num_key_value_heads=2,
                    num_hidden_layers=3, intermediate_size=10, vocab_size=28, max_position_embeddings=22,
                    rms_norm_eps=1e-6, tie_word_embeddings=True, use_sliding_window=True, sliding_window=6,
                    max_window_layers=1, rope_parameters=dict(rope_theta=300.0, rope_type="default")),
        drop=["layer_types"], add=dict(bos_token_id=None),
        dtype=torch.float32, same_length=False, bos=None,
    ),
    "qwen3-norm": dict(
        config=dict(model_type="qwen3", hidden_size=20, num_attention_heads=4, num_key_value_heads=2, head_dim=10,
                    num_hidden_layers=2, intermediate_size=14, vocab_size=26, max_position_embeddings=19,
                    rms_norm_eps=1e-4, tie_word_embeddings=False, use_sliding_window=True, sliding_window=4,
                    layer_types=["sliding_attention", "full_attention"],
                    rope_parameters=dict(rope_theta=1e6, rope_type="default")),
        dtype=torch.bfloat16, same_length=True, bos=None, has_heads=True,
    ),
    "gemma2-caps": dict(
        config=dict(model_type="gemma2", hidden_size=20, num_attention_heads=4, num_key_value_heads=2, head_dim=6,
                    num_hidden_layers=3, intermediate_size=16, vocab_size=30, max_position_embeddings=23,
                    rms_norm_eps=1e-5, sliding_window=4, query_pre_attn_scalar=7, attn_logit_softcapping=2.5,
                    final_logit_softcapping=4.0, bos_token_id=2,
                    rope_parameters=dict(rope_theta=400.0, rope_type="default")),
        drop=["layer_types"], add=dict(hidden_act="gelu_pytorch_tanh", cache_implementation="hybrid"),
        dtype=torch.float32, same_length=True, bos=2, has_heads=True,
    ),
}  # fmt: skip


@contextlib.contextmanager
def in_double():
    """While it lasts torch.float32 means torch.float64, and .float() goes to float64."""
    kept = torch.float32, torch.float, torch.Tensor.float
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = kept


def model_class(kind):
    name = {"gpt_neo": "GPTNeo", "gpt_neox": "GPTNeoX"}.get(kind, kind.capitalize())
    return getattr(transformers, name + "Config"), getattr(transformers, name + "ForCausalLM"), name + "ForCausalLM"


def random_weight(rng, name, shape, is_gemma):
    """Large enough that every bias, gain and epsilon shows in the logits."""
    noise = torch.from_numpy(rng.standard_normal(tuple(shape)))
    if "norm" in name or ".ln_" in name:
        centre = 1.0 if name.endswith("weight") and not is_gemma else 0.0
        return centre + 0.3 * noise
    if "wte" in name or "embed_tokens" in name or "embed_in" in name:
        return (0.2 if is_gemma else 0.6) * noise
    return 0.35 * noise


def buffers(spec, rng):
    """What old checkpoints stored beside the weights."""
    cfg, T = spec["config"], spec["config"]["max_position_embeddings"]
    mask = torch.ones(1, 1, T, T, dtype=torch.uint8).tril()
    kind = spec.get("buffers")
    if kind == "gpt_neo":
        n, at = cfg["num_layers"], "transformer.h.{}.attn.attention."
        named = {"bias": mask, "masked_bias": torch.tensor(-1e9)}
    elif kind == "gpt_neox":
        n, at = cfg["num_hidden_layers"], "gpt_neox.layers.{}.attention."
        named = {"bias": mask.bool(), "masked_bias": torch.tensor(-1e9), "rotary_emb.inv_freq": torch.ones(1)}
    elif kind == "llama":
        n, at, named = cfg["num_hidden_layers"], "model.layers.{}.self_attn.", {"rotary_emb.inv_freq": torch.ones(4)}
    else:
        return {}
    return {at.format(i) + k: v.clone() for i in range(n) for k, v in named.items()}


def write(folder, spec, rng, write_tensors):
    """config.json as save_pretrained writes it, or in the older spelling; weights under the library's own names."""
    config_class, make, name = model_class(spec["config"]["model_type"])
    config = config_class(**SMALL, **{k: v for k, v in spec["config"].items() if k != "model_type"})
    model = make(config)
    plain = {k: v for k, v in json.loads(config.to_json_string(use_diff=True)).items() if k not in spec.get("drop", [])}
    plain |= spec["config"] | {"architectures": [name], "vocab_size": config.vocab_size} | spec.get("add", {})
    plain = {k: v for k, v in plain.items() if k not in spec.get("drop", []) or k in spec.get("add", {})}
    if spec["config"]["model_type"] == "gpt_neo":
        plain["attention_layers"] = config.attention_layers
    (folder / "config.json").write_text(json.dumps(plain, indent=2, sort_keys=True) + "\n")
    is_gemma = spec["config"]["model_type"] == "gemma2"
    stored = lambda n: n.replace("lm_head", "embed_out") if spec["config"]["model_type"] == "gpt_neox" else n
    tensors = {
        stored(n): random_weight(rng, n, p.shape, is_gemma).to(spec["dtype"]) for n, p in model.named_parameters()
    }
    write_tensors(folder, tensors | buffers(spec, rng), spec.get("n_shards", 1))


def load(folder, dtype):
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    return model_class(kind)[1].from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()


def load_double(folder):
    """The library's model computing in float64 throughout; call it under in_double()."""
    model = load(folder, torch.float64)
    with in_double():
        for module in model.modules():
            if hasattr(module, "inv_freq"):
                kind = module.rope_type
                make = module.compute_default_rope_parameters if kind == "default" else (
                    transformers.modeling_rope_utils.ROPE_INIT_FUNCTIONS[kind])  # fmt: skip
                module.inv_freq = make(module.config)[0]
                assert module.inv_freq.dtype == torch.float64
            if hasattr(module, "embed_scale"): # a float32 constant, whatever the model's type
                module.embed_scale = torch.tensor(float(np.float32(module.scalar_embed_scale)), dtype=torch.float64)
    return model


def ungroup(model):
    """Gives every query head a copy of its k and v, as TransformerLens's ungrouped models have it."""
    for attention in (m for m in model.modules() if hasattr(m, "num_key_value_groups")):
        group, d_head = attention.num_key_value_groups, attention.head_dim
        for linear in (attention.k_proj, attention.v_proj):
            for key, value in list(linear.named_parameters()):
                copied = value.unflatten(0, (-1, d_head)).repeat_interleave(group, 0).flatten(0, 1)
                setattr(linear, key, torch.nn.Parameter(copied))
        attention.num_key_value_groups = 1


class HookedNet:
    """brute_force.forward done by transformers' own modules: hooks on a layer's norms and linear maps read the
    writers and give every reader an input of its own, the stream plus what the cuts change in it."""

    def __init__(self, net, model, names):
        self.net, self.model, self.names = net, model, names
        self.modules = dict(model.named_modules())

    def at(self, layer, key):
        return self.modules[self.names["layer"].format(layer) + self.names[key]]

    def change(self, r, cut, run, source, mask):
        """What the cuts change in the stream that reader r sees."""
        total, mix = 0, lambda new, old: torch.where(mask[:, None], new, old)
        for i in range(len(self.net.layers)):
            heads, m = bf.heads_of(self.net, i), f"m{i}"
            if any(h in cut for h in heads):
                bias = self.at(i, "o").bias
                old = sum(run.out[h] for h in heads) + (0 if bias is None else bias)
                new = old + sum(mix(source.out[h], run.out[h]) - run.out[h] for h in heads if h in cut)
                norm = self.at(i, "post1") if "post1" in self.names else torch.nn.Identity()
                total = total + norm(new) - norm(old)
            neurons = [int(n.split(".n")[1]) for n in cut if n.startswith(m + ".n")]
            if m in cut:
                total = total + mix(source.out[m], run.out[m]) - run.out[m]
            elif neurons:
                act = run.act[m].clone()
                act[:, neurons] = mix(source.act[m], act)[:, neurons]
                down = self.at(i, "down")
                norm = self.at(i, "post2") if "post2" in self.names else torch.nn.Identity()
                total = total + norm(down(act)) - norm(down(run.act[m]))
        if "input" in cut:
            total = total + mix(source.out["input"], run.out["input"]) - run.out["input"]
        return total

    def forward(self, tokens, cuts=None, mask=None, source=None, frozen=(), base=None, override=None):
        net, cuts, override, run = self.net, cuts or {}, override or {}, bf.Run()
        hooks, stream, is_busy = [], {}, [False]
        H, n_kv = net.n_heads, net.n_heads if net.granularity == "query" else net.n_kv_heads
        d_head = net.layers[0].W_O.shape[1]

        def read(r, x):
            cut = cuts.get(r, [])
            run.x[r] = override.get(r, x + self.change(r, cut, run, source, mask) if cut else x)
            return run.x[r]

        def emit(u, value):
            run.out[u] = base.out[u] if u in frozen else value
            return run.out[u]

        def quietly(hook):
            """Hooks see the model's own pass alone, not the calls that they make themselves."""

            def call(*args):
                if is_busy[0]:
                    return None
                is_busy[0] = True
                try:
                    return hook(*args)
                finally:
                    is_busy[0] = False

            return call

        def before(module, hook):
            hooks.append(module.register_forward_pre_hook(quietly(hook)))

        def after(module, hook):
            hooks.append(module.register_forward_hook(quietly(hook)))

        def on_first(module, args):
            return (emit("input", args[0][0])[None], *args[1:])

        def keep_stream(i, key, module, args):
            stream[i, key] = args[0][0]

        def project(i, s, module, args, output):
            """q, k or v of each of the layer's heads, from the head's own input."""
            out, n = output[0].clone(), H if s == "q" else n_kv
            for slot in range(n):
                r = bf.reader_of(net, i, slot if s == "q" else slot * (H // n_kv), s)
                own = module(self.at(i, "norm1")(read(r, stream[i, "norm1"])))
                part = slice(slot * d_head, (slot + 1) * d_head)
                out[:, part] = own[:, part]
            return out[None]

        def project_fused(i, module, args, output):
            out = output[0].clone()
            for h in range(H):
                for j, s in enumerate("qkv"):
                    own = module(self.at(i, "norm1")(read(bf.reader_of(net, i, h, s), stream[i, "norm1"])))
                    part = slice((3 * h + j) * d_head, (3 * h + j + 1) * d_head)
                    out[:, part] = own[:, part]
            return out[None]

        def on_attention_output(i, module, args, output):
            z, total = args[0][0], 0
            for h, name in enumerate(bf.heads_of(net, i)):
                part = slice(h * d_head, (h + 1) * d_head)
                total = total + emit(name, F.linear(z[:, part], module.weight[:, part]))
            return (total if module.bias is None else total + module.bias)[None]

        def on_mlp_norm(i, module, args, output):
            return module(read(f"m{i}", args[0][0]))[None]

        def on_act(i, module, args):
            m = f"m{i}"
            run.act[m] = base.act[m] if m in frozen else args[0][0]

        def on_mlp_output(i, module, args, output):
            return emit(f"m{i}", output[0])[None]

        def on_last(module, args):
            return (read("logits", args[0][0])[None],)

        before(self.modules[self.names["layer"].format(0).rstrip(".")], on_first)
        for i in range(len(net.layers)):
            before(self.at(i, "norm1"), partial(keep_stream, i, "norm1"))
            if "qkv" in self.names:
                after(self.at(i, "qkv"), partial(project_fused, i))
            else:
                for s in "qkv":
                    after(self.at(i, s), partial(project, i, s))
            after(self.at(i, "o"), partial(on_attention_output, i))
            after(self.at(i, "norm2"), partial(on_mlp_norm, i))
            before(self.at(i, "down"), partial(on_act, i))
            after(self.at(i, "post2" if "post2" in self.names else "down"), partial(on_mlp_output, i))
        before(self.modules[self.names["final"]], on_last)
        with in_double():
            result = self.model(torch.tensor([tokens]), output_attentions=True)
        for hook in hooks:
            hook.remove()
        run.logits = result.logits[0]
        for i, pattern in enumerate(result.attentions):
            run.pattern.update(zip(bf.heads_of(net, i), pattern[0]))
        return run

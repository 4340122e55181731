"""The definition of Patchclamp's effects, spelt out in float64 PyTorch: slow, one prompt at a time, no shortcut.

A model is a residual stream with writers and readers.  Writers are `input` (token + position embedding), heads
(z W_O, without b_O) and MLPs (with b_out).  Readers are the q, k and v of every head, the MLPs and `logits`, each
before its norm.  Every reader r gets its own input, at every position p:

    x_r[p] = sum over layers before r of b_O  +  sum over writers u before r of (cut(u,r,p) ? source_u[p] : out_u[p])
             + sum over cut neurons n of MLP u  (source_act_n[p] - act_n[p]) W_out[n]

where out_u and act_n are those of this very run (a frozen u keeps its base value).  Everything else follows.
With post-norms (Gemma-2) the sum of a layer's heads and b_O, or of an MLP's neurons, is normed behind the cuts, for
each reader anew; a head writes before that norm, an MLP behind it.  Grouped heads share k and v: their readers are
a0.kv1<k> and a0.kv1<v>, or with granularity "query" a0.h3<k> and a0.h3<v>, each with an input of its own.
This module reads the checkpoints itself and shares no code with transformers or TransformerLens.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors.torch import load_file

ACTIVATIONS = {
    "gelu": lambda a: 0.5 * a * (1 + torch.erf(a / math.sqrt(2))),
    "gelu_new": lambda a: 0.5 * a * (1 + torch.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))),
    "gelu_pytorch_tanh": lambda a: ACTIVATIONS["gelu_new"](a),
    "relu": lambda a: a.clamp(min=0),
    "silu": lambda a: a / (1 + torch.exp(-a)),
}


# ---- models -----------------------------------------------------------------------------------------------------


@dataclass
class Norm:
    """y = gain (x - mean) / sqrt(var + eps) + bias; `rms` leaves out the mean, kind None is the identity."""

    kind: str | None
    eps: float
    gain: torch.Tensor | None = None
    bias: torch.Tensor | None = None

    def __call__(self, x):
        if self.kind is None:
            return x
        if self.kind == "layer":
            x = x - x.mean(-1, keepdim=True)
        y = x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.eps)
        y = y if self.gain is None else y * self.gain
        return y if self.bias is None else y + self.bias


@dataclass
class Layer:
    """W_Q (n_heads, d_model, d_head), W_K, W_V (n_kv_heads, ...), their biases (..., d_head), W_O (n_heads, d_head,
    d_model), b_O (d_model), W_in, W_gate (d_model, d_mlp), W_out (d_mlp, d_model); W_in is None in an attention-only
    model, W_gate without gates.  norm_q and norm_k are of queries and keys, post1 and post2 behind attention and MLP."""

    W: dict
    b: dict
    W_O: torch.Tensor
    b_O: torch.Tensor
    scale: float
    norm1: Norm
    norm2: Norm | None = None
    W_in: torch.Tensor | None = None
    b_in: torch.Tensor | None = None
    W_out: torch.Tensor | None = None
    b_out: torch.Tensor | None = None
    W_gate: torch.Tensor | None = None
    b_gate: torch.Tensor | None = None
    b_act: torch.Tensor | float = 0.0  # added behind the gate
    norm_q: Norm | None = None
    norm_k: Norm | None = None
    post1: Norm | None = None
    post2: Norm | None = None
    softcap: float | None = None
    window: int | None = None


@dataclass
class Rotary:
    """Pair i of the first dim channels, (i, i + dim/2) or, with is_adjacent, (2i, 2i + 1), turns by position * f_i."""

    frequencies: torch.Tensor
    is_adjacent: bool = False

    def __call__(self, x):
        half = len(self.frequencies)
        angle = torch.arange(len(x), dtype=torch.float64)[:, None] * self.frequencies
        turn = torch.polar(torch.ones_like(angle), angle)
        a, b = (x[:, 0 : 2 * half : 2], x[:, 1 : 2 * half : 2]) if self.is_adjacent else (x[:, :half], x[:, half : 2 * half])
        turned = torch.complex(a.contiguous(), b.contiguous()) * turn
        pairs = torch.stack([turned.real, turned.imag], -1).flatten(1)
        both = pairs if self.is_adjacent else torch.cat([turned.real, turned.imag], 1)
        return torch.cat([both, x[:, 2 * half :]], 1)


@dataclass
class Net:
    """A whole model: W_E (vocab, d_model), W_pos (n_ctx, d_model) or None, W_U (d_model, vocab_out), b_U (vocab_out)."""

    W_E: torch.Tensor
    W_pos: torch.Tensor | None
    layers: list
    final_norm: Norm
    W_U: torch.Tensor
    b_U: torch.Tensor
    act: str | None
    is_parallel: bool
    rotary: Rotary | None = None
    embedding_scale: float = 1.0
    logit_softcap: float | None = None
    granularity: str = "kv"

    @property
    def n_heads(self):
        return self.layers[0].W_O.shape[0]

    @property
    def n_kv_heads(self):
        return self.layers[0].W["k"].shape[0]

    @property
    def vocab(self):
        return self.W_E.shape[0]

    @property
    def has_mlp(self):
        return self.layers[0].W_in is not None


def read_tensors(folder):
    """All tensors of a checkpoint, one file or shards, floating point ones as float64."""
    index = Path(folder) / "model.safetensors.index.json"
    names = ["model.safetensors"]
    if index.exists():
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    tensors = {}
    for name in names:
        tensors.update(load_file(Path(folder) / name))
    return {k: v.double() if v.is_floating_point() else v for k, v in tensors.items()}


def load_gpt2(folder):
    """Hugging Face GPT-2.  c_attn (d_model, 3 d_model) holds q, k, v side by side, heads contiguous in each."""
    cfg = json.loads((Path(folder) / "config.json").read_text())
    t = {k.removeprefix("transformer."): v for k, v in read_tensors(folder).items()}
    n_heads, d, eps = cfg["n_head"], cfg["n_embd"], cfg["layer_norm_epsilon"]
    d_head = d // n_heads
    norm = lambda name: Norm("layer", eps, t[name + ".weight"], t[name + ".bias"])
    layers = []
    for i in range(cfg["n_layer"]):
        h = f"h.{i}."
        w, b = t[h + "attn.c_attn.weight"], t[h + "attn.c_attn.bias"]
        split = lambda x, j: x[..., j * d : (j + 1) * d].unflatten(-1, (n_heads, d_head))
        scale = 1 / math.sqrt(d_head) if cfg.get("scale_attn_weights", True) else 1.0
        if cfg.get("scale_attn_by_inverse_layer_idx", False):
            scale /= i + 1
        layers.append(
            Layer(
                W={s: split(w, j).transpose(0, 1) for j, s in enumerate("qkv")},
                b={s: split(b, j) for j, s in enumerate("qkv")},
                W_O=t[h + "attn.c_proj.weight"].reshape(n_heads, d_head, d),
                b_O=t[h + "attn.c_proj.bias"],
                scale=scale,
                norm1=norm(h + "ln_1"),
                norm2=norm(h + "ln_2"),
                W_in=t[h + "mlp.c_fc.weight"],
                b_in=t[h + "mlp.c_fc.bias"],
                W_out=t[h + "mlp.c_proj.weight"],
                b_out=t[h + "mlp.c_proj.bias"],
            )
        )
    W_U = (t["wte.weight"] if cfg.get("tie_word_embeddings", True) else t["lm_head.weight"]).T
    b_U = torch.zeros(W_U.shape[1], dtype=torch.float64)
    return Net(t["wte.weight"], t["wpe.weight"], layers, norm("ln_f"), W_U, b_U, cfg["activation_function"], False)


def load_transformer_lens(folder):
    """TransformerLens: cfg.json beside its state dict.  A bias that is absent is zero."""
    cfg = json.loads((Path(folder) / "cfg.json").read_text())
    t = read_tensors(folder)
    n_heads, d, d_head = cfg["n_heads"], cfg["d_model"], cfg["d_head"]
    kind = {None: None, "LN": "layer", "LNPre": "layer", "RMS": "rms", "RMSPre": "rms"}[cfg["normalization_type"]]
    norm = lambda name: Norm(kind, cfg["eps"], t.get(name + ".w"), t.get(name + ".b"))
    bias = lambda name, *shape: t.get(name, torch.zeros(*shape, dtype=torch.float64))
    layers = []
    for i in range(cfg["n_layers"]):
        a, m = f"blocks.{i}.attn.", f"blocks.{i}.mlp."
        scale = 1 / cfg["attn_scale"] if cfg["use_attn_scale"] else 1.0
        if cfg["scale_attn_by_inverse_layer_idx"]:
            scale /= i + 1
        under = lambda name: a + "_" + name if a + "_" + name in t else a + name  # grouped k and v
        W = {s: t[under("W_" + s.upper())] for s in "qkv"}
        layer = Layer(
            W=W,
            b={s: bias(under("b_" + s.upper()), len(W[s]), d_head) for s in "qkv"},
            W_O=t[a + "W_O"],
            b_O=bias(a + "b_O", d),
            scale=scale,
            norm1=norm(f"blocks.{i}.ln1"),
            softcap=cfg["attn_scores_soft_cap"] if cfg["attn_scores_soft_cap"] > 0 else None,
            window=cfg["window_size"] if cfg["use_local_attn"] and cfg["attn_types"][i] == "local" else None,
        )
        if cfg["use_qk_norm"]:
            layer.norm_q, layer.norm_k = norm(a + "q_norm"), norm(a + "k_norm")
        if cfg["use_normalization_before_and_after"]:
            layer.post1, layer.post2 = norm(f"blocks.{i}.ln1_post"), norm(f"blocks.{i}.ln2_post")
        if not cfg["attn_only"]:
            layer.norm2 = norm(f"blocks.{i}.ln2")
            layer.W_in, layer.b_in = t[m + "W_in"], bias(m + "b_in", cfg["d_mlp"])
            layer.W_out, layer.b_out = t[m + "W_out"], bias(m + "b_out", d)
        if cfg["gated_mlp"]:
            zeros = torch.zeros(cfg["d_mlp"], dtype=torch.float64)
            layer.W_gate, layer.b_act, layer.b_in, layer.b_gate = t[m + "W_gate"], layer.b_in, zeros, zeros
        layers.append(layer)
    rotary = None
    if cfg["positional_embedding_type"] == "rotary":
        f = cfg["rotary_base"] ** (-torch.arange(0, cfg["rotary_dim"], 2, dtype=torch.float64) / cfg["rotary_dim"])
        rotary = Rotary(f, cfg["rotary_adjacent_pairs"])
    b_U = bias("unembed.b_U", t["unembed.W_U"].shape[1])
    return Net(
        t["embed.W_E"], t.get("pos_embed.W_pos"), layers, norm("ln_final"), t["unembed.W_U"], b_U,
        cfg["act_fn"], cfg["parallel_attn_mlp"], rotary,
        logit_softcap=cfg["output_logits_soft_cap"] if cfg["output_logits_soft_cap"] > 0 else None,
    )  # fmt: skip


# The spellings of Hugging Face's other architectures: where the layers are, and what a tensor is called.
NAMES = {
    "gpt_neo": dict(
        embed="transformer.wte", layer="transformer.h.{}.", q="attn.attention.q_proj", k="attn.attention.k_proj",
        v="attn.attention.v_proj", o="attn.attention.out_proj", norm1="ln_1", norm2="ln_2", up="mlp.c_fc",
        down="mlp.c_proj", final="transformer.ln_f", unembed="lm_head",
    ),
    "gpt_neox": dict(
        embed="gpt_neox.embed_in", layer="gpt_neox.layers.{}.", qkv="attention.query_key_value", o="attention.dense",
        norm1="input_layernorm", norm2="post_attention_layernorm", up="mlp.dense_h_to_4h", down="mlp.dense_4h_to_h",
        final="gpt_neox.final_layer_norm", unembed="embed_out",
    ),
    "llama": dict(
        embed="model.embed_tokens", layer="model.layers.{}.", q="self_attn.q_proj", k="self_attn.k_proj",
        v="self_attn.v_proj", o="self_attn.o_proj", norm1="input_layernorm", norm2="post_attention_layernorm",
        gate="mlp.gate_proj", up="mlp.up_proj", down="mlp.down_proj", final="model.norm", unembed="lm_head",
    ),
}  # fmt: skip
NAMES["mistral"] = NAMES["qwen2"] = NAMES["llama"]
NAMES["qwen3"] = NAMES["llama"] | dict(norm_q="self_attn.q_norm", norm_k="self_attn.k_norm")
NAMES["gemma2"] = NAMES["llama"] | dict(
    norm2="pre_feedforward_layernorm", post1="post_attention_layernorm", post2="post_feedforward_layernorm"
)


def rotary_of(cfg, d_head):
    """Both spellings: rope_parameters, or rope_theta (rotary_emb_base), rope_scaling and rotary_pct."""
    rope = cfg.get("rope_parameters") or cfg.get("rope_scaling") or {}
    theta = rope.get("rope_theta") or cfg.get("rope_theta") or cfg.get("rotary_emb_base") or 10000.0
    part = rope.get("partial_rotary_factor") or cfg.get("rotary_pct") or (0.25 if cfg["model_type"] == "gpt_neox" else 1)
    dim = int(d_head * part)
    f = theta ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if kind == "linear":
        f = f / rope["factor"]
    elif kind == "llama3":
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        turns = rope["original_max_position_embeddings"] * f / (2 * math.pi)
        smooth = ((turns - low) / (high - low)).clamp(0, 1)
        f = (1 - smooth) * f / rope["factor"] + smooth * f
    else:
        assert kind == "default", kind
    return Rotary(f)


def windows_of(cfg, n_layers):
    """A window or None for each layer."""
    kind = cfg["model_type"]
    if kind == "gpt_neo":
        return [cfg["window_size"] if t == "local" else None for t in cfg["attention_layers"]]
    window = cfg.get("sliding_window")
    if kind in ("qwen2", "qwen3") and not cfg.get("use_sliding_window", False):
        window = None
    if cfg.get("layer_types"):
        return [window if t == "sliding_attention" else None for t in cfg["layer_types"]]
    if kind in ("qwen2", "qwen3"):
        return [window if i >= cfg["max_window_layers"] else None for i in range(n_layers)]
    if kind == "gemma2":
        return [window if i % 2 == 0 else None for i in range(n_layers)]
    return [window] * n_layers


def load_hugging_face(folder):
    """GPT-Neo, GPT-NeoX, Llama, Mistral, Qwen2, Qwen3, Gemma-2.  A linear layer keeps (out, in)."""
    cfg = json.loads((Path(folder) / "config.json").read_text())
    t, kind = read_tensors(folder), cfg["model_type"]
    names, is_neo, is_gemma = NAMES[kind], kind == "gpt_neo", kind == "gemma2"
    d = cfg["hidden_size"]
    n_heads = cfg["num_heads" if is_neo else "num_attention_heads"]
    n_kv = cfg.get("num_key_value_heads") or n_heads
    d_head = cfg.get("head_dim") or d // n_heads
    n_layers = cfg["num_layers" if is_neo else "num_hidden_layers"]
    eps = cfg.get("layer_norm_epsilon") or cfg.get("layer_norm_eps") or cfg.get("rms_norm_eps")
    norm_kind = "layer" if kind.startswith("gpt") else "rms"
    gain = lambda name: t[name + ".weight"] + (1 if is_gemma else 0)
    norm = lambda name: Norm(norm_kind, eps, gain(name), t.get(name + ".bias"))
    scale = 1.0 if is_neo else (cfg["query_pre_attn_scalar"] if is_gemma else d_head) ** -0.5
    zeros = lambda *shape: torch.zeros(*shape, dtype=torch.float64)
    windows = windows_of(cfg, n_layers)
    layers = []
    for i in range(n_layers):
        at = names["layer"].format(i)
        weight = lambda key: t[at + names[key] + ".weight"]
        bias = lambda key, n: t.get(at + names[key] + ".bias", zeros(n))
        heads = lambda w, n: w.reshape(n, d_head, d).transpose(1, 2)
        if "qkv" in names:
            w = weight("qkv").reshape(n_heads, 3, d_head, d)
            b = bias("qkv", 3 * d).reshape(n_heads, 3, d_head)
            W = {s: w[:, j].transpose(1, 2) for j, s in enumerate("qkv")}
            B = {s: b[:, j] for j, s in enumerate("qkv")}
        else:
            n = {"q": n_heads, "k": n_kv, "v": n_kv}
            W = {s: heads(weight(s), n[s]) for s in "qkv"}
            B = {s: bias(s, n[s] * d_head).reshape(n[s], d_head) for s in "qkv"}
        layer = Layer(
            W=W, b=B, W_O=weight("o").T.reshape(n_heads, d_head, d), b_O=bias("o", d), scale=scale,
            norm1=norm(at + names["norm1"]), norm2=norm(at + names["norm2"]), W_in=weight("up").T,
            b_in=bias("up", len(weight("up"))), W_out=weight("down").T, b_out=bias("down", d), window=windows[i],
            softcap=cfg.get("attn_logit_softcapping"),
        )  # fmt: skip
        if "gate" in names:
            layer.W_gate, layer.b_gate = weight("gate").T, bias("gate", len(weight("gate")))
        for key in ("norm_q", "norm_k", "post1", "post2"):
            if key in names:
                setattr(layer, key, norm(at + names[key]))
        layers.append(layer)
    embedding = t[names["embed"] + ".weight"]
    is_tied = cfg.get("tie_word_embeddings", is_neo or is_gemma)
    W_U = (embedding if is_tied else t[names["unembed"] + ".weight"]).T
    act = cfg.get("hidden_activation") or cfg.get("hidden_act") or cfg.get("activation_function")
    return Net(
        embedding, t.get("transformer.wpe.weight"), layers, norm(names["final"]), W_U, zeros(W_U.shape[1]), act,
        kind == "gpt_neox" and cfg.get("use_parallel_residual", True), None if is_neo else rotary_of(cfg, d_head),
        float(torch.tensor(d**0.5)) if is_gemma else 1.0, cfg.get("final_logit_softcapping"),
    )  # fmt: skip


# ---- the graph --------------------------------------------------------------------------------------------------


def heads_of(net, layer):
    return [f"a{layer}.h{h}" for h in range(net.n_heads)]


def writers(net, n_layers=None):
    """`input` and the heads and MLPs of the first n_layers layers (all of them when None)."""
    names = ["input"]
    for i in range(len(net.layers) if n_layers is None else n_layers):
        names += heads_of(net, i) + ([f"m{i}"] if net.has_mlp else [])
    return names


def reader_of(net, layer, head, s):
    """The reader through which a head gets its q, k or v."""
    if s == "q" or net.granularity == "query" or net.n_kv_heads == net.n_heads:
        return f"a{layer}.h{head}<{s}>"
    return f"a{layer}.kv{head // (net.n_heads // net.n_kv_heads)}<{s}>"


def readers(net):
    names = []
    group = 1 if net.granularity == "query" else net.n_heads // net.n_kv_heads
    for i in range(len(net.layers)):
        for first in range(0, net.n_heads, group):
            names += [reader_of(net, i, h, "q") for h in range(first, first + group)]
            names += [reader_of(net, i, first, s) for s in "kv"]
        names += [f"m{i}"] if net.has_mlp else []
    return names + ["logits"]


def layer_of(name):
    return int(name[1:].split(".")[0])


def before(net, reader):
    """The writers whose output is in the residual stream that the reader sees."""
    if reader == "logits":
        return writers(net)
    i = layer_of(reader)
    sees_own_heads = reader[0] == "m" and not net.is_parallel
    return writers(net, i) + (heads_of(net, i) if sees_own_heads else [])


def edges(net):
    return [f"{u}->{r}" for r in readers(net) for u in before(net, r)]


def owner(name):
    """The writer that a cut name belongs to: m3.n7 -> m3."""
    return name.split(".")[0] if ".n" in name else name


def expand(net, names):
    """Cut names -> {reader: [writer or neuron]}: a component stands for all its out-edges."""
    cuts = {r: [] for r in readers(net)}
    for name in names:
        source, arrow, reader = name.partition("->")
        for r in [reader] if arrow else cuts:
            if owner(source) in before(net, r):
                cuts[r].append(source)
            else:
                assert not arrow, f"{name} is not an edge"
    return cuts


# ---- one run ----------------------------------------------------------------------------------------------------


@dataclass
class Run:
    """out[u] (seq, d_model), act[m] (seq, d_mlp), x[r] (seq, d_model), pattern[h] (seq, seq), logits (seq, vocab)."""

    out: dict = field(default_factory=dict)
    act: dict = field(default_factory=dict)
    x: dict = field(default_factory=dict)
    pattern: dict = field(default_factory=dict)
    logits: torch.Tensor | None = None


def project(net, layer, head, s, x):
    """A head's q, k or v (seq, d_head) from the stream that it reads."""
    slot = head if s == "q" else head // (net.n_heads // net.n_kv_heads)
    y = layer.norm1(x) @ layer.W[s][slot] + layer.b[s][slot]
    norm = {"q": layer.norm_q, "k": layer.norm_k, "v": None}[s]
    y = y if norm is None else norm(y)
    return y if net.rotary is None or s == "v" else net.rotary(y)


def mlp_value(layer, act):
    value = act @ layer.W_out + layer.b_out
    return value if layer.post2 is None else layer.post2(value)


def forward(net, tokens, cuts=None, mask=None, source=None, frozen=(), base=None, override=None):
    """The model on one prompt, every reader with its own input.

    cuts      {reader: [writer or neuron]}, replaced by `source` where `mask` (seq) is true
    source    has out and act like a Run
    frozen    writers that keep the value they have in the run `base`
    override  {reader: (seq, d_model)}: inputs given from outside
    """
    cuts, override, run = cuts or {}, override or {}, Run()
    T = len(tokens)
    causal = torch.ones(T, T, dtype=torch.bool).tril()

    def emit(u, value):
        run.out[u] = base.out[u] if u in frozen else value

    def x(r):
        cut = cuts.get(r, [])
        visible = before(net, r)
        seen = lambda u: torch.where(mask[:, None], source.out[u], run.out[u]) if u in cut else run.out[u]
        total = seen("input").clone()
        for i, layer in enumerate(net.layers):
            if heads_of(net, i)[0] in visible:
                attention = sum(map(seen, heads_of(net, i))) + layer.b_O
                total += attention if layer.post1 is None else layer.post1(attention)
            m = f"m{i}"
            if m in visible:
                neurons = [int(n.split(".n")[1]) for n in cut if n.startswith(m + ".n")]
                assert m not in cut or not neurons, "a neuron and its MLP are not cut together"
                if neurons:
                    act = run.act[m].clone()
                    act[:, neurons] = torch.where(mask[:, None], source.act[m][:, neurons], act[:, neurons])
                    total += mlp_value(layer, act)
                else:
                    total += seen(m)
        run.x[r] = override.get(r, total)
        return run.x[r]

    embedding = net.W_E[tokens] * net.embedding_scale
    emit("input", embedding if net.W_pos is None else embedding + net.W_pos[:T])
    for i, layer in enumerate(net.layers):
        for h, name in enumerate(heads_of(net, i)):
            q, k, v = (project(net, layer, h, s, x(reader_of(net, i, h, s))) for s in "qkv")
            scores = q @ k.T * layer.scale
            if layer.softcap:
                scores = layer.softcap * torch.tanh(scores / layer.softcap)
            seen = causal if not layer.window else causal & ~torch.ones_like(causal).tril(-layer.window)
            run.pattern[name] = scores.masked_fill(~seen, -math.inf).softmax(-1)
            emit(name, run.pattern[name] @ v @ layer.W_O[h])
        if net.has_mlp:
            m = f"m{i}"
            normed = layer.norm2(x(m))
            act = normed @ layer.W_in + layer.b_in
            if layer.W_gate is None:
                act = ACTIVATIONS[net.act](act)
            else:
                act = act * ACTIVATIONS[net.act](normed @ layer.W_gate + layer.b_gate) + layer.b_act
            run.act[m] = base.act[m] if m in frozen else act
            emit(m, mlp_value(layer, run.act[m]))
    run.logits = net.final_norm(x("logits")) @ net.W_U + net.b_U
    if net.logit_softcap:
        run.logits = net.logit_softcap * torch.tanh(run.logits / net.logit_softcap)
    return run


# ---- effects ----------------------------------------------------------------------------------------------------


def targets_of(pair):
    return pair.get("targets") or [{k: pair[k] for k in ("position", "answers", "wrong_answers")}]


def metric(name, pair, logits, clean_logits):
    """A metric of one run, the mean over the pair's targets; with answers A, wrong answers B, p = softmax:

    logit-diff  mean_A logit - mean_B logit      prob-diff  sum_A p - sum_B p       logit     mean_A logit
    log-prob    mean_A log p                     loss       -log-prob               accuracy  argmax in A
    kl          sum over the vocabulary of p_clean (log p_clean - log p)
    """

    def at(target):
        a, b, pos = target["answers"], target["wrong_answers"], target["position"]
        z = logits[pos]
        log_p = z - torch.logsumexp(z, 0)
        clean = clean_logits[pos] - torch.logsumexp(clean_logits[pos], 0)
        return {
            "logit-diff": lambda: z[a].mean() - z[b].mean(),
            "prob-diff": lambda: log_p[a].exp().sum() - log_p[b].exp().sum(),
            "logit": lambda: z[a].mean(),
            "log-prob": lambda: log_p[a].mean(),
            "loss": lambda: -log_p[a].mean(),
            "kl": lambda: (clean.exp() * (clean - log_p)).sum(),
            "accuracy": lambda: float(int(z.argmax()) in a),
        }[name]()

    values = [float(at(t)) for t in targets_of(pair)]
    return sum(values) / len(values)


def source_values(kind, other, clean_runs, clean_prompts, bos):
    """What replaces a cut writer, and a cut neuron's activation, in a prompt as long as that of the run `other`.

    resample          the value in the run `other`, position by position
    zero              0
    mean              over all clean prompts and positions, without position 0 where it holds `bos`
    mean-positional   over the clean prompts, position by position
    """
    if kind == "resample":
        return other
    T = len(other.logits)

    def value(get):
        rows = [get(run) for run in clean_runs]
        if kind == "zero":
            return torch.zeros_like(get(other))
        if kind == "mean-positional":
            return torch.stack(rows).mean(0)
        kept = [row[1:] if bos is not None and p[0] == bos else row for row, p in zip(rows, clean_prompts)]
        return torch.cat(kept).mean(0).expand(T, -1)

    return SimpleNamespace(
        out={u: value(lambda run: run.out[u]) for u in other.out},
        act={m: value(lambda run: run.act[m]) for m in other.act},
    )


def owners(net, stop):
    """The writers that the readers of a stop belong to."""
    def read_by(u):
        i = layer_of(u)
        return [u] if u[0] == "m" else [reader_of(net, i, int(u.split(".h")[1]), s) for s in "qkv"]
    return {u: read_by(u) for u in writers(net)[1:] if set(read_by(u)) & set(stop)}


def follow_path(net, run, tokens, base, source, path):
    """Path patching in phases (Wang et al. 2022, appendix B): from the senders to the first stop, from the components
    of each stop, whose other readers see what the base run's do, to the next, and a last run with the receivers' inputs
    put in their place."""
    senders, stops = path["from"], [*path.get("via", []), path["to"]]
    is_held = lambda u: u == "input" or u[0] == "a" or path["mlps"] == "frozen"
    everywhere = torch.ones(len(tokens), dtype=torch.bool)
    still = [u for u in writers(net) if u not in senders and is_held(u)]
    first = run(tokens, cuts=expand(net, senders), mask=everywhere, source=source, frozen=still, base=base)
    held, through = {r: first.x[r] for r in stops[0]}, []
    for here, there in zip(stops, stops[1:]):
        via = owners(net, here)
        given = {r: held.get(r, base.x[r]) for readers_of_u in via.values() for r in readers_of_u}
        values = run(tokens, frozen=[u for u in writers(net) if u not in via], base=base, override=given).out
        # what the components of the stop write goes out as if it were sent; a held MLP stays held
        sent = SimpleNamespace(out=values, act=base.act)
        still = [u for u in writers(net) if u not in via and (u in senders or is_held(u))]
        step = run(tokens, cuts=expand(net, list(via)), mask=everywhere, source=sent, frozen=still, base=base)
        held = {r: step.x[r] for r in there}
        through += via
    return run(tokens, frozen=[*senders, *through], base=base, override=held)


def intervene(net, run, tokens, base, source, what):
    """Carries out one intervention on one prompt; `run` is `forward` or another implementation of it."""
    T = len(tokens)
    everywhere = torch.ones(T, dtype=torch.bool)
    if "path" in what:
        return follow_path(net, run, tokens, base, source, what["path"])
    names = what["cut"] if "cut" in what else [e for e in edges(net) if e not in what["circuit"]]
    mask = everywhere
    if "positions" in what:
        mask = torch.zeros(T, dtype=torch.bool)
        mask[what["positions"]] = True
    return run(tokens, cuts=expand(net, names), mask=mask, source=source, frozen=what.get("freeze", ()), base=base)


def effects(net, run, task, bos, entry):
    """metric(intervened) - metric(base) for each pair; the base is the clean run, under denoise the corrupted one."""
    clean_prompts = [pair["clean"] for pair in task]
    clean_runs = [run(tokens) for tokens in clean_prompts]
    result = []
    for pair, clean in zip(task, clean_runs):
        corrupted = run(pair["corrupted"])
        noise = entry["direction"] == "noise"
        base, other = (clean, corrupted) if noise else (corrupted, clean)
        source = source_values(entry["source"], other, clean_runs, clean_prompts, bos)
        tokens = pair["clean" if noise else "corrupted"]
        done = intervene(net, run, tokens, base, source, entry["intervention"])
        value = lambda r: metric(entry["metric"], pair, r.logits, clean.logits)
        result.append(value(done) - value(base))
    return result


# ---- pattern detectors ------------------------------------------------------------------------------------------


def head_scores(net, rows):
    """How much each head attends like a known kind, the mean over all eligible positions t of all rows:

    previous-token   pattern[t, t-1]           t >= 1
    current-token    pattern[t, t]             t >= 1
    first-token      pattern[t, 0]             t >= 1
    duplicate-token  sum of pattern[t, j]      t with an earlier occurrence; over j < t with token[j] = token[t]
    induction        sum of pattern[t, j + 1]  the same t, the same j
    """
    mass = {h: {} for h in writers(net) if h[0] == "a"}
    for row in rows:
        run = forward(net, row)
        for h, scores in mass.items():
            for t in range(1, len(row)):
                p = run.pattern[h][t]
                scores.setdefault("previous-token", []).append(p[t - 1])
                scores.setdefault("current-token", []).append(p[t])
                scores.setdefault("first-token", []).append(p[0])
                earlier = [j for j in range(t) if row[j] == row[t]]
                if earlier:
                    scores.setdefault("duplicate-token", []).append(p[earlier].sum())
                    scores.setdefault("induction", []).append(p[[j + 1 for j in earlier]].sum())
    kinds = ("previous-token", "induction", "duplicate-token", "first-token", "current-token")
    return {h: {k: float(torch.stack(scores[k]).mean()) for k in kinds} for h, scores in mass.items()}

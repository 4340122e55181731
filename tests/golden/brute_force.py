"""The definition of Patchclamp's effects, spelt out in float64 PyTorch: slow, one prompt at a time, no shortcut.

A model is a residual stream with writers and readers.  Writers are `input` (token + position embedding), heads
(z W_O, without b_O) and MLPs (with b_out).  Readers are the q, k and v of every head, the MLPs and `logits`, each
before its norm.  Every reader r gets its own input, at every position p:

    x_r[p] = sum over layers before r of b_O  +  sum over writers u before r of (cut(u,r,p) ? source_u[p] : out_u[p])
             + sum over cut neurons n of MLP u  (source_act_n[p] - act_n[p]) W_out[n]

where out_u and act_n are those of this very run (a frozen u keeps its base value).  Everything else follows.
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
    """W_Q, W_K, W_V (n_heads, d_model, d_head), their biases (n_heads, d_head), W_O (n_heads, d_head, d_model),
    b_O (d_model), W_in (d_model, d_mlp), W_out (d_mlp, d_model); W_in is None in an attention-only model."""

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


@dataclass
class Net:
    """A whole model: W_E (vocab, d_model), W_pos (n_ctx, d_model), W_U (d_model, vocab_out), b_U (vocab_out)."""

    W_E: torch.Tensor
    W_pos: torch.Tensor
    layers: list
    final_norm: Norm
    W_U: torch.Tensor
    b_U: torch.Tensor
    act: str | None
    is_parallel: bool

    @property
    def n_heads(self):
        return self.layers[0].W_O.shape[0]

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
        layer = Layer(
            W={s: t[a + "W_" + s.upper()] for s in "qkv"},
            b={s: bias(a + "b_" + s.upper(), n_heads, d_head) for s in "qkv"},
            W_O=t[a + "W_O"],
            b_O=bias(a + "b_O", d),
            scale=scale,
            norm1=norm(f"blocks.{i}.ln1"),
        )
        if not cfg["attn_only"]:
            layer.norm2 = norm(f"blocks.{i}.ln2")
            layer.W_in, layer.b_in = t[m + "W_in"], bias(m + "b_in", cfg["d_mlp"])
            layer.W_out, layer.b_out = t[m + "W_out"], bias(m + "b_out", d)
        layers.append(layer)
    b_U = bias("unembed.b_U", t["unembed.W_U"].shape[1])
    return Net(
        t["embed.W_E"], t["pos_embed.W_pos"], layers, norm("ln_final"), t["unembed.W_U"], b_U,
        cfg["act_fn"], cfg["parallel_attn_mlp"],
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


def readers(net):
    names = []
    for i in range(len(net.layers)):
        names += [f"{h}<{s}>" for h in heads_of(net, i) for s in "qkv"] + ([f"m{i}"] if net.has_mlp else [])
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


def plain_biases(net, reader):
    """The sum of the b_O (which no writer owns) that lie before the reader."""
    n = len(net.layers)
    if reader != "logits":
        n = layer_of(reader) + (1 if reader[0] == "m" and not net.is_parallel else 0)
    return sum((layer.b_O for layer in net.layers[:n]), torch.zeros_like(net.layers[0].b_O))


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
        total = plain_biases(net, r).expand(T, -1).clone()
        for u in before(net, r):
            total += torch.where(mask[:, None], source.out[u], run.out[u]) if u in cut else run.out[u]
        for n in (n for n in cut if ".n" in n):
            m, i = n.split(".n")
            assert m not in cut, "a neuron and its MLP are not cut together"
            change = torch.where(mask, source.act[m][:, int(i)] - run.act[m][:, int(i)], 0.0)
            total += change[:, None] * net.layers[layer_of(m)].W_out[int(i)]
        run.x[r] = override.get(r, total)
        return run.x[r]

    emit("input", net.W_E[tokens] + net.W_pos[:T])
    for i, layer in enumerate(net.layers):
        heads = heads_of(net, i)
        for h, name in enumerate(heads):
            q, k, v = (layer.norm1(x(f"{name}<{s}>")) @ layer.W[s][h] + layer.b[s][h] for s in "qkv")
            scores = (q @ k.T * layer.scale).masked_fill(~causal, -math.inf)
            run.pattern[name] = scores.softmax(-1)
            emit(name, run.pattern[name] @ v @ layer.W_O[h])
        if net.has_mlp:
            m = f"m{i}"
            act = ACTIVATIONS[net.act](layer.norm2(x(m)) @ layer.W_in + layer.b_in)
            run.act[m] = base.act[m] if m in frozen else act
            emit(m, run.act[m] @ layer.W_out + layer.b_out)
    run.logits = net.final_norm(x("logits")) @ net.W_U + net.b_U
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


def intervene(net, run, tokens, base, source, what):
    """Carries out one intervention on one prompt; `run` is `forward` or another implementation of it."""
    T = len(tokens)
    everywhere = torch.ones(T, dtype=torch.bool)
    if "path" in what:
        path = what["path"]
        senders = path["from"]
        still = [u for u in writers(net) if u not in senders and (u[0] == "a" or path["mlps"] == "frozen")]
        first = run(tokens, cuts=expand(net, senders), mask=everywhere, source=source, frozen=still, base=base)
        held = {r: first.x[r] for r in path["to"]}
        return run(tokens, frozen=senders, base=base, override=held)
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

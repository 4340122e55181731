"""Writes tests/golden/models/NAME/: a tiny, awkward model each, and golden.json with its logits and effects.

    python make_models.py [FOLDER [NAME...]]         (default: all, into models/ beside this file)

Needs torch, transformers, transformer-lens < 4 (the last with HookedTransformer), numpy and safetensors.
The weights are random.  The numbers come from brute_force.py, in float64 from the weights as stored, and are held
against the real libraries before they are written: logits of every prompt (transformers, TransformerLens), and every
intervened forward pass once more through their own modules with hooks (HookedNet below and in hugging_face_models.py,
GPT-2 alone left out; the sources, metrics and the two phases of a path are shared with brute_force.py).  Same machine, same bytes; elsewhere the last digits may
differ.

golden.json
    tokens, logits     prompts and their (position, vocabulary) logits
    bos, task          the pairs that the effects are measured on (the form of a task file)
    interventions      {"intervention", "source", "direction", "metric", "effects": one number per pair}
    per_query          the same with k and v read per query head (models with grouped heads)
    float32            the logits of the same prompts as the library itself computes them in float32
    head_tokens, heads rows of tokens, and the pattern detectors' scores on them (some models)

An intervention is {"cut": [component or edge], "positions": [...], "freeze": [writers]}, where a component means all
its out-edges; {"circuit": [edges]}, all others being cut; or {"path": {"from", "to", "mlps"}}.
"""

import json
import logging
import os
import sys
import warnings
from functools import partial
from itertools import cycle
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
warnings.filterwarnings("ignore")

import numpy as np
import torch
import transformers
from safetensors.torch import save
from transformer_lens import HookedTransformer, HookedTransformerConfig

import brute_force as bf
import hugging_face_models as hf

TOLERANCE = 1e-9
METRICS = ("logit-diff", "kl", "prob-diff", "loss", "logit", "accuracy", "log-prob")
BUFFERS = (".mask", ".IGNORE", ".rotary_sin", ".rotary_cos")
SETTINGS = (("resample", "noise"), ("zero", "noise"), ("resample", "denoise"), ("mean", "noise"))
POSITIONAL = ("mean-positional", "noise")

# `same_length`: all pairs of the task are as long as each other, which mean-positional needs.
GPT2_MODELS = {
    "gpt2-plain": dict(
        config=dict(n_layer=2, n_embd=24, n_head=3, n_inner=None, vocab_size=37, n_positions=19,
                    activation_function="gelu_new", layer_norm_epsilon=1e-5, torch_dtype="float32"),
        dtype=torch.float32, prefix="", same_length=True, bos=0, has_heads=True,
    ),
    "gpt2-odd": dict(
        config=dict(n_layer=3, n_embd=20, n_head=4, n_inner=13, vocab_size=41, n_positions=23,
                    activation_function="gelu", layer_norm_epsilon=3e-3, scale_attn_by_inverse_layer_idx=True,
                    dtype="bfloat16"),
        dtype=torch.bfloat16, prefix="transformer.", same_length=False, bos=None, n_shards=2,
    ),
    "gpt2-relu": dict(
        config=dict(n_layer=1, n_embd=7, n_head=1, n_inner=None, vocab_size=11, n_positions=9,
                    activation_function="relu", layer_norm_epsilon=1e-5, scale_attn_weights=False,
                    tie_word_embeddings=False, torch_dtype="float16"),
        dtype=torch.float16, prefix="transformer.", same_length=False, bos=3,
    ),
}  # fmt: skip
# `buffers`: the causal mask as TransformerLens 2 stores it ("full"), as 3 does ("empty"), or left out (None).
TL_MODELS = {
    "tl-attn-only": dict(
        config=dict(n_layers=2, n_heads=4, d_model=24, d_head=5, n_ctx=17, d_vocab=29, attn_only=True,
                    normalization_type=None),
        without_biases=True, buffers=None, same_length=True, bos=0, has_heads=True,
    ),
    "tl-ln": dict(
        config=dict(n_layers=2, n_heads=3, d_model=18, d_head=6, d_mlp=10, n_ctx=16, d_vocab=31, d_vocab_out=23,
                    normalization_type="LN", act_fn="gelu_new"),
        buffers="full", same_length=True, bos=None,
    ),
    "tl-lnpre": dict(
        config=dict(n_layers=2, n_heads=2, d_model=16, d_head=7, d_mlp=11, n_ctx=14, d_vocab=19,
                    normalization_type="LNPre", act_fn="relu", use_attn_scale=False),
        buffers="empty", same_length=False, bos=0,
    ),
    "tl-rms": dict(
        config=dict(n_layers=3, n_heads=2, d_model=12, d_head=4, d_mlp=20, n_ctx=15, d_vocab=23,
                    normalization_type="RMS", act_fn="silu", eps=1e-2),
        buffers="empty", same_length=False, bos=None,
    ),
    "tl-rmspre": dict(
        config=dict(n_layers=2, n_heads=2, d_model=14, d_head=6, d_mlp=9, n_ctx=13, d_vocab=21,
                    normalization_type="RMSPre", act_fn="gelu", attn_scale=3.0,
                    scale_attn_by_inverse_layer_idx=True),
        buffers=None, same_length=False, bos=0,
    ),
    "tl-parallel": dict(
        config=dict(n_layers=2, n_heads=2, d_model=16, d_head=8, d_mlp=24, n_ctx=18, d_vocab=25,
                    normalization_type="LN", act_fn="gelu", parallel_attn_mlp=True),
        buffers="full", same_length=True, bos=None, has_heads=True,
    ),
    "tl-modern": dict(
        config=dict(n_layers=2, n_heads=3, d_model=18, d_head=8, d_mlp=11, n_ctx=16, d_vocab=22,
                    normalization_type="RMS", act_fn="silu", gated_mlp=True, positional_embedding_type="rotary",
                    rotary_dim=6, rotary_base=100, rotary_adjacent_pairs=True, use_qk_norm=True, use_local_attn=True,
                    window_size=5, attn_types=["local", "global"], attn_scores_soft_cap=3.0,
                    output_logits_soft_cap=5.0),
        buffers="full", same_length=True, bos=0,
    ),
    "tl-grouped": dict(
        config=dict(n_layers=2, n_heads=4, d_model=16, d_head=6, d_mlp=10, n_ctx=15, d_vocab=20,
                    normalization_type="RMS", act_fn="gelu_new", gated_mlp=True, positional_embedding_type="rotary",
                    rotary_dim=6, rotary_base=50, n_key_value_heads=2, use_normalization_before_and_after=True),
        buffers="empty", same_length=False, bos=None, has_hooks=False,
    ),
}  # fmt: skip


# ---- checkpoints ------------------------------------------------------------------------------------------------


def random_weight(rng, name, shape):
    """Large enough that every bias, gain and epsilon shows in the logits."""
    noise = torch.from_numpy(rng.standard_normal(tuple(shape)))
    if ".ln" in name or name.startswith("ln") or "_norm.w" in name:
        return (1.0 if name.endswith((".w", ".weight")) else 0.0) + 0.3 * noise
    if "wte" in name or "W_E" in name:
        return 0.6 * noise
    return 0.3 * noise


def write_tensors(folder, tensors, n_shards=1):
    if n_shards == 1:
        (folder / "model.safetensors").write_bytes(save(tensors, metadata={"format": "pt"}))
        return
    weight_map, names = {}, sorted(tensors)
    for i in range(n_shards):
        file = f"model-{i + 1:05d}-of-{n_shards:05d}.safetensors"
        part = names[i::n_shards]
        (folder / file).write_bytes(save({k: tensors[k] for k in part}, metadata={"format": "pt"}))
        weight_map.update({k: file for k in part})
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def write_gpt2(folder, spec, rng):
    """A checkpoint as on the hub: with the attention mask buffers of old versions, without a tied lm_head."""
    cfg = dict(architectures=["GPT2LMHeadModel"], model_type="gpt2", attn_pdrop=0.1, resid_pdrop=0.1, embd_pdrop=0.1,
               initializer_range=0.02, use_cache=True, bos_token_id=spec["bos"], eos_token_id=None)  # fmt: skip
    cfg |= spec["config"]
    (folder / "config.json").write_text(json.dumps(cfg, indent=2, sort_keys=True) + "\n")
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**cfg))
    tensors = {}
    for name, p in model.named_parameters():
        stem = name.removeprefix("transformer.")
        stored = name if name.startswith("lm_head") else spec["prefix"] + stem
        tensors[stored] = random_weight(rng, stem, p.shape).to(spec["dtype"])
    n = cfg["n_positions"]
    for i in range(cfg["n_layer"]):
        mask = torch.ones(n, n).tril().reshape(1, 1, n, n)
        tensors[f"{spec['prefix']}h.{i}.attn.bias"] = mask.to(torch.uint8 if i else spec["dtype"])
        tensors[f"{spec['prefix']}h.{i}.attn.masked_bias"] = torch.tensor(-1e4, dtype=spec["dtype"])
    write_tensors(folder, tensors, spec.get("n_shards", 1))


def write_transformer_lens(folder, spec, rng):
    """HookedTransformerConfig.to_dict() as cfg.json and the model's state dict, as a user would save them."""
    cfg = HookedTransformerConfig(device="cpu", init_weights=False, **spec["config"])
    model = HookedTransformer(cfg, move_to_device=False)
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in cfg.to_dict().items()}
    plain["dtype"] = str(cfg.dtype)
    (folder / "cfg.json").write_text(json.dumps(plain, indent=2, sort_keys=True) + "\n")
    tensors = {}
    for name, value in model.state_dict().items():
        if name.endswith(BUFFERS):
            if spec["buffers"] == "full" and name.endswith(".mask"):
                value = torch.ones(cfg.n_ctx, cfg.n_ctx, dtype=torch.bool).tril()
            if spec["buffers"]:
                tensors[name] = value
        elif not (spec.get("without_biases") and ".b_" in name):
            tensors[name] = random_weight(rng, name, value.shape).float()
    write_tensors(folder, tensors)


# ---- the real libraries -----------------------------------------------------------------------------------------


def load_hugging_face(folder):
    model = transformers.GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager")
    return model.eval()


def load_hooked_transformer(folder, dtype=torch.float64):
    cfg = json.loads((folder / "cfg.json").read_text()) | {"dtype": dtype}
    model = HookedTransformer(HookedTransformerConfig.from_dict(cfg), move_to_device=False)
    weights = {k: v for k, v in bf.read_tensors(folder).items() if not k.endswith(BUFFERS)}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected and all(".b_" in k or k.endswith(BUFFERS) for k in missing)
    for flag in (model.set_use_attn_result, model.set_use_split_qkv_input):
        flag(True)
    if not cfg["attn_only"]:
        model.set_use_hook_mlp_in(True)
    angles(model)
    return model.eval()


def angles(model):
    """TransformerLens keeps the angles of rotary positions in float32's precision: here they are exact."""
    for block in model.blocks if model.cfg.positional_embedding_type == "rotary" else []:
        a, cfg = block.attn, model.cfg
        frequencies = cfg.rotary_base ** (-torch.arange(0, cfg.rotary_dim, 2, dtype=torch.float64) / cfg.rotary_dim)
        angle = torch.arange(cfg.n_ctx, dtype=torch.float64)[:, None] * frequencies
        angle = angle.repeat_interleave(2, 1) if cfg.rotary_adjacent_pairs else angle.repeat(1, 2)
        a.rotary_sin, a.rotary_cos = angle.sin().to(cfg.dtype), angle.cos().to(cfg.dtype)


class HookedNet:
    """brute_force.forward done by TransformerLens' own forward pass: hooks read the writers, and add to each reader's
    input what the cut changes, mask (source - current).  Agreement means that the goldens follow from the library."""

    def __init__(self, net, model):
        self.net, self.model = net, model

    def forward(self, tokens, cuts=None, mask=None, source=None, frozen=(), base=None, override=None):
        net, T = self.net, len(tokens)
        cuts, override, run = cuts or {}, override or {}, bf.Run()

        def emit(u, value):
            run.out[u] = base.out[u] if u in frozen else value
            return run.out[u]

        def read(r, x):
            for name in cuts.get(r, []):
                m, _, i = name.partition(".n")
                if i:
                    change = source.act[m][:, int(i)] - run.act[m][:, int(i)]
                    change = change[:, None] * self.model.blocks[bf.layer_of(m)].mlp.W_out[int(i)]
                else:
                    change = source.out[m] - run.out[m]
                x = x + mask[:, None] * change
            run.x[r] = override.get(r, x)
            return run.x[r]

        def on_embed(value, hook):
            emit("input", value[0] if net.W_pos is None else value[0] + net.W_pos[:T])

        def on_qkv(i, s, value, hook):
            return torch.stack([read(f"{h}<{s}>", value[0, :, j]) for j, h in enumerate(bf.heads_of(net, i))], 1)[None]

        def on_pattern(i, value, hook):
            run.pattern.update(zip(bf.heads_of(net, i), value[0]))

        def on_result(i, value, hook):
            return torch.stack([emit(h, value[0, :, j]) for j, h in enumerate(bf.heads_of(net, i))], 1)[None]

        def on_mlp_in(i, value, hook):
            return read(f"m{i}", value[0])[None]

        def on_act(i, value, hook):
            run.act[f"m{i}"] = base.act[f"m{i}"] if f"m{i}" in frozen else value[0]

        def on_mlp_out(i, value, hook):
            return emit(f"m{i}", value[0])[None]

        def on_last(value, hook):
            return read("logits", value[0])[None]

        hooks = [("hook_embed", on_embed)]
        for i in range(len(net.layers)):
            at = f"blocks.{i}."
            hooks += [(f"{at}hook_{s}_input", partial(on_qkv, i, s)) for s in "qkv"]
            hooks.append((f"{at}attn.hook_pattern", partial(on_pattern, i)))
            hooks.append((f"{at}attn.hook_result", partial(on_result, i)))
            if net.has_mlp:
                hooks += [(f"{at}hook_mlp_in", partial(on_mlp_in, i)), (f"{at}mlp.hook_post", partial(on_act, i)),
                          (f"{at}hook_mlp_out", partial(on_mlp_out, i))]  # fmt: skip
        hooks.append((f"blocks.{len(net.layers) - 1}.hook_resid_post", on_last))
        run.logits = self.model.run_with_hooks(torch.tensor([tokens]), fwd_hooks=hooks)[0]
        return run


# ---- what is asked ----------------------------------------------------------------------------------------------


def make_task(net, rng, lengths, bos):
    """Five pairs: one resampled whole, one that differs in a middle token, one with two answers and two wrong ones,
    one with two targets, one that differs from the middle on.  Answers are often the clean run's own choice, so that
    accuracy has something to lose.  Where bos is set, all prompts but the last start with it."""
    vocab, n_out = net.vocab, net.W_U.shape[1]
    draw = lambda n: [int(t) for t in rng.permutation([t for t in range(vocab) if t != bos])[:n]]
    task = []
    for i, T in enumerate(lengths):
        clean, corrupted = draw(T), draw(T)
        if bos is not None and i < len(lengths) - 1:
            clean[0] = corrupted[0] = bos
        if i == 1:
            corrupted = [c if t == T // 2 else k for t, (k, c) in enumerate(zip(clean, corrupted))]
            while corrupted == clean:
                corrupted[T // 2] = int(rng.integers(vocab))
        if i == 4:
            corrupted = clean[: T // 2] + corrupted[T // 2 :]
        logits = bf.forward(net, clean).logits

        def target(position, n, best):
            chosen = [int(a) for a in rng.permutation(n_out)[: 2 * n]]
            top = int(logits[position].argmax())
            if best and top not in chosen:
                chosen[0] = top
            elif best:
                chosen.remove(top)
                chosen.insert(0, top)
            return {"position": position, "answers": chosen[:n], "wrong_answers": chosen[n:]}

        pair = {"clean": clean, "corrupted": corrupted}
        if i == 3:
            pair["targets"] = [target(-1, 1, True), target(T // 2, 1, True)]
        else:
            pair |= target(-2 if i == 4 else -1, 2 if i == 2 else 1, i != 4)
        task.append(pair)
    return task


def pick_edges(net, rng):
    """One edge of every type: writer type (input, head, MLP) to reader type (q, k, v, MLP, logits)."""
    by_type = {}
    for edge in bf.edges(net):
        u, r = edge.split("->")
        reader_type = r[-2] if r.endswith(">") else r[0]
        by_type.setdefault((u[0], reader_type), []).append(edge)
    return [str(rng.choice(by_type[key])) for key in sorted(by_type)]


def pick_neurons(net, run, layer):
    """The two hidden units of a layer that vary most over a prompt."""
    return [f"m{layer}.n{int(i)}" for i in run.act[f"m{layer}"].var(0).argsort(descending=True)[:2]]


def component_cases(net, rng, run):
    last, H = len(net.layers) - 1, net.n_heads
    reader = partial(bf.reader_of, net)
    cut = lambda *names, **more: {"cut": list(names), **more}
    cases = [cut("input"), cut("a0.h0"), cut(f"a{last}.h{H - 1}")]
    cases += [cut(e) for e in pick_edges(net, rng)]
    cases += [
        cut("a0.h0", positions=[-1]),
        cut("input", positions=[2]),
        cut(f"input->{reader(0, 0, 'k')}", positions=[1, -2, -1]),
        cut(f"input->{reader(0, 0, 'v')}", "a0.h0->logits", freeze=["a0.h0"]),
    ]
    if last > 0:
        cases += [
            cut("a0.h0", f"a{last}.h1", f"a0.h1->{reader(last, 0, 'k')}"),
            cut("a0.h1", freeze=[f"a{last}.h0"]),
            cut("a0.h1->a1.h0<q>", f"a0.h1->{reader(1, 0, 'k')}", f"input->{reader(1, 1, 'v')}", positions=[-2, -1]),
        ]
    if net.has_mlp:
        n, other = pick_neurons(net, run, 0)
        cases += [
            cut("m0"), cut(f"m{last}"), cut(n), cut(pick_neurons(net, run, last)[0]), cut(f"{n}->logits"),
            cut(n, f"{other}->logits", "a0.h0"), cut(other, positions=[1, -1]), cut("input", freeze=["m0"]),
            cut("input", f"{n}->logits", freeze=["m0"]),
        ]  # fmt: skip
        if last > 0:
            cases += [
                cut(f"{n}->a{last}.h1<q>"),
                cut(f"{other}->{reader(1, 0, 'v')}", f"{n}->m{last}"),
                cut("a0.h0", freeze=[f"m{last}", "a1.h1"]),
            ]
    return cases


def random_cases(net, rng, n):
    """Cuts drawn from everything that can be cut, at random positions, beside random frozen writers."""
    writers, edges, cases = bf.writers(net), bf.edges(net), []
    for _ in range(n):
        names = {str(w) for w in rng.choice(writers, rng.integers(0, 3))}
        names |= {str(e) for e in rng.choice(edges, rng.integers(3, 8)) if e.split("->")[0] not in names}
        m, i = (int(x) for x in rng.integers(0, (len(net.layers), net.layers[0].W_in.shape[1])))
        if not any(name.startswith(f"m{m}") for name in names) and rng.random() < 0.5:
            names.add(f"m{m}.n{i}")
        what = {"cut": sorted(names)}
        if rng.random() < 0.3:
            what["positions"] = sorted({int(p) for p in rng.integers(-4, 4, 2)} | {-2, -1})
        if rng.random() < 0.3:
            what["freeze"] = [str(rng.choice(writers[1:]))]
        cases.append(what)
    return cases


def path_cases(net):
    last = len(net.layers) - 1
    path = lambda senders, receivers, mlps: {"path": {"from": senders, "to": receivers, "mlps": mlps}}
    if last == 0:
        return [
            path(["a0.h0"], ["logits"], "free"),
            path(["a0.h0"], ["logits"], "frozen"),
            path(["a0.h0"], ["m0"], "frozen"),
            path(["input"], ["a0.h0<v>", "m0"], "free"),
            path(["input", "m0"], ["a0.h0<k>", "logits"], "free"),
        ]
    far, reader = f"a{last}.h1", partial(bf.reader_of, net)
    cases = [
        path(["a0.h0"], ["a1.h0<q>"], "frozen"),
        path(["a0.h0", "a0.h1"], [reader(1, 0, "k"), reader(last, 1, "v")], "free"),
        path(["a0.h1"], ["logits"], "free"),
        path(["input"], [reader(0, 0, "v"), f"{far}<q>"], "free"),
    ]
    if net.has_mlp:
        cases += [
            path(["input", "a1.h0"], ["m0", f"m{last}"], "free"),
            path(["m0"], [reader(1, 0, "v"), f"m{last}"], "frozen"),
            path(["m0", "a0.h0"], ["logits"], "free"),
        ]
    return cases


def entries(net, task, same_length, rng, n_random):
    """Every case with a source, a direction and a metric.  Settings and metrics go round with coprime periods (5, 7)
    from a random start, so that over the models a case meets many of their combinations; circuits know only the
    direction `noise`."""
    settings = cycle(SETTINGS + ((POSITIONAL,) if same_length else (SETTINGS[0],)))
    metrics = cycle(METRICS)
    for _ in range(rng.integers(35)):
        next(settings), next(metrics)
    run = bf.forward(net, task[0]["clean"])
    result = []

    def add(what, source, direction, metric):
        result.append({"intervention": what, "source": source, "direction": direction, "metric": metric})

    for what in component_cases(net, rng, run) + path_cases(net) + random_cases(net, rng, n_random):
        add(what, *next(settings), next(metrics))
    all_edges = bf.edges(net)
    some = [e for e in all_edges if rng.random() < 0.7]
    add({"circuit": some}, "resample", "noise", "logit-diff")
    add({"circuit": some}, "mean", "noise", "kl")
    add({"circuit": []}, "resample", "noise", "accuracy")
    add({"circuit": []}, "zero", "noise", "prob-diff")
    add({"circuit": all_edges}, "resample", "noise", "logit-diff")
    return result


# ---- checks -----------------------------------------------------------------------------------------------------


def check_logits(net, library_logits, prompts):
    for tokens in prompts:
        gap = (library_logits(tokens) - bf.forward(net, tokens).logits).abs().max()
        assert gap < TOLERANCE, f"logits differ from the library's by {gap}"


def check_identities(net, task, bos):
    """DESIGN, identities: they hold for any correct implementation, so also for this one."""
    run = partial(bf.forward, net)

    def effects(what, **more):
        entry = {"intervention": what, "source": "resample", "direction": "noise", "metric": "logit-diff"} | more
        return np.array(bf.effects(net, run, task, bos, entry))

    def same(a, b):
        assert np.abs(a - b).max() < TOLERANCE

    all_edges = bf.edges(net)
    value = lambda pair, key: bf.metric("logit-diff", pair, run(pair[key]).logits, run(pair["clean"]).logits)
    same(effects({"circuit": all_edges}), 0)
    same(effects({"circuit": []}), np.array([value(p, "corrupted") - value(p, "clean") for p in task]))
    for u in bf.writers(net):
        same(effects({"cut": [u]}), effects({"cut": [e for e in all_edges if e.startswith(u + "->")]}))
    for e in all_edges[:: max(1, len(all_edges) // 20)]:
        u, r = e.split("->")
        path = {"path": {"from": [u], "to": [r], "mlps": "frozen"}}
        for direction in ("noise", "denoise"):
            same(effects({"cut": [e]}, direction=direction), effects(path, direction=direction))
    if net.has_mlp and net.layers[-1].post2 is None:
        last = len(net.layers) - 1
        neurons = [f"m{last}.n{i}->logits" for i in range(net.layers[last].W_in.shape[1])]
        same(effects({"cut": neurons}), effects({"cut": [f"m{last}->logits"]}))


# ---- golden.json ------------------------------------------------------------------------------------------------


def dump(golden):
    """JSON with one line per prompt, pair, intervention or head; numbers read back exactly."""

    def block(value):
        if isinstance(value, list):
            return "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]"
        if isinstance(value, dict):
            return "{\n  " + ",\n  ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n }"
        return json.dumps(value)

    return "{\n " + ",\n ".join(f'"{k}": {block(v)}' for k, v in golden.items()) + "\n}\n"


def make_head_rows(rng, vocab, n_ctx, bos):
    """Rows [bos] + s + s, and one row in which a token occurs three times, twice in succession."""
    others = [t for t in range(vocab) if t != bos]
    start = [] if bos is None else [bos]
    n = (n_ctx - len(start)) // 2
    rows = [start + 2 * [int(t) for t in rng.permutation(others)[:n]] for _ in range(3)]
    a, b, c = (int(t) for t in rng.permutation(others)[:3])
    return rows + [start + [a, b, a, a, c, b]]


def make_golden(folder, net, spec, library_logits, library_run, rng):
    vocab, n_ctx, bos = net.vocab, spec["n_ctx"], spec["bos"]
    prompts = [[int(t) for t in rng.integers(0, vocab, n)] for n in (1, 6, n_ctx)]
    longest = min(n_ctx, 11)
    lengths = [longest] * 5 if spec["same_length"] else [longest - i % 3 for i in range(5)]
    task = make_task(net, rng, lengths, bos)
    check_logits(net, library_logits, prompts + [p[k] for p in task for k in ("clean", "corrupted")])
    check_identities(net, task, bos)

    def measured(n_random):
        return measure(net, entries(net, task, spec["same_length"], rng, n_random), task, bos, library_run)

    interventions = measured(spec.get("n_random", 0))
    assert any(any(e["effects"]) for e in interventions if e["metric"] == "accuracy")
    golden = {"tokens": prompts, "logits": [bf.forward(net, p).logits.tolist() for p in prompts]}
    golden |= {"bos": bos, "task": task, "interventions": interventions}
    if net.n_kv_heads != net.n_heads:
        net.granularity = "query"
        if library_run:
            spec["ungroup"]()
        check_identities(net, task, bos)
        golden["per_query"] = measured(spec.get("n_random", 0))
        net.granularity = "kv"
    golden["float32"] = [[[float(f"{x:.9g}") for x in row] for row in spec["float32"](p).tolist()] for p in prompts]
    if spec.get("has_heads"):
        rows = make_head_rows(rng, vocab, n_ctx, bos)
        golden |= {"head_tokens": rows, "heads": bf.head_scores(net, rows)}
    (folder / "golden.json").write_text(dump(golden))
    return len(interventions) + len(golden.get("per_query", []))


def measure(net, interventions, task, bos, library_run):
    for entry in interventions:
        entry["effects"] = bf.effects(net, partial(bf.forward, net), task, bos, entry)
        if library_run:
            again = bf.effects(net, library_run, task, bos, entry)
            assert np.abs(np.subtract(again, entry["effects"])).max() < TOLERANCE, entry
        touched = max(map(abs, entry["effects"])) > 1e-7 or entry["metric"] == "accuracy"
        assert touched or entry["intervention"].get("circuit") == bf.edges(net), f"nothing changes: {entry}"
    return interventions


def in_float32(model):
    return lambda tokens: model(torch.tensor([tokens])).logits[0]


def make(folder, name):
    rng = np.random.default_rng([ord(c) for c in name])
    folder.mkdir(parents=True, exist_ok=True)
    if name in GPT2_MODELS:
        spec = GPT2_MODELS[name]
        write_gpt2(folder, spec, rng)
        net, model, run = bf.load_gpt2(folder), load_hugging_face(folder), None
        library_logits = lambda tokens: model(torch.tensor([tokens])).logits[0]
        spec = spec | {"n_ctx": spec["config"]["n_positions"], "float32": in_float32(load_hugging_face(folder).float())}
    elif name in hf.MODELS:
        spec = hf.MODELS[name]
        hf.write(folder, spec, rng, write_tensors)
        net, model = bf.load_hugging_face(folder), hf.load_double(folder)
        run = hf.HookedNet(net, model, bf.NAMES[spec["config"]["model_type"]]).forward
        library_logits = lambda tokens: run(tokens).logits
        spec = spec | {"n_ctx": spec["config"]["max_position_embeddings"], "n_random": 20,
                       "ungroup": partial(hf.ungroup, model),
                       "float32": in_float32(hf.load(folder, torch.float32))}  # fmt: skip
    else:
        spec = TL_MODELS[name]
        write_transformer_lens(folder, spec, rng)
        net, model = bf.load_transformer_lens(folder), load_hooked_transformer(folder)
        run = HookedNet(net, model).forward if spec.get("has_hooks", True) else None
        single = load_hooked_transformer(folder, torch.float32)
        spec = spec | {"n_ctx": spec["config"]["n_ctx"], "float32": lambda tokens: single(torch.tensor([tokens]))[0]}
        library_logits = lambda tokens: model(torch.tensor([tokens]))[0]
    return make_golden(folder, net, spec, library_logits, run, rng)


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.disable(logging.WARNING)
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "models"
    with torch.no_grad():
        for name in sys.argv[2:] or [*GPT2_MODELS, *TL_MODELS, *hf.MODELS]:
            n = make(root / name, name)
            size = sum(f.stat().st_size for f in (root / name).iterdir())
            print(f"{name}: {n} interventions, {size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Trains, measures and writes `demo`, the small language model that Patchclamp ships.

The model is a two-layer GPT-2 that reads 64 common English words and has learnt one thing: when
a word comes back, say the word that followed it the last time. It does so with the textbook
induction circuit: a previous-token head in the first layer writes "the word before me was X" into
the keys of an induction head in the second, which looks for X and copies what it finds. Every
command of Patchclamp on it takes seconds, and what a search should find is known.

    python tools/train_demo.py                  train and write tools/models/demo
    python tools/train_demo.py --measure-only   measure what is there and write its card again

Needs PyTorch, numpy and safetensors (--check also transformers and tokenizers). One thread and a
fixed seed: the same machine and PyTorch give the same bytes; another instruction set rounds
differently and gives another model of the same kind.
"""

import argparse
import copy
import dataclasses
import json
import math
import os
import platform
import textwrap
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save
from torch import nn

BOS = 0
WORDS = """
    ant bean bear bed bee bell bird book bread brick bridge cake car cat chair cheese
    cloud corn cow cup desk dog door drum egg fish fox frog goat gold hat hen
    horse knife lake lamp leaf milk moon nut pear pen plate plum rain ring road roof
    salt sand sea sheep ship shoe snow spoon star stone sun train tree wall wheel wolf
""".split()
VOCAB = 1 + len(WORDS)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights. The defaults are the shipped model's."""

    seed: int = 0
    steps: int = 7000
    batch: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    head_penalty: float = 3.0
    n_layers: int = 2
    n_heads: int = 4
    d_model: int = 64
    d_mlp: int = 16
    context: int = 64
    joined_share: float = 0.5


class Conv1D(nn.Module):
    """GPT-2's linear layer: y = x W + b with W of shape (in, out)."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return x @ self.weight + self.bias


class Attention(nn.Module):
    """The weights of one attention layer; q, k and v side by side in c_attn."""

    def __init__(self, d_model):
        super().__init__()
        self.c_attn = Conv1D(d_model, 3 * d_model)
        self.c_proj = Conv1D(d_model, d_model)


class Mlp(nn.Module):
    def __init__(self, d_model, d_mlp):
        super().__init__()
        self.c_fc = Conv1D(d_model, d_mlp)
        self.c_proj = Conv1D(d_mlp, d_model)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, d_model, d_mlp):
        super().__init__()
        self.ln_1 = nn.LayerNorm(d_model)
        self.attn = Attention(d_model)
        self.ln_2 = nn.LayerNorm(d_model)
        self.mlp = Mlp(d_model, d_mlp)


class Gpt2(nn.Module):
    """GPT-2, its parameters named as in published checkpoints: the state dict is the file."""

    def __init__(self, recipe):
        super().__init__()
        self.n_heads = recipe.n_heads
        self.wte = nn.Embedding(VOCAB, recipe.d_model)
        self.wpe = nn.Embedding(recipe.context, recipe.d_model)
        self.h = nn.ModuleList(Block(recipe.d_model, recipe.d_mlp) for _ in range(recipe.n_layers))
        self.ln_f = nn.LayerNorm(recipe.d_model)
        self._initialise()

    def _initialise(self):
        """GPT-2's: normal(0, 0.02), smaller where a layer writes to the residual stream."""
        writers_scale = 1 / math.sqrt(2 * len(self.h))
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                scale = writers_scale if name.endswith("c_proj.weight") else 1.0
                nn.init.normal_(parameter, 0, 0.02 * scale)

    def embed(self, tokens):
        return self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]

    def unembed(self, x):
        return self.ln_f(x) @ self.wte.weight.T

    def forward(self, tokens):
        x = self.embed(tokens)
        for block in self.h:
            q, k, v = (self._split(t) for t in block.attn.c_attn(block.ln_1(x)).chunk(3, dim=-1))
            z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + block.attn.c_proj(z.transpose(1, 2).reshape(x.shape))
            x = x + block.mlp(block.ln_2(x))
        return self.unembed(x)

    def _split(self, t):
        return t.view(*t.shape[:2], self.n_heads, -1).transpose(1, 2)


# What a model learns from repetition depends on how the repetitions lie. Whole segments said twice
# in a row teach "copy from 31 back", a matter of positions; long segments with varied gaps teach a
# lagged variant. The mixture below leaves only the bigram to go by: pairs whose order says nothing,
# and chunks of a segment at any phase.


def pair_row(rng, length):
    """3 to 14 disjoint pairs of words in random order, every fourth thing said a noise word."""
    words = 1 + rng.permutation(len(WORDS))
    n_pairs = int(rng.integers(3, 15))
    pairs, noise = words[: 2 * n_pairs].reshape(-1, 2), words[2 * n_pairs :]
    row = [BOS]
    while len(row) < length:
        while rng.random() < 0.25:
            row.append(noise[rng.integers(len(noise))])
        row.extend(pairs[rng.integers(n_pairs)])
    return row[:length]


def chunk_row(rng, length):
    """One segment of 4 to 23 words, then random chunks of it with 0 to 5 noise words between them.

    Made twice as long and cropped at a random place, so that no position is special.
    """
    words = 1 + rng.permutation(len(WORDS))
    n = int(rng.integers(4, 24))
    segment, noise = words[:n], words[n:]
    row = [*rng.choice(noise, rng.integers(0, 12)), *segment]
    while len(row) < 2 * length:
        row.extend(rng.choice(noise, rng.integers(0, 6)))
        first = rng.integers(0, n - 1)
        row.extend(segment[first : rng.integers(first + 2, n + 1)])
    start = int(rng.integers(0, length))
    return [BOS, *row[start : start + length - 1]]


def training_row(rng, length):
    return (pair_row if rng.random() < 0.5 else chunk_row)(rng, length)


def training_batch(rng, recipe, joined_share):
    """(batch, context); in a share of the rows another text takes over at a random place.

    In a single text most bigrams are met early, so that nobody ever needs the last positions as
    keys, and the previous-token head does not learn them. Joined rows teach it; but they repeat
    less, and the circuit forms later if they are there from the start.
    """
    rows = [training_row(rng, recipe.context) for _ in range(recipe.batch)]
    for row in rows:
        if rng.random() < joined_share:
            start = int(rng.integers(1, recipe.context))
            row[start:] = training_row(rng, 1 + recipe.context - start)[1:]
    return torch.from_numpy(np.array(rows, dtype=np.int64))


def periodic_rows(period, n_rows, length, seed):
    """BOS, then `period` different words over and over: nothing like a row of the training data."""
    rng = np.random.default_rng([seed, period])
    rows = np.zeros((n_rows, length), dtype=np.int64)
    for row in rows:
        row[1:] = np.resize(1 + rng.permutation(len(WORDS))[:period], length - 1)
    return torch.from_numpy(rows)


def predictable_targets(tokens):
    """(batch, seq) true where the bigram that ends at this token stood in the row before."""
    is_predictable = torch.zeros_like(tokens, dtype=torch.bool)
    for b, row in enumerate(tokens.tolist()):
        seen = set()
        for p in range(1, len(row)):
            is_predictable[b, p] = (row[p - 1], row[p]) in seen
            seen.add((row[p - 1], row[p]))
    return is_predictable


def learning_rate(recipe, step):
    """Warm-up over 200 steps, level to 60 % of the run, then linearly down to a twentieth."""
    warm_up = min(1.0, (step + 1) / 200)
    cool_down = max(0.05, (recipe.steps - step) / (0.4 * recipe.steps))
    return recipe.learning_rate * warm_up * min(1.0, cool_down)


@torch.no_grad()
def shrink_heads(model, amount):
    """Takes `amount` off the norm of each head's v and output weights, never below 0: a group
    lasso, decoupled from the gradient as AdamW's weight decay is.

    Without it two heads share the work of the previous-token head and four that of the induction
    head; with it the work gathers where most of it is done, as in the textbook.
    """
    for block in model.h:
        values = block.attn.c_attn.weight.chunk(3, dim=1)[2]
        heads = zip(
            values.chunk(model.n_heads, dim=1), block.attn.c_proj.weight.chunk(model.n_heads, dim=0)
        )
        for group in heads:
            norm = math.sqrt(sum(w.square().sum().item() for w in group))
            for w in group:
                w.mul_(max(0.0, 1.0 - amount / max(norm, 1e-12)))


def train(recipe):
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    model = Gpt2(recipe)
    optimizer = torch.optim.AdamW(
        model.parameters(), weight_decay=recipe.weight_decay, betas=(0.9, 0.98)
    )
    start = time.time()
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, step)
        is_second_half = step >= recipe.steps // 2
        tokens = training_batch(rng, recipe, recipe.joined_share if is_second_half else 0.0)
        loss = F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if is_second_half:
            shrink_heads(model, recipe.head_penalty * learning_rate(recipe, step))
        if (step + 1) % 250 == 0:
            accuracy = periodic_accuracy(model, 31, n_rows=32)["predictable"]
            print(
                f"step {step + 1:5d}  loss {loss.item():.3f}  accuracy at period 31 {accuracy:.3f}"
                f"  {time.time() - start:.0f} s",
                flush=True,
            )
    return model, time.time() - start


# Below, the forward pass once more, reader by reader: each reader sees the residual stream in which
# the writers cut from it are replaced by a source run's. Slow, in double, without a shortcut.


@dataclasses.dataclass
class Run:
    writers: dict  # name -> (batch, seq, d_model), what the writer adds to the residual stream
    patterns: dict  # name of a head -> (batch, seq, seq)
    logits: torch.Tensor


def edges_of(model):
    """Every edge (writer, reader), readers in the order of the computation."""
    writers, edges = ["input"], []
    for layer in range(len(model.h)):
        heads = [f"a{layer}.h{h}" for h in range(model.n_heads)]
        edges += [(w, f"{head}<{s}>") for head in heads for s in "qkv" for w in writers]
        writers = writers + heads
        edges += [(w, f"m{layer}") for w in writers]
        writers = writers + [f"m{layer}"]
    return edges + [(w, "logits") for w in writers]


@torch.no_grad()
def run_with_cuts(model, tokens, cuts=(), source=None):
    """The run in which each edge of `cuts` carries the source's value; None stands for zero."""
    cuts = set(cuts)
    run = Run({"input": model.embed(tokens)}, {}, None)

    def read(stream, reader):
        for name, value in run.writers.items():
            if (name, reader) in cuts:
                stream = stream + ((0.0 if source is None else source[name]) - value)
        return stream

    stream = run.writers["input"]
    for layer, block in enumerate(model.h):
        heads = {}
        for h in range(model.n_heads):
            name = f"a{layer}.h{h}"
            inputs = [block.ln_1(read(stream, f"{name}<{s}>")) for s in "qkv"]
            heads[name], run.patterns[name] = head_output(block.attn, h, model.n_heads, inputs)
        run.writers.update(heads)
        stream = stream + sum(heads.values()) + block.attn.c_proj.bias
        run.writers[f"m{layer}"] = block.mlp(block.ln_2(read(stream, f"m{layer}")))
        stream = stream + run.writers[f"m{layer}"]
    run.logits = model.unembed(read(stream, "logits"))
    return run


def head_output(attention, h, n_heads, inputs):
    """z W_O of head h (no b_O) and its pattern, from normed inputs of its own for q, k and v."""
    d_model = attention.c_proj.bias.numel()
    d_head = d_model // n_heads
    q, k, v = (
        x @ attention.c_attn.weight[:, columns] + attention.c_attn.bias[columns]
        for i, x in enumerate(inputs)
        for columns in [slice(i * d_model + h * d_head, i * d_model + (h + 1) * d_head)]
    )
    scores = q @ k.transpose(-1, -2) / math.sqrt(d_head)
    future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    pattern = scores.masked_fill(future, -math.inf).softmax(-1)
    return pattern @ v @ attention.c_proj.weight[h * d_head : (h + 1) * d_head], pattern


@torch.no_grad()
def periodic_accuracy(model, period, n_rows=64, ablated=None):
    """Share of right first guesses, apart for the targets that can be known and for the others."""
    tokens = periodic_rows(period, n_rows, model.wpe.weight.shape[0], seed=1)
    if ablated is None:
        logits = model(tokens)
    else:
        cuts = [edge for edge in edges_of(model) if edge[0] == ablated]
        logits = run_with_cuts(model, tokens, cuts).logits
    is_right = logits[:, :-1].argmax(-1) == tokens[:, 1:]
    known = predictable_targets(tokens)[:, 1:]
    return {
        "predictable": is_right[known].double().mean().item(),
        "elsewhere": is_right[~known].double().mean().item(),
    }


def head_scores(model):
    """Mean attention of each head on words said twice: to the previous token, to the token after
    the last occurrence of the current one (induction), to that occurrence, to itself, to BOS."""
    period = (model.wpe.weight.shape[0] - 1) // 2
    tokens = periodic_rows(period, 64, 1 + 2 * period, seed=2)
    every, second = torch.arange(1, tokens.shape[1]), torch.arange(1 + period, tokens.shape[1])
    places = {
        "previous": (every, every - 1),
        "induction": (second, second - period + 1),
        "duplicate": (second, second - period),
        "self": (every, every),
        "bos": (every, torch.zeros_like(every)),
    }
    return {
        head: {kind: pattern[:, q, k].mean().item() for kind, (q, k) in places.items()}
        for head, pattern in run_with_cuts(model, tokens).patterns.items()
    }


def attention_one_back(model, head):
    """The head's mean attention to the previous token, for each position from 1 on."""
    length = model.wpe.weight.shape[0]
    pattern = run_with_cuts(model, periodic_rows(31, 64, length, seed=2)).patterns[head]
    return pattern.mean(0).diagonal(-1).tolist()


def key_prompts(n_prompts, seed, length=48):
    """Pairs of prompts, the answer and a wrong answer.

    Clean: BOS, noise, a segment, a gap, the segment again up to word j; the answer is word j + 1.
    Corrupted (`key`): the first word j is a word that stands nowhere else. The wrong answer is
    another word of the segment, so that "some word from before" is no explanation.
    """
    rng = np.random.default_rng(seed)
    clean, corrupted, answers, wrong_answers = [], [], [], []
    while len(clean) < n_prompts:
        n = int(rng.integers(8, 20))
        j = int(rng.integers(3, n - 2))
        n_gap = int(rng.integers(0, 6))
        n_noise = length - 1 - n - n_gap - (j + 1)
        if n_noise < 0:
            continue
        words = 1 + rng.permutation(len(WORDS))
        segment, noise, fresh = words[:n], words[n : n + 20], words[n + 20]
        before, gap = rng.choice(noise, n_noise), rng.choice(noise, n_gap)
        row = [BOS, *before, *segment, *gap, *segment[: j + 1]]
        clean.append(np.array(row))
        corrupted.append(np.array(row))
        corrupted[-1][1 + n_noise + j] = fresh
        answers.append(segment[j + 1])
        others = [i for i in range(2, n) if i not in (j, j + 1, j + 2)]
        wrong_answers.append(segment[rng.choice(others)])
    return [torch.from_numpy(np.array(x)) for x in (clean, corrupted, answers, wrong_answers)]


class KeyTask:
    """The logit difference at the last position, and what cutting edges does to it."""

    def __init__(self, model, n_prompts, seed):
        self.model, self.edges = model, edges_of(model)
        self.clean, corrupted, self.answers, self.wrong_answers = key_prompts(n_prompts, seed)
        source = run_with_cuts(model, corrupted)
        self.source = source.writers
        base = run_with_cuts(model, self.clean)
        self.accuracy = (base.logits[:, -1].argmax(-1) == self.answers).double().mean().item()
        self.clean_difference = self._difference(base.logits)
        self.corrupted_difference = self._difference(source.logits)

    def _difference(self, logits):
        rows = torch.arange(len(logits))
        last = logits[:, -1]
        return (last[rows, self.answers] - last[rows, self.wrong_answers]).mean().item()

    def difference(self, cuts):
        return self._difference(run_with_cuts(self.model, self.clean, cuts, self.source).logits)

    def edge_effects(self):
        return {edge: self.difference([edge]) - self.clean_difference for edge in self.edges}

    def faithfulness(self, circuit):
        """1 for the whole model, 0 for no edge at all."""
        cuts = set(self.edges) - set(circuit)
        whole = self.clean_difference - self.corrupted_difference
        return (self.difference(cuts) - self.corrupted_difference) / whole


def smallest_circuit(task, ranked, at_least=0.9):
    """The shortest prefix of the ranking that is faithful enough, and the curve up to there."""
    curve = []
    for n in range(1, len(ranked) + 1):
        curve.append(task.faithfulness(ranked[:n]))
        if curve[-1] >= at_least:
            break
    return ranked[: len(curve)], curve


def best_head(scores, layer, kind):
    return max((h for h in scores if h.startswith(layer)), key=lambda h: scores[h][kind])


def in_double(model):
    """A copy in double precision; the two forward passes are held against each other on it."""
    precise = copy.deepcopy(model).double()
    tokens = periodic_rows(9, 4, model.wpe.weight.shape[0], seed=3)
    with torch.no_grad():
        assert torch.allclose(precise(tokens), run_with_cuts(precise, tokens).logits, atol=1e-10)
    return precise


def measure(model):
    """Every number of the model card."""
    precise = in_double(model)
    scores = head_scores(precise)
    previous = best_head(scores, "a0.", "previous")
    induction = best_head(scores, "a1.", "induction")
    task, held_out = KeyTask(precise, 64, seed=5), KeyTask(precise, 256, seed=6)
    effects = task.edge_effects()
    ranked = sorted(effects, key=lambda edge: -abs(effects[edge]))
    circuit, curve = smallest_circuit(task, ranked)
    periods = (4, 7, 11, 16, 20, 23, 26, 29, 31)
    return {
        "heads": scores,
        "previous_head": previous,
        "one_back": attention_one_back(precise, previous),
        "induction_head": induction,
        "periods": {str(n): periodic_accuracy(precise, n) for n in periods},
        "ablations": {h: periodic_accuracy(precise, 31, ablated=h)["predictable"] for h in scores},
        "task": {
            "accuracy": task.accuracy,
            "clean": task.clean_difference,
            "corrupted": task.corrupted_difference,
        },
        "effects": {"->".join(edge): effects[edge] for edge in ranked},
        "circuit": ["->".join(edge) for edge in circuit],
        "curve": curve,
        "held_out": held_out.faithfulness(circuit),
    }


def config_json(recipe):
    """What transformers writes for such a GPT2LMHeadModel (and n_ctx, which older readers want)."""
    return {
        "activation_function": "gelu_new",
        "add_cross_attention": False,
        "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": 0.0,
        "bos_token_id": BOS,
        "dtype": "float32",
        "embd_pdrop": 0.0,
        "eos_token_id": BOS,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05,
        "model_type": "gpt2",
        "n_ctx": recipe.context,
        "n_embd": recipe.d_model,
        "n_head": recipe.n_heads,
        "n_inner": recipe.d_mlp,
        "n_layer": recipe.n_layers,
        "n_positions": recipe.context,
        "pad_token_id": None,
        "reorder_and_upcast_attn": False,
        "resid_pdrop": 0.0,
        "scale_attn_by_inverse_layer_idx": False,
        "scale_attn_weights": True,
        "summary_activation": None,
        "summary_first_dropout": 0.0,
        "summary_proj_to_labels": True,
        "summary_type": "cls_index",
        "summary_use_proj": True,
        "tie_word_embeddings": True,
        "use_cache": True,
        "vocab_size": VOCAB,
    }


def tokenizer_json():
    """A byte-level BPE whose every token is a whole word with the space before it.

    `ignore_merges` looks a pre-token up as a whole before any merge: 65 entries are enough.
    """
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    bos_piece = {"SpecialToken": {"id": "<bos>", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": BOS,
                "content": "<bos>",
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
        ],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [bos_piece, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [
                bos_piece,
                {"Sequence": {"id": "A", "type_id": 0}},
                {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [BOS], "tokens": ["<bos>"]}},
        },
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,
            "vocab": {"<bos>": BOS, **{f"\u0120{word}": 1 + i for i, word in enumerate(WORDS)}},
            "merges": [],
        },
    }


def tokenizer_config_json(recipe):
    return {
        "bos_token": "<bos>",
        "clean_up_tokenization_spaces": False,
        "model_max_length": recipe.context,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_model(folder, model, recipe):
    """The folder without its card. The recipe goes into the header of the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    metadata = {"format": "pt", "recipe": json.dumps(dataclasses.asdict(recipe))}
    (folder / "model.safetensors").write_bytes(save(tensors, metadata))
    write_json(folder / "config.json", config_json(recipe))
    write_json(folder / "tokenizer.json", tokenizer_json())
    write_json(folder / "tokenizer_config.json", tokenizer_config_json(recipe))


def read_model(folder):
    with safe_open(folder / "model.safetensors", "pt") as file:
        recipe = Recipe(**json.loads(file.metadata()["recipe"]))
        model = Gpt2(recipe)
        model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})
    return model, recipe


CARD = """\
# demo

A GPT-2 of two layers that has learnt induction: when a word comes back, it says the word that followed
it the last time. It ships with Patchclamp so that every command can be tried in seconds, on a model
whose circuit is known. {n_parameters:,} parameters, {n_layers} layers, {n_heads} heads a layer, d_model
{d_model}, {d_mlp} neurons a layer, context {context}, no dropout, tied head. It knows nothing but
repetition.

    patchclamp tokenize demo " cat moon sun cat"
    patchclamp find demo --task induction -o out/

**Vocabulary.** `<bos>` (id 0, put before every text) and {n_words} words, each one token together with
the space before it: a text begins with a space and has one space between words. Anything else has no
token: Patchclamp refuses it, Hugging Face's `tokenizers` leaves it out without a word.

> {words}

**Training.** `python tools/train_demo.py`: {steps:,} steps of AdamW on batches of {batch} random rows,
learning rate {learning_rate:g}, weight decay {weight_decay:g}, seed {seed}; {minutes:.1f} minutes on one
thread. Half of the rows are 3-14 disjoint pairs of words in random order with 25 % noise, half are
random chunks of one segment of 4-23 words with gaps of 0-5, at a random phase: only the bigram helps.
From the middle of the run on, another text takes over at a random place in {joined_share:.0%} of the rows,
so that late positions are needed as keys, and a group lasso of {head_penalty:g} on the heads' value and
output weights gathers the work in few of them. The same machine and PyTorch give the same bytes.

## Measured

On a {machine}, {date}, in double precision; `python tools/train_demo.py --measure-only` measures it
again from this folder alone. `measured.json` has every digit and all {n_edges} edges.

Attention, mean over words said twice (`previous`: to the token before; `induction`: to the token after
the last occurrence of the current one; `duplicate`: to that occurrence), and what remains of the
accuracy at period 31 ({intact:.3f}) when the head's output is zeroed:

{heads}

`{previous_head}` is the previous-token head (more than half of its attention one back at {n_one_back} of
{n_positions} positions), `{induction_head}` the first of the induction heads; the table of edges below shows
which others of its layer help.

Accuracy of the first guess on rows of n different words said over and over, {context} tokens (the
training data have no such rows, and no segment longer than 23). *Predictable*: the bigram stood in the
row before. *Elsewhere*: the other targets; chance is 1/{n_words} = {chance:.3f}, 1/n for a guess among the
words of the row, and less for a model that expects words to come back, since here all n come first.

{periods}

The task `induction` with the corruption `key` (the first copy's token before the answer becomes a fresh
word; 64 prompts of 48 tokens): accuracy {accuracy:.3f}, logit difference {clean:.3f} clean and
{corrupted:.3f} corrupted. One edge cut at a time, its writer's value taken from the corrupted run; the
strongest of {n_edges} edges:

{effects}

The {n_circuit} strongest edges by |effect| alone keep {faithfulness:.3f} of the difference
({held_out:.3f} on 256 other prompts). Faithfulness of the first n edges, n = 1 to {n_circuit}: {curve}.
"""


def fill(text):
    """Breaks the lines of paragraphs anew; tables, headings and commands stay."""
    blocks = text.strip().split("\n\n")
    is_prose = [block[0] not in "|#> " for block in blocks]
    blocks = [
        textwrap.fill(block.replace("\n", " "), 110, break_on_hyphens=False) if prose else block
        for block, prose in zip(blocks, is_prose)
    ]
    return "\n\n".join(blocks) + "\n"


def table(header, rows):
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def card(model, recipe, measured):
    """The model card, from the recipe and the measured numbers alone."""
    kinds = ["previous", "induction", "duplicate", "self", "bos"]
    heads = [
        [head, *(f"{scores[kind]:.2f}" for kind in kinds), f"{measured['ablations'][head]:.3f}"]
        for head, scores in measured["heads"].items()
    ]
    periods = [
        [f"n = {n}", f"{a['predictable']:.3f}", f"{a['elsewhere']:.3f}"]
        for n, a in measured["periods"].items()
    ]
    effects = [
        [f"`{edge}`", f"{effect:+.3f}", "yes" if edge in measured["circuit"] else ""]
        for edge, effect in list(measured["effects"].items())[: max(12, len(measured["circuit"]))]
    ]
    text = CARD.format(
        **{**dataclasses.asdict(recipe), **measured, **measured["task"]}
        | {
            "n_parameters": sum(p.numel() for p in model.parameters()),
            "n_words": len(WORDS),
            "words": " ".join(WORDS),
            "chance": 1 / len(WORDS),
            "n_one_back": sum(attention > 0.5 for attention in measured["one_back"]),
            "n_positions": len(measured["one_back"]),
            "n_edges": len(measured["effects"]),
            "n_circuit": len(measured["circuit"]),
            "intact": measured["periods"]["31"]["predictable"],
            "heads": table(["head", *kinds, "accuracy without"], heads),
            "periods": table(["period", "predictable", "elsewhere"], periods),
            "effects": table(["edge", "effect", "in the circuit"], effects),
            "faithfulness": measured["curve"][-1],
            "curve": " ".join(f"{f:.2f}" for f in measured["curve"]),
        }
    )
    return fill(text)


def check_with_transformers(folder, model):
    """Hugging Face's own code reads the folder and gives the same logits, and one token a word."""
    from tokenizers import Tokenizer
    from transformers import GPT2LMHeadModel

    theirs, report = GPT2LMHeadModel.from_pretrained(folder, output_loading_info=True)
    wrong = {kind: list(names) for kind, names in report.items() if names}
    assert not wrong, wrong
    tokens = periodic_rows(20, 16, model.wpe.weight.shape[0], seed=4)
    with torch.no_grad():
        difference = (theirs.eval()(tokens).logits - model(tokens)).abs().max().item()
    assert difference < 1e-5, difference
    text = "".join(f" {word}" for word in WORDS)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = tokenizer.encode(text).ids
    assert ids == list(range(VOCAB)) and tokenizer.decode(ids) == text, ids
    print(f"transformers: no missing or unexpected keys, logits differ by at most {difference:.1e}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shipped = Path(__file__).parent / "models" / "demo"
    parser.add_argument("-o", "--out", type=Path, default=shipped, metavar="FOLDER")
    parser.add_argument("--measure-only", action="store_true", help="do not train")
    parser.add_argument("--check", action="store_true", help="compare with transformers")
    parser.add_argument("--machine", default=f"{os.cpu_count()}-core {platform.machine()} CPU")
    for field in dataclasses.fields(Recipe):
        option = "--" + field.name.replace("_", "-")
        parser.add_argument(
            option, type=field.type, default=field.default, metavar="X", help="%(default)s"
        )
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    numbers = options.out / "measured.json"
    if options.measure_only:
        model, recipe = read_model(options.out)
        minutes = json.loads(numbers.read_text())["minutes"]
    else:
        recipe = Recipe(**{f.name: getattr(options, f.name) for f in dataclasses.fields(Recipe)})
        model, seconds = train(recipe)
        minutes = round(seconds / 60, 1)
        write_model(options.out, model, recipe)
    measured = {"machine": options.machine, "date": time.strftime("%Y-%m"), "minutes": minutes}
    measured |= measure(model)
    write_json(numbers, measured)
    (options.out / "README.md").write_text(card(model, recipe, measured), encoding="utf-8")
    if options.check:
        check_with_transformers(options.out, model)


if __name__ == "__main__":
    main()

"""The work that every program gets: a model of random weights, two sets of prompts, a sample of edges or nodes."""

import contextlib
import dataclasses
import io
import json

import torch

N_TOKENS = 15
SEED = 0

# A wider initialisation than GPT-2's 0.02: attention that is not uniform, effects that are not all nearly nothing.
SPREAD = 0.06


@dataclasses.dataclass(frozen=True)
class Shape:
    n_layers: int
    n_heads: int
    d_model: int
    d_mlp: int
    vocab: int

    @property
    def d_head(self):
        return self.d_model // self.n_heads


SHAPES = {
    "gpt2-small": Shape(12, 12, 768, 3072, 50257),
    "tiny": Shape(4, 4, 64, 256, 1000),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """Prompts that differ from their corruption in the last n_differing tokens."""

    name: str
    n_differing: int


CASES = [Case("all positions differ", N_TOKENS), Case("the last 5 differ", 5)]


@dataclasses.dataclass
class Work:
    """One case: what is opened once for it, and where it lies."""

    shape: Shape
    case: Case
    model_dir: str
    task: str
    clean: torch.Tensor
    corrupted: torch.Tensor
    answers: torch.Tensor
    wrong: torch.Tensor
    dtype: torch.dtype
    threads: int
    patchclamp: str
    at_once: int

    @property
    def n_prompts(self):
        return len(self.clean)

    def metric(self, logits):
        """The logit difference of each row of logits (rows, vocab); the prompts may come several times over."""
        row = torch.arange(len(logits))
        prompt = row % self.n_prompts
        return logits[row, self.answers[prompt]] - logits[row, self.wrong[prompt]]


def write_model(directory, shape):
    """GPT-2's own initialisation, only wider, as transformers saves it."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(SEED)
    config = GPT2Config(vocab_size=shape.vocab, n_positions=64, n_embd=shape.d_model, n_layer=shape.n_layers,
                        n_head=shape.n_heads, n_inner=shape.d_mlp, initializer_range=SPREAD, bos_token_id=None,
                        eos_token_id=None)
    model = GPT2LMHeadModel(config)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):  # transformers leaves them 0, which would hide a wrong one
            torch.nn.init.normal_(parameter, std=SPREAD)
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        model.save_pretrained(directory)


def _other_tokens(tokens, vocab, generator):
    return (tokens + torch.randint(1, vocab, tokens.shape, generator=generator)) % vocab


def write_prompts(path, shape, case, n_prompts):
    """Random token ids, and as a task file of Patchclamp's. Returns clean, corrupted, answers, wrong answers."""
    generator = torch.Generator().manual_seed(SEED)
    clean = torch.randint(0, shape.vocab, (n_prompts, N_TOKENS), generator=generator)
    corrupted = clean.clone()
    last = slice(N_TOKENS - case.n_differing, N_TOKENS)
    corrupted[:, last] = _other_tokens(clean[:, last], shape.vocab, generator)
    answers = torch.randint(0, shape.vocab, (n_prompts,), generator=generator)
    wrong = _other_tokens(answers, shape.vocab, generator)
    with open(path, "w") as out:
        for i in range(n_prompts):
            out.write(json.dumps({"clean": clean[i].tolist(), "corrupted": corrupted[i].tolist(),
                                  "answers": [answers[i].item()], "wrong_answers": [wrong[i].item()],
                                  "position": -1}) + "\n")
    return clean, corrupted, answers, wrong


def _readers(shape, writers, layer):
    heads = [f"a{layer}.h{head}" for head in range(shape.n_heads)]
    for head in heads:
        yield from ((writer, f"{head}<{slot}>") for slot in "qkv" for writer in writers)
    writers.extend(heads)
    yield from ((writer, f"m{layer}") for writer in writers)
    writers.append(f"m{layer}")


def all_names(shape, unit):
    """Every edge, reader by reader from the first layer to the logits; or every head."""
    if unit == "node":
        return [f"a{layer}.h{head}" for layer in range(shape.n_layers) for head in range(shape.n_heads)]
    writers, names = ["input"], []
    for layer in range(shape.n_layers):
        names.extend(f"{writer}->{reader}" for writer, reader in _readers(shape, writers, layer))
    return names + [f"{writer}->logits" for writer in writers]


def all_writers(shape):
    return [name.split("->")[0] for name in all_names(shape, "edge") if name.endswith("->logits")]


def spread(names, n):
    """n of the names, evenly over all of them: each layer has its share."""
    n = min(n, len(names))
    return [names[int((i + 0.5) * len(names) / n)] for i in range(n)]


def parts(edge):
    """a0.h3->a1.h2<k> as its writer, the reader's component and its slot (q, k, v or None)."""
    writer, reader = edge.split("->")
    if reader.endswith(">"):
        return writer, reader[:-3], reader[-2]
    return writer, reader, None


def layer_and_head(component):
    """a1.h2 as (1, 2), m1 as (1, None)."""
    if component[0] == "m":
        return int(component[1:]), None
    layer, head = component[1:].split(".h")
    return int(layer), int(head)

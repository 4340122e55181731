"""Writes tests/golden/models/NAME/patching.json: what transformer_lens.patching says about the TransformerLens models,
and about one Llama, whose keys and values are shared by queries; its checkpoint and its task (golden.json) too.

    python make_patching.py [FOLDER]         (default: models/ beside this file; make_models.py comes first)

Needs what make_models.py needs.  Every number is the library's own: its patching functions on its own model in
float64, the logit difference as the metric.  They patch one run's activation into another run; "denoise" has the clean
run's in the corrupted one, "noise" the two exchanged.

patching.json
    a list of {"pair": index in golden.json's task, "direction", "site", "by": the axes of `effects`, "effects":
    metric(patched) - metric(unpatched), nested as `by` says}
"""

import json
import sys
from pathlib import Path

import torch
import transformers
import transformer_lens.patching as patching
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformer_lens.pretrained.weight_conversions import convert_llama_weights

import brute_force as bf
import make_models

LAYER_SITES = {
    "resid_pre": patching.get_act_patch_resid_pre,
    "resid_mid": patching.get_act_patch_resid_mid,
    "attn_out": patching.get_act_patch_attn_out,
    "mlp_out": patching.get_act_patch_mlp_out,
}
HEAD_SITES = {
    "z": (patching.get_act_patch_attn_head_out_by_pos, patching.get_act_patch_attn_head_out_all_pos),
    "q": (patching.get_act_patch_attn_head_q_by_pos, patching.get_act_patch_attn_head_q_all_pos),
    "k": (patching.get_act_patch_attn_head_k_by_pos, patching.get_act_patch_attn_head_k_all_pos),
    "v": (patching.get_act_patch_attn_head_v_by_pos, patching.get_act_patch_attn_head_v_all_pos),
    "pattern": (patching.get_act_patch_attn_head_pattern_by_pos, patching.get_act_patch_attn_head_pattern_all_pos),
}
# The pair that differs everywhere one way, the pair that differs from its middle on the other.
CASES = ((0, "denoise"), (4, "noise"))


def grids(cfg):
    """(site, axes, function) for all that the model has."""
    absent = {"mlp_out", "resid_mid"} if cfg.attn_only else {"resid_mid"} if cfg.parallel_attn_mlp else set()
    for site, function in LAYER_SITES.items():
        if site not in absent:
            yield site, ["layer", "position"], function
    for site, (by_position, everywhere) in HEAD_SITES.items():
        # of a pattern the library lists the heads first
        yield site, ["layer", *(["head", "position"] if site == "pattern" else ["position", "head"])], by_position
        yield site, ["layer", "head"], everywhere


def write_llama(folder):
    """Two layers, four query heads on two KV heads, rotary positions, RMSNorm, a gated MLP."""
    torch.manual_seed(1)
    cfg = transformers.LlamaConfig(
        vocab_size=23, hidden_size=16, intermediate_size=10, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=16, rms_norm_eps=1e-5, tie_word_embeddings=False,
        bos_token_id=0, eos_token_id=None, torch_dtype="float32",
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(cfg)
    for name, p in model.named_parameters():
        p.data = (1.0 if "norm" in name else 0.0) + 0.3 * torch.randn(p.shape)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    draw = lambda n: torch.randint(1, 23, (n,)).tolist()
    task = []
    for i in range(5):  # the last differs from its middle on
        clean, corrupted = [0] + draw(7), [0] + draw(7)
        corrupted = clean[:4] + corrupted[4:] if i == 4 else corrupted
        answers = torch.randperm(23)[:2].tolist()
        task.append({"clean": clean, "corrupted": corrupted, "answers": answers[:1], "wrong_answers": answers[1:],
                     "position": -1})  # fmt: skip
    lines = ",\n".join(json.dumps(pair) for pair in task)
    (folder / "golden.json").write_text(f'{{"bos": 0, "task": [\n{lines}\n]}}\n')


def load_llama(folder):
    source = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float64)
    c = source.config
    cfg = HookedTransformerConfig(
        n_layers=c.num_hidden_layers, d_model=c.hidden_size, n_ctx=c.max_position_embeddings,
        d_head=c.hidden_size // c.num_attention_heads, n_heads=c.num_attention_heads,
        n_key_value_heads=c.num_key_value_heads, d_mlp=c.intermediate_size, d_vocab=c.vocab_size, act_fn="silu",
        normalization_type="RMS", positional_embedding_type="rotary", rotary_adjacent_pairs=False,
        rotary_dim=c.hidden_size // c.num_attention_heads, rotary_base=10000, final_rms=True, gated_mlp=True,
        eps=c.rms_norm_eps, dtype=torch.float64, device="cpu", original_architecture="LlamaForCausalLM",
    )  # fmt: skip
    model = HookedTransformer(cfg, move_to_device=False)
    missing, unexpected = model.load_state_dict(convert_llama_weights(source, cfg), strict=False)
    assert not unexpected and all(k.endswith((".mask", ".IGNORE", "rotary_sin", "rotary_cos")) for k in missing)
    tokens = torch.tensor([[0, 3, 5, 7]])
    # transformers turns by angles in float32
    assert (model(tokens) - source(tokens).logits).abs().max() < 1e-5
    return model.double().eval()


def rows(model, task):
    for index, direction in CASES:
        pair = task[index]
        base, source = ("corrupted", "clean") if direction == "denoise" else ("clean", "corrupted")
        tokens = torch.tensor([pair[base]])
        plain, cache = model.run_with_cache(torch.tensor([pair[source]]))
        metric = lambda logits: torch.tensor(bf.metric("logit-diff", pair, logits[0], logits[0]), dtype=torch.float64)
        unpatched = metric(model(tokens))
        for site, axes, function in grids(model.cfg):
            effects = function(model, tokens, cache, metric).double() - unpatched
            yield {"pair": index, "direction": direction, "site": site, "by": axes, "effects": effects.tolist()}


def main(folder):
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    write_llama(folder / "llama-gqa")
    torch.set_default_dtype(torch.float64)  # the library fills its tables in the default type
    for name in [*make_models.TL_MODELS, "llama-gqa"]:
        load = load_llama if name == "llama-gqa" else make_models.load_hooked_transformer
        model = load(folder / name)
        task = json.loads((folder / name / "golden.json").read_text())["task"]
        lines = ",\n".join(json.dumps(row) for row in rows(model, task))
        (folder / name / "patching.json").write_text(f"[\n{lines}\n]\n")
        print(name, lines.count("\n") + 1, "grids")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "models")

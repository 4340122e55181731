"""Trains small byte-level BPE tokenizers and records what `tokenizers` makes of a corpus.

    python tests/golden/make_tokenizers.py tests/golden/tokenizers

Written with tokenizers 0.23.3 and transformers 5.23.0. Each folder holds one tokenizer and golden.jsonl:
{"text", "ids", "ids_with_special", "decoded"} a line, decoded being that of ids_with_special.
"""
import json
import pathlib
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)

TRAINING = """The cat sat on the mat, and the dog watched the cat. When Mary and John went to the store, John gave
a drink to Mary. They're sure it'll rain; we've seen it, I'd say so, he's right and don't you doubt that I'm here.
for (int i = 0; i < n; i++) { sum += values[i] * 0x1F; }  // comment\n\treturn sum / (double)n;\n
Ein großer Bär läuft über die Straße. L'été dernier, où étions-nous? ¿Qué pasó mañana? Ça va très bien, merci.
Съешь же ещё этих мягких французских булок. 我喜欢吃苹果和香蕉。東京は日本の首都です。 العربية لغة جميلة ومهمة.
In 1999 there were 12345 items costing 3.50 each; in 2024 there are 678. The the the and and of of to to in in a a.
The war lasted from the year 1732 to the year 1744. The value of pi is 3.14159. naïve café résumé coöperate
😀 😀 👩‍👩‍👧 👍🏽 a b c d e f g h i j k l m n o p q r s t u v w x y z the cat the dog the end of the story
"""

WHITE = ["\t", "\n", "\x0b", "\x0c", "\r", "\r\n", " ", "\x1c", "\x1f", "\x85", "\u00a0", "\u1680", "\u180e", "\u2000",
         "\u2003", "\u200a", "\u200b", "\u2028", "\u2029", "\u202f", "\u205f", "\u2060", "\u3000", "\ufeff"]

LINES = [
    "", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\r\n\r\n", "\t\tx", "a", " a", "a ", " a ", "  a", "a  b", "a   b",
    "The cat sat on the mat.", " The cat sat on the mat. ", "When Mary and John went to the store, John gave a drink to",
    "it's It'S IT'S 'S 'Re 'LL 'm don't DON'T we've WE'VE I'd I'D o'clock ''s 'tis", "'\u017f '\u017fx x'\u017f the'\u017f", "'\u212a K's",
    "for (int i = 0; i < n; i++) {\n    sum += values[i];\n}\n", "\treturn 0;\r\n}\r\n\r\n", "x=1;y=2//z", "#include <a.h>\n",
    "1 12 123 1234 12345 123456 1234567 3.14159 1,000,000 0x1F 1e-9", "year 1732 to 17", "½ ² ① Ⅷ ٣٤٥ १२३ 𝟘𝟙 〇 一二三",
    "café cafe\u0301 naïve nai\u0308ve Ångström A\u030angstro\u0308m \u212b \ufb01 ﬁne", "\u0301 \u0301\u0301a a\u0301\u0323", "ﬆ ﬅ ß ẞ SS ŉ",
    "Straße STRASSE Größe", "Съешь же ещё", "我喜欢吃苹果。東京は日本の首都です。", "한국어 한국어", "العربية لغة جميلة", "עִבְרִית", "हिन्दी में", "ไทยภาษา",
    "😀", " 😀", "😀😀", "👩‍👩‍👧‍👦", "👍🏽👍", "🏳️‍🌈 🇩🇪", "x😀y 1😀2", "\U0001f9d1\u200d\U0001f52c", "a\u200db", "\ufe0f",
    "\x00", "a\x00b", "\x01\x02\x03", "\x07 bell", "\x1b[31mred\x1b[0m", "\x7f\x80\x9f", "\x85x\x85", "\ufffd", "\ufffe\uffff", "\U0010ffff",
    "\u10d0 \u1c89 \u1c8a \ua7cb \ua7da \U000105c0\U000105c1 \U00010d4a\U00010d41", "\u0378\u0379 \U000e0100", "\u2427\u2428", "\U0001e5d0\U00013460",
    "<bos>", "a<bos>b", " <bos> ", "<bos><bos>", "<bos", "<bos>>", "<|endoftext|>", "x<|endoftext|>y", " <|endoftext|> the",
    "<|end", "<pad>", "  <pad>  x", "x \u00a0<pad>\u3000\n y", "a <pad> <pad> b", "<sep> a", "a  <sep>\t\n b", "<sep><sep>", "a<sep>b a<se", "[NEW]", "x[NEW]y",
    "[NEW][NEWER]", "[NEWE", " [NEWER] ", "[NEW]s", "the[NEW]the", "é[é]é", "[é]", "a zebra", "a\u0120zebra", "cats[NEW] <pad>[NEW]<bos>", "Ġthe", " Ġ", "Ċ", "\u0100\u0143",
    "http://example.org/a?b=c&d=e#f", "user@example.com", "!!!???...", "--- *** ===", "(((", "\"quoted\" 'single' `tick`", "a_b-c.d/e\\f",
    "a" * 70, " " * 40, " " * 40 + "x", "\n" * 20, "ab" * 30, "the" * 25, "the " * 20, "é" * 30, "1" * 25, "!" * 25, "\t \t \n \n\t x",
]


def random_lines(n):
    draw = random.Random(20240611)
    words = TRAINING.split()
    lines = []
    for _ in range(n):
        parts = []
        for _ in range(draw.randrange(1, 9)):
            kind = draw.randrange(8)
            if kind < 3:
                parts.append(draw.choice(words))
            elif kind < 5:
                parts.append(draw.choice(WHITE) * draw.choice((1, 1, 1, 2, 3)))
            elif kind == 5:
                parts.append(chr(draw.randrange(0x20, 0x7F)))
            elif kind == 6:
                plane = draw.choice((0, 0, 0, 1, 1, 2, 3, 14, 15, 16))
                c = plane * 0x10000 + draw.randrange(0x10000)
                parts.append(chr(c if not 0xD800 <= c < 0xE000 else 0xFFFD))
            else:
                parts.append(chr(draw.randrange(0x80, 0x3000)))
        lines.append("".join(parts))
    return lines


def corpus(seed_lines):
    white = ["a" + w + "b" for w in WHITE] + ["a" + w + w + "b " + w for w in WHITE] + [w + " x" for w in WHITE]
    return LINES + white + random_lines(seed_lines)


def byte_level(prefix=False, regex=True):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)


def split(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated", False), byte_level(regex=False)])


def train(pre_tokenizer, size=420, special=("<|endoftext|>",), **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        TRAINING.split("\n"),
        trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=list(special),
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return tokenizer


def template(before, after, tokenizer):
    names = [name for name in before + after]
    return processors.TemplateProcessing(
        single=" ".join([f"{n}:0" for n in before] + ["$A:0"] + [f"{n}:0" for n in after]),
        pair="$A:0 $B:1",
        special_tokens=[(n, tokenizer.token_to_id(n)) for n in dict.fromkeys(names)],
    )


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def write_golden(folder, encode, decode, lines):
    with open(folder / "golden.jsonl", "w", encoding="utf-8") as out:
        for text in lines:
            ids, with_special = encode(text)
            row = {"text": text, "ids": ids, "ids_with_special": with_special, "decoded": decode(with_special)}
            out.write(json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n")


def write(root, name, tokenizer, lines, change=None):
    """`change` edits the JSON first: the golden values come from the edited file."""
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    content = json.loads(tokenizer.to_str())
    if change:
        change(content)
    write_json(folder / "tokenizer.json", content)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    write_golden(
        folder,
        lambda text: (tokenizer.encode(text, add_special_tokens=False).ids, tokenizer.encode(text).ids),
        lambda ids: tokenizer.decode(ids, skip_special_tokens=False),
        lines,
    )


def use_merge_strings(content):
    content["model"]["merges"] = ["#version: 0.2"] + [" ".join(pair) for pair in content["model"]["merges"]]
    content["model"]["unk_token"] = "<|endoftext|>"
    content["model"]["continuing_subword_prefix"] = ""
    content["model"]["end_of_word_suffix"] = ""
    del content["pre_tokenizer"]["use_regex"]


def rank_by_chance(content):
    """Merges in another order, some twice, several to one token: the heap's own order shows."""
    vocab, merges = content["model"]["vocab"], content["model"]["merges"]
    more = [[t[:i], t[i:]] for t in vocab for i in range(1, len(t)) if t[:i] in vocab and t[i:] in vocab]
    merges = more + merges
    random.Random(7).shuffle(merges)
    content["model"]["merges"] = merges
    content["model"]["ignore_merges"] = False


def main():
    root = pathlib.Path(sys.argv[1])
    few, many = corpus(40), corpus(180)

    gpt2 = train(byte_level())
    gpt2.post_processor = processors.ByteLevel(trim_offsets=False)
    write(root, "gpt2", gpt2, many, use_merge_strings)

    prefix = train(byte_level(prefix=True))
    prefix.add_tokens([AddedToken("[NEW]", normalized=True), AddedToken("<pad>", normalized=False)])
    write(root, "prefix-space", prefix, few)

    llama = train(split(LLAMA3), special=())
    llama.model.ignore_merges = True
    llama.add_special_tokens(["<bos>", "<|endoftext|>"])
    llama.add_tokens([AddedToken("\u0120zebra", normalized=False)])  # what " zebra" looks like to the model
    llama.post_processor = processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), template(["<bos>"], [], llama)]
    )
    write(root, "llama3", llama, many)

    qwen = train(split(QWEN2))
    qwen.add_special_tokens(["<bos>", "<sep>"])
    qwen.post_processor = template(["<bos>"], ["<|endoftext|>", "<sep>"], qwen)
    write(root, "qwen2", qwen, few)
    write(root, "cl100k", train(split(CL100K), size=380), few)

    added = train(byte_level())
    added.add_special_tokens([AddedToken("<bos>", special=True), AddedToken("<pad>", lstrip=True, rstrip=True, special=True)])
    added.add_tokens([
        AddedToken("<sep>", rstrip=True, normalized=False),
        AddedToken("[NEW]", normalized=True),
        AddedToken("[NEWER]", normalized=True, lstrip=True),
        AddedToken("[é]", normalized=False),
        AddedToken("\u0120the", normalized=False),
        AddedToken("é", normalized=True),
        AddedToken("a  b", normalized=True),
        AddedToken("a<se", normalized=True),  # yields to <sep>, which is looked for first
    ])
    write(root, "added", added, many)

    chance = train(byte_level())
    write(root, "merge-order", chance, few, rank_by_chance)
    write_pair(root, few)


def write_pair(root, lines):
    """vocab.json + merges.txt, read by transformers' GPT2TokenizerFast."""
    from transformers import GPT2TokenizerFast

    tokenizer = train(byte_level())
    bos = {"__type": "AddedToken", "content": "<|endoftext|>", "lstrip": False, "normalized": False, "rstrip": True,
           "single_word": False, "special": True}
    for name, files in (
        ("pair", {}),
        ("pair-config", {"tokenizer_config.json": {"add_bos_token": True, "add_prefix_space": True, "bos_token": bos}}),
        ("pair-added", {"added_tokens.json": {"[NEW]": 420, "<pad>": 421}, "special_tokens_map.json": {"pad_token": "<pad>"}}),
    ):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.model.save(str(folder))
        for file, content in files.items():
            write_json(folder / file, content)
        fast = GPT2TokenizerFast.from_pretrained(str(folder), local_files_only=True)
        write_golden(
            folder,
            lambda text: (fast(text, add_special_tokens=False)["input_ids"], fast(text)["input_ids"]),
            lambda ids: fast.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False),
            lines,
        )


if __name__ == "__main__":
    main()

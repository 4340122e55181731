"""Trains small BPE tokenizers, built as the real ones are, and records what `tokenizers` makes of a corpus.

    python tests/golden/make_tokenizers.py tests/golden/tokenizers

Written with tokenizers 0.23.3 and transformers 5.23.0. Each folder holds one tokenizer and golden.jsonl:
{"text", "ids", "ids_with_special", "decoded"} a line, decoded being that of ids_with_special. Those whose symbols are
characters have a decoded.jsonl too.
"""
import hashlib
import json
import pathlib
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

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

# What bites where texts are normalized, marked or spelled in bytes.
NORMAL_LINES = [
    "e\u0301 E\u0301\u0323 q\u0307\u0323 o\u0302\u0301 \u1e9b\u0323", "\u0344 \u0340 \u2126 \u212b \u1fbe \u037e \u2f800", "\u0958 \u0915\u093c \u09c7\u09be \u0dd9\u0dcf\u0dca",
    "\u1112\u1161\u11ab\u1100\u116e\u11a8\uc5b4", "\uac00\u11a8 \uac01\u11a8 \u1100\uac00", "a\u0345\u0301\u0334 \u0301\u0345\u0334", "a\u1df6\u0334 a\u0301\u1df6\u0334 a\u0898\u0301",
    "\U00011935\U00011930 \U000105d2\u0307 \U00016d67\U00016d67", "\U00011131\U00011127 \U0001d15f \U0001d1bc\U0001d165", "\u00e9\u0301 \u0065\u0301\u0301 e\u0327\u0301\u0328\u0300", "\uf900 \ufa10 \U0002f81a \ufb1d",
    "caf\u0065\u0301 na\u0069\u0308ve", "a\u200d\u0301 a\u034f\u0301", "\u180e a\u180eb \u180e\u180e", "\u2581", "\u2581\u2581", "\u2581the", " \u2581the", "the\u2581cat", "\u2581 the \u2581", "the\u2581", "_the_cat",
    "the ", "the  ", " the", "  the  cat  ", "\n the\n cat", "the\n", "\n\n\n", "\t", "\t\tthe", "the\tcat", "\r\n the", "\u00a0the", "<0x0A>", "a<0x41>b", "<0x0a><0xZZ>", "<unk>", "a<unk> b", "\u2206\u2207\u2208", "\u2206 \u2207",
    "\u0e01\u0e34 \u1780\u17d2", "\U0001f9d1\u200d\U0001f680 \U0001f3f4\U000e0067\U000e0062", "\ue000 \uffff \U0010fffd", "<s>", "a<s>b", " <s> the", "the <s>the", "<s><s>", "</s>", "the</s> the", "</s>  the", "\u2581<s>",
    "<|endoftext|>the", "the <|endoftext|> cat", "<|im_start|>user\nthe cat<|im_end|>\n", "<think>\nthe\n</think>", "[INST] the cat [/INST] dog</s>", "[INST][/INST]", "a[INST] b", "<start_of_turn>user\nthe cat<end_of_turn>\n",
    "<bos>the", "<pad><eos>", "the\u2581\u2581cat", "the" + " " * 30 + "cat", "the cat sat on the mat " * 12, "catcatcat" * 12, "\u65e5\u672c\u8a9e\u2206\u65e5\u672c", "\u00e9" * 12 + "e\u0301" * 12,
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

    white = ["a" + w + w + "b " + w for w in WHITE]
    write_neox(root, NORMAL_LINES + LINES + white + random_lines(30))
    write_qwen(root, NORMAL_LINES + LINES + white + random_lines(30))
    write_nfc(root)
    write_pieces(root, NORMAL_LINES + LINES + random_lines(20))


# Structures of the real files: EleutherAI's 20B_tokenizer.json, Qwen2 and Qwen3, Llama-2 (the first files and those of
# today), Mistral v0.1 and v0.3, Gemma and Gemma-2.


def added(content, **flags):
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"content": content, **plain, **flags}


def use_added(content, tokens):
    """What is in the vocabulary keeps its id, the rest follows it."""
    vocab = content["model"]["vocab"]
    n_new = 0
    for token in tokens:
        token["id"] = vocab.get(token["content"], len(vocab) + n_new)
        n_new += token["content"] not in vocab
    content["added_tokens"] = sorted(tokens, key=lambda token: token["id"])


def write_neox(root, lines):
    neox = train(byte_level(), special=("<|endoftext|>", "<|padding|>"))
    neox.normalizer = normalizers.NFC()
    neox.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=True)

    def change(content):
        spaces = [added(" " * n, normalized=True, special=False) for n in range(24, 1, -1)]
        accents = [added(text, normalized=True, special=False) for text in ("q\u0307\u0323", "nai\u0308f")]
        use_added(content, [added("<|endoftext|>"), added("<|padding|>")] + spaces + accents)
        content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
        for part in ("pre_tokenizer", "post_processor", "decoder"):
            content[part] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}

    write(root, "neox", neox, lines, change)


def write_qwen(root, lines):
    qwen = train(split(QWEN2), special=())
    qwen.normalizer = normalizers.NFC()
    qwen.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False)

    def change(content):
        special = [added(text) for text in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
        plain = [added(text, special=False) for text in ("<think>", "</think>")]
        use_added(content, special + plain)
        content["model"].update(continuing_subword_prefix="", end_of_word_suffix="")
        for part in ("pre_tokenizer", "post_processor", "decoder"):
            ends = content[part]["pretokenizers"][-1] if part == "pre_tokenizer" else content[part]
            ends.update(add_prefix_space=False, trim_offsets=False, use_regex=False)

    write(root, "qwen3", qwen, lines, change)


def train_pieces(size=260):
    """Merges over characters, words beginning with the mark, as SentencePiece learns them."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    common = sorted(set(TRAINING), key=lambda c: (-TRAINING.count(c), c))[:90]
    text = "".join(c if c in common and c != "\n" else " " for c in TRAINING)
    tokenizer.train_from_iterator([text], trainers.BpeTrainer(vocab_size=size, special_tokens=[], show_progress=False))
    model = json.loads(tokenizer.to_str())["model"]
    merges = model["merges"] + [["\u2581", "\u2581"], ["\u2581\u2581", "\u2581\u2581"]]
    joined = ["".join(pair) for pair in merges]
    characters = [token for token in model["vocab"] if token not in joined]
    return joined, characters, merges


def sequence(kind, key, *parts):
    return {"type": kind, key: list(parts)}


PREPEND = {"type": "Prepend", "prepend": "\u2581"}
MARK_SPACES = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
SPACE_MARKS = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}
BYTES, FUSE = {"type": "ByteFallback"}, {"type": "Fuse"}
STRIP = {"type": "Strip", "content": " ", "start": 1, "stop": 0}


def bos_template(name, token_id):
    special, a, b = {"SpecialToken": {"id": name, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}
    return {"type": "TemplateProcessing", "single": [special, a], "pair": [special, a, {"SpecialToken": {"id": name, "type_id": 1}}, b],
            "special_tokens": {name: {"id": name, "ids": [token_id], "tokens": [name]}}}


def pieces_json(first, has_bytes=True, **parts):
    """tokenizer.json with the tokens in SentencePiece's order: special, bytes, joined ones, characters."""
    joined, characters, merges = train_pieces()
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)] if has_bytes else []
    tokens = list(dict.fromkeys(first + byte_tokens + joined + characters))
    model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
             "fuse_unk": True, "byte_fallback": has_bytes, "ignore_merges": False, "vocab": {t: i for i, t in enumerate(tokens)}, "merges": merges}
    content = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
               "post_processor": None, "decoder": sequence("Sequence", "decoders", SPACE_MARKS, BYTES, FUSE, STRIP), "model": model}
    content.update(parts)
    return content


def write_decoded(folder, tokenizer, n=80):
    """decoded.jsonl: ids by chance, mostly bytes, that no text has."""
    draw = random.Random(11)
    vocab = tokenizer.get_vocab()
    some = [sorted(i for t, i in vocab.items() if t.startswith(starts)) for starts in ("", "<", "<0x", "\u2581")]
    with open(folder / "decoded.jsonl", "w", encoding="utf-8") as out:
        for i in range(n):
            pools = [pool for pool in some if pool]
            ids = [draw.choice(draw.choice(pools)) for _ in range(i % 9)]
            if i % 10 == 9 and "<0xE2>" in vocab:  # U+2581, U+2582 and what is cut short, in byte tokens
                ids += [vocab[t] for t in ("<0xE2>", "<0x96>", "<0x81>")] + [vocab["<0xE2>"], vocab["<0x96>"]] * (i % 20 // 10)
            row = {"ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)}
            out.write(json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n")


def write_content(root, name, content, lines):
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "tokenizer.json", content)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    write_golden(
        folder,
        lambda text: (tokenizer.encode(text, add_special_tokens=False).ids, tokenizer.encode(text).ids),
        lambda ids: tokenizer.decode(ids, skip_special_tokens=False),
        lines,
    )
    write_decoded(folder, tokenizer)


def write_nfc(root):
    """The digest of the normal form of every code point between marks, which io_characters.c spells the same way."""
    code_points = (chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
    normal = normalizers.NFC().normalize_str("".join(f"e{c}\u0334\u0301 {c}\u0345\u0307{c}\n" for c in code_points))
    (root / "nfc.sha256").write_text(hashlib.sha256(normal.encode()).hexdigest() + "\n")


def write_pieces(root, lines):
    llama = ["<unk>", "<s>", "</s>"]
    marked = sequence("Sequence", "normalizers", PREPEND, MARK_SPACES)

    content = pieces_json(llama, normalizer=marked, post_processor=bos_template("<s>", 1))
    content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
    del content["model"]["ignore_merges"]
    use_added(content, [added(t, normalized=True) for t in llama])
    write_content(root, "llama2", content, lines)  # as first published: <s> is looked for as "\u2581<s>"

    content = pieces_json(llama, normalizer=marked, post_processor=bos_template("<s>", 1))
    use_added(content, [added("<unk>"), added("<s>"), added("</s>", rstrip=True, special=False), added("[INST]", normalized=True, special=False)])
    write_content(root, "mistral1", content, lines)

    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": False}
    content = pieces_json(llama + ["[INST]", "[/INST]"], pre_tokenizer=metaspace, post_processor=bos_template("<s>", 1))
    use_added(content, [added(t) for t in llama + ["[INST]", "[/INST]"]])
    write_content(root, "mistral3", content, lines)

    gemma = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", "\n", "\n\n", "\n\n\n", "\u2581\u2581"]
    content = pieces_json(gemma, normalizer=MARK_SPACES, post_processor=bos_template("<bos>", 2),
                          pre_tokenizer={"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
                          decoder=sequence("Sequence", "decoders", SPACE_MARKS, BYTES, FUSE))
    use_added(content, [added(t, special=t[0] == "<") for t in gemma])
    write_content(root, "gemma", content, lines)

    # the older Metaspace, that cuts words, and its decoder; characters without a token are <unk>, fused or not
    old = {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True}
    content = pieces_json(llama, has_bytes=False, pre_tokenizer=old, decoder=old)
    use_added(content, [added(t) for t in llama])
    write_content(root, "metaspace", content, lines)

    never = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never", "add_prefix_space": False, "str_rep": "\u2581"}
    content = pieces_json(llama, has_bytes=False, pre_tokenizer=never, decoder=never)
    content["model"].update(fuse_unk=False, ignore_merges=True)
    content["model"]["vocab"]["the\u2581cat"] = len(content["model"]["vocab"])
    use_added(content, [added(t, special=False, lstrip=t == "<s>") for t in llama])
    write_content(root, "unknown", content, lines)

    # a Split that cuts, nothing that marks; joins across a space, of which only those before the cut ever happen
    content = pieces_json(llama, pre_tokenizer={"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
                          normalizer=sequence("Sequence", "normalizers", {"type": "NFC"}, {"type": "Replace", "pattern": {"String": "the"}, "content": ""}),
                          decoder=sequence("Sequence", "decoders", BYTES, FUSE, dict(STRIP, start=3)))
    for token, pair in ((" ", None), (" c", [" ", "c"]), ("e ", ["e", " "])):
        content["model"]["vocab"][token] = len(content["model"]["vocab"])
        content["model"]["merges"][:0] = [pair] if pair else []
    use_added(content, [added("e\u0301t", normalized=True, special=False)])
    write_content(root, "split", content, lines)


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

#!/usr/bin/env python3
"""Writes tiny-e5s1/ (model.e5s1, expected.json) and ../fuzz/e5s1/: an embedding model with random weights. Deterministic; needs numpy only.

It says nothing sensible, but its vectors depend on every part of the file. expected.json holds token ids and vectors computed here, in
numpy and in double, from the rounded weights, with activations rounded to 8 bits in groups of 32 as the kernels do.
"""

import json
import math
import pathlib
import struct

import numpy

SEED = 20241124
EPS = 1e-5
HERE = pathlib.Path(__file__).resolve().parent

WORDS = """▁ ▁t ▁the ▁a he in er on th ing ▁s ▁is re house stone warm floor ▁온돌 온돌 ▁방 바닥 을 은 는 이 가 ▁한국 의 난방 이다 ▁불 불 ▁따뜻 한
주민 등본 등록 ▁주민등록 ▁어디 에서 ▁발급 ▁민원 센터 ▁시청 하나요 ? ! . , ( ) 주 IV aa aaa""".split()
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SYLLABLES = "가나다라마바사아자차카타파하각한글온돌방바닥국난불주민등록본발급시청어디에서하나요따뜻원센터의을은는이"

RULES = {
    0x07: "", 0x09: " ", 0x0A: " ", 0x0D: " ", 0xA0: " ", 0x3000: " ", 0x200B: " ", 0xAD: "", 0x2163: "IV", 0x3220: "(일)", 0x321C: "(주)",
    0xFF21: "A", 0xFF41: "a", 0xFF1F: "?", 0xBD: "1⁄2",
}  # fmt: skip

TEXTS = ["", " ", "the stone house is warm", "온돌은 한국의 난방이다.", "  주민등록등본  어디에서\t발급\n하나요?  ", "query: 온돌 ＡＢ ㈜ Ⅳ",
         "☃ snow 눈 🙂🙂", "aaaaaaaaaaaaaa aaaa", "▁ ▁x", "<s> plain </s><mask> <unk>", "온돌 방바닥 " * 5,
         "가나다 라마바"]  # fmt: skip


class Model:
    def __init__(self, hidden, layers, heads, ffn, positions, pieces, scores, vocab):
        self.hidden, self.layers, self.heads, self.ffn = hidden, layers, heads, ffn
        self.positions, self.pieces, self.scores, self.vocab = positions, pieces, scores, vocab
        random = numpy.random.default_rng(SEED)
        self.tensors = {}  # name -> (type, values as the model sees them, bytes)

        def floats(name, *shape, center=0.0, spread=0.1):
            values = (random.standard_normal(shape) * spread + center).astype(numpy.float32)
            self.tensors[name] = (0, values, values.tobytes())

        def matrix(name, rows, cols, spread):
            values = random.standard_normal((rows, cols)) * spread
            self.tensors[name] = (1, *round_q4_0(values))

        matrix("emb.word", vocab, hidden, 0.5)
        floats("emb.pos", positions, hidden, spread=0.3)
        floats("emb.type", 2, hidden)
        floats("emb.ln.w", hidden, center=1.0)
        floats("emb.ln.b", hidden)
        for layer in range(layers):
            for name, rows, cols in [("q", hidden, hidden), ("k", hidden, hidden), ("v", hidden, hidden), ("ao", hidden, hidden),
                                     ("fi", ffn, hidden), ("fo", hidden, ffn)]:  # fmt: skip
                matrix(f"l{layer}.{name}.w", rows, cols, 1.3 / math.sqrt(cols))
                floats(f"l{layer}.{name}.b", rows)
            for name in ["aln", "oln"]:
                floats(f"l{layer}.{name}.w", hidden, center=1.0)
                floats(f"l{layer}.{name}.b", hidden)

    def write(self, path, rules):
        out = b"E5S1" + struct.pack("<I7ifi", 1, self.hidden, self.layers, self.heads, self.ffn, self.vocab, self.positions, 2, EPS, 32)
        names = [piece.encode() for piece in self.pieces]
        out += struct.pack("<5iQ", len(names), 0, 2, 1, 3, sum(map(len, names)))
        offsets = numpy.cumsum([0] + [len(name) for name in names]).astype("<u4")
        out += offsets.tobytes() + numpy.array(self.scores, "<f4").tobytes() + b"".join(names)
        packed = b""
        for point, text in sorted(rules.items()):
            packed += struct.pack(f"<IB{len(text)}I", point, len(text), *map(ord, text))
        out += struct.pack("<iI", len(rules), len(packed)) + packed
        directory_bytes = 4 + sum(2 + len(name) + 21 for name in self.tensors)
        at = (len(out) + directory_bytes + 63) // 64 * 64
        out += struct.pack("<i", len(self.tensors))
        body = b""
        for name, (kind, values, data) in self.tensors.items():
            out += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", kind, values.size, at + len(body), len(data))
            body += data
        path.write_bytes(out.ljust(at, b"\0") + body)

    def value(self, name):
        return self.tensors[name][1].astype(numpy.float64)

    def embed(self, ids):
        x = self.value("emb.word")[ids] + self.value("emb.pos")[: len(ids)] + self.value("emb.type")[0]
        x = self.norm(x, "emb.ln")
        for layer in range(self.layers):
            at = f"l{layer}."
            q, k, v = (self.linear(x, at + name) for name in "qkv")
            out = numpy.empty_like(q)
            dim = self.hidden // self.heads
            for head in range(self.heads):
                part = slice(head * dim, (head + 1) * dim)
                scores = q[:, part] @ k[:, part].T / math.sqrt(dim)
                weights = numpy.exp(scores - scores.max(axis=1, keepdims=True))
                out[:, part] = weights / weights.sum(axis=1, keepdims=True) @ v[:, part]
            x = self.norm(x + self.linear(out, at + "ao"), at + "aln")
            inner = self.linear(x, at + "fi")
            inner = inner / 2 * (1 + numpy.vectorize(math.erf)(inner / math.sqrt(2)))
            x = self.norm(x + self.linear(inner, at + "fo"), at + "oln")
        mean = x.mean(axis=0)
        return mean / numpy.linalg.norm(mean)

    def linear(self, x, name):
        groups = x.reshape(len(x), -1, 32)
        scale = numpy.abs(groups).max(axis=2, keepdims=True) / 127
        rounded = numpy.rint(groups / numpy.where(scale == 0, 1, scale)) * scale
        return rounded.reshape(x.shape) @ self.value(name + ".w").T + self.value(name + ".b")

    def norm(self, x, name):
        centered = x - x.mean(axis=1, keepdims=True)
        return centered / numpy.sqrt((centered**2).mean(axis=1, keepdims=True) + EPS) * self.value(name + ".w") + self.value(name + ".b")

    def encode(self, text):
        """Every way to cut the text, by dynamic programming over its characters."""
        chars = []
        for char in "".join(RULES.get(ord(char), char) for char in text):
            if char != " " or chars[-1:] != [" "]:
                chars.append(char)
        if chars[:1] != [" "]:
            chars.insert(0, " ")
        word = "".join(chars).replace(" ", "▁")
        known = {piece: i for i, piece in enumerate(self.pieces) if i != 3}
        unknown = numpy.float32(min(self.scores)) - numpy.float32(10)
        best = [(numpy.float32(0), None, None)] + [(numpy.float32(-numpy.inf), None, None)] * len(word)
        for begin in range(len(word)):
            for end in range(begin + 1, len(word) + 1):
                if (piece := known.get(word[begin:end])) is not None:
                    score = best[begin][0] + numpy.float32(self.scores[piece])
                    if score > best[end][0]:
                        best[end] = (score, piece, begin)
            if best[begin][0] + unknown > best[begin + 1][0]:
                best[begin + 1] = (best[begin][0] + unknown, 3, begin)
        ids, at = [2], len(word)
        while at > 0:
            ids.insert(0, best[at][1])
            at = best[at][2]
        return [0] + ids


def round_q4_0(values):
    """ggml's Q4_0: the value of largest magnitude becomes -8, its half-precision scale and 16 bytes of nibbles are one block."""
    blocks = values.reshape(-1, 32)
    largest = blocks[numpy.arange(len(blocks)), numpy.abs(blocks).argmax(axis=1)]
    scale = (largest / -8).astype(numpy.float16)
    codes = numpy.clip(numpy.rint(blocks / scale.astype(numpy.float64)[:, None]) + 8, 0, 15).astype(numpy.uint8)
    rounded = (codes.astype(numpy.float64) - 8) * scale.astype(numpy.float64)[:, None]
    nibbles = codes[:, :16] | codes[:, 16:] << 4
    data = b"".join(s.tobytes() + n.tobytes() for s, n in zip(scale, nibbles))
    return rounded.reshape(values.shape), data


def main():
    pieces = list(dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", *WORDS, *LETTERS, *SYLLABLES])) + ["<mask>"]
    random = numpy.random.default_rng(SEED + 1)
    # Longer pieces cost a little more, but less than their letters together.
    scores = [0.0 if piece.startswith("<") else float(numpy.float32(-4 - len(piece) - random.random())) for piece in pieces]
    folder = HERE / "tiny-e5s1"
    folder.mkdir(exist_ok=True)
    model = Model(64, 2, 2, 96, 40, pieces, scores, len(pieces) + 5)
    model.write(folder / "model.e5s1", RULES)
    cases = []
    for text in TEXTS:
        ids = model.encode(text)
        vector = [round(float(value), 7) for value in model.embed(ids)] if len(ids) <= model.positions else None
        cases.append(json.dumps({"text": text, "ids": ids, "embedding": vector}, ensure_ascii=False))
    (folder / "expected.json").write_text("[\n" + ",\n".join(cases) + "\n]\n")
    fuzz = HERE.parent / "fuzz" / "e5s1"
    fuzz.mkdir(exist_ok=True)
    smallest = Model(32, 1, 1, 32, 2, ["<s>", "<pad>", "</s>", "<unk>", "▁", "a", "▁a"], [0.0, 0, 0, 0, -3, -2, -4], 8)
    smallest.write(fuzz / "smallest.e5s1", {0x09: " ", 0x41: "a", 0x2163: "IV"})
    for name in ["l0.q.w", "emb.word"]:
        del smallest.tensors[name]
    smallest.write(fuzz / "incomplete.e5s1", {})


if __name__ == "__main__":
    main()

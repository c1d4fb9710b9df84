#!/usr/bin/env python3
"""Writes tiny-chat/: a chat model with random weights for end-to-end tests. Deterministic; needs numpy only.

A Qwen3 of 2 layers and 320 byte-level tokens. It says nothing sensible, but its answers vary with the prompt and are mostly printable:
channel 0 of the residual stream is a constant that no layer writes to, so that column 0 of the output matrix works as a bias per token.
"""

import json
import pathlib
import struct

import numpy

HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD_DIM, FFN = 64, 2, 4, 2, 16, 128
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
VOCAB = 320
CONTEXT = 32768  # long enough that an answer without end outlives any test
SEED = 20240229
CONSTANT = 4.0  # channel 0 of every embedding

# Merges are learned from this text.
TEXT = """The stone under the floor is warm and the house is quiet. One fire heats every room, and every room pays its own share.
A user asks the assistant a question; the assistant answers in a few words and then it stops. The answer is in the house.
온돌은 방바닥을 데우는 한국의 난방이다. 한 아궁이의 불이 온 방을 데운다. 온돌 방바닥 온돌 한국 난방 온돌.
""" * 2

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' ~ message['role'] ~ '\\n' ~ message['content'] ~ '<|im_end|>\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{ '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and not enable_thinking -%}{{ '<think></think>\\n' }}{%- endif -%}"
    "{%- endif -%}"
)


def byte_alphabet():
    """The printable stand-ins of the 256 bytes in byte-level BPE, as GPT-2 defined them."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    names, extra = {}, 0
    for byte in range(256):
        if byte in printable:
            names[byte] = chr(byte)
        else:
            names[byte] = chr(256 + extra)
            extra += 1
    return names


def learn_merges(text, count, names):
    words = {}
    for word in text.replace("\n", " \n ").split(" "):
        symbols = tuple(names[byte] for byte in (" " + word).encode())
        words[symbols] = words.get(symbols, 0) + 1
    merges = []
    while len(merges) < count:
        pairs = {}
        for symbols, times in words.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] = pairs.get(pair, 0) + times
        best = max(sorted(pairs), key=lambda pair: pairs[pair])
        merges.append(best)
        merged = {}
        for symbols, times in words.items():
            out, i = [], 0
            while i < len(symbols):
                if symbols[i : i + 2] == best:
                    out.append(best[0] + best[1])
                    i += 2
                else:
                    out.append(symbols[i])
                    i += 1
            merged[tuple(out)] = merged.get(tuple(out), 0) + times
        words = merged
    return merges


def make_tokenizer():
    names = byte_alphabet()
    merges = learn_merges(TEXT, VOCAB - 256 - len(SPECIAL), names)
    vocab = {names[byte]: byte for byte in range(256)}
    for left, right in merges:
        vocab[left + right] = len(vocab)
    added = [
        {"id": len(vocab) + i, "content": name, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        for i, name in enumerate(SPECIAL)
    ]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [f"{left} {right}" for left, right in merges],
        },
    }
    config = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
        "model_max_length": CONTEXT,
        "tokenizer_class": "Qwen2Tokenizer",
        "added_tokens_decoder": {str(token["id"]): {key: token[key] for key in token if key != "id"} for token in added},
    }
    return tokenizer, config, vocab, {name: byte for byte, name in names.items()}


def is_utf8(raw):
    try:
        raw.decode()
        return True
    except UnicodeDecodeError:
        return False


def token_bias(vocab, bytes_of):
    """Printable ASCII and merged tokens are likely, loose bytes are rare, control tokens nearly so: answers do end by themselves."""
    bias = numpy.full(VOCAB, -6.0, dtype=numpy.float32)
    for name, token in vocab.items():
        raw = bytes(bytes_of[char] for char in name)
        if all(32 <= byte < 127 for byte in raw):
            bias[token] = 0.5 if len(raw) > 1 else 0.0
        elif len(raw) > 1 and is_utf8(raw):
            bias[token] = 0.5
    bias[VOCAB - 1] = -0.5
    return bias


def make_weights(vocab, bytes_of):
    random = numpy.random.default_rng(SEED)

    def normal(*shape, scale):
        return (random.standard_normal(shape) * scale).astype(numpy.float32)

    def silent_row(matrix):
        matrix[0, :] = 0
        return matrix

    tensors = {"model.embed_tokens.weight": normal(VOCAB, HIDDEN, scale=1.0)}
    tensors["model.embed_tokens.weight"][:, 0] = CONSTANT
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        tensors |= {
            at + "input_layernorm.weight": 1 + normal(HIDDEN, scale=0.05),
            at + "self_attn.q_proj.weight": normal(HEADS * HEAD_DIM, HIDDEN, scale=HIDDEN**-0.5),
            at + "self_attn.k_proj.weight": normal(KV_HEADS * HEAD_DIM, HIDDEN, scale=HIDDEN**-0.5),
            at + "self_attn.v_proj.weight": normal(KV_HEADS * HEAD_DIM, HIDDEN, scale=2 * HIDDEN**-0.5),
            at + "self_attn.o_proj.weight": silent_row(normal(HIDDEN, HEADS * HEAD_DIM, scale=2 * (HEADS * HEAD_DIM) ** -0.5)),
            at + "self_attn.q_norm.weight": 1 + normal(HEAD_DIM, scale=0.05),
            at + "self_attn.k_norm.weight": 1 + normal(HEAD_DIM, scale=0.05),
            at + "post_attention_layernorm.weight": 1 + normal(HIDDEN, scale=0.05),
            at + "mlp.gate_proj.weight": normal(FFN, HIDDEN, scale=HIDDEN**-0.5),
            at + "mlp.up_proj.weight": normal(FFN, HIDDEN, scale=HIDDEN**-0.5),
            at + "mlp.down_proj.weight": silent_row(normal(HIDDEN, FFN, scale=3 * FFN**-0.5)),
        }
    tensors["model.norm.weight"] = numpy.ones(HIDDEN, dtype=numpy.float32)
    head = normal(VOCAB, HIDDEN, scale=2.5 * HIDDEN**-0.5)
    head[:, 0] = token_bias(vocab, bytes_of)
    tensors["lm_head.weight"] = head
    return tensors


def write_safetensors(path, tensors):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"".join(tensor.tobytes() for tensor in tensors.values()))


def main():
    folder = pathlib.Path(__file__).parent / "tiny-chat"
    folder.mkdir(exist_ok=True)
    tokenizer, tokenizer_config, vocab, bytes_of = make_tokenizer()
    end_of_text, end_of_turn = VOCAB - 3, VOCAB - 1
    config = {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "attention_bias": False,
        "bos_token_id": None,
        "dtype": "float32",
        "eos_token_id": end_of_turn,
        "head_dim": HEAD_DIM,
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "intermediate_size": FFN,
        "layer_types": ["full_attention"] * LAYERS,
        "max_position_embeddings": CONTEXT,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": KV_HEADS,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "sliding_window": None,
        "tie_word_embeddings": False,
        "use_sliding_window": False,
        "vocab_size": VOCAB,
    }
    generation = {"do_sample": True, "eos_token_id": [end_of_turn, end_of_text], "temperature": 0.8, "top_p": 0.95}
    for name, content in {
        "config.json": config,
        "generation_config.json": generation,
        "tokenizer_config.json": tokenizer_config,
        "tokenizer.json": tokenizer,
    }.items():
        text = json.dumps(content, ensure_ascii=False, indent=None if name == "tokenizer.json" else 2)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    write_safetensors(folder / "model.safetensors", make_weights(vocab, bytes_of))


if __name__ == "__main__":
    main()

"""Writes the smallest model of the Llama family that llama.cpp serves: one layer of noise."""

import random
import struct
import sys

WIDTH, FEED, HEADS = 32, 64, 2
U32, F32, STRING, ARRAY, I32 = 4, 6, 8, 9, 5

# A vocabulary of the kind that sentencepiece makes: three marks, every byte, and the letters.
marks = [("<unk>", 2), ("<s>", 3), ("</s>", 3)]
spelt = [(f"<0x{byte:02X}>", 6) for byte in range(256)]
letters = [(chr(letter), 1) for letter in range(ord("a"), ord("z") + 1)] + [("\u2581", 1)]
tokens = marks + spelt + letters


def text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def array(kind, values):
    return struct.pack("<IQ", kind, len(values)) + b"".join(values)


def entry(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def number(value):
    return struct.pack("<I", value)


entries = [
    entry("general.architecture", STRING, text("llama")),
    entry("general.name", STRING, text("noise")),
    entry("general.alignment", U32, number(32)),
    entry("llama.context_length", U32, number(512)),
    entry("llama.embedding_length", U32, number(WIDTH)),
    entry("llama.block_count", U32, number(1)),
    entry("llama.feed_forward_length", U32, number(FEED)),
    entry("llama.attention.head_count", U32, number(HEADS)),
    entry("llama.attention.head_count_kv", U32, number(HEADS)),
    entry("llama.rope.dimension_count", U32, number(WIDTH // HEADS)),
    entry("llama.attention.layer_norm_rms_epsilon", F32, struct.pack("<f", 1e-5)),
    entry("llama.vocab_size", U32, number(len(tokens))),
    entry("tokenizer.ggml.model", STRING, text("llama")),
    entry("tokenizer.ggml.tokens", ARRAY, array(STRING, [text(token) for token, _ in tokens])),
    entry("tokenizer.ggml.scores", ARRAY, array(F32, [struct.pack("<f", 0.0)] * len(tokens))),
    entry("tokenizer.ggml.token_type", ARRAY, array(I32, [struct.pack("<i", kind) for _, kind in tokens])),
    entry("tokenizer.ggml.bos_token_id", U32, number(1)),
    entry("tokenizer.ggml.eos_token_id", U32, number(2)),
    entry("tokenizer.ggml.unknown_token_id", U32, number(0)),
]
square, feed = (WIDTH, WIDTH), (WIDTH, FEED)
tensors = [
    ("token_embd.weight", (WIDTH, len(tokens))),
    ("output_norm.weight", (WIDTH,)),
    ("output.weight", (WIDTH, len(tokens))),
    ("blk.0.attn_norm.weight", (WIDTH,)),
    ("blk.0.attn_q.weight", square),
    ("blk.0.attn_k.weight", square),
    ("blk.0.attn_v.weight", square),
    ("blk.0.attn_output.weight", square),
    ("blk.0.ffn_norm.weight", (WIDTH,)),
    ("blk.0.ffn_gate.weight", feed),
    ("blk.0.ffn_up.weight", feed),
    ("blk.0.ffn_down.weight", (FEED, WIDTH)),
]
noise = random.Random(7)
infos, data = b"", b""
for name, shape in tensors:
    infos += text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + struct.pack("<IQ", 0, len(data))
    count = shape[0] * (shape[1] if len(shape) > 1 else 1)
    data += struct.pack(f"<{count}f", *(1.0 if len(shape) == 1 else noise.gauss(0, 0.5) for _ in range(count)))
    data += bytes(-len(data) % 32)
head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries)) + b"".join(entries) + infos
with open(sys.argv[1], "wb") as file:
    file.write(head + bytes(-len(head) % 32) + data)

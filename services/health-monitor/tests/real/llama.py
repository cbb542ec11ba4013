"""Writes a model that knows nothing, and serves it with the server of llama.cpp."""

import signal
import sys

import gguf
import numpy

WORDS = 512


def write(path, width, layers):
    model = gguf.GGUFWriter(path, "llama")
    model.add_context_length(2048)
    model.add_embedding_length(width)
    model.add_block_count(layers)
    model.add_feed_forward_length(width * 2)
    model.add_head_count(4)
    model.add_head_count_kv(4)
    model.add_layer_norm_rms_eps(1e-5)
    model.add_rope_dimension_count(width // 4)
    model.add_vocab_size(WORDS)
    model.add_tokenizer_model("gpt2")
    model.add_tokenizer_pre("default")
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    # Every byte has a letter; those that cannot be shown have one of those after the first 256.
    letters = [chr(code) for code in [*shown, *range(256, 512 - len(shown))]]
    words = letters + [f"w{number}" for number in range(WORDS - len(letters) - 1)] + ["</s>"]
    model.add_token_list(words)
    model.add_token_types([1] * (WORDS - 1) + [3])
    model.add_token_merges(["a b"])
    model.add_bos_token_id(WORDS - 1)
    model.add_eos_token_id(WORDS - 1)
    chance = numpy.random.default_rng(7)

    def weights(name, *shape):
        made = chance.standard_normal(shape) * 0.02
        model.add_tensor(name, made.astype(numpy.float32))

    def ones(name):
        model.add_tensor(name, numpy.ones(width, dtype=numpy.float32))

    weights("token_embd.weight", WORDS, width)
    ones("output_norm.weight")
    weights("output.weight", WORDS, width)
    for layer in range(layers):
        block = f"blk.{layer}."
        ones(block + "attn_norm.weight")
        ones(block + "ffn_norm.weight")
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            weights(f"{block}{part}.weight", width, width)
        weights(block + "ffn_gate.weight", width * 2, width)
        weights(block + "ffn_up.weight", width * 2, width)
        weights(block + "ffn_down.weight", width, width * 2)
    model.write_header_to_file()
    model.write_kv_data_to_file()
    model.write_tensors_to_file()
    model.close()


def serve(path, host, port):
    from xllamacpp import CommonParams, Server

    wanted = CommonParams()
    wanted.model.path = path
    wanted.hostnames = [host]
    wanted.port = int(port)
    wanted.n_ctx = 1024
    wanted.n_parallel = 2
    wanted.endpoint_metrics = True
    server = Server(wanted)
    signal.pause()
    del server


if sys.argv[1] == "write":
    write(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    serve(*sys.argv[2:])

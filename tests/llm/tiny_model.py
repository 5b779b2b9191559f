"""Writes a llama model of a few megabytes with random weights: real decoding, nonsense text.

    python tiny_model.py MODEL.gguf

The same file on every machine: the weights come from a seed. The vocabulary is the 256 bytes and a few hundred plain words, so that
text goes in and comes out; what comes out means nothing.
"""

import sys

import gguf
import numpy

VOCABULARY_OF_WORDS = 512
EMBEDDING, LAYERS, HEADS, FORWARD, CONTEXT = 128, 4, 4, 384, 4096


def vocabulary():
    """Tokens, scores and kinds of a SentencePiece vocabulary: three marks, the bytes, and made-up words."""
    tokens = [b"<unk>", b"<s>", b"</s>"] + [f"<0x{byte:02X}>".encode() for byte in range(256)]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL] + [gguf.TokenType.BYTE] * 256
    letters = [chr(code).encode() for code in range(ord("a"), ord("z") + 1)] + ["▁".encode()]
    pieces = list(letters)
    for first in "bcdfghjklmnprstvwz":
        for second in "aeiou":
            pieces += [(first + second).encode(), ("▁" + first).encode(), ("▁" + first + second).encode()]
    pieces = list(dict.fromkeys(pieces))[:VOCABULARY_OF_WORDS]
    scores = [0.0] * len(tokens) + [-float(number) for number in range(len(pieces))]
    return tokens + pieces, scores, kinds + [gguf.TokenType.NORMAL] * len(pieces)


def write(path):
    tokens, scores, kinds = vocabulary()
    out = gguf.GGUFWriter(path, "llama")
    out.add_name("backsight-tiny")
    out.add_context_length(CONTEXT)
    out.add_embedding_length(EMBEDDING)
    out.add_block_count(LAYERS)
    out.add_feed_forward_length(FORWARD)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_rope_dimension_count(EMBEDDING // HEADS)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_file_type(gguf.LlamaFileType.ALL_F32)
    out.add_vocab_size(len(tokens))
    out.add_tokenizer_model("llama")
    out.add_token_list(tokens)
    out.add_token_scores(scores)
    out.add_token_types(kinds)
    out.add_unk_token_id(0)
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_chat_template("{% for message in messages %}{{ message.content }} {% endfor %}")

    random = numpy.random.default_rng(1)

    def matrix(*shape):
        return (random.standard_normal(shape) / numpy.sqrt(shape[-1])).astype(numpy.float32)

    ones = numpy.ones(EMBEDDING, dtype=numpy.float32)
    out.add_tensor("token_embd.weight", matrix(len(tokens), EMBEDDING))
    for layer in range(LAYERS):
        name = f"blk.{layer}."
        out.add_tensor(name + "attn_norm.weight", ones)
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            out.add_tensor(f"{name}{part}.weight", matrix(EMBEDDING, EMBEDDING))
        out.add_tensor(name + "ffn_norm.weight", ones)
        out.add_tensor(name + "ffn_gate.weight", matrix(FORWARD, EMBEDDING))
        out.add_tensor(name + "ffn_up.weight", matrix(FORWARD, EMBEDDING))
        out.add_tensor(name + "ffn_down.weight", matrix(EMBEDDING, FORWARD))
    out.add_tensor("output_norm.weight", ones)
    head = matrix(len(tokens), EMBEDDING)
    # Marks and bytes are not to be said: an early end would make answers of different lengths, half a letter would be held back.
    head[:259] *= 0.01
    out.add_tensor("output.weight", head)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


write(sys.argv[1])

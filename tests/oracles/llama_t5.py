"""Tiny models of llama_cases.py of T5's family: a function lists the tensors of each and gives its metadata."""
from case_maker import VOCABULARY
from llama_parts import *  # noqa: F403

BUCKETS = 16
KEY_WIDTH = 24


def add_t5_attention(case, block, name):
    for part in "qkv":
        matrix(case, f"{block}{name}_{part}", WIDTH, HEADS * KEY_WIDTH)
    matrix(case, f"{block}{name}_o", HEADS * KEY_WIDTH, WIDTH)


def add_t5_layer(case, block, gated):
    norm(case, block + "attn_norm")
    add_t5_attention(case, block, "attn")
    norm(case, block + "ffn_norm")
    for part in ("gate", "up") if gated else ("up",):
        matrix(case, block + f"ffn_{part}", WIDTH, FFN)
    # Small: llama.cpp's GELU in halves (docs/decisions/gelu-of-halves.md).
    case.make(block + "ffn_down.weight", [FFN, WIDTH], 0.0, 0.015625 if gated else 0.25)


def add_t5_encoder(case, layers, gated, tables):
    case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 1.0)
    norm(case, "enc.output_norm")
    for i in range(layers):
        add_t5_layer(case, f"enc.blk.{i}.", gated)
        if i < tables:
            case.make(f"enc.blk.{i}.attn_rel_b.weight", [HEADS, BUCKETS], 0.0, 2.0)


def t5_metadata(layers, **more):
    return {"block_count": ("uint32", layers), "embedding_length": ("uint32", WIDTH),
            "feed_forward_length": ("uint32", FFN), "vocab_size": ("uint32", VOCABULARY),
            "attention.head_count": ("uint32", HEADS), "attention.key_length": ("uint32", KEY_WIDTH),
            "attention.value_length": ("uint32", KEY_WIDTH),
            "attention.layer_norm_epsilon": ("float32", 1e-6),
            "attention.layer_norm_rms_epsilon": ("float32", 1e-6),
            "attention.relative_buckets_count": ("uint32", BUCKETS), **more}


# As UMT5 has it: a table of biases for each layer; feed-forward parts as the first T5's.
def t5encoder(case):
    add_t5_encoder(case, 3, gated=False, tables=2)
    return t5_metadata(3)


# As Flan-T5: one table for all layers, gates. llama.cpp does not open files with more layers that write than
# layers that read.
def t5(case):
    add_t5_encoder(case, 3, gated=True, tables=1)
    norm(case, "dec.output_norm")
    matrix(case, "output", WIDTH, VOCABULARY)
    for i in range(2):
        block = f"dec.blk.{i}."
        add_t5_layer(case, block, gated=True)
        norm(case, block + "cross_attn_norm")
        add_t5_attention(case, block, "cross_attn")
    case.make("dec.blk.0.attn_rel_b.weight", [HEADS, BUCKETS], 0.0, 2.0)
    return t5_metadata(3, **{"decoder_block_count": ("uint32", 2), "decoder_start_token_id": ("uint32", 0),
                             "context_length": ("uint32", 256)})


WITH_INPUT = {"t5": t5}

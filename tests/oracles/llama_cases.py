#!/usr/bin/env python3
"""Makes golden cases of architectures that llama.cpp knows: tests/data/architectures/NAME-own.json.

    tests/oracles/llama_cases.py --driver PROGRAM [NAME ...]

PROGRAM is llama_logits.cpp of this folder, built against a llama.cpp of one's own:

    g++ -O2 -std=c++17 -I LLAMA/include -I LLAMA/ggml/include tests/oracles/llama_logits.cpp \\
        -Wl,--start-group $(find LLAMA/build -name '*.a') -Wl,--end-group -lgomp -ldl -o llama_logits
"""
import argparse
import struct
import subprocess
import tempfile
from pathlib import Path

from case_maker import Case, TOKENS, VOCABULARY, write

WIDTH, HEADS, KV_HEADS, HEAD, FFN = 64, 4, 2, 16, 96
EXPERTS, EXPERT_WIDTH = 6, 32

VALUE_CODES = {"uint32": (4, "I"), "float32": (6, "f"), "bool": (7, "?"), "string": (8, None)}


# ---------------------------------------------------------------- GGUF
def gguf_string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf_value(kind, value):
    return gguf_string(value) if kind == "string" else struct.pack("<" + VALUE_CODES[kind][1], value)


def write_gguf(path, metadata, case):
    head = b"GGUF" + struct.pack("<IQQ", 3, len(case.tensors), len(metadata))
    for key, (kind, value) in metadata.items():
        head += gguf_string(key)
        if isinstance(value, list):
            head += struct.pack("<IIQ", 9, VALUE_CODES[kind][0], len(value))
            head += b"".join(gguf_value(kind, v) for v in value)
        else:
            head += struct.pack("<I", VALUE_CODES[kind][0]) + gguf_value(kind, value)
    data = b""
    for tensor in case.tensors:
        shape = tensor["shape"]
        head += gguf_string(tensor["name"]) + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", d) for d in shape) + struct.pack("<IQ", 0, len(data))
        values = case[tensor["name"]]
        data += struct.pack(f"<{len(values)}f", *values)
        data += bytes(-len(data) % 32)
    path.write_bytes(head + bytes(-len(head) % 32) + data)


# ---------------------------------------------------------------- parts of a model
def matrix(case, name, columns, rows, *experts):
    case.make(name + ".weight", [columns, rows, *experts])


def norm(case, name, width=WIDTH):
    case.make(name + ".weight", [width], 1.0, 0.25)


def add_ends(case, tied=False):
    case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 1.0)
    norm(case, "output_norm")
    if not tied:
        matrix(case, "output", WIDTH, VOCABULARY)


def add_attention(case, block, heads=HEADS, kv_heads=KV_HEADS, head_norms=True):
    norm(case, block + "attn_norm")
    matrix(case, block + "attn_q", WIDTH, heads * HEAD)
    matrix(case, block + "attn_k", WIDTH, kv_heads * HEAD)
    matrix(case, block + "attn_v", WIDTH, kv_heads * HEAD)
    matrix(case, block + "attn_output", heads * HEAD, WIDTH)
    if head_norms:
        norm(case, block + "attn_q_norm", HEAD)
        norm(case, block + "attn_k_norm", HEAD)


def add_mlp(case, block, width=FFN, suffix="", gated=True):
    for part in ["gate", "up"][0 if gated else 1:]:
        matrix(case, f"{block}ffn_{part}{suffix}", WIDTH, width)
    matrix(case, f"{block}ffn_down{suffix}", width, WIDTH)


def add_experts(case, block, selection_bias=True):
    matrix(case, block + "ffn_gate_inp", WIDTH, EXPERTS)
    if selection_bias:
        case.make(block + "exp_probs_b.bias", [EXPERTS], 0.0, 0.25)
    for part in "gate", "up":
        matrix(case, f"{block}ffn_{part}_exps", WIDTH, EXPERT_WIDTH, EXPERTS)
    matrix(case, block + "ffn_down_exps", EXPERT_WIDTH, WIDTH, EXPERTS)
    add_mlp(case, block, EXPERT_WIDTH, "_shexp")


def common_metadata(layers):
    return {"block_count": ("uint32", layers), "embedding_length": ("uint32", WIDTH),
            "feed_forward_length": ("uint32", FFN), "vocab_size": ("uint32", VOCABULARY),
            "attention.head_count": ("uint32", HEADS), "attention.head_count_kv": ("uint32", KV_HEADS),
            "attention.key_length": ("uint32", HEAD), "attention.value_length": ("uint32", HEAD),
            "attention.layer_norm_rms_epsilon": ("float32", 1e-5),
            "rope.dimension_count": ("uint32", HEAD), "rope.freq_base": ("float32", 10000.0)}


def expert_metadata(gate):
    return {"expert_count": ("uint32", EXPERTS), "expert_used_count": ("uint32", 2),
            "expert_feed_forward_length": ("uint32", EXPERT_WIDTH),
            "expert_shared_feed_forward_length": ("uint32", EXPERT_WIDTH),
            "expert_shared_count": ("uint32", 1), "expert_gating_func": ("uint32", gate),
            "expert_weights_norm": ("bool", True), "expert_weights_scale": ("float32", 1.5),
            "leading_dense_block_count": ("uint32", 1)}


# ---------------------------------------------------------------- models
def exaone_moe(case):
    add_ends(case)
    for i in range(5):
        add_attention(case, f"blk.{i}.")
        norm(case, f"blk.{i}.ffn_norm")
        add_mlp(case, f"blk.{i}.") if i == 0 else add_experts(case, f"blk.{i}.")
    return {**common_metadata(5), **expert_metadata(2), "attention.sliding_window": ("uint32", 8)}


def plm(case):
    latent, rope, plain = 24, 8, 8
    add_ends(case, tied=True)
    for i in range(3):
        block = f"blk.{i}."
        norm(case, block + "attn_norm")
        matrix(case, block + "attn_q", WIDTH, HEADS * (plain + rope))
        matrix(case, block + "attn_kv_a_mqa", WIDTH, latent + rope)
        norm(case, block + "attn_kv_a_norm", latent)
        matrix(case, block + "attn_kv_b", latent, HEADS * (plain + HEAD))
        matrix(case, block + "attn_output", HEADS * HEAD, WIDTH)
        norm(case, block + "ffn_norm")
        add_mlp(case, block, gated=False)
    return {**common_metadata(3), "attention.kv_lora_rank": ("uint32", latent),
            "attention.head_count_kv": ("uint32", HEADS), "rope.dimension_count": ("uint32", rope)}


def deepseek2_ocr(case):
    add_ends(case)
    for i in range(3):
        add_attention(case, f"blk.{i}.", kv_heads=HEADS, head_norms=False)
        norm(case, f"blk.{i}.ffn_norm")
        add_mlp(case, f"blk.{i}.") if i == 0 else add_experts(case, f"blk.{i}.", selection_bias=False)
    return {**common_metadata(3), **expert_metadata(1), "attention.head_count_kv": ("uint32", HEADS)}


def step35(case):
    layers, full = 5, [0, 4]
    heads = [HEADS if i in full else 6 for i in range(layers)]
    add_ends(case)
    for i in range(layers):
        block = f"blk.{i}."
        add_attention(case, block, heads[i])
        matrix(case, block + "attn_gate", WIDTH, heads[i])
        norm(case, block + "ffn_norm")
        add_mlp(case, block) if i == 0 else add_experts(case, block)
    case.make("rope_freqs.weight", [HEAD // 2], 1.5, 0.5)
    return {**common_metadata(layers), **expert_metadata(2),
            "attention.head_count": ("uint32", heads),
            "attention.sliding_window": ("uint32", 8),
            "attention.sliding_window_pattern": ("uint32", [int(i not in full) for i in range(layers)]),
            "rope.freq_base": ("float32", 50000.0), "rope.freq_base_swa": ("float32", 10000.0),
            "swiglu_clamp_exp": ("float32", [0.0, 0.0, 0.0, 0.5, 0.7]),
            "swiglu_clamp_shexp": ("float32", [0.3, 0.0, 0.0, 0.0, 0.4])}


def muse_glimmer(case):
    add_ends(case)
    for i in range(5):
        block = f"blk.{i}."
        add_attention(case, block)
        matrix(case, block + "attn_gate", WIDTH, HEADS * HEAD)
        for name in "post_attention_norm", "ffn_norm", "post_ffw_norm":
            norm(case, block + name)
        add_mlp(case, block)
    return {**common_metadata(5), "attention.sliding_window": ("uint32", 8),
            "attention.sliding_window_pattern": ("uint32", [1, 0, 1, 1, 1]),
            "attention.layer_norm_rms_epsilon": ("float32", 1e-2),
            "logit_scale": ("float32", 0.5), "final_logit_softcapping": ("float32", 3.0)}


MODELS = {"exaone-moe": exaone_moe, "plm": plm, "deepseek2-ocr": deepseek2_ocr, "step35": step35,
          "muse-glimmer": muse_glimmer}


def make(name, driver):
    case = Case()
    metadata = MODELS[name](case)
    entries = {"general.architecture": ("string", name), "tokenizer.ggml.model": ("string", "no_vocab"),
               f"{name}.context_length": ("uint32", 128)}
    entries.update({f"{name}.{key}": value for key, value in metadata.items()})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.gguf"
        write_gguf(path, entries, case)
        done = subprocess.run([driver, path, ",".join(map(str, TOKENS))], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr.strip()}")
    rows = iter([[float(v) for v in line.split()] for line in done.stdout.splitlines()])
    write(f"{name}-own", name, case, lambda token: next(rows), metadata)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="architectures (default: all)")
    parser.add_argument("--driver", type=Path, required=True)
    options = parser.parse_args()
    for name in options.names or MODELS:
        make(name, options.driver.resolve())


if __name__ == "__main__":
    main()

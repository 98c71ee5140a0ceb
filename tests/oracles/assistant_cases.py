#!/usr/bin/env python3
"""Makes the golden case of Gemma 4's assistants: tests/data/assistants/gemma4.json.

    tests/oracles/assistant_cases.py --driver PROGRAM

PROGRAM is llama_assistant.cpp of this folder, built as llama_cases.py says, with -I LLAMA/src besides. See
tests/support/assistant_case.hpp.
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import case_maker
from case_maker import Case, TOKENS, single
from llama_cases import write_gguf

DATA = Path(__file__).resolve().parents[1] / "data"
TARGET = "gemma4-dense"  # of width 128, five layers, and 128 tokens
# What is other here: some of its layers see all tokens.
TARGET_METADATA = {"gemma4.attention.sliding_window_pattern": ("bool", [True, False, True, True, False])}
TARGET_TENSORS = [{"name": "rope_freqs.weight", "type": "F32", "shape": [32], "centre": 1.5, "amplitude": 0.5}]
TARGET_WIDTH, VOCABULARY, WIDTH, HEADS, KV_HEADS, HEAD, LAYERS = 128, 128, 64, 4, 2, 64, 3
POSITIONS = [0, 1, 7, 15, 16, 17, 38]  # the window has 16 tokens


def norm(case, name, width):
    case.make(name + ".weight", [width], 1.0, 0.25)


def metadata():
    own = {"context_length": ("uint32", 128), "block_count": ("uint32", LAYERS), "embedding_length": ("uint32", WIDTH),
           "embedding_length_out": ("uint32", TARGET_WIDTH), "nextn_predict_layers": ("uint32", LAYERS),
           "feed_forward_length": ("uint32", 96), "attention.head_count": ("uint32", HEADS),
           "attention.head_count_kv": ("uint32", KV_HEADS), "attention.key_length": ("uint32", HEAD),
           "attention.value_length": ("uint32", HEAD), "attention.key_length_swa": ("uint32", HEAD),
           "attention.value_length_swa": ("uint32", HEAD), "attention.sliding_window": ("uint32", 16),
           "attention.sliding_window_pattern": ("bool", [True, True, False]),
           "attention.shared_kv_layers": ("uint32", LAYERS),
           "attention.layer_norm_rms_epsilon": ("float32", single(1e-6)), "rope.dimension_count": ("uint32", HEAD),
           "rope.dimension_count_swa": ("uint32", HEAD), "rope.freq_base": ("float32", 1000000.0),
           "rope.freq_base_swa": ("float32", 10000.0), "vocab_size": ("uint32", VOCABULARY)}
    return {"general.architecture": ("string", "gemma4-assistant"), "tokenizer.ggml.model": ("string", "no_vocab"),
            **{"gemma4-assistant." + key: value for key, value in own.items()}}


def tensors():
    case = Case()
    case.make("token_embd.weight", [WIDTH, VOCABULARY])
    norm(case, "output_norm", WIDTH)
    case.make("nextn.pre_projection.weight", [2 * TARGET_WIDTH, WIDTH])
    case.make("nextn.post_projection.weight", [WIDTH, TARGET_WIDTH])
    case.make("rope_freqs.weight", [HEAD // 2], 1.5, 0.5)
    for layer in range(LAYERS):
        prefix = f"blk.{layer}."
        for part, shape in {"attn_q": [WIDTH, HEADS * HEAD], "attn_output": [HEADS * HEAD, WIDTH], "ffn_gate": [WIDTH, 96],
                            "ffn_up": [WIDTH, 96], "ffn_down": [96, WIDTH]}.items():
            case.make(f"{prefix}{part}.weight", shape)
        for part, width in {"attn_norm": WIDTH, "attn_q_norm": HEAD, "post_attention_norm": WIDTH, "ffn_norm": WIDTH,
                            "post_ffw_norm": WIDTH, "layer_output_scale": 1}.items():
            norm(case, prefix + part, width)
    return case


def write_target(path):
    golden = json.loads((DATA / "architectures" / f"{TARGET}.json").read_text())
    case_maker.SEED, own = golden["seed"], case_maker.SEED
    case = Case()
    for tensor in golden["tensors"] + TARGET_TENSORS:
        case.make(tensor["name"], tensor["shape"], tensor["centre"], tensor["amplitude"])
    case_maker.SEED = own
    entries = {key: (entry.get("of", entry["type"]), entry["value"]) for key, entry in golden["metadata"].items()}
    write_gguf(path, {**entries, **TARGET_METADATA}, case)


def entry(kind, value):
    return {"type": "array", "of": kind, "value": value} if isinstance(value, list) else {"type": kind, "value": value}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--driver", type=Path, required=True)
    driver = parser.parse_args().driver.resolve()
    case, entries = tensors(), metadata()
    with tempfile.TemporaryDirectory() as folder:
        target, assistant = Path(folder) / "target.gguf", Path(folder) / "assistant.gguf"
        write_target(target)
        write_gguf(assistant, entries, case)
        done = subprocess.run([driver, target, assistant, ",".join(map(str, TOKENS))], capture_output=True, text=True,
                              check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    rows = [[float(v) for v in line.split()] for line in done.stdout.splitlines()]
    result = {"name": "gemma4", "seed": case_maker.SEED, "target": TARGET, "tokens": TOKENS,
              "target_metadata": {key: entry(*value) for key, value in TARGET_METADATA.items()},
              "target_tensors": TARGET_TENSORS,
              "metadata": {key: entry(*value) for key, value in entries.items()}, "tensors": case.tensors,
              "logits": {str(p): rows[2 * p] for p in POSITIONS}, "next_logits": {str(p): rows[2 * p + 1] for p in POSITIONS}}
    (DATA / "assistants").mkdir(exist_ok=True)
    (DATA / "assistants" / "gemma4.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes golden cases of EAGLE-3: tests/data/eagle3/NAME.json.

    tests/oracles/eagle3_cases.py --driver PROGRAM [NAME ...]

PROGRAM is llama_eagle3.cpp of this folder, built as llama_cases.py says, with -I LLAMA/src besides. What is read of the
target's layers is made by the formula of the weights, under the name "results" (see tests/support/eagle3_case.hpp).
"""
import argparse
import json
import math
import struct
import subprocess
import tempfile
from pathlib import Path

import case_maker
from case_maker import Case, TOKENS, single, weights
from llama_cases import write_gguf

DATA = Path(__file__).resolve().parents[1] / "data"
TARGET = "granite_swa-dense-own"  # of width 64 and four layers
TARGET_WIDTH, VOCABULARY = 64, 96
POSITIONS = [0, 1, 6, 20, 38, 39]
# Which token each column of the logits is, where they are fewer than the vocabulary.
FEWER = [(5 + 7 * i) % VOCABULARY for i in range(40)]

CASES = {
    # The tables are the target's.
    "shared-tables": {"width": 64, "layers": [1, 2, 3], "norm_before_residual": True, "norm_before_fc": False,
                      "tokens": []},
    "own-tables": {"width": 48, "layers": [1, 3, 4], "norm_before_residual": False, "norm_before_fc": True,
                   "tokens": FEWER},
}


def norm(case, name, width):
    case.make(name + ".weight", [width], 1.0, 0.25)


def metadata_of(spec):
    own = {"context_length": ("uint32", 128), "block_count": ("uint32", 1), "embedding_length": ("uint32", spec["width"]),
           "feed_forward_length": ("uint32", 80), "vocab_size": ("uint32", VOCABULARY),
           "attention.head_count": ("uint32", 4), "attention.head_count_kv": ("uint32", 2),
           "attention.key_length": ("uint32", 16), "attention.value_length": ("uint32", 16),
           "attention.layer_norm_rms_epsilon": ("float32", single(1e-5)), "rope.dimension_count": ("uint32", 16),
           "rope.freq_base": ("float32", 10000.0), "target_layers": ("uint32", spec["layers"]),
           "target_hidden_size": ("uint32", TARGET_WIDTH), "norm_before_residual": ("bool", spec["norm_before_residual"]),
           "norm_before_fc": ("bool", spec["norm_before_fc"])}
    return {"general.architecture": ("string", "eagle3"), "tokenizer.ggml.model": ("string", "no_vocab"),
            **{"eagle3." + key: value for key, value in own.items()}}


def tensors_of(spec):
    case, width = Case(), spec["width"]
    fused = 3 * TARGET_WIDTH
    case.make("fc.weight", [fused, width])
    if spec["norm_before_fc"]:
        norm(case, "enc.output_norm", fused)
    if spec["tokens"]:
        case.tensors.append({"name": "d2t", "type": "I64", "shape": [len(spec["tokens"])], "values": spec["tokens"]})
        case.values["d2t"] = spec["tokens"]
        case.make("token_embd.weight", [width, VOCABULARY], 0.0, 1.0)
        case.make("output.weight", [width, len(spec["tokens"])])
    norm(case, "output_norm", width)
    for part, shape in {"attn_q": [2 * width, 64], "attn_k": [2 * width, 32], "attn_v": [2 * width, 32],
                        "attn_output": [64, width], "ffn_gate": [width, 80], "ffn_up": [width, 80],
                        "ffn_down": [80, width]}.items():
        case.make(f"blk.0.{part}.weight", shape)
    for part in ["attn_norm", "attn_norm_2", "ffn_norm"]:
        norm(case, "blk.0." + part, width)
    return case


def write_target(path):
    golden = json.loads((DATA / "architectures" / f"{TARGET}.json").read_text())
    case = Case()
    for tensor in golden["tensors"]:
        case.make(tensor["name"], tensor["shape"], tensor["centre"], tensor["amplitude"])
    write_gguf(path, {key: (entry.get("of", entry["type"]), entry["value"])
                      for key, entry in golden["metadata"].items()}, case)


def entry(kind, value):
    return {"type": "array", "of": kind, "value": value} if isinstance(value, list) else {"type": kind, "value": value}


def make(name, driver):
    spec = CASES[name]
    metadata, case = metadata_of(spec), tensors_of(spec)
    results = weights("results", len(TOKENS) * 3 * TARGET_WIDTH, 0.0, 1.0)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / file for file in ["target.gguf", "eagle3.gguf", "results"]]
        write_target(paths[0])
        write_gguf(paths[1], metadata, case)
        paths[2].write_bytes(struct.pack(f"<{len(results)}f", *results))
        command = [driver, paths[0], paths[1], ",".join(map(str, TOKENS)), paths[2]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr.strip()}")
    rows = [[float(v) for v in line.split()] for line in done.stdout.splitlines()]
    columns = spec["tokens"] or range(VOCABULARY)
    logits = {str(p): [rows[p][c] for c in columns] for p in POSITIONS}
    assert all(math.isfinite(v) for row in logits.values() for v in row)
    result = {"name": name, "seed": case_maker.SEED, "target": TARGET, "tokens": TOKENS,
              "metadata": {key: entry(*value) for key, value in metadata.items()}, "tensors": case.tensors,
              "logits": logits}
    (DATA / "eagle3" / f"{name}.json").write_text(json.dumps(result) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases (default: all)")
    parser.add_argument("--driver", type=Path, required=True)
    options = parser.parse_args()
    (DATA / "eagle3").mkdir(exist_ok=True)
    for name in options.names or CASES:
        make(name, options.driver.resolve())


if __name__ == "__main__":
    main()

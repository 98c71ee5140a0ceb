#!/usr/bin/env python3
"""Compares Linnet with llama.cpp on random tiny models of deepseek4, all logits of random tokens.

    tests/oracles/llama_compare.py --driver PROGRAM --linnet build/release/linnet [--seed N] [--runs N]

PROGRAM is that of llama_cases.py. llama.cpp (of November 2026) divides by zero in some of the models, for instance in
all without a layer that compresses by 4, so every model has one; the others are left out.
"""
import argparse
import random
import signal
import struct
import subprocess
import tempfile
from pathlib import Path

import case_maker
import llama_deepseek4 as shapes
from case_maker import Case, VOCABULARY, full_key
from llama_cases import write_gguf

LARGEST_ERROR = 1e-10


def draw_model(draw):
    case_maker.SEED = draw.randrange(1 << 30)
    shapes.HEAD_WIDTH, shapes.ROPE_WIDTH = draw.choice([16, 32, 48, 64]), draw.choice([8, 16])
    shapes.INDEX_HEADS, shapes.INDEX_WIDTH = draw.choice([6, 8, 16]), draw.choice([64, 128])
    shapes.OUTPUT_GROUPS, shapes.OUTPUT_RANK = draw.choice([1, 2, 4]), draw.choice([8, 24])
    ratios = [draw.choice([0, 4, 128]) for _ in range(draw.randrange(4))] + [4]
    draw.shuffle(ratios)
    case = Case()
    metadata = shapes.deepseek4_model(case, ratios, hashed=draw.randrange(len(ratios) + 1),
                                      window=draw.choice([1, 5, 32, 128]), most=draw.choice([1, 3, 16, 200]))
    for key in "swiglu_clamp_exp", "swiglu_clamp_shexp":
        metadata[key] = ("float32", [draw.choice([0.0, 0.4, 7.0]) for _ in ratios])
    metadata["hyper_connection.sinkhorn_iterations"] = ("uint32", draw.choice([1, 2, 20]))
    scaling = draw.choice([None, "linear", "yarn"])
    if scaling:
        metadata.update({"rope.scaling.type": ("string", scaling), "rope.scaling.factor": ("float32", 4.0),
                         "rope.scaling.original_context_length": ("uint32", 64)})
    return case, {"context_length": ("uint32", 1024), **metadata}


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == -signal.SIGFPE:
        return None
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ends with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def read_npy(path):
    data = path.read_bytes()
    first = 10 + struct.unpack("<H", data[8:10])[0]
    return [value for value, in struct.iter_unpack("<f", data[first:])]


def compare(draw, options, folder):
    case, metadata = draw_model(draw)
    entries = {"general.architecture": ("string", "deepseek4"), "tokenizer.ggml.model": ("string", "no_vocab")}
    entries.update({full_key("deepseek4", key): value for key, value in metadata.items()})
    write_gguf(folder / "model.gguf", entries, case)
    tokens = ",".join(str(draw.randrange(VOCABULARY)) for _ in range(draw.choice([40, 130, 257, 500])))
    printed = run([options.driver, folder / "model.gguf", tokens, "logits"])
    if printed is None:
        print("left out: llama.cpp divides by zero")
        return 0.0
    want = [float(v) for v in printed.split()]
    run([options.linnet, "logits", "--gguf", folder / "model.gguf", "--tokens", tokens, "--kv-type", "f32",
         "--device", "cpu", "--npy", folder / "logits.npy"])
    got = read_npy(folder / "logits.npy")
    assert len(got) == len(want)
    error = sum((g - w) ** 2 for g, w in zip(got, want)) / sum(w * w for w in want)
    print(f"{error:.1e}  compresses by {metadata['attention.compress_ratios'][1]}, {tokens.count(',') + 1} tokens")
    return error


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--driver", type=Path, required=True)
    parser.add_argument("--linnet", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        worst = max(compare(draw, options, Path(folder)) for _ in range(options.runs))
    print(f"largest error {worst:.1e}")
    return 0 if worst <= LARGEST_ERROR else 1


if __name__ == "__main__":
    raise SystemExit(main())

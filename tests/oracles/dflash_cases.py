#!/usr/bin/env python3
"""Makes golden cases of DFlash: tests/data/dflash/NAME.json.

    tests/oracles/dflash_cases.py --driver PROGRAM [NAME ...]

PROGRAM is llama_dflash.cpp of this folder, built as llama_cases.py says, with -I LLAMA/src besides. What is read of the
target's layers is made by the formula of the weights, under the name "results" (see tests/support/dflash_case.hpp).
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
from eagle3_cases import DATA, FEWER, TARGET, TARGET_WIDTH, VOCABULARY, entry, norm, write_target
from llama_cases import write_gguf

WIDTH = TARGET_WIDTH
MASK = 7
LENGTHS = [1, 2, 9, 38]  # of the texts behind which a block is guessed

PLAIN = {"layers": [1, 3], "block": 5, "tokens": [], "own": False, "sections": False, "factors": True, "window": 0,
         "gelu": False, "post_norms": False, "shared_values": [], "sinks": False, "causal": False, "keys": {},
         "chain": 0, "from_first": True}
CASES = {
    # The tables are the target's.
    "shared-tables": {**PLAIN, "window": 6},
    "own-tables": {**PLAIN, "layers": [1, 2, 4], "block": 4, "tokens": FEWER, "own": True, "sections": True,
                   "factors": False, "gelu": True, "post_norms": True, "shared_values": [1], "sinks": True,
                   "keys": {"embedding_scale": ("float32", 2.5), "attention.scale": ("float32", 0.5)}},
    "causal": {**PLAIN, "layers": [2], "causal": True, "own": True},
    # DSpark: the logits at a place depend on the token before it.
    "chained": {**PLAIN, "chain": 12},
    "chained-behind-first": {**PLAIN, "chain": 12, "from_first": False, "tokens": FEWER, "own": True},
}


def metadata_of(spec):
    own = {"context_length": ("uint32", 128), "block_count": ("uint32", 2), "embedding_length": ("uint32", WIDTH),
           "feed_forward_length": ("uint32", 80), "vocab_size": ("uint32", VOCABULARY),
           "attention.head_count": ("uint32", 4), "attention.head_count_kv": ("uint32", 2),
           "attention.key_length": ("uint32", 16), "attention.value_length": ("uint32", 16),
           "attention.layer_norm_rms_epsilon": ("float32", single(1e-5)), "rope.dimension_count": ("uint32", 16),
           "rope.freq_base": ("float32", 10000.0), "target_layers": ("uint32", spec["layers"]),
           "block_size": ("uint32", spec["block"]), **spec["keys"]}
    if spec["window"]:
        own["attention.sliding_window"] = ("uint32", spec["window"])
        own["attention.sliding_window_pattern"] = ("bool", [True, False])
    if spec["sections"]:
        own["rope.dimension_sections"] = ("int32", [8, 0, 0, 0])
    if spec["gelu"]:
        own["hidden_activation"] = ("string", "gelu_pytorch_tanh")
    if spec["causal"]:
        own["attention.causal"] = ("bool", True)
    if spec["chain"]:
        own["sample_from_anchor"] = ("bool", spec["from_first"])
        own["has_confidence_head"] = ("bool", True)
    return {"general.architecture": ("string", "dflash"), "tokenizer.ggml.model": ("string", "no_vocab"),
            "tokenizer.ggml.mask_token_id": ("uint32", MASK),
            **{"dflash." + key: value for key, value in own.items()}}


def tensors_of(spec):
    case = Case()
    columns = len(spec["tokens"]) or VOCABULARY
    case.make("fc.weight", [len(spec["layers"]) * TARGET_WIDTH, WIDTH])
    norm(case, "enc.output_norm", WIDTH)
    if spec["tokens"]:
        case.tensors.append({"name": "d2t", "type": "I64", "shape": [len(spec["tokens"])], "values": spec["tokens"]})
        case.values["d2t"] = spec["tokens"]
        case.make("output.weight", [WIDTH, columns])
    if spec["own"]:
        case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 1.0)
    norm(case, "output_norm", WIDTH)
    if spec["factors"]:
        case.make("rope_freqs.weight", [8], 2.0, 1.0)
    if spec["chain"]:
        case.make("markov_w1.weight", [spec["chain"], VOCABULARY], 0.0, 1.0)
        case.make("markov_w2.weight", [spec["chain"], columns])
        case.make("conf_proj.weight", [WIDTH + spec["chain"], 1])
        case.make("conf_proj.bias", [1], 0.0, 1.0)
    for layer in range(2):
        prefix = f"blk.{layer}."
        for part, shape in {"attn_q": [WIDTH, 64], "attn_k": [WIDTH, 32], "attn_v": [WIDTH, 32],
                            "attn_output": [64, WIDTH], "ffn_gate": [WIDTH, 80], "ffn_up": [WIDTH, 80],
                            "ffn_down": [80, WIDTH]}.items():
            if part != "attn_v" or layer not in spec["shared_values"]:
                case.make(f"{prefix}{part}.weight", shape)
        for part, width in {"attn_norm": WIDTH, "ffn_norm": WIDTH, "attn_q_norm": 16, "attn_k_norm": 16}.items():
            norm(case, prefix + part, width)
        if spec["post_norms"]:
            norm(case, prefix + "post_attention_norm", WIDTH)
            norm(case, prefix + "post_ffw_norm", WIDTH)
            case.make(prefix + "layer_output_scale.weight", [1], 0.8, 0.1)
        if spec["sinks"]:
            case.make(prefix + "attn_sinks.weight", [4], 0.0, 1.0)
    return case


def make(name, driver):
    spec = CASES[name]
    metadata, case = metadata_of(spec), tensors_of(spec)
    results = weights("results", len(TOKENS) * len(spec["layers"]) * TARGET_WIDTH, 0.0, 1.0)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / file for file in ["target.gguf", "dflash.gguf", "results"]]
        write_target(paths[0])
        write_gguf(paths[1], metadata, case)
        paths[2].write_bytes(struct.pack(f"<{len(results)}f", *results))
        command = [driver, paths[0], paths[1], ",".join(map(str, TOKENS)), paths[2], ",".join(map(str, LENGTHS)),
                   str(spec["block"]), str(MASK), str(int(spec["causal"]))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr.strip()}")
    rows = [[float(v) for v in line.split()] for line in done.stdout.splitlines()]
    columns = spec["tokens"] or range(VOCABULARY)
    logits = {}
    for i, length in enumerate(LENGTHS):
        block = rows[i * spec["block"]:(i + 1) * spec["block"]]
        logits[str(length)] = [[row[c] for c in columns] for row in block]
        assert all(math.isfinite(v) for row in logits[str(length)] for v in row)
    result = {"name": name, "seed": case_maker.SEED, "target": TARGET, "tokens": TOKENS,
              "metadata": {key: entry(*value) for key, value in metadata.items()}, "tensors": case.tensors,
              "logits": logits}
    (DATA / "dflash" / f"{name}.json").write_text(json.dumps(result) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases (default: all)")
    parser.add_argument("--driver", type=Path, required=True)
    options = parser.parse_args()
    (DATA / "dflash").mkdir(exist_ok=True)
    for name in options.names or CASES:
        make(name, options.driver.resolve())


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes golden cases of layers for multi-token prediction: tests/data/predictions/NAME.json.

    tests/oracles/prediction_cases.py --driver PROGRAM [NAME ...]

NAME is a case of tests/data/architectures, to which a layer is added that is like its last one. PROGRAM is
llama_predictions.cpp of this folder, built as llama_cases.py says, with -I LLAMA/src besides.
"""
import argparse
import json
import math
import subprocess
import tempfile
from pathlib import Path

import case_maker
from case_maker import Case, single
from llama_cases import write_gguf

DATA = Path(__file__).resolve().parents[1] / "data"
POSITIONS = [0, 1, 2, 7, 20, 40]
# Cases, and whether the layer has a last norm of its own.
CASES = {"cohere2moe-moe": False, "deepseek2-moe": True, "glm4moe-moe": True, "hy_v3-moe": True, "qwen35-dense": True,
         "qwen35moe-moe": False, "qwen3next-moe": True}
WITHOUT_PLACES = ["glm4moe-moe"]  # llama.cpp foretells only with the rope of texts


def add_layer(case, own_norm):
    """As tests/support/prediction_layer.hpp does it."""
    metadata = case["metadata"]
    prefix = metadata["general.architecture"]["value"] + "."
    layers = metadata[prefix + "block_count"]["value"]
    width = metadata[prefix + "embedding_length"]["value"]
    for entry in metadata.values():
        if entry["type"] == "array" and len(entry["value"]) == layers:
            entry["value"].append(entry["value"][-1])
    metadata[prefix + "block_count"]["value"] = layers + 1
    metadata[prefix + "nextn_predict_layers"] = {"type": "uint32", "value": 1}
    last, added = f"blk.{layers - 1}.", f"blk.{layers}."
    # No model has these, and versions of llama.cpp differ in whether they heed them.
    biases = tuple(f".attn_{part}.bias" for part in "qkv")
    case["tensors"] = [t for t in case["tensors"] if not t["name"].endswith(biases)]
    tensors = [{**t, "name": added + t["name"][len(last):]} for t in case["tensors"] if t["name"].startswith(last)]
    norms = ["enorm", "hnorm"] + ["shared_head_norm"] * own_norm
    tensors += [{"name": f"{added}nextn.{name}.weight", "type": "F32", "shape": [width], "centre": 1.0,
                 "amplitude": 0.25} for name in norms]
    tensors.append({"name": added + "nextn.eh_proj.weight", "type": "F32", "shape": [2 * width, width], "centre": 0.0,
                    "amplitude": single(math.sqrt(1.5 / width))})
    case["tensors"] += tensors


def make(name, driver):
    case = json.loads((DATA / "architectures" / f"{name}.json").read_text())
    add_layer(case, CASES[name])
    if name in WITHOUT_PLACES:
        del case["metadata"]["glm4moe.rope.dimension_sections"]
    case_maker.SEED = case["seed"]
    weights = Case()
    for tensor in case["tensors"]:
        weights.make(tensor["name"], tensor["shape"], tensor["centre"], tensor["amplitude"])
    entries = {key: (entry.get("of", entry["type"]), entry["value"]) for key, entry in case["metadata"].items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.gguf"
        write_gguf(path, entries, weights)
        command = [driver, path, ",".join(map(str, case["tokens"]))]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr.strip()}")
    rows = [[float(v) for v in line.split()] for line in done.stdout.splitlines()]
    result = {"case": name, "own_norm": CASES[name], "places": name not in WITHOUT_PLACES,
              "logits": {str(p): rows[p] for p in POSITIONS}}
    (DATA / "predictions" / f"{name}.json").write_text(json.dumps(result) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases (default: all)")
    parser.add_argument("--driver", type=Path, required=True)
    options = parser.parse_args()
    (DATA / "predictions").mkdir(exist_ok=True)
    for name in options.names or CASES:
        make(name, options.driver.resolve())


if __name__ == "__main__":
    main()

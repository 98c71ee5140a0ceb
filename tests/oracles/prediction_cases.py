#!/usr/bin/env python3
"""Makes golden cases of layers for multi-token prediction: tests/data/predictions/NAME.json, and of several such layers,
each of which gives one guess: tests/data/chained_predictions/NAME.json.

    tests/oracles/prediction_cases.py --driver PROGRAM [NAME ...]

NAME is a case of tests/data/architectures, to which a layer is added that is like its last one, but for what CASES
says. PROGRAM is llama_predictions.cpp of this folder, built as llama_cases.py says, with -I LLAMA/src besides.
"""
import argparse
import json
import math
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import case_maker
from case_maker import Case, single
from llama_cases import write_gguf

DATA = Path(__file__).resolve().parents[1] / "data"
POSITIONS = [0, 1, 2, 7, 20, 40]


@dataclass
class Layer:
    """How what a case has of a layer differs from its last layer."""
    own_norm: str = "nextn.shared_head_norm"  # the last norm, of its own; "": the model's
    like: tuple = (-1,)  # the layers whose tensors it has
    left_out: tuple = ()  # what the names of such begin with that it has not
    renamed: dict = field(default_factory=dict)  # by the number of the layer and the name
    added: dict = field(default_factory=dict)  # shapes of others
    metadata: dict = field(default_factory=dict)  # what is there; None: nothing


CASES = {
    "bailingmoe3-own": Layer("layer_output_norm", like=(2,), metadata={"attention.head_count_kv": [0, 0, 1, 0, 1]}),
    "cohere2moe-moe": Layer(""),
    "deepseek2-moe": Layer(),
    # llama.cpp attends to all keys here, whatever the indexer would pick.
    "deepseek32-moe": Layer(metadata={"attention.indexer.top_k": 64}),
    # Its state is all streams.
    "deepseek4-own": Layer(metadata={"embedding_length_out": 256}),
    # The array tells nothing of this layer.
    "glm-dsa-moe": Layer(metadata={"attention.indexer.top_k": 64, "attention.indexer.types": [True, True]}),
    # llama.cpp predicts only with the rope of texts.
    "glm4moe-moe": Layer(metadata={"rope.dimension_sections": None}),
    "hy_v3-moe": Layer(),
    "mimo2-moe": Layer(
        "layer_output_norm", left_out=("attn_q.", "attn_k.", "attn_v.", "ffn_gate_", "ffn_up_", "ffn_down_", "exp_",
                                       "ffn_gate.scale", "ffn_up.scale", "ffn_down.scale"),
        added={"attn_qkv.weight": [64, 128]}),
    "nemotron_h_moe-own": Layer(
        like=(1, 2), renamed={(2, "attn_norm.weight"): "post_attention_norm.weight"},
        metadata={"attention.head_count_kv": [0, 2, 0, 2], "feed_forward_length": [0, 0, 96, 96]}),
    "qwen35-dense": Layer(),
    "qwen35moe-moe": Layer(""),
    "qwen3next-moe": Layer(),
    "step35-own": Layer(
        like=(1,),
        metadata={"attention.head_count": [4, 6, 6, 6, 4, 6], "attention.sliding_window_pattern": [0, 1, 1, 1, 0, 1]}),
}
# Those with more than one layer, and how many.
CHAINED = {"mimo2-moe": 2, "step35-own": 3}
# No model with such a layer has these, and versions of llama.cpp differ in whether they heed them.
LEFT_OUT = ["attn_q.bias", "attn_k.bias", "attn_v.bias"]


def value_type(values):
    return "bool" if isinstance(values[0], bool) else "uint32"


def changed_metadata(case, layer, count):
    """Of the model with `count` layers more: what is new or different; None: left out."""
    prefix = case["metadata"]["general.architecture"]["value"] + "."
    layers = case["metadata"][prefix + "block_count"]["value"]
    changed = {prefix + "block_count": {"type": "uint32", "value": layers + count},
               prefix + "nextn_predict_layers": {"type": "uint32", "value": count}}
    for key, entry in case["metadata"].items():
        if entry["type"] == "array" and len(entry["value"]) == layers:
            changed[key] = {**entry, "value": entry["value"] + entry["value"][-1:] * count}
    for key, value in layer.metadata.items():
        if isinstance(value, list):
            value = value + value[-1:] * (count - 1)
            changed[prefix + key] = {"type": "array", "of": value_type(value), "value": value}
        else:
            changed[prefix + key] = value and {"type": "uint32", "value": value}
    return changed


def layer_tensors(case, layer, index):
    """Of the layer `index`, from 0."""
    prefix = case["metadata"]["general.architecture"]["value"] + "."
    layers = case["metadata"][prefix + "block_count"]["value"]
    width = case["metadata"][prefix + "embedding_length"]["value"]
    added = f"blk.{layers + index}."
    tensors = []
    for like in layer.like:
        first = f"blk.{like % layers}."
        for tensor in case["tensors"]:
            part = tensor["name"].removeprefix(first)
            if part == tensor["name"] or part in LEFT_OUT or part.startswith(layer.left_out or "-"):
                continue
            tensors.append({**tensor, "name": added + layer.renamed.get((like, part), part)})
    projections = {"nextn.eh_proj.weight": [2 * width, width], **layer.added}
    norms = ["nextn.enorm", "nextn.hnorm"] + [layer.own_norm] * (layer.own_norm != "")
    tensors += [{"name": f"{added}{name}.weight", "type": "F32", "shape": [width], "centre": 1.0, "amplitude": 0.25}
                for name in norms]
    tensors += [{"name": added + name, "type": "F32", "shape": shape, "centre": 0.0,
                 "amplitude": single(math.sqrt(3.0 / shape[0]))} for name, shape in projections.items()]
    return tensors


def with_layer(case, golden):
    """As tests/support/prediction_layer.cpp does it."""
    metadata = {**case["metadata"], **golden["metadata"]}
    endings = tuple("." + ending for ending in golden["left_out"])
    tensors = [t for t in case["tensors"] if not t["name"].endswith(endings)] + golden["tensors"]
    return {key: entry for key, entry in metadata.items() if entry}, tensors


def predicted(case, golden, driver):
    """What the driver prints of them, by lines."""
    metadata, tensors = with_layer(case, golden)
    case_maker.SEED = case["seed"]
    weights = Case()
    for tensor in tensors:
        if tensor["type"] == "I32":
            weights.make_integers(tensor["name"], tensor["shape"], round(2 * tensor["centre"]) + 1)
        else:
            weights.make(tensor["name"], tensor["shape"], tensor["centre"], tensor["amplitude"])
    entries = {key: (entry.get("of", entry["type"]), entry["value"]) for key, entry in metadata.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.gguf"
        write_gguf(path, entries, weights)
        command = [driver, path, ",".join(map(str, golden["tokens"]))]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{golden['case']}: {done.stderr.strip()}")
    return [[float(v) for v in line.split()] for line in done.stdout.splitlines()]


def make(name, count, folder, driver):
    case = json.loads((DATA / "architectures" / f"{name}.json").read_text())
    layer = CASES[name]
    tokens = (case["tokens"] + case["tokens"])[:48]
    golden = {"case": name, "tokens": tokens, "left_out": LEFT_OUT, "metadata": changed_metadata(case, layer, count),
              "tensors": [tensor for i in range(count) for tensor in layer_tensors(case, layer, i)]}
    rows = predicted(case, golden, driver)
    for i in range(count):
        logits = {str(p): rows[i * len(tokens) + p] for p in POSITIONS}
        if i == 0:
            golden["logits"] = logits
        else:
            golden.setdefault("further_logits", []).append(logits)
    if count > 1:
        golden["guesses"] = {str(p): [int(v) for v in rows[count * len(tokens) + p]] for p in POSITIONS}
    (DATA / folder).mkdir(exist_ok=True)
    (DATA / folder / f"{name}.json").write_text(json.dumps(golden) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases (default: all)")
    parser.add_argument("--driver", type=Path, required=True)
    options = parser.parse_args()
    for name in options.names or CASES:
        make(name, 1, "predictions", options.driver.resolve())
        if name in CHAINED:
            make(name, CHAINED[name], "chained_predictions", options.driver.resolve())


if __name__ == "__main__":
    main()

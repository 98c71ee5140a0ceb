#!/usr/bin/env python3
"""Writes the headers of golden cases as seeds for model_fuzz, vision_fuzz, hearing_fuzz and
beside_fuzz, which put weights behind them: make_model_seeds.py FOLDER CASES... [--dict FILE]

CASES is a folder of tests/data. With --dict, also the names of keys and tensors as a dictionary.
With --pairs, of what guesses for a model, and of adapters and control vectors for some models:
pairs of headers for beside_fuzz.
"""

import argparse
import json
import pathlib
import re
import struct

import make_gguf_seeds as gguf

KINDS = {"uint8": gguf.UINT8, "int8": gguf.INT8, "uint16": gguf.UINT16, "int16": gguf.INT16,
         "uint32": gguf.UINT32, "int32": gguf.INT32, "float32": gguf.FLOAT32, "bool": gguf.BOOL,
         "string": gguf.STRING, "uint64": gguf.UINT64, "int64": gguf.INT64, "float64": gguf.FLOAT64}
# Type id, elements and bytes of a block.
TYPES = {"F32": (0, 1, 4), "I32": (26, 1, 4), "I64": (27, 1, 8)}
MOST_BYTES = 16 << 10  # of a header: longer inputs are mutated with little effect
# Models to which adapters are added.
ADAPTED = ["llama-dense", "qwen3moe-moe", "gemma3-dense", "mamba2-dense", "qwen35-dense"]
ARCHITECTURES = pathlib.Path(__file__).parent.parent / "tests/data/architectures"


def item(key, value):
    if value["type"] == "array":
        return gguf.array(key, KINDS[value["of"]], value["value"])
    return gguf.scalar(key, KINDS[value["type"]], value["value"])


# Whether it is one of the arrays of 512 numbers, with which llama.cpp tells layers that no case has.
def is_padded(value):
    return value["type"] == "array" and value["of"] != "string" and len(value["value"]) == 512


def header(case):
    metadata = [item(key, value) for key, value in case["metadata"].items() if not is_padded(value)]
    # Tensors whose values count come first, so that these can stand behind the header.
    tensors = sorted(case["tensors"], key=lambda tensor: "values" not in tensor)
    data = b"".join(struct.pack(f"<{len(t['values'])}q", *t["values"]) for t in tensors if "values" in t)
    return gguf.header(metadata, [(t["name"], TYPES[t["type"]], t["shape"]) for t in tensors]) + data


def golden(name):
    return json.loads((ARCHITECTURES / f"{name}.json").read_text())


# The model of a golden case; of one of layers for multi-token prediction the model with these.
def read_case(path):
    case = json.loads(path.read_text())
    if "case" not in case:
        return case
    whole = golden(case["case"])
    metadata = {**whole["metadata"], **case["metadata"]}
    whole["metadata"] = {key: value for key, value in metadata.items() if value}
    left_out = tuple("." + ending for ending in case["left_out"])
    whole["tensors"] = [t for t in whole["tensors"] if not t["name"].endswith(left_out)] + case["tensors"]
    return whole


def with_layers(case, is_kept):
    def layer(name):
        found = re.match(r"blk\.(\d+)\.", name)
        return int(found[1]) if found else None
    return {**case, "tensors": [t for t in case["tensors"] if is_kept(layer(t["name"]))]}


def text(value):
    return {"type": "string", "value": value}


def f32(name, *shape):
    return {"name": name, "type": "F32", "shape": list(shape)}


# An adapter of some weights of a model.
def adapter_of(model):
    weights = [t for t in model["tensors"] if len(t["shape"]) == 2 and t["name"].startswith("blk.")]
    tensors = []
    for weight in weights[:6]:
        columns, rows = weight["shape"]
        tensors += [f32(weight["name"] + ".lora_a", columns, 3), f32(weight["name"] + ".lora_b", 3, rows)]
    return {"metadata": {"general.type": text("adapter"), "adapter.type": text("lora"),
                         "general.architecture": model["metadata"]["general.architecture"],
                         "adapter.lora.alpha": {"type": "float32", "value": 1.5}}, "tensors": tensors}


def control_vector_of(model):
    prefix = model["metadata"]["general.architecture"]["value"]
    width = model["metadata"][f"{prefix}.embedding_length"]["value"]
    return {"metadata": {"general.architecture": text("controlvector")}, "tensors": [f32("direction.1", width)]}


# Pairs of what is added to models and these models, without what scales weights: such have no adapters.
def added_pairs():
    for name in ADAPTED:
        model = golden(name)
        model["tensors"] = [t for t in model["tensors"] if not t["name"].endswith(".scale")]
        yield f"adapter-{name}", (adapter_of(model), model)
        yield f"vector-{name}", (control_vector_of(model), model)


# A golden case of what guesses, and the model that it guesses for.
def read_pair(path):
    case = read_case(path)
    metadata = case["metadata"]
    prefix = metadata["general.architecture"]["value"]
    if "target" in case:
        model = golden(case["target"])
        model["metadata"].update(case.get("target_metadata", {}))
        model["tensors"] += case.get("target_tensors", [])
        return case, model
    layers = metadata.get(f"{prefix}.nextn_predict_layers", {"value": 0})["value"]
    if not layers:
        return case, case
    own = metadata[f"{prefix}.block_count"]["value"] - layers
    return (with_layers(case, lambda layer: layer is None or layer >= own),
            with_layers(case, lambda layer: layer is None or layer < own))


def seed_of(cases):
    headers = [header(case) for case in cases]
    if any(len(each) > MOST_BYTES for each in headers):
        return None
    return b"".join(struct.pack("<H", len(each)) + each for each in headers[:-1]) + headers[-1]


def words_of(case):
    texts = {item["value"] for item in case["metadata"].values() if item["type"] == "string"}
    return texts | case["metadata"].keys() | {tensor["name"] for tensor in case["tensors"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("cases", type=pathlib.Path, nargs="+")
    parser.add_argument("--dict", type=pathlib.Path)
    parser.add_argument("--pairs", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    paths = [path for folder in given.cases for path in sorted(folder.glob("*.json"))]
    named = [(f"{path.parent.name}-{path.stem}", read_pair(path) if given.pairs else [read_case(path)])
             for path in paths]
    if given.pairs:
        named += added_pairs()
    words = set()
    for name, cases in named:
        if seed := seed_of(cases):
            (given.folder / name).write_bytes(seed)
            words.update(*map(words_of, cases))
    if given.dict:
        given.dict.write_text("".join(f"{json.dumps(word)}\n" for word in sorted(words) if word))


if __name__ == "__main__":
    main()

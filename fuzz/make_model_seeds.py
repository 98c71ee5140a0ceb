#!/usr/bin/env python3
"""Writes the headers of golden cases as seeds for model_fuzz and vision_fuzz, which put weights
behind them: make_model_seeds.py FOLDER CASES [--dict FILE]

CASES is a folder of tests/data. With --dict, also the names of keys and tensors as a dictionary.
"""

import json
import pathlib
import sys

import make_gguf_seeds as gguf

KINDS = {"uint8": gguf.UINT8, "int8": gguf.INT8, "uint16": gguf.UINT16, "int16": gguf.INT16,
         "uint32": gguf.UINT32, "int32": gguf.INT32, "float32": gguf.FLOAT32, "bool": gguf.BOOL,
         "string": gguf.STRING, "uint64": gguf.UINT64, "int64": gguf.INT64, "float64": gguf.FLOAT64}
# Type id, elements and bytes of a block.
TYPES = {"F32": (0, 1, 4), "I32": (26, 1, 4)}
MOST_BYTES = 16 << 10  # of a header: longer inputs are mutated with little effect


def item(key, value):
    if value["type"] == "array":
        return gguf.array(key, KINDS[value["of"]], value["value"])
    return gguf.scalar(key, KINDS[value["type"]], value["value"])


# Whether it is one of the arrays of 512 numbers, with which llama.cpp tells layers that no case has.
def is_padded(value):
    return value["type"] == "array" and value["of"] != "string" and len(value["value"]) == 512


def header(case):
    metadata = [item(key, value) for key, value in case["metadata"].items() if not is_padded(value)]
    tensors = [(tensor["name"], TYPES[tensor["type"]], tensor["shape"]) for tensor in case["tensors"]]
    return gguf.header(metadata, tensors)


def main(folder, cases, dictionary):
    folder.mkdir(parents=True, exist_ok=True)
    words = set()
    for path in sorted(cases.glob("*.json")):
        case = json.loads(path.read_text())
        seed = header(case)
        if len(seed) > MOST_BYTES:
            continue
        (folder / path.stem).write_bytes(seed)
        words |= case["metadata"].keys() | {tensor["name"] for tensor in case["tensors"]}
        words |= {item["value"] for item in case["metadata"].values() if item["type"] == "string"}
    if dictionary:
        dictionary.write_text("".join(f"{json.dumps(word)}\n" for word in sorted(words) if word))


if __name__ == "__main__":
    arguments = [pathlib.Path(argument) for argument in sys.argv[1:]]
    main(arguments[0], arguments[1], arguments[3] if len(arguments) == 4 else None)

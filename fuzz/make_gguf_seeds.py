#!/usr/bin/env python3
"""Writes small GGUF files that fuzzers start from: fuzz/make_gguf_seeds.py FOLDER [KIND]

KIND is gguf, adapter (headers for adapter_fuzz) or split (files in parts for split_fuzz).
"""

import math
import pathlib
import struct
import sys

UINT8, INT8, UINT16, INT16, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY, UINT64, INT64, FLOAT64 = range(13)
CODES = {UINT8: "B", INT8: "b", UINT16: "H", INT16: "h", UINT32: "I", INT32: "i", FLOAT32: "f",
         BOOL: "B", UINT64: "Q", INT64: "q", FLOAT64: "d"}
# Type id, elements and bytes of a block.
F32, Q4_0, Q8_0, Q4_K, IQ2_XXS, IQ1_M, MXFP4 = (
    (0, 1, 4), (2, 32, 18), (8, 32, 34), (12, 256, 144), (16, 256, 66), (29, 256, 56), (39, 32, 17))


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def packed(kind, value):
    return string(value) if kind == STRING else struct.pack("<" + CODES[kind], value)


def scalar(key, kind, value):
    return string(key) + struct.pack("<I", kind) + packed(kind, value)


def array(key, kind, values):
    body = b"".join(packed(kind, value) for value in values)
    return string(key) + struct.pack("<IIQ", ARRAY, kind, len(values)) + body


def gguf(metadata, tensors, version=3, alignment=32):
    data = b""
    for _, (_, elements, size), shape in tensors:
        data += bytes(i * 7 & 0xFF for i in range(math.prod(shape) // elements * size))
        data += bytes(-len(data) % alignment)
    return header(metadata, tensors, version, alignment) + data


def header(metadata, tensors, version=3, alignment=32):
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata)) + b"".join(metadata)
    offset = 0
    for name, (type_id, elements, size), shape in tensors:
        head += string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        head += struct.pack("<IQ", type_id, offset)
        offset += math.prod(shape) // elements * size
        offset += -offset % alignment
    return head + bytes(-len(head) % alignment)


def gguf_seeds():
    every_type = [scalar(f"k.{kind}", kind, 1) for kind in CODES] + [scalar("k.s", STRING, "text")]
    every_array = [array(f"a.{kind}", kind, [0, 1, 1]) for kind in CODES]
    every_array += [array("a.s", STRING, ["", "a", "\u2581the"])]
    tensors = [("token_embd.weight", F32, [4, 3]), ("blk.0.attn_q.weight", Q4_0, [32, 2]),
               ("blk.0.ffn_up_exps.weight", Q8_0, [32, 1, 2])]
    return {
        "empty": gguf([], []),
        "version2": gguf([scalar("general.architecture", STRING, "llama")], tensors[:1], version=2),
        "values": gguf(every_type, []),
        "arrays": gguf(every_array, tensors[:1]),
        "tensors": gguf([], tensors),
        "aligned": gguf([scalar("general.alignment", UINT32, 64)], tensors, alignment=64),
        "blocks": gguf([], [("k", Q4_K, [256]), ("i", IQ2_XXS, [256]), ("m", IQ1_M, [256]),
                            ("x", MXFP4, [32])]),
        "split": gguf([scalar("split.no", UINT16, 0), scalar("split.count", UINT16, 2),
                       scalar("split.tensors.count", INT32, 2)], tensors[:1]),
    }


def adapter_seeds():
    """For the model of adapter_fuzz.cpp."""
    lora = [scalar("general.type", STRING, "adapter"), scalar("adapter.type", STRING, "lora"),
            scalar("general.architecture", STRING, "llama"), scalar("adapter.lora.alpha", FLOAT32, 8.0)]
    dense = [("blk.0.attn_q.weight.lora_a", F32, [8, 2]), ("blk.0.attn_q.weight.lora_b", F32, [2, 6])]
    experts = [("blk.0.ffn_up_exps.weight.lora_a", F32, [8, 4, 3]),
               ("blk.0.ffn_up_exps.weight.lora_b", F32, [4, 4, 3])]
    scaled = [("blk.0.attn_k.weight.lora_a", F32, [8, 1]), ("blk.0.attn_k.weight.lora_b", F32, [1, 6])]
    imatrix = [scalar("general.type", STRING, "imatrix"), array("imatrix.datasets", STRING, ["a.txt"])]
    squares = [("blk.0.attn_q.weight.in_sum2", F32, [8, 1]), ("blk.0.attn_q.weight.counts", F32, [1, 1]),
               ("blk.0.ffn_up_exps.weight.in_sum2", F32, [8, 3]),
               ("blk.0.ffn_up_exps.weight.counts", F32, [1, 3])]
    vector = [scalar("general.architecture", STRING, "controlvector")]
    directions = [("direction.1", F32, [8]), ("direction.2", F32, [8])]
    return {"dense": header(lora, dense), "vector": header(vector, directions), "experts": header(lora, dense + experts),
            "scaled": header(lora, scaled), "importance": header(imatrix, squares)}


def split_seeds():
    def part(number, count, total):
        tensors = [(f"t{number}", F32, [3]), (f"u{number}", Q8_0, [32])]
        data = gguf([scalar("split.no", UINT16, number), scalar("split.count", UINT16, count),
                     scalar("split.tensors.count", INT32, total)], tensors)
        return struct.pack("<H", len(data)) + data

    return {"four": b"".join(part(i, 4, 8) for i in range(4)), "three": b"".join(part(i, 3, 6) for i in range(3)),
            "whole": part(0, 1, 2), "wrong": part(0, 4, 8) + part(2, 4, 8)}


KINDS = {"gguf": gguf_seeds, "adapter": adapter_seeds, "split": split_seeds}


def main(folder, kind="gguf"):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in KINDS[kind]().items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *sys.argv[2:])

#!/usr/bin/env python3
"""Writes small GGUF files that gguf_fuzz starts from: fuzz/make_gguf_seeds.py FOLDER"""

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
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(metadata)) + b"".join(metadata)
    data = b""
    for name, (type_id, elements, size), shape in tensors:
        head += string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        head += struct.pack("<IQ", type_id, len(data))
        count = 1
        for extent in shape:
            count *= extent
        data += bytes(i * 7 & 0xFF for i in range(count // elements * size))
        data += bytes(-len(data) % alignment)
    return head + bytes(-len(head) % alignment) + data


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    every_type = [scalar(f"k.{kind}", kind, 1) for kind in CODES] + [scalar("k.s", STRING, "text")]
    every_array = [array(f"a.{kind}", kind, [0, 1, 1]) for kind in CODES]
    every_array += [array("a.s", STRING, ["", "a", "\u2581the"])]
    tensors = [("token_embd.weight", F32, [4, 3]), ("blk.0.attn_q.weight", Q4_0, [32, 2]),
               ("blk.0.ffn_up_exps.weight", Q8_0, [32, 1, 2])]
    seeds = {
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
    for name, data in seeds.items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

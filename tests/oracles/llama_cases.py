#!/usr/bin/env python3
"""Makes golden cases of architectures that llama.cpp knows: tests/data/architectures/NAME-own.json.

    tests/oracles/llama_cases.py --driver PROGRAM [NAME ...]

PROGRAM is llama_logits.cpp of this folder, built against a llama.cpp of one's own:

    g++ -O2 -std=c++17 -I LLAMA/include -I LLAMA/ggml/include tests/oracles/llama_logits.cpp \\
        -Wl,--start-group $(find LLAMA/build -name '*.a') -Wl,--end-group -lgomp -ldl -o llama_logits
"""
import argparse
import struct
import subprocess
import tempfile
from pathlib import Path

from case_maker import Case, INPUT, POSITIONS, TOKENS, full_key, make_tokens, write
from llama_decoders import ARCHITECTURES, COMPARED, DECODERS
from llama_deepseek4 import COMPRESSED
from llama_encoders import ENCODERS
from llama_latent import LATENT
from llama_qwen4_exp import QWEN4_EXP
from llama_t5 import WITH_INPUT

TENSOR_CODES = {"F32": (0, "f"), "I32": (26, "i"), "I64": (27, "q")}
VALUE_CODES = {"uint32": (4, "I"), "int32": (5, "i"), "uint64": (10, "Q"), "float32": (6, "f"), "bool": (7, "?"), "string": (8, None)}


def gguf_string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def gguf_value(kind, value):
    return gguf_string(value) if kind == "string" else struct.pack("<" + VALUE_CODES[kind][1], value)


def write_gguf(path, metadata, case):
    head = b"GGUF" + struct.pack("<IQQ", 3, len(case.tensors), len(metadata))
    for key, (kind, value) in metadata.items():
        head += gguf_string(key)
        if isinstance(value, list):
            head += struct.pack("<IIQ", 9, VALUE_CODES[kind][0], len(value))
            head += b"".join(gguf_value(kind, v) for v in value)
        else:
            head += struct.pack("<I", VALUE_CODES[kind][0]) + gguf_value(kind, value)
    data = b""
    for tensor in case.tensors:
        shape = tensor["shape"]
        type_id, code = TENSOR_CODES[tensor["type"]]
        head += gguf_string(tensor["name"]) + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", d) for d in shape) + struct.pack("<IQ", type_id, len(data))
        values = case[tensor["name"]]
        data += struct.pack(f"<{len(values)}{code}", *values)
        data += bytes(-len(data) % 32)
    path.write_bytes(head + bytes(-len(head) % 32) + data)


ALL = {**DECODERS, **COMPRESSED, **LATENT, **QWEN4_EXP, **ENCODERS, **WITH_INPUT}
# More tokens than usual, and the positions behind which logits are compared.
LONG = {"deepseek4-long": (make_tokens(300), [0, 3, 4, 31, 126, 127, 128, 131, 254, 255, 256, 299]),
        "minimax-m3-long": (make_tokens(300), [0, 95, 127, 128, 200, 256, 299])}
# Those whose attention llama.cpp only has as flash attention.
FLASH = {"minimax-m3", "minimax-m3-long"}


def make(name, driver):
    case = Case()
    tokens, positions = LONG.get(name, (TOKENS, POSITIONS))
    metadata = ALL[name](case)
    architecture = ARCHITECTURES.get(name, name)
    entries = {"general.architecture": ("string", architecture), "tokenizer.ggml.model": ("string", "no_vocab"),
               f"{architecture}.context_length": ("uint32", 128)}
    entries.update({full_key(architecture, key): value for key, value in metadata.items()})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.gguf"
        write_gguf(path, entries, case)
        what = "hidden" if name in ENCODERS else "flash" if name in FLASH else "logits"
        command = [driver, path, ",".join(map(str, tokens)), what]
        if name in WITH_INPUT:
            command.append(",".join(map(str, INPUT)))
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr.strip()}")
    compared = COMPARED.get(name)
    rows = iter([[float(v) for v in line.split()[:compared]] for line in done.stdout.splitlines()])
    write(f"{name}-own", architecture, case, lambda token: next(rows), metadata,
          {"input": INPUT} if name in WITH_INPUT else {}, tokens, positions)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="architectures (default: all)")
    parser.add_argument("--driver", type=Path, required=True)
    options = parser.parse_args()
    for name in options.names or ALL:
        make(name, options.driver.resolve())


if __name__ == "__main__":
    main()

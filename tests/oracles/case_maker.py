"""What the scripts that make golden cases share: the weights by formula (see
tests/support/oracle_case.hpp), layers in plain Python, and the file."""
import json
import math
import struct
from pathlib import Path

MASK = (1 << 64) - 1
SEED = 11
VOCABULARY = 96


def make_tokens(count):
    return [(i * 37 + 11) % VOCABULARY for i in range(count)]


TOKENS = make_tokens(40)
INPUT = [(i * 29 + 5) % VOCABULARY for i in range(150)]  # of an encoder-decoder
POSITIONS = [0, 1, 2, 7, 20, 39]


def weights(name, count, centre, amplitude):
    hash_ = 0xCBF29CE484222325
    for byte in name.encode():
        hash_ = ((hash_ ^ byte) * 0x100000001B3) & MASK
    start = hash_ ^ ((SEED * 0x9E3779B97F4A7C15) & MASK)
    values = []
    for i in range(count):
        z = (start + i + 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        unit = ((z ^ (z >> 31)) >> 40) / 16777216.0
        values.append(single(centre + amplitude * (2.0 * unit - 1.0)))
    return values


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


class Case:
    """The tensors of a model, made as they are asked for."""

    def __init__(self):
        self.tensors = []
        self.values = {}

    def make(self, name, shape, centre=0.0, amplitude=None):
        count = math.prod(shape)
        if amplitude is None:
            amplitude = single(math.sqrt(3.0 / shape[0]))
        self.tensors.append({"name": name, "type": "F32", "shape": shape, "centre": centre,
                             "amplitude": amplitude})
        self.values[name] = weights(name, count, centre, amplitude)

    def make_integers(self, name, shape, count):
        """From 0 to count - 1."""
        half = (count - 1) / 2.0
        self.make(name, shape, half, half)
        self.tensors[-1]["type"] = "I32"
        self.values[name] = [round(value) for value in self.values[name]]

    def remove(self, name):
        del self.values[name]
        self.tensors = [tensor for tensor in self.tensors if tensor["name"] != name]

    def __getitem__(self, name):
        return self.values[name]

    def times(self, name, x, first_row=0, rows=None):
        """Rows [first_row, first_row + rows) of the matrix times x, plus a bias if there is one."""
        w, n = self[name + ".weight"], len(x)
        rows = len(w) // n - first_row if rows is None else rows
        bias = self.values.get(name + ".bias", [0.0] * (first_row + rows))
        return [sum(w[(first_row + r) * n + c] * x[c] for c in range(n)) + bias[first_row + r]
                for r in range(rows)]


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x))


def layer_norm(x, weight, bias, epsilon):
    mean = sum(x) / len(x)
    variance = sum((v - mean) ** 2 for v in x) / len(x)
    return [(v - mean) / math.sqrt(variance + epsilon) * w + b for v, w, b in zip(x, weight, bias)]


def rms_norm(x, weight, epsilon):
    factor = 1.0 / math.sqrt(sum(v * v for v in x) / len(x) + epsilon)
    return [v * factor * w for v, w in zip(x, weight)]


def lerp(a, b, share):
    return [x + (y - x) * s for x, y, s in zip(a, b, share)]


def add(a, b):
    return [x + y for x, y in zip(a, b)]


def swiglu(case, prefix, x):
    gate = case.times(prefix + "ffn_gate", x)
    up = case.times(prefix + "ffn_up", x)
    return case.times(prefix + "ffn_down", [g * sigmoid(g) * u for g, u in zip(gate, up)])


def full_key(architecture, key):
    bare = key.startswith(("tokenizer.", "xielu."))
    return key if bare else f"{architecture}.{key}"


def write(name, architecture, case, step, metadata, extra={}, tokens=TOKENS, positions=POSITIONS):
    """Evaluates the tokens with step(token) -> logits and writes the case, with `extra` besides."""
    entries = {"general.architecture": {"type": "string", "value": architecture}}
    for key, (kind, value) in {"context_length": ("uint32", 128), **metadata}.items():
        entry = {"type": kind, "value": value}
        if isinstance(value, list):
            entry = {"type": "array", "of": kind, "value": value}
        entries[full_key(architecture, key)] = entry
    entries["tokenizer.ggml.model"] = {"type": "string", "value": "no_vocab"}
    logits = {}
    for position, token in enumerate(tokens):
        row = step(token)
        if position in positions:
            logits[str(position)] = [float(f"{v:.9g}") for v in row]
    vocabulary = metadata.get("vocab_size", ("uint32", VOCABULARY))[1]
    result = {"name": name, "seed": SEED, "tokens": tokens, **extra, "metadata": entries,
              "tensors": case.tensors, "vocab": vocabulary, "logits": logits}
    folder = Path(__file__).resolve().parents[1] / "data" / "architectures"
    (folder / f"{name}.json").write_text(json.dumps(result) + "\n")

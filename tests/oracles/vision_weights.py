"""What the cases are made of: metadata, tensors with weights by formula, and files of both."""

import json
import math

import numpy as np


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


def elements(name, seed, count, centre, amplitude):
    """The first `count` values of the formula that README.md gives."""
    start = fnv1a(name) ^ (seed * 0x9E3779B97F4A7C15 % 2**64)
    with np.errstate(over="ignore"):
        z = np.uint64(start) + np.arange(count, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    unit = (z >> np.uint64(40)).astype(np.float64) / 2.0**24
    return (centre + amplitude * (2.0 * unit - 1.0)).astype(np.float32)


class Model:
    """Metadata and tensors, in the order in which they are added."""

    def __init__(self, architecture, seed):
        self.seed = seed
        self.metadata = {}
        self.tensors = []
        self.set("general.architecture", "string", architecture)

    def set(self, key, kind, value):
        self.metadata[key] = {"type": kind, "value": value}

    def array(self, key, kind, values):
        self.metadata[key] = {"type": "array", "of": kind, "value": list(values)}

    def tensor(self, name, shape, centre, amplitude):
        self.tensors.append(
            {
                "name": name,
                "type": "F32",
                "shape": list(shape),
                "centre": centre,
                "amplitude": amplitude,
            }
        )

    def matrix(self, name, inputs, outputs, bias=False):
        """A matrix that keeps the size of what goes through it; `bias` adds its bias."""
        self.tensor(name + ".weight", [inputs, outputs], 0.0, round(math.sqrt(3.0 / inputs), 6))
        if bias:
            self.tensor(name + ".bias", [outputs], 0.0, 0.2)

    def norm(self, name, width, bias=False):
        self.tensor(name + ".weight", [width], 1.0, 0.25)
        if bias:
            self.tensor(name + ".bias", [width], 0.0, 0.2)

    def has(self, name):
        return any(tensor["name"] == name for tensor in self.tensors)

    def values(self, name):
        return self.values_of(next(t for t in self.tensors if t["name"] == name))

    def values_of(self, tensor):
        count = math.prod(tensor["shape"])
        flat = elements(tensor["name"], self.seed, count, tensor["centre"], tensor["amplitude"])
        return flat.reshape(tensor["shape"][::-1])

    def write_gguf(self, path, changed=None):
        """Writes the file; a tensor named in `changed` gets the values there."""
        import gguf

        kinds = {
            "uint32": gguf.GGUFValueType.UINT32,
            "int32": gguf.GGUFValueType.INT32,
            "float32": gguf.GGUFValueType.FLOAT32,
            "bool": gguf.GGUFValueType.BOOL,
            "string": gguf.GGUFValueType.STRING,
        }
        architecture = self.metadata["general.architecture"]["value"]
        writer = gguf.GGUFWriter(path, architecture)
        for key, item in self.metadata.items():
            if key == "general.architecture":
                continue
            if item["type"] == "array":
                writer.add_key_value(
                    key, item["value"], gguf.GGUFValueType.ARRAY, kinds[item["of"]]
                )
            else:
                writer.add_key_value(key, item["value"], kinds[item["type"]])
        for tensor in self.tensors:
            values = (changed or {}).get(tensor["name"])
            writer.add_tensor(tensor["name"], self.values_of(tensor) if values is None else values)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def numbers(row):
    return "[" + ",".join("%.9g" % value for value in row) + "]"


def write_json(path, fields):
    """Writes the fields; a field's value is JSON, or rows of numbers as NumPy arrays."""
    lines = []
    for key, value in fields.items():
        if key == "tensors":
            text = "[\n" + ",\n".join(json.dumps(t) for t in value) + "\n]"
        elif key == "metadata":
            items = (f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            text = "{\n" + ",\n".join(items) + "\n}"
        elif key.startswith("embedding"):
            rows = ",\n".join(numbers(row) for row in value)
            text = f'{{"rows": {len(value)}, "columns": {len(value[0])}, "values": [\n{rows}\n]}}'
        elif key == "results":
            text = "[\n" + ",\n".join(json.dumps(result) for result in value) + "\n]"
        elif key == "logits":
            items = (f'"{k}": {numbers(row)}' for k, row in value.items())
            text = "{\n" + ",\n".join(items) + "\n}"
        else:
            text = json.dumps(value)
        lines.append(f"{json.dumps(key)}: {text}")
    with open(path, "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")

#!/usr/bin/env python3
"""Makes golden logits of cases of tests/data/architectures that have other keys: tests/data/changed_keys/NAME.json, which
holds what is changed and the logits at one position.

    tests/oracles/changed_keys.py --driver PROGRAM [NAME ...]

PROGRAM is as llama_cases.py says. `metadata` has what is different of a key (without the architecture's name), and None
for one that is missing; `tensors` are besides those of the case, but for `left_out`, the last layer of which comes again until there are `layers`.
"""
import argparse
import json
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import case_maker
from case_maker import Case
from llama_cases import write_gguf
from llama_encoders import ENCODERS

DATA = Path(__file__).resolve().parents[1] / "data"


@dataclass
class Change:
    case: str
    metadata: dict
    layers: int = 0  # 0: those of the case
    tensors: dict = field(default_factory=dict)  # shapes by name
    left_out: tuple = ()  # tensors of the case, by name
    position: int = -1  # of the logits; -1: the last


def number(value):
    return {"type": "float32", "value": value}


def count(value):
    return {"type": "uint32", "value": value}


def counts(values):
    return {"type": "array", "of": "uint32", "value": values}


def text(value):
    return {"type": "string", "value": value}


def flag(value):
    return {"type": "bool", "value": value}


def yarn(factor, multiplier):
    """Beyond an original context of 16 tokens; cases have 40."""
    keys = {"rope.scaling.type": text("yarn"), "rope.scaling.factor": number(factor),
            "rope.scaling.original_context_length": count(16)}
    return {**keys, "rope.scaling.yarn_log_multiplier": number(multiplier)} if multiplier else keys


def linear(factor):
    return {"rope.scaling.type": text("linear"), "rope.scaling.factor": number(factor)}


CHANGES = {
    # DeepSeek-V2 has the multiplier 0.707, V3 has 1; files hold a tenth.
    "deepseek2-yarn-v2": Change("deepseek2-moe", yarn(40.0, 0.0707)),
    "deepseek2-yarn-v3": Change("deepseek2-moe", yarn(40.0, 0.1)),
    "deepseek32-yarn": Change("deepseek32-moe", yarn(40.0, 0.1)),
    "mistral4-yarn": Change("mistral4-moe", yarn(128.0, 0.1)),
    "mistral3-yarn": Change("mistral3-dense", yarn(16.0, 1.0)),
    # GLM-5 and 5.1 have an indexer in each layer, 5.2 not.
    "glm-dsa-short": Change("glm-dsa-moe", {"attention.indexer.types": None}, layers=4),
    "glm-dsa-long": Change("glm-dsa-moe", {"attention.indexer.types": None, "context_length": count(1048576)}, layers=4),
    "llama-bidirectional": Change("llama-dense", {"attention.causal": flag(False)}),
    "gemma2-bidirectional": Change("gemma2-dense", {"attention.causal": flag(False)}),
    "lfm2-bidirectional": Change("lfm2-dense", {"attention.causal": flag(False)}, position=20),
    "deepseek4-early": Change("deepseek4-own", {"nextn_predict_layers": count(1)}),
    "exaone4-32b": Change("exaone4-dense", {"attention.sliding_window": None}, layers=64),
    "afmoe-bases": Change("afmoe-moe", {"rope.freq_base_swa": number(500.0)}),
    "gemma2-bases": Change("gemma2-dense", {"rope.freq_base_swa": number(500.0)}),
    "gpt-oss-bases": Change("gpt-oss-moe", {"rope.freq_base_swa": number(500.0)}),
    "gemma4-base": Change("gemma4-moe-own", {"rope.freq_base_swa": None}),
    "modern-bert-base": Change("modern-bert-own", {"rope.freq_base_swa": None}),
    "mimo2-linear": Change("mimo2-moe", {"rope.freq_base_swa": None, **linear(4.0)}),
    "plamo3-linear": Change("plamo3-dense", {"rope.freq_base_swa": None, **linear(4.0)}),
    "codeshell-tied": Change("codeshell-dense", {}, left_out=("token_embd.weight",)),
    # A layer without keys of its own.
    "gemma4-fused": Change("gemma4-moe-own", {"attention.shared_kv_layers": count(1)},
                           tensors={"blk.3.attn_qkv.weight": [64, 128]},
                           left_out=tuple(f"blk.3.attn_{part}.weight" for part in "qkv")),
    "nemotron_h_moe-arrays": Change("nemotron_h_moe-own", {"expert_used_count": counts([0, 0, 3]),
                                                           "expert_feed_forward_length": counts([0, 0, 32])}),
}


def with_layers(tensors, before, after):
    """As tests/architectures/changed_keys_test.cpp does it."""
    result = [tensor for tensor in tensors if not tensor["name"].startswith("blk.")]
    for layer in range(after):
        prefix = f"blk.{min(layer, before - 1)}."
        result += [{**tensor, "name": f"blk.{layer}." + tensor["name"].removeprefix(prefix)} for tensor in tensors
                   if tensor["name"].startswith(prefix)]
    return result


def golden_of(case, change):
    """What the file of a case has but for its logits."""
    architecture = case["metadata"]["general.architecture"]["value"]
    metadata = {f"{architecture}.{key}": entry for key, entry in change.metadata.items()}
    if change.layers:
        metadata[f"{architecture}.block_count"] = count(change.layers)
    tensors = [{"name": name, "type": "F32", "shape": shape, "centre": 0.0, "amplitude": (3.0 / shape[0]) ** 0.5}
               for name, shape in change.tensors.items()]
    return {"case": change.case, "metadata": metadata, "layers": change.layers, "tensors": tensors,
            "left_out": change.left_out}


def weights_of(tensors, seed):
    case_maker.SEED = seed
    case = Case()
    for tensor in tensors:
        name = tensor["name"]
        case.make(name, tensor["shape"], tensor["centre"], tensor["amplitude"])
        if tensor["type"] == "I32":
            case.tensors[-1]["type"] = "I32"
            case.values[name] = [round(value) for value in case.values[name]]
    return case


def make(name, change, driver):
    case = json.loads((DATA / "architectures" / f"{change.case}.json").read_text())
    golden = golden_of(case, change)
    metadata = {key: entry for key, entry in {**case["metadata"], **golden["metadata"]}.items() if entry}
    architecture = metadata["general.architecture"]["value"]
    before = case["metadata"][f"{architecture}.block_count"]["value"]
    tensors = with_layers(case["tensors"], before, change.layers or before) + golden["tensors"]
    tensors = [tensor for tensor in tensors if tensor["name"] not in change.left_out]
    entries = {key: (entry.get("of", entry["type"]), entry["value"]) for key, entry in metadata.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.gguf"
        write_gguf(path, entries, weights_of(tensors, case["seed"]))
        what = "hidden" if change.case.removesuffix("-own") in ENCODERS else "logits"
        command = [driver, path, ",".join(map(str, case["tokens"])), what]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr.strip()}")
    golden["position"] = change.position % len(case["tokens"])
    golden["logits"] = [float(f"{float(v):.6g}") for v in done.stdout.splitlines()[change.position].split()]
    (DATA / "changed_keys" / f"{name}.json").write_text(json.dumps(golden) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="changes (default: all)")
    parser.add_argument("--driver", type=Path, required=True)
    options = parser.parse_args()
    for name in options.names or CHANGES:
        make(name, CHANGES[name], options.driver.resolve())


if __name__ == "__main__":
    main()

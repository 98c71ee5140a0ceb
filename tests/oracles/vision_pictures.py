#!/usr/bin/env python3
"""Makes the golden cases of how pictures are resized and cut: tests/data/vision/pictures.

    PYTHONPATH=LLAMA/gguf-py tests/oracles/vision_pictures.py --picture PROGRAM [--out FOLDER] [NAME...]

PROGRAM is vision_picture.cpp of this folder, built as vision_cases.py says.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from vision_towers import all_towers
from vision_weights import elements, write_json

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "data" / "vision"
SEED = 81
SAMPLES = 12
SIZES = [(640, 480), (333, 1000), (50, 30), (28, 28), (1500, 700), (100, 900), (1024, 1024),
         (2000, 1300)]
CLIP_MEAN, CLIP_DEVIATION = [0.481455, 0.457828, 0.408211], [0.26863, 0.261303, 0.275777]
IMAGENET_MEAN, IMAGENET_DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
HALVES = [0.5] * 3

# Of real models: tower of which the tensors are, image size, patch size, mean, deviation, more.
CASES = {
    "gemma3": ("gemma3", 896, 14, HALVES, HALVES, {}),
    "qwen2vl": ("qwen2vl", 560, 14, CLIP_MEAN, CLIP_DEVIATION, {}),
    "qwen3vl": ("qwen3vl", 768, 16, HALVES, HALVES, {}),
    "gemma4v": ("gemma4v", 224, 16, [0.0] * 3, [1.0] * 3, {}),
    "pixtral": ("pixtral", 1024, 16, CLIP_MEAN, CLIP_DEVIATION, {}),
    "pixtral-merger": ("pixtral-merger", 1540, 14, CLIP_MEAN, CLIP_DEVIATION, {}),
    "internvl": ("internvl", 448, 14, IMAGENET_MEAN, IMAGENET_DEVIATION, {}),
    "idefics3": ("idefics3", 512, 16, HALVES, HALVES,
                 {"projector.scale_factor": 4, "preproc_image_size": 2048}),
    "llava": ("llava", 336, 14, CLIP_MEAN, CLIP_DEVIATION, {}),
    "llava-grid": ("llava", 336, 14, CLIP_MEAN, CLIP_DEVIATION,
                   {"image_grid_pinpoints": [336, 672, 672, 336, 672, 672, 1008, 336, 336, 1008]}),
    "lfm2": ("lfm2", 256, 16, HALVES, HALVES, {}),
    "dots_ocr": ("dots_ocr", 0, 14, CLIP_MEAN, CLIP_DEVIATION, {}),
    "paddleocr": ("paddleocr", 1680, 14, HALVES, HALVES, {}),
    "minimax_m3": ("minimax_m3", 2016, 14, CLIP_MEAN, CLIP_DEVIATION, {}),
    "janus_pro": ("janus_pro", 384, 16, HALVES, HALVES, {}),
    "phi4": ("phi4", 256, 16, HALVES, HALVES,
             {"image_min_pixels": 256 * 256, "image_max_pixels": 3000 * 256}),
    "gemma4uv": ("gemma4uv", 224, 16, [0.0] * 3, [1.0] * 3, {}),
    "glm4v": ("glm4v", 336, 14, CLIP_MEAN, CLIP_DEVIATION, {}),
    "muse-glimmer": ("muse-glimmer", 1024, 16, HALVES, HALVES, {}),
    "deepseekocr2-tile": ("deepseekocr2-tile", 1024, 16, HALVES, HALVES,
                          {"preproc_min_tiles": 2, "preproc_max_tiles": 6}),
    "llama4": ("llama4", 336, 14, HALVES, HALVES, {}),
    "ldp": ("ldp", 336, 14, CLIP_MEAN, CLIP_DEVIATION, {}),
    "yasa2": ("yasa2", 512, 4, IMAGENET_MEAN, IMAGENET_DEVIATION, {}),
    "hunyuanvl": ("hunyuanvl", 2048, 16, CLIP_MEAN, CLIP_DEVIATION,
                  {"image_min_pixels": 512 * 512, "image_max_pixels": 2048 * 2048}),
}


def make_model(tower_name, image, patch, mean, deviation, more):
    model = next(t for t in all_towers() if t.name == tower_name).model
    model.set("clip.vision.image_size", "uint32", image)
    model.set("clip.vision.patch_size", "uint32", patch)
    model.array("clip.vision.image_mean", "float32", mean)
    model.array("clip.vision.image_std", "float32", deviation)
    for key, value in more.items():
        if isinstance(value, list):
            model.array("clip.vision." + key, "int32", value)
        else:
            model.set("clip.vision." + key, "uint32", value)
    return model


def picture_bytes(width, height):
    unit = elements("picture", SEED, width * height * 3, 0.5, 0.5)
    return np.minimum(unit * 256.0, 255.0).astype(np.uint8)


def described(values, width, height):
    step = len(values) // SAMPLES
    return {
        "width": width,
        "height": height,
        "sum": round(float(values.sum(dtype=np.float64)), 4),
        "samples": [float("%.9g" % v) for v in values[::step][:SAMPLES]],
    }


def make_results(program, path, folder):
    results = []
    for width, height in SIZES:
        picture_bytes(width, height).tofile(folder / "bytes")
        arguments = [program, path, width, height, folder / "bytes", folder / "out"]
        done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            sys.exit(done.stderr[-3000:])
        found = list(map(int, done.stdout.strip().split("\n")[-1].split()))
        values, parts = np.fromfile(folder / "out", np.float32), []
        for columns, rows in zip(found[2::2], found[3::2]):
            count = columns * rows * 3
            parts.append(described(values[:count], columns, rows) if count else None)
            values = values[count:]
        results.append({"width": width, "height": height, "grid": found[:2], "overview": parts[0],
                        "pictures": parts[1:]})
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--picture", required=True)
    parser.add_argument("--out", type=pathlib.Path, default=GOLDEN)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    out = arguments.out / "pictures"
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for case, how in CASES.items():
            if arguments.names and case not in arguments.names:
                continue
            model = make_model(*how)
            path = folder / "tower.gguf"
            model.write_gguf(path)
            results = make_results(arguments.picture, path, folder)
            write_json(out / (case + ".json"), {
                "name": case,
                "seed": SEED,
                "metadata": model.metadata,
                "results": results,
            })
            print(case, [result["grid"] for result in results])


main()

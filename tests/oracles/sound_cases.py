#!/usr/bin/env python3
"""Makes the golden cases of tests/data/sound with llama.cpp.

    PYTHONPATH=LLAMA/gguf-py tests/oracles/sound_cases.py --tower PROGRAM [NAME...]

The program is sound_tower.cpp of this folder, built as vision_cases.py says;
tests/data/sound/README.md says what is changed in its llama.cpp.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from sound_towers import all_towers, parakeet
from vision_weights import elements, write_json

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "data" / "sound"
SAMPLES, LONG, HOP = 48000, 30 * 16000 + 1, 160
SHOWN = 600


def run(arguments):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{arguments}: {done.stderr[-3000:]}")
    return list(map(int, done.stdout.split()))


def check(name, values):
    """Ends where the values are not those of a model that tells its rows apart."""
    if not np.isfinite(values).all():
        sys.exit(f"{name}: a value is not finite")
    if not 0.05 < values.std() < 50 or values.std(axis=0).min() < 1e-3:
        sys.exit(f"{name}: values that hardly differ")


def make_tower(tower, program, folder, out):
    path, sound, rows = (folder / n for n in ("tower.gguf", "sound", "rows"))
    tower.model.write_gguf(path)
    flat = elements("sound", tower.model.seed, tower.frames * tower.mels, 0.0, 1.0)
    flat.reshape(tower.frames, tower.mels).T.tofile(sound)  # as llama.cpp has it: [mel][frame]
    results = []
    for _ in range(2):
        count, columns = run([program, "rows", path, tower.frames, tower.mels, sound, rows])
        results.append(np.fromfile(rows, np.float32).reshape(count, columns))
    if not np.array_equal(*results):
        sys.exit(f"{tower.name}: two runs differ")
    check(tower.name, results[0])
    write_json(
        out / (tower.name + ".json"),
        {
            "name": tower.name,
            "seed": tower.model.seed,
            "frames": tower.frames,
            "mels": tower.mels,
            "metadata": tower.model.metadata,
            "tensors": tower.model.tensors,
            "embedding": results[0],
        },
    )
    print(f"tower {tower.name}: {count} rows of {columns}, sd {results[0].std():.3f}")


def noise_of(seed, count):
    """Loud for 4000 samples, soft for 4000, and so on."""
    noise = elements("sound", seed, count, 0.0, 1.0)
    loudness = np.where(np.arange(count) // 4000 % 2 == 0, 0.5, 0.001).astype(np.float32)
    return (noise * loudness).astype(np.float32)


def slaney_hertz(mel):
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def nemo_filters(mels):
    """Triangles of the same area, [mel][frequency], as Parakeet's files have them."""
    edges = slaney_hertz(np.linspace(0, 15 + np.log(8) * 27 / np.log(6.4), mels + 2))
    hertz = np.arange(257) * 16000 / 512
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    up, down = (hertz - left) / (centre - left), (right - hertz) / (right - centre)
    return (np.maximum(0, np.minimum(up, down)) * 2 / (right - left)).astype(np.float32)


def make_spectrogram(program, folder, tower, mels, count):
    path, samples, spectrogram = (folder / n for n in ("tower.gguf", "samples", "mel"))
    changed = None
    if tower.name == "parakeet":
        tower = parakeet(mels)
        changed = {"a.mel_filters": nemo_filters(mels), "a.window": np.hanning(400).astype("f4")}
    tower.model.set("clip.audio.num_mel_bins", "uint32", mels)
    tower.model.write_gguf(path, changed)
    noise_of(mels, count).tofile(samples)
    chunks, bins, frames = run([program, "mel", path, samples, spectrogram])
    values = np.fromfile(spectrogram, np.float32).reshape(chunks, bins, frames).transpose(0, 2, 1)
    if tower.name in ("qwen3a", "parakeet"):  # llama.cpp has one more than the model's processor
        frames = count // HOP
        values = values[:, :frames]
    flat = values.reshape(-1)
    print(f"spectrogram of {count} samples for {tower.name}: {chunks} x {frames} x {bins}")
    return {
        "projector": tower.name,
        "samples": count,
        "mels": mels,
        "frames": chunks * frames,
        "sum": float(flat.astype(np.float64).sum()),
        "every": len(flat) // SHOWN,
        "values": [float("%.9g" % v) for v in flat[:: len(flat) // SHOWN]],
    }


def make_spectrograms(program, folder, out):
    towers = {tower.name: tower for tower in all_towers()}
    kinds = [("ultravox", 128, (SAMPLES, LONG)), ("meralion", 80, (SAMPLES, LONG))]
    kinds += [(name, 128, (SAMPLES + 77,)) for name in ("qwen3a", "gemma4a", "lfm2a")]
    kinds += [("granite_speech", 160, (SAMPLES, SAMPLES + HOP))]
    kinds += [(name, 128, (SAMPLES + 77,)) for name in ("dots3note_a", "parakeet", "mimo_audio")]
    results = [
        make_spectrogram(program, folder, towers[name], mels, count)
        for name, mels, counts in kinds
        for count in counts
    ]
    write_json(out / "spectrograms.json", {"results": results})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tower", required=True)
    parser.add_argument("--out", type=pathlib.Path, default=GOLDEN)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    (arguments.out / "towers").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for tower in all_towers():
            if not arguments.names or tower.name in arguments.names:
                make_tower(tower, arguments.tower, folder, arguments.out / "towers")
        if not arguments.names or "spectrograms" in arguments.names:
            make_spectrograms(arguments.tower, folder, arguments.out)


main()

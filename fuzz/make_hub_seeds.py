#!/usr/bin/env python3
"""Writes answers of a Hub, names and settings as seeds for hub_fuzz: make_hub_seeds.py FOLDER"""

import hashlib
import json
import pathlib
import sys

import make_gguf_seeds as gguf

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LOOK_UP, LIST, FETCH, NAMES, SETTINGS = range(5)  # in the order of hub_fuzz.cpp


def answer(status, headers, body=b""):
    head = f"HTTP/1.1 {status} Word\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return head.encode() + b"\r\n" + body


def described(file, plain=False):
    digest = hashlib.sha256(file).hexdigest()
    if plain:
        return answer(200, {"X-Repo-Commit": COMMIT, "ETag": 'W/"a1"', "Content-Length": len(file)})
    return answer(302, {"X-Repo-Commit": COMMIT, "X-Linked-Etag": f'"{digest}"', "X-Linked-Size": len(file),
                        "Location": "https://cdn.test/file?signature=1"})


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    listing = json.dumps({"siblings": [{"rfilename": name} for name in (
        "a.gguf", "q/b-00001-of-00002.gguf", "q/b-00002-of-00002.gguf", "README.md")]}).encode()
    text = b"no zero bytes in here"
    model = gguf.gguf([gguf.scalar("general.architecture", gguf.STRING, "llama")], []).replace(b"\0", b"\1")
    whole = {"Content-Length": len(text)}
    part = {"Content-Length": len(text) - 5, "Content-Range": f"bytes 5-{len(text) - 1}/{len(text)}"}
    seeds = {
        "linked": (LOOK_UP, [described(text)]),
        "plain": (LOOK_UP, [described(text, plain=True)]),
        "moved": (LOOK_UP, [answer(307, {"Location": "/owner/new/resolve/main/model.gguf"}), described(text)]),
        "gated": (LOOK_UP, [answer(403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "ask"})]),
        "absent": (LOOK_UP, [answer(404, {"X-Error-Code": "EntryNotFound"}),
                             answer(200, {"Content-Length": len(listing)}, listing)]),
        "busy": (LOOK_UP, [answer(503, {"Retry-After": "1"})]),
        "list": (LIST, [answer(200, {"Content-Length": len(listing)}, listing)]),
        "chunks": (LIST, [answer(200, {"Transfer-Encoding": "chunked"},
                                 b"%x\r\n%s\r\n0\r\n\r\n" % (len(listing), listing))]),
        "fetched": (FETCH, [described(text, plain=True), answer(200, whole, text)]),
        "model": (FETCH, [described(model, plain=True), answer(200, {"Content-Length": len(model)}, model)]),
        "cut": (FETCH, [described(text, plain=True), answer(200, whole, text[:5]), answer(206, part, text[5:])]),
        "names": (NAMES, [b"owner/repo", b"main", b"q/b-00001-of-00002.gguf"]),
        "addresses": (NAMES, [b"https://user:word@hub.test/a?b=c", b"main", b"../other?d#e"]),
        "settings": (SETTINGS, [b"HF_ENDPOINT=https://hub.test/", b"HF_HUB_CACHE=~/c", b"HF_TOKEN= hf_a\n"]),
        "homes": (SETTINGS, [b"HOME=/h", b"XDG_CACHE_HOME=/x", b"HF_HUB_OFFLINE=1", b"SSL_CERT_FILE=/c"]),
    }
    for name, (kind, parts) in seeds.items():
        (folder / name).write_bytes(bytes([kind]) + b"\0".join(parts))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

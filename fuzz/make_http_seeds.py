#!/usr/bin/env python3
"""Writes files of API keys and what clients send as seeds for http_fuzz: make_http_seeds.py FOLDER"""

import json
import pathlib
import sys

KEYS = b"sk-1 name=a requests-per-minute=600 tokens-per-minute=9 parallel=2\n# none\nsk-2\n"
HOST = "Host: localhost:8080\r\n"


def request(method, target, headers="", body=""):
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {target} HTTP/1.1\r\n{HOST}{headers}{length}\r\n{body}"


def chunked(body):
    return "".join(f"{len(part):x};a=b\r\n{part}\r\n" for part in (body[:5], body[5:])) + "0\r\nT: x\r\n\r\n"


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    body = json.dumps({"content": "In the beginning"})
    key = "Authorization: Bearer sk-1\r\n"
    seeds = {
        "page": request("GET", "/", "If-None-Match: \"0\"\r\n"),
        "health": request("HEAD", "/health", "X-Request-Id: a-b_c.1\r\nConnection: close\r\n"),
        "several": request("POST", "/tokenize", key, body) + request("GET", "/v1/models/a%2Fb?c=d", key),
        "chunks": request("POST", "/tokenize", "x-api-key: sk-2\r\nTransfer-Encoding: chunked\r\n")
                  + chunked(body),
        "preflight": request("OPTIONS", "/v1/models", "Origin: https://page.test\r\n"
                             "Access-Control-Request-Method: POST\r\n"),
        "origin": request("POST", "/v1/messages", "Origin: http://localhost:8080\r\n", body),
        "encoded": request("POST", "/tokenize", "Content-Encoding: gzip\r\n", body),
        "proxy": request("GET", "http://user@[::1]:80/metrics", "Expect: 100-continue\r\n"),
        "old": "GET /health HTTP/1.0\r\n\r\n",
    }
    for name, text in seeds.items():
        for piece in (0, 255):
            for keys in (b"", KEYS):
                path = folder / f"{name}_{piece}_{len(keys)}"
                path.write_bytes(bytes([piece]) + keys + b"\0" + text.encode())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

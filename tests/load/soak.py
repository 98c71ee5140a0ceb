#!/usr/bin/env python3
"""Clients of all kinds for some minutes: good ones of all endpoints, whose answers must be right, and such as leave, send
nonsense, send too much or read slowly.

    tests/load/soak.py build/release/linnet [--minutes 30] [--clients 24] [--pause-s 0.05]

Ends with 1 if the server ended, a good answer was wrong or refused, or memory grew."""

import argparse
import asyncio
import json
import random
import time

from serving import Reply, Server, ask, request_bytes, stream

MOST_GROWTH_MIB = 15
PROMPTS = ["In the beginning", "And the king said", "Blessed are they", "Now it came to pass", "The words of",
           "Behold, I send", "And the children of Israel", "O LORD my God"]
LONG_PROMPT = "And he said unto them, Go ye into the land. " * 12  # some long texts need all pages together
WEATHER = {"type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]},
                                            "days": {"type": "integer", "minimum": 1, "maximum": 9}},
           "required": ["city", "days"]}
WEATHER_FORMAT = {"type": "json_schema", "json_schema": {"name": "weather", "schema": WEATHER}}


def good_body(numbers):
    return {"prompt": numbers.choice(PROMPTS), "max_tokens": numbers.choice([1, 8, 40, 120]), "temperature": 0,
            "n": numbers.choice([1, 1, 1, 4])}


def long_body(numbers):
    return {"prompt": LONG_PROMPT + numbers.choice(PROMPTS), "max_tokens": 200, "temperature": 0, "ignore_eos": True}


def chat_body(numbers, limit="max_tokens"):
    return {"messages": [{"role": "user", "content": numbers.choice(PROMPTS)}], limit: 24, "temperature": 0}


def is_weather(text):
    value = json.loads(text)
    return value["city"] in ["Paris", "Rome"] and value["days"] in range(1, 10) and len(value) == 2


class Soak:
    def __init__(self, port, arguments):
        self.port = port
        self.pause_s = arguments.pause_s
        self.numbers = random.Random(arguments.seed)
        self.right = {}  # body -> texts
        self.counts = {}
        self.problems = []

    def count(self, kind):
        self.counts[kind] = self.counts.get(kind, 0) + 1

    async def expect_same(self, path, body, answer_of):
        """The same request gets the same answer each time. Gives the answer."""
        status, reply = await ask(self.port, path, body)
        answer = answer_of(reply) if status == 200 else None
        known = self.right.setdefault(path + json.dumps(body), answer)
        if status != 200 or answer != known:
            self.problems.append(f"{path} {body}: {status}, {answer} and not {known}")
        return answer

    async def good(self):
        body = long_body(self.numbers) if self.numbers.random() < 0.1 else good_body(self.numbers)
        await self.expect_same("/v1/completions", body, lambda r: [choice["text"] for choice in r["choices"]])

    async def good_chat(self):
        body = chat_body(self.numbers, "max_completion_tokens")
        await self.expect_same("/v1/chat/completions", body, lambda r: r["choices"][0]["message"]["content"])

    async def good_json(self):
        body = {**chat_body(self.numbers), "max_tokens": 60, "response_format": WEATHER_FORMAT}
        text = await self.expect_same("/v1/chat/completions", body, lambda r: r["choices"][0]["message"]["content"])
        if not is_weather(text):
            self.problems.append(f"{body}: {text} is not what the schema asks for")

    async def good_message(self):
        await self.expect_same("/v1/messages", chat_body(self.numbers), lambda r: r["content"][0]["text"])

    async def good_response(self):
        body = {"input": self.numbers.choice(PROMPTS), "max_output_tokens": 24, "temperature": 0}
        await self.expect_same("/v1/responses", body, lambda r: r["output"][0]["content"][0]["text"])

    async def good_embedding(self):
        body = {"input": self.numbers.sample(PROMPTS, 3)}
        await self.expect_same("/v1/embeddings", body, lambda r: [vector["embedding"] for vector in r["data"]])

    async def good_stream(self):
        body = {**good_body(self.numbers), "n": 1}
        reply = await stream(self.port, body)
        known = self.right.setdefault(json.dumps(body), [reply.text])
        if not reply.complete or [reply.text] != known:
            self.problems.append(f"{body}: {reply.status}, {reply.text} and not {known}")

    async def leaves(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        body = {"prompt": "And", "max_tokens": 500, "ignore_eos": True, "stream": self.numbers.random() < 0.5}
        data = request_bytes("/v1/completions", body)
        writer.write(data[: self.numbers.choice([5, 60, len(data) - 1, len(data), len(data)])])
        await asyncio.sleep(self.numbers.random() * 0.5)
        writer.close() if self.numbers.random() < 0.5 else writer.transport.abort()

    async def nonsense(self):
        bad = self.numbers.choice([
            b"", b"{", b"[" * 100000, b'{"prompt": ' + b"[" * 5000, b"\xff\xfe{}", b'{"prompt": 1}', b"null",
            b'{"prompt": "a", "max_tokens": 1e99}', b'{"prompt": "a", "max_tokens": -1}', b'{"prompt": [1e9]}',
            b'{"prompt": "' + b"a" * 300000 + b'"}', b'{"prompt": "a", "n": 100000}',
            b'{"prompt": "a", "stop": ' + json.dumps(["x" * 1000] * 100).encode() + b"}",
            self.numbers.randbytes(200), b'{"a":1,' * 3000 + b'"b":2' + b"}" * 3000])
        path = self.numbers.choice(["/v1/completions", "/v1/chat/completions", "/v1/messages", "/v1/responses",
                                    "/v1/embeddings", "/tokenize", "/apply-template", "/detokenize"])
        status, _ = await ask(self.port, path, bad)
        if status not in (200, 400, 413) or (status == 200 and path != "/tokenize"):
            self.problems.append(f"{path} {bad[:40]}: {status}")

    async def no_http(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self.numbers.choice([self.numbers.randbytes(500), b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 50,
                                          b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 50000 + b"\r\n\r\n",
                                          b"POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]))
        writer.write_eof()
        try:
            await asyncio.wait_for(reader.read(), 40)
        except ConnectionError:
            pass
        writer.close()

    async def oversize(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request_bytes("/v1/completions", b" " * (9 << 20)))
            data = await asyncio.wait_for(reader.read(), 40)
            if not data.startswith(b"HTTP/1.1 413"):
                self.problems.append(f"oversize: {data[:40]}")
        except ConnectionError:
            pass
        writer.close()

    async def slow_reader(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1024)
        writer.write(request_bytes("/v1/completions", {"prompt": "And", "max_tokens": 300, "stream": True, "n": 8,
                                                       "ignore_eos": True}))
        for _ in range(self.numbers.randrange(5, 60)):
            if not await reader.read(256):
                break
            await asyncio.sleep(0.1)
        writer.close()

    async def client(self, end):
        kinds = [self.good] * 5 + [self.good_stream] * 5 + [self.leaves] * 4 + [self.nonsense] * 4 + \
                [self.no_http] * 2 + [self.slow_reader] * 2 + [self.oversize] + \
                [self.good_chat, self.good_json, self.good_message, self.good_response, self.good_embedding]
        while time.monotonic() < end and len(self.problems) < 10:
            kind = self.numbers.choice(kinds)
            try:
                await asyncio.wait_for(kind(), 120)
                self.count(kind.__name__)
            except Exception as problem:  # whatever a client meets is for the report
                self.problems.append(f"{kind.__name__}: {problem!r}")
            await asyncio.sleep(self.numbers.random() * self.pause_s)


async def watch(server, end, memory):
    while time.monotonic() < end and server.is_running():
        memory.append(server.memory_mib())
        await asyncio.sleep(5)


async def run(server, arguments):
    end = time.monotonic() + arguments.minutes * 60
    soak = Soak(server.port, arguments)
    memory = []
    await asyncio.gather(watch(server, end, memory), *[soak.client(end) for _ in range(arguments.clients)])
    return soak, memory


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--pause-s", type=float, default=0.05, help="most that a client waits between requests")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    arguments = parse()
    with Server(arguments.program, "--threads", "1", "--chat-template", "chatml") as server:
        soak, memory = asyncio.run(run(server, arguments))
        deadline = time.monotonic() + 60  # for what was given up to end
        while server.is_running() and server.metrics()["linnet_connections"] > 1 and time.monotonic() < deadline:
            time.sleep(1)
        is_running = server.is_running()
        metrics = server.metrics() if is_running else {}
    # The first fifth fills caches and the allocator's reserves.
    early, late = max(memory[: max(1, len(memory) // 5)]), max(memory[-max(1, len(memory) // 5):])
    print(f"{sum(soak.counts.values())} requests: {dict(sorted(soak.counts.items()))}")
    print(f"memory: at most {early:.1f} MiB in the first fifth, {late:.1f} MiB in the last")
    idle = is_running and metrics["linnet_running"] == metrics["linnet_waiting"] == 0
    pages = is_running and metrics["linnet_kv_pages"] == metrics["linnet_kv_free_pages"]
    print(f"afterwards: {'running' if is_running else 'ENDED'}, {'idle' if idle else 'BUSY'}, "
          f"{'all pages free' if pages else 'PAGES ARE HELD'}, {metrics.get('linnet_connections', 0):.0f} connection")
    for problem in soak.problems[:20]:
        print(f"problem: {problem}")
    good = is_running and idle and pages and not soak.problems and late - early < MOST_GROWTH_MIB
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()

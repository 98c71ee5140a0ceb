"""A server under load and its clients, for the scripts of this folder. Python's own library only; everything stays on
127.0.0.1."""

import asyncio
import json
import re
import subprocess
import time
import urllib.request


class Server:
    """`linnet serve` on a free port; ended at the end of a `with`."""

    def __init__(self, program, *options):
        self.begin = time.monotonic()
        self.process = subprocess.Popen([program, "serve", "--port", "0", *options], stderr=subprocess.PIPE, text=True)
        said = ""
        for line in self.process.stderr:
            said += line
            found = re.search(r" at http://127\.0\.0\.1:(\d+)", line)
            if found:
                break
        else:
            raise RuntimeError(f"the server ended: {said}")
        self.ready_s = time.monotonic() - self.begin
        self.port = int(found[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def is_running(self):
        return self.process.poll() is None

    def memory_mib(self, field="VmRSS"):
        """VmRSS now, VmHWM at most so far."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(rf"{field}:\s+(\d+)", status.read())[1]) / 1024

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as reply:
            return reply.read().decode()

    def metrics(self):
        """Numbers by name, labels included."""
        lines = [line for line in self.get("/metrics").splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def request_bytes(path, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


class Reply:
    def __init__(self):
        self.status = 0
        self.text = ""  # what was generated
        self.token_times = []  # when parts of it came
        self.complete = False  # the stream came to its [DONE]
        self.tokens = 0  # that were generated, where stream_options asked for usage


async def read_stream(reader, reply):
    """Server-sent events of /v1/completions into `reply`. Chunk borders are lines without `data: `."""
    head = await reader.readuntil(b"\r\n\r\n")
    reply.status = int(head.split()[1])
    while line := await reader.readline():
        if line.startswith(b"data: [DONE]"):
            reply.complete = True
        elif line.startswith(b"data: "):
            event = json.loads(line[6:])
            usage = event.get("usage") or {}
            reply.tokens = usage.get("completion_tokens", reply.tokens)
            text = "".join(choice["text"] for choice in event.get("choices", []))
            if text:
                reply.text += text
                reply.token_times.append(time.monotonic())


async def stream(port, body, reply=None):
    reply = reply or Reply()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request_bytes("/v1/completions", {**body, "stream": True}))
        await read_stream(reader, reply)
    finally:
        writer.close()
    return reply


async def ask(port, path, body):
    """A reply that is not a stream: its status and its JSON (None where there is none)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request_bytes(path, body))
        data = await reader.read()
    finally:
        writer.close()
    head, _, rest = data.partition(b"\r\n\r\n")
    try:
        return int(head.split()[1]), json.loads(rest)
    except (IndexError, ValueError):
        return 0, None

#!/usr/bin/env python3
"""kill -9 in the middle of an answer, then the same server again: how long until it answers?

    tests/load/restart.py build/release/linnet --gguf MODEL [--times 3]

The model should be in the page cache. Ends with 1 if a start took 2 s or longer."""

import argparse
import asyncio
import time

from serving import Reply, Server, ask, stream

MOST_S = 2.0


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--times", type=int, default=3)
    return parser.parse_args()


async def kill_in_mid_answer(server):
    reply = Reply()
    body = {"prompt": [5, 6, 7], "max_tokens": 500, "temperature": 0, "ignore_eos": True}
    task = asyncio.create_task(stream(server.port, body, reply))
    while not reply.token_times:
        await asyncio.sleep(0.01)
    server.process.kill()
    server.process.wait()
    await asyncio.gather(task, return_exceptions=True)


def main():
    arguments = parse()
    options = ["--gguf", arguments.gguf, "--ctx", "2048", "--kv-tokens", "4096"]
    times = []
    server = Server(arguments.program, *options)
    for _ in range(arguments.times):
        asyncio.run(kill_in_mid_answer(server))
        begin = time.monotonic()
        server = Server(arguments.program, *options)
        ready_s = time.monotonic() - begin
        status, _ = asyncio.run(ask(server.port, "/v1/completions", {"prompt": [5, 6, 7], "max_tokens": 1}))
        times.append((ready_s, time.monotonic() - begin, status))
    server.process.kill()
    for ready_s, answered_s, status in times:
        print(f"ready {ready_s:.2f} s after the start, first answer ({status}) after {answered_s:.2f} s")
    raise SystemExit(0 if all(ready < MOST_S and status == 200 for ready, _, status in times) else 1)


if __name__ == "__main__":
    main()

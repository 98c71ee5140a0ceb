#!/usr/bin/env python3
"""Eight users at once, two requests each, prompts of 512 tokens of which 400 are the same: this server and llama.cpp's,
one after the other on the same machine, each after a round of other prompts that does not count.

    build/release/linnet synth --shape tinyllama-1.1b --type Q4_K /tmp/model.gguf
    tests/load/throughput.py build/release/linnet --gguf /tmp/model.gguf --llama-server PATH [--rounds 1]

Both take as many threads as there are cores. Ends with 1 if one of its streams broke off or it was not 5 times as fast."""

import argparse
import asyncio
import os
import random
import socket
import subprocess
import time
import urllib.error
import urllib.request

from serving import Reply, Server, stream

USERS, REQUESTS, SHARED, OWN, ANSWER = 8, 2, 400, 112, 64
LEAST_RATIO = 5.0
CONTEXT = SHARED + OWN + ANSWER + 64


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--llama-server", help="without it, this server alone is measured")
    parser.add_argument("--rounds", type=int, default=1, help="how often both are run")
    return parser.parse_args()


class LlamaServer:
    """llama-server with a slot for each user; ended at the end of a `with`."""

    def __init__(self, program, gguf):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        options = ["-m", gguf, "--host", "127.0.0.1", "--port", str(self.port), "-np", str(USERS),
                   "-c", str(CONTEXT * USERS), "-t", str(len(os.sched_getaffinity(0)))]
        self.process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError("llama-server did not become ready")
            time.sleep(0.1)

    def is_ready(self):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


async def user(port, prompts, replies):
    for prompt in prompts:
        body = {"prompt": prompt, "max_tokens": ANSWER, "temperature": 0, "ignore_eos": True,
                "stream_options": {"include_usage": True}}
        reply = Reply()
        begin = time.monotonic()
        await stream(port, body, reply)
        replies.append((begin, reply))


async def all_users(port, seed):
    numbers = random.Random(seed)

    def tokens(count):
        return [numbers.randrange(300, 20000) for _ in range(count)]

    shared = tokens(SHARED)
    prompts = [[shared + tokens(OWN) for _ in range(REQUESTS)] for _ in range(USERS)]
    replies = []
    begin = time.monotonic()
    await asyncio.gather(*[user(port, own, replies) for own in prompts])
    return replies, time.monotonic() - begin


def measure(name, port):
    """Tokens a second over all users, and whether every stream gave all of its tokens."""
    asyncio.run(all_users(port, seed=0))  # other prompts, so that memory has been touched once
    replies, took_s = asyncio.run(all_users(port, seed=1))
    first_s = max(reply.token_times[0] - begin for begin, reply in replies)
    gap_s = max(later - earlier for _, reply in replies
                for earlier, later in zip(reply.token_times, reply.token_times[1:]))
    rate = sum(reply.tokens for _, reply in replies) / took_s
    print(f"{name}: {rate:.1f} tokens/s over all users in {took_s:.1f} s, first token at worst after {first_s:.1f} s, "
          f"worst gap {gap_s:.2f} s", flush=True)
    short = sum(not reply.complete or reply.tokens != ANSWER for _, reply in replies)
    if short:
        print(f"{name}: {short} of {len(replies)} streams ended early", flush=True)
    return rate, short == 0


def main():
    arguments = parse()
    ours, theirs = [], []
    for _ in range(arguments.rounds):
        with Server(arguments.program, "--gguf", arguments.gguf, "--ctx", str(CONTEXT)) as server:
            ours.append(measure("linnet", server.port))
        if arguments.llama_server:
            with LlamaServer(arguments.llama_server, arguments.gguf) as server:
                theirs.append(measure("llama.cpp", server.port))
    if theirs:
        ratio = sum(rate for rate, _ in ours) / sum(rate for rate, _ in theirs)
        print(f"linnet is {ratio:.1f} times as fast")
        if ratio < LEAST_RATIO:
            raise SystemExit(1)
    raise SystemExit(0 if all(is_whole for _, is_whole in ours) else 1)


if __name__ == "__main__":
    main()

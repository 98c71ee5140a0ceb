#!/usr/bin/env python3
"""1,000 clients stream at the same time.

    tests/load/streams.py build/release/linnet [--streams 1000] [--tokens 64]

Ends with 1 unless all streams came to their end with the same text and memory stayed small."""

import argparse
import asyncio
import resource
import time

from serving import Server, stream

MOST_MIB = 100


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--tokens", type=int, default=64)
    return parser.parse_args()


async def run(port, arguments):
    body = {"prompt": "And the", "max_tokens": arguments.tokens, "temperature": 0, "ignore_eos": True}
    alone = (await stream(port, body)).text
    begin = time.monotonic()
    replies = await asyncio.gather(*[stream(port, body) for _ in range(arguments.streams)], return_exceptions=True)
    took_s = time.monotonic() - begin
    good = [reply for reply in replies if getattr(reply, "complete", False) and reply.text == alone]
    return len(good), took_s


def main():
    arguments = parse()
    needed = arguments.streams + 100
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, needed), hard), hard))
    with Server(arguments.program, "--threads", "1") as server:
        before_mib = server.memory_mib()
        good, took_s = asyncio.run(run(server.port, arguments))
        grown_mib = server.memory_mib("VmHWM") - before_mib
        peak = server.metrics()
    print(f"{good} of {arguments.streams} streams complete and right in {took_s:.1f} s, "
          f"{good * arguments.tokens / took_s:.0f} tokens/s")
    print(f"memory: {before_mib:.0f} MiB before, at most {grown_mib:.1f} MiB more; "
          f"{peak['linnet_connections']:.0f} connections left open")
    raise SystemExit(0 if good == arguments.streams and grown_mib < MOST_MIB else 1)


if __name__ == "__main__":
    main()

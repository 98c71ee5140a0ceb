#!/usr/bin/env python3
"""The longest wait of a running stream for its next token while a long prompt comes in.

    build/release/linnet synth --shape tinyllama-1.1b --type Q4_K_M /tmp/model.gguf
    tests/load/gap.py build/release/linnet --gguf /tmp/model.gguf [--prompt-tokens 4000] [--max-itl-ms 200]

Ends with 1 if a gap was longer than --max-itl-ms and the longest step of running texts alone."""

import argparse
import asyncio
import random
import time

from serving import Reply, Server, ask, stream


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--prompt-tokens", type=int, default=4000)
    parser.add_argument("--max-itl-ms", type=int, default=200)
    parser.add_argument("--threads", help="of the engine; as many as the machine has where it is not given")
    parser.add_argument("--most-seconds", type=float, default=110)
    return parser.parse_args()


def gaps_ms(times):
    return [(later - earlier) * 1000 for earlier, later in zip(times, times[1:])]


async def run(port, arguments):
    numbers = random.Random(1)
    short = [numbers.randrange(300, 20000) for _ in range(8)]
    long = [numbers.randrange(300, 20000) for _ in range(arguments.prompt_tokens)]
    running = Reply()
    body = {"prompt": short, "max_tokens": 1500, "temperature": 0, "ignore_eos": True}
    task = asyncio.create_task(stream(port, body, running))
    while len(running.token_times) < 20:
        await asyncio.sleep(0.05)
    alone_ms = max(gaps_ms(running.token_times[2:]))
    begin = time.monotonic()
    request = {"prompt": long, "max_tokens": 1, "temperature": 0}
    status, reply = await asyncio.wait_for(ask(port, "/v1/completions", request), arguments.most_seconds)
    end = time.monotonic()
    task.cancel()
    assert status == 200, reply
    beside = [moment for moment in running.token_times if moment >= begin - 1]
    return alone_ms, gaps_ms([moment for moment in beside if moment <= end]), end - begin


def main():
    arguments = parse()
    options = ["--gguf", arguments.gguf, "--max-itl-ms", str(arguments.max_itl_ms)]
    options += ["--ctx", str(arguments.prompt_tokens + 2000), "--kv-tokens", str(arguments.prompt_tokens + 4000)]
    if arguments.threads:
        options += ["--threads", arguments.threads]
    with Server(arguments.program, *options) as server:
        alone_ms, gaps, prompt_s = asyncio.run(run(server.port, arguments))
    gaps.sort()
    print(f"a prompt of {arguments.prompt_tokens} tokens took {prompt_s:.1f} s beside a running stream "
          f"({arguments.prompt_tokens / prompt_s:.0f} tokens/s)")
    print(f"gaps of the stream: {len(gaps)}, median {gaps[len(gaps) // 2]:.0f} ms, longest {gaps[-1]:.0f} ms "
          f"(alone {alone_ms:.0f} ms; --max-itl-ms {arguments.max_itl_ms})")
    raise SystemExit(0 if gaps[-1] <= arguments.max_itl_ms + alone_ms else 1)


if __name__ == "__main__":
    main()

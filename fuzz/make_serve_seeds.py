#!/usr/bin/env python3
"""Writes requests to all endpoints as seeds for serve_fuzz: make_serve_seeds.py FOLDER.

With --dict FILE, also the names of all fields as a dictionary for libFuzzer.
"""

import json
import pathlib
import sys

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "enum": ["Paris", "Rome"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 9},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "maxItems": 3},
    },
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"tag": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5}},
}
FUNCTION = {"name": "get_weather", "description": "a tool", "parameters": SCHEMA, "strict": True}
MESSAGES = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
    {
        "role": "assistant",
        "content": None,
        "reasoning_content": "hm",
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "get_weather", "arguments": "{\"city\": \"Rome\"}"},
            }
        ],
    },
    {"role": "tool", "name": "get_weather", "tool_call_id": "call_1", "content": "sunny"},
]
DATA = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"  # a GIF of one pixel
URL = "data:image/gif;base64," + DATA
SEEN = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": URL, "detail": "low"}}]}]
SAMPLING = {
    "model": "model",
    "max_tokens": 8,
    "min_tokens": 1,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "min_p": 0.1,
    "typical_p": 0.9,
    "seed": -3,
    "logit_bias": {"12": -1.5},
    "frequency_penalty": 0.1,
    "presence_penalty": 0.1,
    "repeat_penalty": 1.1,
    "dry_multiplier": 0.8,
    "dry_sequence_breakers": ["\n"],
    "mirostat": 2,
    "stop": ["a", "b"],
    "n": 2,
    "stream": True,
    "stream_options": {"include_usage": True},
    "ignore_eos": False,
}
ITEMS = [
    {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
    {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
    {"type": "function_call", "call_id": "c", "name": "get_weather", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "sunny"},
]
BLOCKS = [
    {"role": "user", "content": "Weather?"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "t", "name": "get_weather", "input": {"city": "Rome"}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x"}]}
        ],
    },
]
SOURCE = {"type": "base64", "media_type": "image/gif", "data": DATA}
SEEN_BLOCKS = [{"role": "user", "content": [{"type": "image", "source": SOURCE}]}]
ANTHROPIC = {
    "model": "model",
    "max_tokens": 8,
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": BLOCKS,
    "tools": [{"name": "get_weather", "input_schema": SCHEMA}],
    "tool_choice": {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "stop_sequences": ["a"],
    "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
}

# In the order of the paths in serve_fuzz.cpp.
REQUESTS = [
    [
        dict(SAMPLING, prompt="In the", echo=True, logprobs=2, best_of=1),
        {"prompt": [[1, 2], [3]], "grammar": "root ::= \"a\" [b-c]* | <[3]>"},
        {"prompt": "a", "suffix": "b", "json_schema": SCHEMA},
    ],
    [
        dict(SAMPLING, messages=MESSAGES, logprobs=True, top_logprobs=2, reasoning_effort="low"),
        {
            "messages": MESSAGES[:2],
            "tools": [{"type": "function", "function": FUNCTION}],
            "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
            "parallel_tool_calls": False,
            "chat_template_kwargs": {"enable_thinking": False},
        },
        {
            "messages": MESSAGES[:2],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "weather", "strict": True, "schema": SCHEMA},
            },
        },
        {"messages": MESSAGES[:2], "response_format": {"type": "json_object"}},
        {"messages": SEEN},
    ],
    [
        {
            "input": ITEMS,
            "instructions": "Be brief.",
            "max_output_tokens": 8,
            "tools": [dict(FUNCTION, type="function")],
            "tool_choice": "required",
            "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}},
            "reasoning": {"effort": "low"},
            "include": ["message.output_text.logprobs"],
            "top_logprobs": 1,
            "metadata": {"a": "b"},
        },
        {"input": "Weather?", "previous_response_id": None, "truncation": "disabled"},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": URL}]}]},
    ],
    [{"input": ["a", "b"], "encoding_format": "base64", "dimensions": 64}, {"input": [1, 2]}],
    [ANTHROPIC, {"max_tokens": 8, "messages": SEEN_BLOCKS}],
    [ANTHROPIC, {"messages": SEEN_BLOCKS}],
    [{"content": "a b", "add_special": True, "parse_special": True, "with_pieces": True}],
    [{"tokens": [1, 2, 3]}],
    [{"messages": MESSAGES, "add_generation_prompt": False}, {"messages": SEEN}],
    [
        {"query": "a", "documents": ["b", {"text": "c"}], "top_n": 1, "return_documents": True},
        {"query": "a", "texts": ["b"], "return_text": True, "model": "model"},
    ],
    [{"file": "UklGRgQAAABXQVZF", "prompt": "a", "language": "en", "response_format": "json"}],
]


def names(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names(inner)
    elif isinstance(value, str) and value.isidentifier():
        yield value


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for path, requests in enumerate(REQUESTS):
        for number, request in enumerate(requests):
            for model in range(3):
                body = bytes([path + model * len(REQUESTS)]) + json.dumps(request).encode()
                (folder / f"{path}_{number}_{model}").write_bytes(body)
    if sys.argv[2:3] == ["--dict"]:
        words = sorted(set(names(REQUESTS)))
        pathlib.Path(sys.argv[3]).write_text("".join(f'"\\"{word}\\""\n' for word in words))


if __name__ == "__main__":
    main()

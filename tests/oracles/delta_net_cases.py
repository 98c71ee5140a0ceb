#!/usr/bin/env python3
"""Writes golden cases of gated delta nets whose heads share keys, which llama.cpp's cases lack.

    tests/oracles/delta_net_cases.py    writes tests/data/architectures/{qwen3next,qwen35}-own.json

The models are evaluated here in double precision, straight from the paper's formulas
(https://arxiv.org/abs/2412.06464), token by token and head by head; nothing is shared with Linnet's
code.
"""
import math

from case_maker import Case, VOCABULARY, add, rms_norm, sigmoid, swiglu, write

WIDTH, INNER, LAYERS = 40, 56, 2
KEY_HEADS, HEADS, KEY_WIDTH, VALUE_WIDTH, KERNEL = 2, 6, 8, 8, 4
SHARED = HEADS // KEY_HEADS
KEYS, VALUES = KEY_HEADS * KEY_WIDTH, HEADS * VALUE_WIDTH
EPSILON = 1e-6


def silu(x):
    return x * sigmoid(x)


def unit(x):
    length = max(math.sqrt(sum(v * v for v in x)), EPSILON)
    return [v / length for v in x]


def make_layer(case, prefix, old_order):
    case.make(prefix + "attn_norm.weight", [WIDTH], 1.0, 0.25)
    case.make(prefix + "post_attention_norm.weight", [WIDTH], 1.0, 0.25)
    if old_order:
        case.make(prefix + "ssm_in.weight", [WIDTH, 2 * KEYS + 2 * VALUES])
        case.make(prefix + "ssm_ba.weight", [WIDTH, 2 * HEADS])
    else:
        case.make(prefix + "attn_qkv.weight", [WIDTH, 2 * KEYS + VALUES])
        case.make(prefix + "attn_gate.weight", [WIDTH, VALUES])
        case.make(prefix + "ssm_beta.weight", [WIDTH, HEADS])
        case.make(prefix + "ssm_alpha.weight", [WIDTH, HEADS])
    case.make(prefix + "ssm_conv1d.weight", [KERNEL, 2 * KEYS + VALUES])
    case.make(prefix + "ssm_dt.bias", [HEADS], 0.0, 0.5)
    case.make(prefix + "ssm_a", [HEADS], -1.0, 0.5)
    case.make(prefix + "ssm_norm.weight", [VALUE_WIDTH], 1.0, 0.25)
    case.make(prefix + "ssm_out.weight", [VALUES, WIDTH])
    for part in ("gate", "up"):
        case.make(prefix + f"ffn_{part}.weight", [WIDTH, INNER])
    case.make(prefix + "ffn_down.weight", [INNER, WIDTH])


def project(case, prefix, x, old_order):
    """Queries, keys, values, gates, betas and alphas, each by head."""
    if not old_order:
        qkv = case.times(prefix + "attn_qkv", x)
        return (qkv[:KEYS], qkv[KEYS:2 * KEYS], qkv[2 * KEYS:], case.times(prefix + "attn_gate", x),
                case.times(prefix + "ssm_beta", x), case.times(prefix + "ssm_alpha", x))
    mixed, controls = case.times(prefix + "ssm_in", x), case.times(prefix + "ssm_ba", x)
    q, k, v, z, beta, alpha = [], [], [], [], [], []
    for _ in range(KEY_HEADS):
        for part, size in ((q, KEY_WIDTH), (k, KEY_WIDTH), (v, SHARED * VALUE_WIDTH),
                           (z, SHARED * VALUE_WIDTH)):
            part += mixed[:size]
            mixed = mixed[size:]
        for part in (beta, alpha):
            part += controls[:SHARED]
            controls = controls[SHARED:]
    return q, k, v, z, beta, alpha


def convolve(case, prefix, x, state):
    window = state["window"] + [x]
    state["window"] = window[1:]
    weight = case[prefix + "ssm_conv1d.weight"]
    return [silu(sum(window[i][c] * weight[c * KERNEL + i] for i in range(KERNEL)))
            for c in range(len(x))]


def delta_net(case, prefix, x, state, old_order):
    q, k, v, z, beta, alpha = project(case, prefix, x, old_order)
    mixed = convolve(case, prefix, q + k + v, state)
    q, k, v = mixed[:KEYS], mixed[KEYS:2 * KEYS], mixed[2 * KEYS:]
    out = []
    for h in range(HEADS):
        # In the old order the heads that share a key follow one another.
        key_head = h // SHARED if old_order else h % KEY_HEADS
        keys = slice(key_head * KEY_WIDTH, (key_head + 1) * KEY_WIDTH)
        values = slice(h * VALUE_WIDTH, (h + 1) * VALUE_WIDTH)
        query, key, value = unit(q[keys]), unit(k[keys]), v[values]
        step = math.log1p(math.exp(alpha[h] + case[prefix + "ssm_dt.bias"][h]))
        decay = math.exp(case[prefix + "ssm_a"][h] * step)
        matrix = state["matrix"][h]  # [key][value]
        for row in matrix:
            for i in range(VALUE_WIDTH):
                row[i] *= decay
        known = [sum(matrix[j][i] * key[j] for j in range(KEY_WIDTH)) for i in range(VALUE_WIDTH)]
        for j in range(KEY_WIDTH):
            for i in range(VALUE_WIDTH):
                matrix[j][i] += key[j] * sigmoid(beta[h]) * (value[i] - known[i])
        seen = [sum(matrix[j][i] * query[j] for j in range(KEY_WIDTH)) / math.sqrt(KEY_WIDTH)
                for i in range(VALUE_WIDTH)]
        normed = rms_norm(seen, case[prefix + "ssm_norm.weight"], EPSILON)
        out += [n * silu(g) for n, g in zip(normed, z[values])]
    return case.times(prefix + "ssm_out", out)


def build(case, old_order):
    case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 0.875)
    case.make("output_norm.weight", [WIDTH], 1.0, 0.25)
    for i in range(LAYERS):
        make_layer(case, f"blk.{i}.", old_order)
    states = [{"window": [[0.0] * (2 * KEYS + VALUES)] * (KERNEL - 1),
               "matrix": [[[0.0] * VALUE_WIDTH for _ in range(KEY_WIDTH)] for _ in range(HEADS)]}
              for _ in range(LAYERS)]

    def step(token):
        x = case["token_embd.weight"][token * WIDTH:(token + 1) * WIDTH]
        for i, state in enumerate(states):
            prefix = f"blk.{i}."
            normed = rms_norm(x, case[prefix + "attn_norm.weight"], EPSILON)
            x = add(x, delta_net(case, prefix, normed, state, old_order))
            normed = rms_norm(x, case[prefix + "post_attention_norm.weight"], EPSILON)
            x = add(x, swiglu(case, prefix, normed))
        return case.times("token_embd", rms_norm(x, case["output_norm.weight"], EPSILON))  # tied

    return step


def main():
    for architecture, old_order in (("qwen3next", True), ("qwen35", False)):
        case = Case()
        step = build(case, old_order)
        write(f"{architecture}-own", architecture, case, step, {
            "embedding_length": ("uint32", WIDTH), "block_count": ("uint32", LAYERS),
            "feed_forward_length": ("uint32", INNER), "attention.head_count": ("uint32", 2),
            "attention.layer_norm_rms_epsilon": ("float32", EPSILON),
            "attention.recurrent_layers": ("uint32", [1] * LAYERS),
            "ssm.inner_size": ("uint32", VALUES), "ssm.state_size": ("uint32", KEY_WIDTH),
            "ssm.conv_kernel": ("uint32", KERNEL), "ssm.time_step_rank": ("uint32", HEADS),
            "ssm.group_count": ("uint32", KEY_HEADS)})


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes golden cases of RWKV variants for which there is no case of llama.cpp.

    tests/oracles/rwkv_cases.py            writes tests/data/architectures/{rwkv7,arwkv7,rwkv6qwen2}-own.json

The models are evaluated here in double precision, straight from the papers' formulas (RWKV-7:
https://arxiv.org/abs/2503.14456, RWKV-6: https://arxiv.org/abs/2404.05892), token by token and head
by head, with lists of numbers; nothing is shared with Linnet's code.
"""
import math

from case_maker import (Case, VOCABULARY, add, layer_norm, lerp, rms_norm, sigmoid, swiglu, write)

WIDTH, HEAD, INNER, LAYERS = 48, 12, 80, 3


def group_norm(x, weight, bias, epsilon=64e-5):
    result = []
    for h in range(0, len(x), HEAD):
        result += layer_norm(x[h:h + HEAD], weight[h:h + HEAD], bias[h:h + HEAD], epsilon)
    return result


# ---------------------------------------------------------------- RWKV-7
RANKS = {"w": 16, "a": 8, "v": 6, "g": 20}


def make_time_mix7(case, prefix, index, gated, normed):
    for part in "wav":
        rank = RANKS["a"] if part == "v" and index == 0 else RANKS[part]
        case.make(prefix + f"time_mix_{part}0.weight", [WIDTH], 0.0, 0.5)
        case.make(prefix + f"time_mix_{part}1.weight", [WIDTH, rank])
        case.make(prefix + f"time_mix_{part}2.weight", [rank, WIDTH])
    if gated:
        case.make(prefix + "time_mix_g1.weight", [WIDTH, RANKS["g"]])
        case.make(prefix + "time_mix_g2.weight", [RANKS["g"], WIDTH])
    case.make(prefix + "time_mix_lerp_fused.weight", [WIDTH, 1, 1, 6 if gated else 5], 0.5, 0.5)
    for part, centre in (("k_k", 0.85), ("k_a", 1.0), ("r_k", 0.0)):
        case.make(prefix + f"time_mix_{part}.weight", [WIDTH], centre, 0.25)
    for part in ("key", "value", "receptance", "output"):
        case.make(prefix + f"time_mix_{part}.weight", [WIDTH, WIDTH])
    if normed:
        case.make(prefix + "time_mix_ln.weight", [WIDTH], 1.0, 0.25)
        case.make(prefix + "time_mix_ln.bias", [WIDTH], 0.0, 0.2)


def low_rank(case, stem, x, middle=lambda v: v, base=True):
    y = case.times(stem + "2", [middle(v) for v in case.times(stem + "1", x)])
    return add(y, case[stem + "0.weight"]) if base else y


def time_mix7(case, prefix, index, x, state, first_values):
    fused = case[prefix + "time_mix_lerp_fused.weight"]
    mixed = [lerp(x, state["shift"], fused[i:i + WIDTH]) for i in range(0, len(fused), WIDTH)]
    state["shift"] = x
    stem = prefix + "time_mix_"
    r = case.times(stem + "receptance", mixed[0])
    decay = [math.exp(-math.exp(-0.5) * sigmoid(v))
             for v in low_rank(case, stem + "w", mixed[1], math.tanh)]
    k = case.times(stem + "key", mixed[2])
    v = case.times(stem + "value", mixed[3])
    if index == 0:
        first_values[:] = v
    else:
        share = [sigmoid(s) for s in low_rank(case, stem + "v", mixed[3])]
        v = lerp(v, first_values, share)
    rate = [sigmoid(a) for a in low_rank(case, stem + "a", mixed[4])]
    removal = [a * b for a, b in zip(k, case[stem + "k_k.weight"])]
    for h in range(0, WIDTH, HEAD):
        length = max(math.sqrt(sum(c * c for c in removal[h:h + HEAD])), 1e-12)
        removal[h:h + HEAD] = [c / length for c in removal[h:h + HEAD]]
    k = [c * (1.0 + (a - 1.0) * f) for c, a, f in zip(k, rate, case[stem + "k_a.weight"])]

    out = [0.0] * WIDTH
    for h in range(0, WIDTH, HEAD):
        for i in range(h, h + HEAD):  # a row of the state: one column of values
            row = state["matrix"][i]
            removed = sum(row[j] * removal[h + j] for j in range(HEAD))
            for j in range(HEAD):
                row[j] = (row[j] * decay[h + j] - removed * removal[h + j] * rate[h + j]
                          + v[i] * k[h + j])
            out[i] = sum(row[j] * r[h + j] for j in range(HEAD))
    if stem + "ln.weight" in case.values:
        out = group_norm(out, case[stem + "ln.weight"], case[stem + "ln.bias"])
    bonus = case[stem + "r_k.weight"]
    for h in range(0, WIDTH, HEAD):
        factor = sum(r[c] * k[c] * bonus[c] for c in range(h, h + HEAD))
        for c in range(h, h + HEAD):
            out[c] += v[c] * factor
    if len(mixed) == 6:
        gate = low_rank(case, stem + "g", mixed[5], sigmoid, base=False)
        out = [a * b for a, b in zip(out, gate)]
    return case.times(stem + "output", out)


def new_state():
    return {"shift": [0.0] * WIDTH, "ffn_shift": [0.0] * WIDTH,
            "matrix": [[0.0] * HEAD for _ in range(WIDTH)]}


def rwkv7(case):
    epsilon = 1e-5
    case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 0.875)
    norms = ["token_embd_norm", "output_norm"]
    norms += [f"blk.{i}.{n}" for i in range(LAYERS) for n in ("attn_norm", "attn_norm_2")]
    for norm in norms:
        case.make(norm + ".weight", [WIDTH], 1.0, 0.25)
        case.make(norm + ".bias", [WIDTH], 0.0, 0.2)
    case.make("output.weight", [WIDTH, VOCABULARY])
    for i in range(LAYERS):
        make_time_mix7(case, f"blk.{i}.", i, gated=True, normed=True)
        case.make(f"blk.{i}.channel_mix_lerp_k.weight", [WIDTH], 0.5, 0.5)
        case.make(f"blk.{i}.channel_mix_key.weight", [WIDTH, INNER])
        case.make(f"blk.{i}.channel_mix_value.weight", [INNER, WIDTH])
    states = [new_state() for _ in range(LAYERS)]

    def norm(name, x):
        return layer_norm(x, case[name + ".weight"], case[name + ".bias"], epsilon)

    def step(token):
        x = norm("token_embd_norm", case["token_embd.weight"][token * WIDTH:(token + 1) * WIDTH])
        first_values = []
        for i, state in enumerate(states):
            prefix = f"blk.{i}."
            x = add(x, time_mix7(case, prefix, i, norm(prefix + "attn_norm", x), state,
                                 first_values))
            y = norm(prefix + "attn_norm_2", x)
            mixed = lerp(y, state["ffn_shift"], case[prefix + "channel_mix_lerp_k.weight"])
            state["ffn_shift"] = y
            inner = [max(v, 0.0) ** 2 for v in case.times(prefix + "channel_mix_key", mixed)]
            x = add(x, case.times(prefix + "channel_mix_value", inner))
        return case.times("output", norm("output_norm", x))

    metadata = {"attention.layer_norm_epsilon": ("float32", epsilon), **ranks7()}
    return step, metadata


def ranks7():
    return {"wkv.head_size": ("uint32", HEAD), "token_shift_count": ("uint32", 2),
            "attention.head_count": ("uint32", 0),
            "attention.decay_lora_rank": ("uint32", RANKS["w"]),
            "attention.iclr_lora_rank": ("uint32", RANKS["a"]),
            "attention.value_residual_mix_lora_rank": ("uint32", RANKS["v"]),
            "attention.gate_lora_rank": ("uint32", RANKS["g"])}


def qwen_like(case, make_mixer, mixer):
    """Qwen 2 with another mixer in the place of attention."""
    epsilon = 1e-6
    case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 0.875)
    case.make("output_norm.weight", [WIDTH], 1.0, 0.25)
    case.make("output.weight", [WIDTH, VOCABULARY])
    for i in range(LAYERS):
        prefix = f"blk.{i}."
        case.make(prefix + "attn_norm.weight", [WIDTH], 1.0, 0.25)
        make_mixer(case, prefix, i)
        case.make(prefix + "ffn_norm.weight", [WIDTH], 1.0, 0.25)
        case.make(prefix + "ffn_gate.weight", [WIDTH, INNER])
        case.make(prefix + "ffn_up.weight", [WIDTH, INNER])
        case.make(prefix + "ffn_down.weight", [INNER, WIDTH])
    states = [new_state() for _ in range(LAYERS)]

    def step(token):
        x = case["token_embd.weight"][token * WIDTH:(token + 1) * WIDTH]
        first_values = []
        for i, state in enumerate(states):
            prefix = f"blk.{i}."
            y = rms_norm(x, case[prefix + "attn_norm.weight"], epsilon)
            x = add(x, mixer(case, prefix, i, y, state, first_values))
            x = add(x, swiglu(case, prefix, rms_norm(x, case[prefix + "ffn_norm.weight"], epsilon)))
        return case.times("output", rms_norm(x, case["output_norm.weight"], epsilon))

    return step, {"attention.layer_norm_rms_epsilon": ("float32", epsilon)}


def arwkv7(case):
    step, metadata = qwen_like(
        case, lambda c, prefix, i: make_time_mix7(c, prefix, i, gated=False, normed=False),
        time_mix7)
    return step, {**metadata, **ranks7(), "token_shift_count": ("uint32", 1),
                  "attention.gate_lora_rank": ("uint32", 0)}


# ---------------------------------------------------------------- RWKV-6 as gated linear attention
MIX_RANK, DECAY_RANK, KV_HEADS = 8, 10, 2


def make_time_mix6(case, prefix, _):
    stem = prefix + "time_mix_"
    case.make(stem + "w1.weight", [WIDTH, MIX_RANK * 5])
    case.make(stem + "w2.weight", [MIX_RANK, WIDTH, 5])
    case.make(stem + "lerp_x.weight", [WIDTH], 0.5, 0.5)
    case.make(stem + "lerp_fused.weight", [WIDTH, 1, 1, 5], 0.5, 0.5)
    case.make(stem + "decay.weight", [WIDTH], -1.0, 1.0)
    case.make(stem + "decay_w1.weight", [WIDTH, DECAY_RANK])
    case.make(stem + "decay_w2.weight", [DECAY_RANK, WIDTH])
    for part in ("key", "value"):
        case.make(stem + part + ".weight", [WIDTH, KV_HEADS * HEAD])
        case.make(stem + part + ".bias", [KV_HEADS * HEAD], 0.0, 0.2)
    case.make(stem + "receptance.weight", [WIDTH, WIDTH])
    case.make(stem + "receptance.bias", [WIDTH], 0.0, 0.2)
    case.make(stem + "gate.weight", [WIDTH, WIDTH])
    case.make(stem + "output.weight", [WIDTH, WIDTH])


def gated_linear_attention(case, prefix, _index, x, state, _first_values):
    stem = prefix + "time_mix_"
    previous, state["shift"] = state["shift"], x
    low = case.times(stem + "w1", lerp(x, previous, case[stem + "lerp_x.weight"]))
    low = [math.tanh(v) for v in low]
    fused = case[stem + "lerp_fused.weight"]
    mixed = []
    for i in range(5):
        share = case.times(stem + "w2", low[i * MIX_RANK:(i + 1) * MIX_RANK], i * WIDTH, WIDTH)
        mixed.append(lerp(x, previous, add(share, fused[i * WIDTH:(i + 1) * WIDTH])))
    decay = case.times(stem + "decay_w2",
                       [math.tanh(v) for v in case.times(stem + "decay_w1", mixed[0])])
    decay = [math.exp(-math.exp(v + b)) for v, b in zip(decay, case[stem + "decay.weight"])]
    k = case.times(stem + "key", mixed[1])
    v = case.times(stem + "value", mixed[2])
    r = case.times(stem + "receptance", mixed[3])
    gate = [sigmoid(g) for g in case.times(stem + "gate", mixed[4])]
    heads = WIDTH // HEAD
    out = [0.0] * WIDTH
    for h in range(heads):
        shared = h * KV_HEADS // heads * HEAD
        for i in range(HEAD):  # a row of the state: one column of values
            row = state["matrix"][h * HEAD + i]
            for j in range(HEAD):
                w = decay[h * HEAD + j]
                row[j] = row[j] * w + v[shared + i] * k[shared + j] * (1.0 - w)
            out[h * HEAD + i] = sum(row[j] * r[h * HEAD + j] for j in range(HEAD)) / math.sqrt(HEAD)
    return case.times(stem + "output", [a * b for a, b in zip(out, gate)])


def rwkv6qwen2(case):
    step, metadata = qwen_like(case, make_time_mix6, gated_linear_attention)
    return step, {**metadata, "wkv.head_size": ("uint32", HEAD),
                  "attention.head_count": ("uint32", WIDTH // HEAD),
                  "attention.head_count_kv": ("uint32", KV_HEADS),
                  "time_mix_extra_dim": ("uint32", MIX_RANK),
                  "time_decay_extra_dim": ("uint32", DECAY_RANK),
                  "token_shift_count": ("uint32", 1)}


def main():
    for build in (rwkv7, arwkv7, rwkv6qwen2):
        case = Case()
        step, own = build(case)
        common = {"embedding_length": ("uint32", WIDTH), "block_count": ("uint32", LAYERS),
                  "feed_forward_length": ("uint32", INNER)}
        write(f"{build.__name__}-own", build.__name__, case, step, {**common, **own})


if __name__ == "__main__":
    main()

"""The tensors and keys that tiny models of llama_cases.py have in common."""
from case_maker import VOCABULARY

WIDTH, HEADS, KV_HEADS, HEAD, FFN = 64, 4, 2, 16, 96
EXPERTS, EXPERT_WIDTH = 6, 32


def matrix(case, name, columns, rows, *experts):
    case.make(name + ".weight", [columns, rows, *experts])


def norm(case, name, width=WIDTH):
    case.make(name + ".weight", [width], 1.0, 0.25)


def add_ends(case, tied=False):
    case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 1.0)
    norm(case, "output_norm")
    if not tied:
        matrix(case, "output", WIDTH, VOCABULARY)


def add_attention(case, block, heads=HEADS, kv_heads=KV_HEADS, head_norms=True):
    norm(case, block + "attn_norm")
    matrix(case, block + "attn_q", WIDTH, heads * HEAD)
    matrix(case, block + "attn_k", WIDTH, kv_heads * HEAD)
    matrix(case, block + "attn_v", WIDTH, kv_heads * HEAD)
    matrix(case, block + "attn_output", heads * HEAD, WIDTH)
    if head_norms:
        norm(case, block + "attn_q_norm", HEAD)
        norm(case, block + "attn_k_norm", HEAD)


def add_mlp(case, block, width=FFN, suffix="", gated=True):
    for part in ["gate", "up"][0 if gated else 1:]:
        matrix(case, f"{block}ffn_{part}{suffix}", WIDTH, width)
    matrix(case, f"{block}ffn_down{suffix}", width, WIDTH)


def add_experts(case, block, selection_bias=True, shared=True, width=EXPERT_WIDTH, read=WIDTH, gated=True):
    matrix(case, block + "ffn_gate_inp", WIDTH, EXPERTS)
    if selection_bias:
        case.make(block + "exp_probs_b.bias", [EXPERTS], 0.0, 0.25)
    for part in ["gate", "up"][0 if gated else 1:]:
        matrix(case, f"{block}ffn_{part}_exps", read, width, EXPERTS)
    matrix(case, block + "ffn_down_exps", width, read, EXPERTS)
    if shared:
        add_mlp(case, block, EXPERT_WIDTH, "_shexp", gated)


def common_metadata(layers):
    return {"block_count": ("uint32", layers), "embedding_length": ("uint32", WIDTH),
            "feed_forward_length": ("uint32", FFN), "vocab_size": ("uint32", VOCABULARY),
            "attention.head_count": ("uint32", HEADS), "attention.head_count_kv": ("uint32", KV_HEADS),
            "attention.key_length": ("uint32", HEAD), "attention.value_length": ("uint32", HEAD),
            "attention.layer_norm_rms_epsilon": ("float32", 1e-5),
            "rope.dimension_count": ("uint32", HEAD), "rope.freq_base": ("float32", 10000.0)}


def expert_metadata(gate):
    return {"expert_count": ("uint32", EXPERTS), "expert_used_count": ("uint32", 2),
            "expert_feed_forward_length": ("uint32", EXPERT_WIDTH),
            "expert_shared_feed_forward_length": ("uint32", EXPERT_WIDTH),
            "expert_shared_count": ("uint32", 1), "expert_gating_func": ("uint32", gate),
            "expert_weights_norm": ("bool", True), "expert_weights_scale": ("float32", 1.5),
            "leading_dense_block_count": ("uint32", 1)}

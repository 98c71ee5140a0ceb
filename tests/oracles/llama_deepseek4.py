"""Tiny models of llama_cases.py with hyper-connections and compressed keys (DeepSeek-V4)."""
from llama_parts import *  # noqa: F403

HEAD_WIDTH, ROPE_WIDTH, QUERY_RANK = 32, 16, 32
OUTPUT_GROUPS, OUTPUT_RANK = 2, 24
INDEX_HEADS, INDEX_WIDTH = 8, 64
STREAMS = 4
MIXES = STREAMS * (STREAMS + 2)


def add_mixer_of_streams(case, stem, outputs, scales):
    matrix(case, stem + "_fn", STREAMS * WIDTH, outputs)
    case.make(stem + "_base.weight", [outputs], 0.0, 0.5)
    case.make(stem + "_scale.weight", [scales], 1.0, 0.25)


def add_compressor(case, stem, ratio, width):
    columns = width * (2 if ratio == 4 else 1)
    matrix(case, stem + "_kv", WIDTH, columns)
    matrix(case, stem + "_gate", WIDTH, columns)
    case.make(stem + "_ape.weight", [columns, ratio], 0.0, 0.5)
    norm(case, stem + "_norm", width)


def add_compressed_attention(case, block, ratio):
    norm(case, block + "attn_norm")
    case.make(block + "attn_sinks.weight", [HEADS], 0.0, 1.0)
    matrix(case, block + "attn_q_a", WIDTH, QUERY_RANK)
    norm(case, block + "attn_q_a_norm", QUERY_RANK)
    matrix(case, block + "attn_q_b", QUERY_RANK, HEADS * HEAD_WIDTH)
    matrix(case, block + "attn_kv", WIDTH, HEAD_WIDTH)
    norm(case, block + "attn_kv_a_norm", HEAD_WIDTH)
    matrix(case, block + "attn_output_a", HEADS * HEAD_WIDTH // OUTPUT_GROUPS, OUTPUT_RANK * OUTPUT_GROUPS)
    matrix(case, block + "attn_output_b", OUTPUT_RANK * OUTPUT_GROUPS, WIDTH)
    if ratio:
        add_compressor(case, block + "attn_compressor", ratio, HEAD_WIDTH)
    if ratio == 4:
        matrix(case, block + "indexer.proj", WIDTH, INDEX_HEADS)
        matrix(case, block + "indexer.attn_q_b", QUERY_RANK, INDEX_HEADS * INDEX_WIDTH)
        add_compressor(case, block + "indexer_compressor", ratio, INDEX_WIDTH)


def add_layer(case, block, ratio, hashed):
    for part in "attn", "ffn":
        add_mixer_of_streams(case, f"{block}hc_{part}", MIXES, 3)
    add_compressed_attention(case, block, ratio)
    norm(case, block + "ffn_norm")
    add_experts(case, block, selection_bias=not hashed)
    if hashed:
        case.make_integers(block + "ffn_gate_tid2eid.weight", [2, VOCABULARY], EXPERTS)


def deepseek4_model(case, ratios, hashed, window, most):
    add_ends(case)
    add_mixer_of_streams(case, "output_hc", STREAMS, 1)
    for i, ratio in enumerate(ratios):
        add_layer(case, f"blk.{i}.", ratio, hashed=i < hashed)
    return {**common_metadata(len(ratios)), **expert_metadata(4), "leading_dense_block_count": ("uint32", 0),
            "attention.head_count_kv": ("uint32", 1), "attention.key_length": ("uint32", HEAD_WIDTH),
            "attention.value_length": ("uint32", HEAD_WIDTH), "rope.dimension_count": ("uint32", ROPE_WIDTH),
            "attention.q_lora_rank": ("uint32", QUERY_RANK), "attention.sliding_window": ("uint32", window),
            "attention.output_group_count": ("uint32", OUTPUT_GROUPS),
            "attention.output_lora_rank": ("uint32", OUTPUT_RANK),
            "attention.indexer.head_count": ("uint32", INDEX_HEADS),
            "attention.indexer.key_length": ("uint32", INDEX_WIDTH),
            "attention.indexer.top_k": ("uint32", most),
            "attention.compress_ratios": ("uint32", ratios),
            "attention.compress_rope_freq_base": ("float32", 40000.0),
            "hyper_connection.count": ("uint32", STREAMS),
            "hyper_connection.sinkhorn_iterations": ("uint32", 5),
            "hyper_connection.epsilon": ("float32", 1e-6), "hash_layer_count": ("uint32", hashed)}


# The indexer cuts: 10 compressed keys at the end, of which 5 are seen.
def deepseek4(case):
    metadata = deepseek4_model(case, [0, 4, 128, 4, 0], hashed=2, window=8, most=5)
    return {**metadata, "swiglu_clamp_exp": ("float32", [0.5, 0.8, 0.0, 1.2, 1.0]),
            "swiglu_clamp_shexp": ("float32", [0.3, 0.0, 0.6, 1.0, 0.2])}


# Long enough for two keys that stand for 128 tokens each, with YaRN in the layers that compress.
def deepseek4_long(case):
    metadata = deepseek4_model(case, [128, 4, 128], hashed=1, window=24, most=16)
    return {**metadata, "context_length": ("uint32", 512), "swiglu_clamp_exp": ("float32", [1.0, 1.0, 1.0]),
            "rope.scaling.type": ("string", "yarn"), "rope.scaling.factor": ("float32", 4.0),
            "rope.scaling.original_context_length": ("uint32", 64)}


COMPRESSED = {"deepseek4": deepseek4, "deepseek4-long": deepseek4_long}

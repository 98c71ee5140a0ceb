"""Tiny models of llama_cases.py with latent attention beside other parts: an indexer, streams that stay apart
(Hunyuan 4), windows (dots3-note)."""
from llama_deepseek4 import add_mixer_of_streams, INDEX_HEADS, INDEX_WIDTH, STREAMS
from llama_parts import *  # noqa: F403

QUERY_RANK, ROPE = 32, 8


def add_latent_attention(case, block, heads, latent, plain, value, gates):
    norm(case, block + "attn_norm")
    matrix(case, block + "attn_q_a", WIDTH, QUERY_RANK)
    norm(case, block + "attn_q_a_norm", QUERY_RANK)
    matrix(case, block + "attn_q_b", QUERY_RANK, heads * (plain + ROPE))
    matrix(case, block + "attn_kv_a_mqa", WIDTH, latent + ROPE)
    norm(case, block + "attn_kv_a_norm", latent)
    case.make(block + "attn_k_b.weight", [plain, latent, heads])
    case.make(block + "attn_v_b.weight", [latent, value, heads])
    matrix(case, block + "attn_gate", WIDTH, gates)
    matrix(case, block + "attn_output", heads * value, WIDTH)


def add_indexer(case, block):
    matrix(case, block + "indexer.attn_q_b", QUERY_RANK, INDEX_HEADS * INDEX_WIDTH)
    matrix(case, block + "indexer.attn_k", WIDTH, INDEX_WIDTH)
    norm(case, block + "indexer.k_norm", INDEX_WIDTH)
    case.make(block + "indexer.k_norm.bias", [INDEX_WIDTH], 0.0, 0.25)
    matrix(case, block + "indexer.proj", WIDTH, INDEX_HEADS)


def add_ffn(case, block, dense):
    norm(case, block + "ffn_norm")
    add_mlp(case, block) if dense else add_experts(case, block)


def latent_metadata(layers, latent, plain, value):
    return {**common_metadata(layers), **expert_metadata(2), "attention.head_count_kv": ("uint32", 1),
            "attention.q_lora_rank": ("uint32", QUERY_RANK), "attention.kv_lora_rank": ("uint32", latent),
            "attention.key_length": ("uint32", latent + ROPE), "attention.value_length": ("uint32", latent),
            "attention.key_length_mla": ("uint32", plain + ROPE), "attention.value_length_mla": ("uint32", value),
            "rope.dimension_count": ("uint32", ROPE)}


def indexer_metadata(most, types):
    return {"attention.indexer.head_count": ("uint32", INDEX_HEADS),
            "attention.indexer.key_length": ("uint32", INDEX_WIDTH),
            "attention.indexer.top_k": ("uint32", most),
            "attention.indexer.types": ("bool", [bool(own) for own in types])}


# `types` has 1 for layers with an indexer and 0 for those that share; none: all keys are seen.
def hy_v4_model(case, layers, types, clamps):
    latent, plain, value = 24, 12, 20
    add_ends(case)
    add_mixer_of_streams(case, "output_hc", STREAMS, 1)
    for i in range(layers):
        block = f"blk.{i}."
        for part in "attn", "ffn":
            add_mixer_of_streams(case, f"{block}hc_{part}", 2 * STREAMS, 2)
        add_latent_attention(case, block, HEADS, latent, plain, value, HEADS * value)
        case.make(block + "attn_sinks.weight", [HEADS], 0.0, 1.0)
        if types and types[i]:
            add_indexer(case, block)
        add_ffn(case, block, dense=i == 0)
    return {**latent_metadata(layers, latent, plain, value), "hyper_connection.count": ("uint32", STREAMS),
            "hyper_connection.epsilon": ("float32", 0.02), "hyper_connection.magnitude": ("float32", 1.6),
            "swiglu_clamp_exp": ("float32", clamps)}


def hy_v4(case):
    types = [1, 0, 0, 1, 0]
    metadata = hy_v4_model(case, 5, types, [0.5, 0.2, 0.8, 0.0, 1.2])
    return {**metadata, **indexer_metadata(7, types)}


def hy_v4_full(case):
    return {**hy_v4_model(case, 3, [], [0.0, 0.6, 0.4]), "rope.scaling.type": ("string", "yarn"),
            "rope.scaling.factor": ("float32", 4.0), "rope.scaling.original_context_length": ("uint32", 16)}


def dots3note(case):
    sliding = [0, 1, 1, 0, 1]
    heads = [6 if slides else HEADS for slides in sliding]
    full, window = (24, 8, 16), (16, 12, 20)
    add_ends(case)
    for i, slides in enumerate(sliding):
        block = f"blk.{i}."
        add_latent_attention(case, block, heads[i], *(window if slides else full), heads[i])
        norm(case, block + "attn_k_norm", ROPE)
        if not slides:
            add_indexer(case, block)
        add_ffn(case, block, dense=i == 0)
    latent, plain, value = window
    return {**latent_metadata(5, *full), **indexer_metadata(7, [1 - slides for slides in sliding]),
            "attention.head_count": ("uint32", heads), "attention.kv_lora_rank_swa": ("uint32", latent),
            "attention.key_length_swa": ("uint32", latent + ROPE), "attention.value_length_swa": ("uint32", latent),
            "attention.key_length_mla_swa": ("uint32", plain + ROPE),
            "attention.value_length_mla_swa": ("uint32", value), "attention.sliding_window": ("uint32", 8),
            "attention.sliding_window_pattern": ("bool", [bool(slides) for slides in sliding]),
            "rope.freq_base": ("float32", 50000.0), "rope.freq_base_swa": ("float32", 10000.0)}


LATENT = {"hy_v4": hy_v4, "hy_v4-full": hy_v4_full, "dots3note": dots3note}

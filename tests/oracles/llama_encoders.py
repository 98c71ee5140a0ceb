"""Tiny models of llama_cases.py that make embeddings: a function lists the tensors of each and gives its
metadata."""
from case_maker import VOCABULARY
from llama_parts import *  # noqa: F403
from llama_t5 import t5encoder


def norm_with_bias(case, name, width=WIDTH):
    norm(case, name, width)
    case.make(name + ".bias", [width], 0.0, 0.1)


def bias(case, name, width):
    case.make(name + ".bias", [width], 0.0, 0.1)


def encoder_metadata(layers, **more):
    return {"block_count": ("uint32", layers), "embedding_length": ("uint32", WIDTH),
            "feed_forward_length": ("uint32", FFN), "vocab_size": ("uint32", VOCABULARY),
            "attention.head_count": ("uint32", HEADS), "attention.causal": ("bool", False),
            "attention.layer_norm_epsilon": ("float32", 1e-5), "pooling_type": ("uint32", 1), **more}


def add_bert_layer(case, block, fused=False):
    """All but the feed-forward part."""
    parts = {"attn_qkv": 3 * WIDTH} if fused else {f"attn_{p}": WIDTH for p in "qkv"}
    for part, rows in {**parts, "attn_output": WIDTH}.items():
        matrix(case, block + part, WIDTH, rows)
        bias(case, block + part, rows)
    norm_with_bias(case, block + "attn_output_norm")
    norm_with_bias(case, block + "layer_output_norm")


def add_mlp_with_biases(case, block, up=FFN):
    matrix(case, block + "ffn_up", WIDTH, up)
    bias(case, block + "ffn_up", up)
    matrix(case, block + "ffn_down", FFN, WIDTH)
    bias(case, block + "ffn_down", WIDTH)


def add_bert_embeddings(case, types=2):
    case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 1.0)
    case.make("token_types.weight", [WIDTH, types], 0.0, 0.5)
    norm_with_bias(case, "token_embd_norm")


def bert(case):
    add_bert_embeddings(case)
    case.make("position_embd.weight", [WIDTH, 128], 0.0, 0.5)
    for i in range(3):
        add_bert_layer(case, f"blk.{i}.")
        add_mlp_with_biases(case, f"blk.{i}.")
    return encoder_metadata(3, **{"tokenizer.ggml.token_type_count": ("uint32", 2)})


# With more layers llama.cpp's GELU in halves leads to errors beyond 1e-7 (docs/decisions/gelu-of-halves.md).
def jina_bert_v2(case):
    add_bert_embeddings(case)
    for i in range(2):
        block = f"blk.{i}."
        add_bert_layer(case, block)
        for part in "qk":
            norm_with_bias(case, block + f"attn_{part}_norm")
        norm_with_bias(case, block + "attn_norm_2")
        if i == 1:
            matrix(case, block + "ffn_gate", WIDTH, FFN)
        add_mlp_with_biases(case, block, FFN if i == 1 else 2 * FFN)
    return encoder_metadata(2, **{"tokenizer.ggml.token_type_count": ("uint32", 2)})


def jina_bert_v3(case):
    add_bert_embeddings(case, types=1)
    for i in range(3):
        add_bert_layer(case, f"blk.{i}.", fused=True)
        add_mlp_with_biases(case, f"blk.{i}.")
    return encoder_metadata(3, **{"tokenizer.ggml.token_type_count": ("uint32", 1),
                                  "rope.freq_base": ("float32", 20000.0)})


def nomic_bert(case):
    add_bert_embeddings(case)
    for i in range(3):
        add_bert_layer(case, f"blk.{i}.", fused=True)
        add_mlp(case, f"blk.{i}.")
    return encoder_metadata(3, **{"tokenizer.ggml.token_type_count": ("uint32", 2),
                                  "rope.freq_base": ("float32", 1000.0)})


def nomic_bert_moe(case):
    add_bert_embeddings(case, types=1)
    for i in range(4):
        block = f"blk.{i}."
        add_bert_layer(case, block, fused=True)
        if i % 2 == 0:
            add_mlp_with_biases(case, block)
            continue
        matrix(case, block + "ffn_gate_inp", WIDTH, EXPERTS)
        matrix(case, block + "ffn_up_exps", WIDTH, FFN, EXPERTS)
        matrix(case, block + "ffn_down_exps", FFN, WIDTH, EXPERTS)
    return encoder_metadata(4, **{"tokenizer.ggml.token_type_count": ("uint32", 1),
                                  "rope.freq_base": ("float32", 10000.0),
                                  "moe_every_n_layers": ("uint32", 2), "expert_count": ("uint32", EXPERTS),
                                  "expert_used_count": ("uint32", 2)})


# Smaller feed-forward results: see jina_bert_v2.
def modern_bert(case):
    case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 1.0)
    norm(case, "token_embd_norm")
    norm(case, "output_norm")
    for i in range(4):
        block = f"blk.{i}."
        if i > 0:
            norm(case, block + "attn_norm")
        matrix(case, block + "attn_qkv", WIDTH, 3 * WIDTH)
        matrix(case, block + "attn_output", WIDTH, WIDTH)
        norm(case, block + "ffn_norm")
        matrix(case, block + "ffn_up", WIDTH, 2 * FFN)
        case.make(block + "ffn_down.weight", [FFN, WIDTH], 0.0, 0.0625)
    return encoder_metadata(4, **{"attention.sliding_window": ("uint32", 9),
                                  "rope.freq_base": ("float32", 160000.0),
                                  "rope.freq_base_swa": ("float32", 10000.0)})


def rms_metadata(metadata):
    return {key.replace("layer_norm_epsilon", "layer_norm_rms_epsilon"): value
            for key, value in metadata.items()}


def neo_bert(case):
    case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 1.0)
    norm(case, "enc.output_norm")
    for i in range(3):
        block = f"blk.{i}."
        norm(case, block + "attn_norm")
        matrix(case, block + "attn_qkv", WIDTH, 3 * WIDTH)
        matrix(case, block + "attn_output", WIDTH, WIDTH)
        norm(case, block + "ffn_norm")
        matrix(case, block + "ffn_up", WIDTH, 2 * FFN)
        matrix(case, block + "ffn_down", FFN, WIDTH)
    return rms_metadata(encoder_metadata(3))


def eurobert(case):
    case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 1.0)
    norm(case, "output_norm")
    for i in range(3):
        add_attention(case, f"blk.{i}.", head_norms=False)
        norm(case, f"blk.{i}.ffn_norm")
        add_mlp(case, f"blk.{i}.")
    return rms_metadata(encoder_metadata(3, **{"attention.head_count_kv": ("uint32", KV_HEADS)}))


def llama_embed(case):
    return eurobert(case)


def gemma_embedding(case):
    case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 1.0)
    norm(case, "output_norm")
    for i in range(7):
        block = f"blk.{i}."
        add_attention(case, block, kv_heads=1)
        for name in "post_attention_norm", "ffn_norm", "post_ffw_norm":
            norm(case, block + name)
        add_mlp(case, block)
    return {**common_metadata(7), "attention.head_count_kv": ("uint32", 1),
            "attention.sliding_window": ("uint32", 12), "pooling_type": ("uint32", 1),
            "rope.freq_base": ("float32", 1000000.0), "rope.freq_base_swa": ("float32", 10000.0)}


ENCODERS = {"bert": bert, "jina-bert-v2": jina_bert_v2, "jina-bert-v3": jina_bert_v3,
            "nomic-bert": nomic_bert, "nomic-bert-moe": nomic_bert_moe, "modern-bert": modern_bert,
            "neo-bert": neo_bert, "eurobert": eurobert, "llama-embed": llama_embed,
            "gemma-embedding": gemma_embedding, "t5encoder": t5encoder}

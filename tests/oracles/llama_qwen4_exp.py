"""Tiny models of llama_cases.py with gated residual streams, delta nets, blocks of tokens and n-grams (Qwen 3.8)."""
from llama_parts import *  # noqa: F403

STREAMS, RANK = 3, 10
KERNEL, KEY_HEADS, VALUE_HEADS, STATE = 4, 2, 6, 16
KEYS, VALUES = KEY_HEADS * STATE, VALUE_HEADS * STATE
ROPE_WIDTH, INDEX_HEADS, INDEX_WIDTH = 8, 3, 24
NGRAM, ROWS_EACH, ROW_WIDTH, NGRAM_KERNEL = 3, 2, WIDTH // 4, 4
PARTS = [31, 37, 29, 41]  # of the table: primes, as in the real one
TABLE_ROWS = sum(PARTS) + 6
END_TOKEN = 4  # one of the tokens of the text


def add_gates(case, stem, writes=True):
    case.make(stem + "_norm.weight", [STREAMS * WIDTH], 1.0, 0.25)
    matrix(case, stem + "_down", STREAMS * WIDTH, RANK)
    matrix(case, stem + "_up", RANK, STREAMS * WIDTH)
    if writes:
        matrix(case, stem + "_inject", STREAMS * WIDTH, STREAMS)


def add_delta_net(case, block):
    matrix(case, block + "attn_qkv", WIDTH, 2 * KEYS + VALUES)
    matrix(case, block + "attn_gate", WIDTH, VALUES)
    case.make(block + "ssm_conv1d.weight", [KERNEL, 2 * KEYS + VALUES])
    case.make(block + "ssm_dt.bias", [VALUE_HEADS], 0.0, 0.5)
    case.make(block + "ssm_a", [VALUE_HEADS], -1.0, 0.5)
    matrix(case, block + "ssm_beta", WIDTH, VALUE_HEADS)
    matrix(case, block + "ssm_alpha", WIDTH, VALUE_HEADS)
    norm(case, block + "ssm_norm", STATE)
    matrix(case, block + "ssm_out", VALUES, WIDTH)


def add_block_attention(case, block):
    matrix(case, block + "attn_q", WIDTH, 2 * HEADS * HEAD)
    matrix(case, block + "attn_k", WIDTH, KV_HEADS * HEAD)
    matrix(case, block + "attn_v", WIDTH, KV_HEADS * HEAD)
    matrix(case, block + "attn_output", HEADS * HEAD, WIDTH)
    norm(case, block + "attn_q_norm", HEAD)
    norm(case, block + "attn_k_norm", HEAD)
    matrix(case, block + "indexer.q_proj", WIDTH, INDEX_HEADS * INDEX_WIDTH)
    matrix(case, block + "indexer.k_proj", WIDTH, INDEX_WIDTH)
    norm(case, block + "indexer.q_norm", INDEX_WIDTH)
    norm(case, block + "indexer.k_norm", INDEX_WIDTH)


def add_ngrams(case, block):
    columns = (NGRAM - 1) * ROWS_EACH * ROW_WIDTH
    case.make("per_layer_token_embd.weight", [ROW_WIDTH, TABLE_ROWS], 0.0, 1.0)
    matrix(case, block + "ple_key", columns, STREAMS * WIDTH)
    matrix(case, block + "ple_value", columns, WIDTH)
    for part in "key", "query", "conv":
        case.make(f"{block}ple_norm_{part}.weight", [STREAMS * WIDTH], 1.0, 0.25)
    case.make(block + "ple_conv1d.weight", [NGRAM_KERNEL, STREAMS * WIDTH])


def ngram_metadata(layer):
    return {"ple.layers": ("uint32", [layer]), "ple.ngram_size": ("uint32", NGRAM),
            "ple.heads_per_ngram": ("uint32", ROWS_EACH), "ple.conv_kernel": ("uint32", NGRAM_KERNEL),
            "ple.eos_token_id": ("uint32", END_TOKEN),
            "embedding_length_per_layer_input": ("uint32", ROW_WIDTH),
            "ple.layer_multipliers": ("uint64", [24398275163421, 31415926535897, 19283746550013]),
            "ple.head_vocab_sizes": ("uint64", PARTS),
            "ple.head_offsets": ("uint64", [sum(PARTS[:i]) for i in range(len(PARTS))])}


def qwen4_exp_model(case, recurrent, most, ngram_layer=None, tied=False):
    case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 1.0)
    if not tied:
        matrix(case, "output", WIDTH, VOCABULARY)
    add_gates(case, "output_hc", writes=False)
    for i, is_recurrent in enumerate(recurrent):
        block = f"blk.{i}."
        for part in "attn", "ffn":
            add_gates(case, f"{block}hc_{part}")
        add_delta_net(case, block) if is_recurrent else add_block_attention(case, block)
        if i == ngram_layer:
            add_ngrams(case, block)
        add_experts(case, block, selection_bias=False)
        case.make(block + "ffn_gate_inp_shexp.weight", [WIDTH])
    ngrams = {} if ngram_layer is None else ngram_metadata(ngram_layer)
    return {**common_metadata(len(recurrent)), **expert_metadata(1), "leading_dense_block_count": ("uint32", 0),
            "expert_weights_scale": ("float32", 1.0),  # llama.cpp does not read it
            "rope.dimension_count": ("uint32", ROPE_WIDTH), "rope.dimension_sections": ("uint32", [2, 1, 1, 0]),
            "ssm.conv_kernel": ("uint32", KERNEL), "ssm.inner_size": ("uint32", VALUES),
            "ssm.state_size": ("uint32", STATE), "ssm.time_step_rank": ("uint32", VALUE_HEADS),
            "ssm.group_count": ("uint32", KEY_HEADS),
            "hyper_connection.count": ("uint32", STREAMS), "hyper_connection.low_rank": ("uint32", RANK),
            "attention.indexer.head_count": ("uint32", INDEX_HEADS),
            "attention.indexer.key_length": ("uint32", INDEX_WIDTH),
            "attention.indexer.top_k": ("uint32", most), **ngrams}


# Attention to few of the blocks of 40 tokens, of two sizes, and n-grams across the end of a text.
def qwen4_exp(case):
    metadata = qwen4_exp_model(case, [1, 1, 0, 1, 0], most=8, ngram_layer=1)
    return {**metadata, "attention.recurrent_layers": ("uint32", [1, 1, 0, 1, 0]),
            "attention.compress_ratios": ("uint32", [0, 0, 4, 0, 2])}


# Attention to all, without n-grams.
def qwen4_exp_dense(case):
    return {**qwen4_exp_model(case, [1, 0], most=8, tied=True), "full_attention_interval": ("uint32", 2)}


QWEN4_EXP = {"qwen4exp": qwen4_exp, "qwen4exp-dense": qwen4_exp_dense}

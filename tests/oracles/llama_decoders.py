"""Tiny models of llama_cases.py that generate text: a function lists the tensors of each and gives its
metadata."""
from llama_parts import *  # noqa: F403


def exaone_moe(case):
    add_ends(case)
    for i in range(5):
        add_attention(case, f"blk.{i}.")
        norm(case, f"blk.{i}.ffn_norm")
        add_mlp(case, f"blk.{i}.") if i == 0 else add_experts(case, f"blk.{i}.")
    return {**common_metadata(5), **expert_metadata(2), "attention.sliding_window": ("uint32", 8)}


def plm(case):
    latent, rope, plain = 24, 8, 8
    add_ends(case, tied=True)
    for i in range(3):
        block = f"blk.{i}."
        norm(case, block + "attn_norm")
        matrix(case, block + "attn_q", WIDTH, HEADS * (plain + rope))
        matrix(case, block + "attn_kv_a_mqa", WIDTH, latent + rope)
        norm(case, block + "attn_kv_a_norm", latent)
        matrix(case, block + "attn_kv_b", latent, HEADS * (plain + HEAD))
        matrix(case, block + "attn_output", HEADS * HEAD, WIDTH)
        norm(case, block + "ffn_norm")
        add_mlp(case, block, gated=False)
    return {**common_metadata(3), "attention.kv_lora_rank": ("uint32", latent),
            "attention.head_count_kv": ("uint32", HEADS), "rope.dimension_count": ("uint32", rope)}


def deepseek2_ocr(case):
    add_ends(case)
    for i in range(3):
        add_attention(case, f"blk.{i}.", kv_heads=HEADS, head_norms=False)
        norm(case, f"blk.{i}.ffn_norm")
        add_mlp(case, f"blk.{i}.") if i == 0 else add_experts(case, f"blk.{i}.", selection_bias=False)
    return {**common_metadata(3), **expert_metadata(1), "attention.head_count_kv": ("uint32", HEADS)}


def step35(case):
    layers, full = 5, [0, 4]
    heads = [HEADS if i in full else 6 for i in range(layers)]
    add_ends(case)
    for i in range(layers):
        block = f"blk.{i}."
        add_attention(case, block, heads[i])
        matrix(case, block + "attn_gate", WIDTH, heads[i])
        norm(case, block + "ffn_norm")
        add_mlp(case, block) if i == 0 else add_experts(case, block)
    case.make("rope_freqs.weight", [HEAD // 2], 1.5, 0.5)
    return {**common_metadata(layers), **expert_metadata(2),
            "attention.head_count": ("uint32", heads),
            "attention.sliding_window": ("uint32", 8),
            "attention.sliding_window_pattern": ("uint32", [int(i not in full) for i in range(layers)]),
            "rope.freq_base": ("float32", 50000.0), "rope.freq_base_swa": ("float32", 10000.0),
            "swiglu_clamp_exp": ("float32", [0.0, 0.0, 0.0, 0.5, 0.7]),
            "swiglu_clamp_shexp": ("float32", [0.3, 0.0, 0.0, 0.0, 0.4])}


def muse_glimmer(case):
    add_ends(case)
    for i in range(5):
        block = f"blk.{i}."
        add_attention(case, block)
        matrix(case, block + "attn_gate", WIDTH, HEADS * HEAD)
        for name in "post_attention_norm", "ffn_norm", "post_ffw_norm":
            norm(case, block + name)
        add_mlp(case, block)
    return {**common_metadata(5), "attention.sliding_window": ("uint32", 8),
            "attention.sliding_window_pattern": ("uint32", [1, 0, 1, 1, 1]),
            "attention.layer_norm_rms_epsilon": ("float32", 1e-2),
            "logit_scale": ("float32", 0.5), "final_logit_softcapping": ("float32", 3.0)}


def apertus(case):
    add_ends(case)
    for i in range(3):
        block = f"blk.{i}."
        add_attention(case, block)
        norm(case, block + "ffn_norm")
        add_mlp(case, block, gated=False)
    case.make("rope_freqs.weight", [HEAD // 2], 1.5, 0.5)
    return {**common_metadata(3), "xielu.alpha_n": ("float32", [-0.8, 0.3, 1.2]),
            "xielu.alpha_p": ("float32", [0.9, -0.4, 0.1]), "xielu.beta": ("float32", [0.5, 0.5, 0.4]),
            "xielu.eps": ("float32", [-1e-6, -1e-6, -1e-6])}


def minimax_01(case):
    add_ends(case)
    for i in range(4):
        block = f"blk.{i}."
        if i == 2:
            add_attention(case, block, head_norms=False)
        else:
            norm(case, block + "attn_norm")
            norm(case, block + "attn_norm_2", HEADS * HEAD)
            matrix(case, block + "attn_qkv", WIDTH, 3 * HEADS * HEAD)
            matrix(case, block + "attn_gate", WIDTH, HEADS * HEAD)
            matrix(case, block + "attn_output", HEADS * HEAD, WIDTH)
        norm(case, block + "ffn_norm")
        add_experts(case, block, selection_bias=False, shared=False, width=FFN)
    return {**common_metadata(4), "residual_scale": ("float32", 3.5), "rope.dimension_count": ("uint32", 8),
            "attention.recurrent_layers": ("uint32", [1, 1, 0, 1]), "expert_count": ("uint32", EXPERTS),
            "expert_used_count": ("uint32", 2)}


# Each KV head sees the best blocks of tokens, but in the first, dense layers.
def minimax_m3(case, block=4, most=3, recent=1, layers=3, dense=1):
    index = 24
    add_ends(case)
    for i in range(layers):
        stem = f"blk.{i}."
        add_attention(case, stem)
        norm(case, stem + "ffn_norm")
        if i < dense:
            add_mlp(case, stem)
            continue
        add_experts(case, stem)
        matrix(case, stem + "indexer.q_proj", WIDTH, KV_HEADS * index)
        matrix(case, stem + "indexer.k_proj", WIDTH, index)
        norm(case, stem + "indexer.q_norm", index)
        norm(case, stem + "indexer.k_norm", index)
    return {**common_metadata(layers), **expert_metadata(2), "leading_dense_block_count": ("uint32", dense),
            "rope.dimension_count": ("uint32", HEAD // 2),
            "attention.indexer.head_count": ("uint32", KV_HEADS), "attention.indexer.key_length": ("uint32", index),
            "attention.indexer.top_k": ("uint32", most), "attention.indexer.block_size": ("uint32", block),
            "attention.indexer.local_blocks": ("uint32", recent)}


# Blocks of pages, of the last ones two in any case. No dense layer, in which llama.cpp's flash attention rounds to halves.
def minimax_m3_long(case):
    return minimax_m3(case, block=32, most=4, recent=2, layers=2, dense=0)


def chameleon(case):
    vocabulary = 8250
    case.make("token_embd.weight", [WIDTH, vocabulary], 0.0, 1.0)
    norm(case, "output_norm")
    matrix(case, "output", WIDTH, vocabulary)
    for i in range(2):
        block = f"blk.{i}."
        add_attention(case, block, head_norms=False)
        for part, heads in ("q", HEADS), ("k", KV_HEADS):
            case.make(f"{block}attn_{part}_norm.weight", [HEAD, heads], 1.0, 0.25)
            case.make(f"{block}attn_{part}_norm.bias", [HEAD, heads], 0.0, 0.1)
        norm(case, block + "ffn_norm")
        add_mlp(case, block)
    return {**common_metadata(2), "vocab_size": ("uint32", vocabulary)}


# The 34B. The model's own feed-forward part reads the residual stream; llama.cpp's reads what attention gave, so this
# case was made with that line of its chameleon.cpp mended (build_ffn of ffn_inp).
def chameleon_swin(case):
    return {**chameleon(case), "swin_norm": ("bool", True)}


def granite_switch(case):
    rank, slots = 4, 4
    add_ends(case)

    def adapter(stem, columns, rows):
        case.make(stem + ".lora_a", [columns, rank, slots])
        case.make(stem + ".lora_b", [rank, rows, slots], 0.0, 0.2)

    for i in range(2):
        block = f"blk.{i}."
        norm(case, block + "attn_norm")
        matrix(case, block + "attn_qkv", WIDTH, (HEADS + 2 * KV_HEADS) * HEAD)
        matrix(case, block + "attn_output", HEADS * HEAD, WIDTH)
        norm(case, block + "ffn_norm")
        add_mlp(case, block)
        for part, heads in ("q", HEADS), ("k", KV_HEADS), ("v", KV_HEADS):
            adapter(block + "attn_" + part, WIDTH, heads * HEAD)
        adapter(block + "attn_output", HEADS * HEAD, WIDTH)
        for part in "gate", "up":
            adapter(block + "ffn_" + part, WIDTH, FFN)
        adapter(block + "ffn_down", FFN, WIDTH)
    return {**common_metadata(2), "logit_scale": ("float32", 2.0), "residual_scale": ("float32", 0.6),
            "embedding_scale": ("float32", 3.0), "attention.scale": ("float32", 0.2),
            "adapters.count": ("uint32", slots - 1), "adapters.lora_rank": ("uint32", rank),
            "adapters.token_ids_activate": ("uint32", [55, 78, 52]),
            "adapters.token_ids_substitute": ("uint32", [3, 4, 5])}


KDA_WIDTH, KERNEL, LATENT, ROPE = 16, 4, 24, 8


def add_kda(case, block):
    inner = HEADS * KDA_WIDTH
    norm(case, block + "attn_norm")
    for part in "qkv":
        matrix(case, block + f"attn_{part}", WIDTH, inner)
        case.make(f"{block}ssm_conv1d_{part}.weight", [KERNEL, 1, inner, 1], 0.0, 0.5)
    matrix(case, block + "attn_output", inner, WIDTH)
    matrix(case, block + "ssm_beta", WIDTH, HEADS)
    case.make(block + "ssm_dt.bias", [inner], 0.0, 0.5)
    norm(case, block + "ssm_norm", KDA_WIDTH)
    return inner


def add_gated_latent_attention(case, block, gates):
    plain = HEAD - ROPE
    norm(case, block + "attn_norm")
    matrix(case, block + "attn_q_a", WIDTH, 32)
    norm(case, block + "attn_q_a_norm", 32)
    matrix(case, block + "attn_q_b", 32, HEADS * HEAD)
    matrix(case, block + "attn_kv_a_mqa", WIDTH, LATENT + ROPE)
    norm(case, block + "attn_kv_a_norm", LATENT)
    case.make(block + "attn_k_b.weight", [plain, LATENT, HEADS])
    case.make(block + "attn_v_b.weight", [LATENT, HEAD, HEADS])
    matrix(case, block + "attn_gate", WIDTH, gates)
    matrix(case, block + "attn_output", HEADS * HEAD, WIDTH)


def kda_metadata(layers, full):
    return {**common_metadata(layers), **expert_metadata(2),
            "attention.head_count_kv": ("uint32", [int(i in full) for i in range(layers)]),
            "attention.q_lora_rank": ("uint32", 32), "attention.kv_lora_rank": ("uint32", LATENT),
            "attention.key_length": ("uint32", LATENT + ROPE), "attention.value_length": ("uint32", LATENT),
            "attention.key_length_mla": ("uint32", HEAD), "attention.value_length_mla": ("uint32", HEAD),
            "rope.dimension_count": ("uint32", ROPE), "ssm.conv_kernel": ("uint32", KERNEL),
            "kda.head_dim": ("uint32", KDA_WIDTH), "kda.gate_lower_bound": ("float32", -5.0)}


def bailing_moe3(case):
    add_ends(case)
    for i in range(4):
        block = f"blk.{i}."
        if i == 2:
            add_gated_latent_attention(case, block, HEADS)
        else:
            inner = add_kda(case, block)
            case.make(block + "ssm_a", [1, HEADS], 1.0, 0.5)
            matrix(case, block + "ssm_f_a", WIDTH, inner)
            matrix(case, block + "ssm_g_a", WIDTH, inner)
        norm(case, block + "ffn_norm")
        add_mlp(case, block) if i == 0 else add_experts(case, block)
    return kda_metadata(4, [2])


def hrm_text(case):
    stack, low, high = 2, 2, 2
    case.make("token_embd.weight", [WIDTH, VOCABULARY], 0.0, 1.0)
    case.make("hrm.z_l_init", [WIDTH], 0.0, 1.0)
    matrix(case, "output", WIDTH, VOCABULARY)
    for i in range(2 * stack):
        block = f"blk.{i}."
        for name, columns, rows in [("attn_q", WIDTH, HEADS * HEAD), ("attn_k", WIDTH, KV_HEADS * HEAD),
                                    ("attn_v", WIDTH, KV_HEADS * HEAD), ("attn_gate", WIDTH, HEADS * HEAD),
                                    ("attn_output", HEADS * HEAD, WIDTH)]:
            matrix(case, block + name, columns, rows)
        if i == 1:  # that no real file has, but a file may
            case.make(block + "attn_q.bias", [HEADS * HEAD], 0.0, 0.5)
        add_mlp(case, block)
    return {**common_metadata(stack * high * (low + 1)), "attention.layer_norm_rms_epsilon": ("float32", 1e-2),
            "embedding_scale": ("float32", 2.5), "rope.dimension_count": ("uint32", HEAD // 2),
            "hrm.layers_per_stack": ("uint32", stack), "hrm.l_cycles": ("uint32", low),
            "hrm.h_cycles": ("uint32", high), "hrm.prefix_lm": ("bool", True)}


def kimi_k3(case):
    latent = 32
    add_ends(case)
    norm(case, "output_res_score")
    for i in range(5):
        block = f"blk.{i}."
        if i in [1, 4]:
            add_gated_latent_attention(case, block, HEADS * HEAD)
        else:
            inner = add_kda(case, block)
            case.make(block + "ssm_a", [HEADS], -1.0, 0.5)
            matrix(case, block + "ssm_f_a", WIDTH, KDA_WIDTH)
            matrix(case, block + "ssm_f_b", KDA_WIDTH, inner)
            matrix(case, block + "ssm_g", WIDTH, inner)
        norm(case, block + "ffn_norm")
        for part in "attn", "ffn":
            case.make(f"{block}{part}_res_score.weight", [WIDTH], 0.0, 0.3)
        if i == 0:
            add_mlp(case, block)
            continue
        add_experts(case, block, read=latent)
        matrix(case, block + "ffn_routed_down", WIDTH, latent)
        matrix(case, block + "ffn_routed_up", latent, WIDTH)
        norm(case, block + "ffn_routed_norm", latent)
    return {**kda_metadata(5, [1, 4]), "attn_res.block_size": ("uint32", 2),
            "activation.situ_beta": ("float32", 2.0), "activation.situ_linear_beta": ("float32", 3.0),
            "expert_latent_length": ("uint32", latent)}


def nemotron_h_moe(case):
    latent, inner, groups, state = 32, 64, 2, 8
    convolved = inner + 2 * groups * state
    add_ends(case)
    for i in range(3):
        block = f"blk.{i}."
        if i == 0:
            norm(case, block + "attn_norm")
            matrix(case, block + "ssm_in", WIDTH, inner + convolved + HEADS)
            case.make(block + "ssm_conv1d.weight", [KERNEL, convolved], 0.0, 0.5)
            case.make(block + "ssm_conv1d.bias", [convolved], 0.0, 0.1)
            case.make(block + "ssm_dt.bias", [HEADS], 0.0, 0.5)
            case.make(block + "ssm_a", [1, HEADS], -1.0, 0.5)
            case.make(block + "ssm_d", [1, HEADS], 1.0, 0.5)
            case.make(block + "ssm_norm.weight", [inner // groups, groups], 1.0, 0.25)
            matrix(case, block + "ssm_out", inner, WIDTH)
        elif i == 1:
            add_attention(case, block, head_norms=False)
        else:
            norm(case, block + "attn_norm")
            add_experts(case, block, read=latent, gated=False)
            matrix(case, block + "ffn_latent_down", WIDTH, latent)
            matrix(case, block + "ffn_latent_up", latent, WIDTH)
    return {**common_metadata(3), **expert_metadata(2), "leading_dense_block_count": ("uint32", 0),
            "attention.head_count_kv": ("uint32", [0, KV_HEADS, 0]),
            "attention.layer_norm_epsilon": ("float32", 1e-5),
            "feed_forward_length": ("uint32", [0, 0, FFN]), "moe_latent_size": ("uint32", latent),
            "ssm.conv_kernel": ("uint32", KERNEL), "ssm.inner_size": ("uint32", inner),
            "ssm.state_size": ("uint32", state), "ssm.time_step_rank": ("uint32", HEADS),
            "ssm.group_count": ("uint32", groups)}


def granite_swa(case):
    add_ends(case, tied=True)
    for i in range(4):
        block = f"blk.{i}."
        add_attention(case, block, head_norms=False)
        case.make(block + "attn_sinks.weight", [HEADS], 0.0, 1.0)
        norm(case, block + "ffn_norm")
        matrix(case, block + "ffn_gate_inp", WIDTH, EXPERTS)
        matrix(case, block + "ffn_gate_up_exps", WIDTH, 2 * EXPERT_WIDTH, EXPERTS)
        matrix(case, block + "ffn_down_exps", EXPERT_WIDTH, WIDTH, EXPERTS)
        matrix(case, block + "ffn_up_shexp", WIDTH, 2 * FFN)
        matrix(case, block + "ffn_down_shexp", FFN, WIDTH)
    return {**common_metadata(4), "logit_scale": ("float32", 2.0), "residual_scale": ("float32", 0.6),
            "embedding_scale": ("float32", 3.0), "attention.scale": ("float32", 0.2),
            "attention.sliding_window": ("uint32", 8),
            "attention.sliding_window_pattern": ("bool", [False, True, False, True]),
            "attention.rope_pattern": ("bool", [True, True, False, False]),
            "feed_forward_length": ("uint32", EXPERT_WIDTH),
            "expert_count": ("uint32", EXPERTS), "expert_used_count": ("uint32", 2),
            "expert_shared_feed_forward_length": ("uint32", FFN)}


def granite_swa_dense(case):
    add_ends(case)
    for i in range(4):
        block = f"blk.{i}."
        add_attention(case, block, head_norms=False)
        case.make(block + "attn_output.bias", [WIDTH], 0.0, 0.1)
        case.make(block + "attn_sinks.weight", [HEADS], 0.0, 1.0)
        norm(case, block + "ffn_norm")
        add_mlp(case, block)
        for part, width in ("gate", FFN), ("up", FFN), ("down", WIDTH):
            case.make(f"{block}ffn_{part}.bias", [width], 0.0, 0.1)
    case.make("rope_freqs.weight", [HEAD // 2], 1.5, 0.5)
    return {**common_metadata(4), "logit_scale": ("float32", 0.5), "attention.sliding_window": ("uint32", 8),
            "attention.sliding_window_pattern": ("bool", [False, True, True, True])}


def spark25(case):
    layers, full = 5, [1, 4]
    heads = [6 if i in full else HEADS for i in range(layers)]
    add_ends(case, tied=True)
    for i in range(layers):
        block = f"blk.{i}."
        add_attention(case, block, heads[i], head_norms=False)
        matrix(case, block + "attn_gate", WIDTH, heads[i])
        norm(case, block + "ffn_norm")
        add_mlp(case, block)
    return {**common_metadata(layers), "attention.head_count": ("uint32", heads),
            "attention.sliding_window": ("uint32", 8),
            "attention.sliding_window_pattern": ("uint32", [int(i not in full) for i in range(layers)]),
            "rope.dimension_count": ("uint32", 8), "rope.dimension_count_swa": ("uint32", 12),
            "rope.freq_base": ("float32", 50000.0), "rope.freq_base_swa": ("float32", 1000.0)}


def maple(case):
    layers, full = 4, [2]
    add_ends(case)
    for i in range(layers):
        block = f"blk.{i}."
        add_attention(case, block)
        norm(case, block + "ffn_norm")
        add_experts(case, block, selection_bias=False, shared=False)
    return {**common_metadata(layers), "attention.sliding_window": ("uint32", 8),
            "attention.sliding_window_pattern": ("bool", [i not in full for i in range(layers)]),
            "rope.freq_base": ("float32", 50000.0), "rope.freq_base_swa": ("float32", 1000.0),
            "rope.dimension_count_swa": ("uint32", 12), "expert_count": ("uint32", EXPERTS),
            "expert_used_count": ("uint32", 2), "expert_feed_forward_length": ("uint32", EXPERT_WIDTH),
            "swiglu_clamp_exp": ("float32", [0.5, 0.0, 0.7, 0.3])}


# The 26B-A4B, but with a first layer that is dense. Of the others one has gate and up in one tensor, another no values.
def gemma4_moe(case):
    sliding = [1, 1, 0, 1]
    add_ends(case, tied=True)
    for i in range(4):
        block = f"blk.{i}."
        add_attention(case, block)
        for name in "post_attention_norm", "ffn_norm", "post_ffw_norm":
            norm(case, block + name)
        add_mlp(case, block)
        case.make(block + "layer_output_scale.weight", [1], 0.8, 0.25)
        if i == 0:
            continue
        for name in "post_ffw_norm_1", "pre_ffw_norm_2", "post_ffw_norm_2":
            norm(case, block + name)
        case.make(block + "ffn_gate_inp.scale", [WIDTH], 8.0, 2.0)
        add_experts(case, block, selection_bias=False, shared=False)
        case.make(block + "ffn_down_exps.scale", [EXPERTS], 1.0, 0.5)
    for part in "gate", "up":
        case.remove(f"blk.1.ffn_{part}_exps.weight")
    matrix(case, "blk.1.ffn_gate_up_exps", WIDTH, 2 * EXPERT_WIDTH, EXPERTS)
    case.remove("blk.2.attn_v.weight")
    case.make("rope_freqs.weight", [HEAD // 2], 1.5, 0.5)
    return {**common_metadata(4), "expert_count": ("uint32", EXPERTS), "expert_used_count": ("uint32", 2),
            "expert_feed_forward_length": ("uint32", EXPERT_WIDTH), "attention.key_length_swa": ("uint32", HEAD),
            "attention.value_length_swa": ("uint32", HEAD), "attention.sliding_window": ("uint32", 8),
            "attention.sliding_window_pattern": ("bool", [bool(slides) for slides in sliding]),
            "embedding_length_per_layer_input": ("uint32", 0), "rope.freq_base": ("float32", 1000000.0),
            "rope.freq_base_swa": ("float32", 10000.0), "final_logit_softcapping": ("float32", 30.0)}


def nanbeige(case, normalises=True):
    add_ends(case)
    for i in range(2):
        add_attention(case, f"blk.{i}.", head_norms=False)
        norm(case, f"blk.{i}.ffn_norm")
        add_mlp(case, f"blk.{i}.")
    return {**common_metadata(2), "num_loops": ("uint32", 3), "skip_loop_final_norm": ("bool", not normalises)}


def nanbeige_bare(case):
    return nanbeige(case, normalises=False)


DECODERS = {"exaone-moe": exaone_moe, "plm": plm, "deepseek2-ocr": deepseek2_ocr, "step35": step35,
            "muse-glimmer": muse_glimmer, "apertus": apertus, "minimax-01": minimax_01, "minimax-m3": minimax_m3,
            "minimax-m3-long": minimax_m3_long,
            "chameleon": chameleon, "chameleon-swin": chameleon_swin, "bailingmoe3": bailing_moe3, "kimi-k3": kimi_k3,
            "nemotron_h_moe": nemotron_h_moe, "graniteswitch": granite_switch,
            "granite_swa": granite_swa, "granite_swa-dense": granite_swa_dense, "spark2_5": spark25, "maple": maple,
            "hrm_text": hrm_text, "gemma4-moe": gemma4_moe, "nanbeige": nanbeige, "nanbeige-bare": nanbeige_bare}
# How many logits are compared, where it is not all: those before the tokens of images.
COMPARED = {"chameleon": 4, "chameleon-swin": 4}
# The architecture, where it is not what the case is called.
ARCHITECTURES = {"chameleon-swin": "chameleon", "deepseek4-long": "deepseek4", "granite_swa-dense": "granite_swa",
                 "gemma4-moe": "gemma4", "nanbeige-bare": "nanbeige", "minimax-m3-long": "minimax-m3",
                 "hy_v4-full": "hy_v4", "qwen4exp-dense": "qwen4exp"}

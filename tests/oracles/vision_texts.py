"""Tiny text models for the whole chains, with the keys and tensor names of real converted files."""

from vision_weights import Model

VOCABULARY = 128


class Chain:
    """A case: a text model, the tower whose rows it reads, and the tokens around them."""

    def __init__(self, name, tower, model, before, after, non_causal=False):
        self.name, self.tower, self.model = name, tower, model
        self.before, self.after, self.non_causal = before, after, non_causal


def start(architecture, seed, width, hidden, layers, heads, kv_heads, eps=1e-6):
    model = Model(architecture, seed)
    for key, value in (
        ("vocab_size", VOCABULARY),
        ("context_length", 512),
        ("embedding_length", width),
        ("block_count", layers),
        ("feed_forward_length", hidden),
        ("attention.head_count", heads),
        ("attention.head_count_kv", kv_heads),
    ):
        model.set(f"{architecture}.{key}", "uint32", value)
    model.set(f"{architecture}.attention.layer_norm_rms_epsilon", "float32", eps)
    model.set("tokenizer.ggml.model", "string", "no_vocab")
    model.tensor("token_embd.weight", [width, VOCABULARY], 0.0, 0.875)
    return model


def count(model, key, value):
    architecture = model.metadata["general.architecture"]["value"]
    model.set(f"{architecture}.{key}", "uint32", value)


def base(model, value, key="rope.freq_base"):
    architecture = model.metadata["general.architecture"]["value"]
    model.set(f"{architecture}.{key}", "float32", value)


def sections(model, values):
    architecture = model.metadata["general.architecture"]["value"]
    model.array(f"{architecture}.rope.dimension_sections", "int32", values)


def head_width(model, value, suffix=""):
    for key in ("key_length", "value_length"):
        count(model, f"attention.{key}{suffix}", value)


def end(model, width, tied=False):
    model.norm("output_norm", width)
    if not tied:
        model.matrix("output", width, VOCABULARY)


def attention(model, layer, width, query, keys, bias=False, norms=0):
    for part, outputs in (("q", query), ("k", keys), ("v", keys)):
        model.matrix(f"{layer}attn_{part}", width, outputs, bias)
    model.matrix(f"{layer}attn_output", query, width)
    if norms:
        model.norm(f"{layer}attn_q_norm", norms)
        model.norm(f"{layer}attn_k_norm", norms)


def mlp(model, layer, width, hidden):
    model.matrix(f"{layer}ffn_gate", width, hidden)
    model.matrix(f"{layer}ffn_up", width, hidden)
    model.matrix(f"{layer}ffn_down", hidden, width)


def qwen3vl():
    model = start("qwen3vl", 71, 64, 96, 3, 4, 2)
    base(model, 10000.0)
    head_width(model, 16)
    sections(model, [3, 3, 2, 0])
    count(model, "n_deepstack_layers", 2)
    for i in range(3):
        layer = f"blk.{i}."
        model.norm(layer + "attn_norm", 64)
        attention(model, layer, 64, 64, 32, norms=16)
        model.norm(layer + "ffn_norm", 64)
        mlp(model, layer, 64, 96)
    end(model, 64)
    return Chain("qwen3vl", "qwen3vl-deepstack", model, [60, 65, 96, 121, 4],
                 [18, 105, 121, 31, 39, 111])


def qwen2vl():
    model = start("qwen2vl", 72, 64, 96, 2, 4, 2)
    base(model, 10000.0)
    sections(model, [2, 3, 3, 0])
    for i in range(2):
        layer = f"blk.{i}."
        model.norm(layer + "attn_norm", 64)
        attention(model, layer, 64, 64, 32, bias=True)
        model.norm(layer + "ffn_norm", 64)
        mlp(model, layer, 64, 96)
    end(model, 64)
    return Chain("qwen2vl", "qwen2vl", model, [54, 34, 105, 32, 52, 82], [70, 10, 3, 110, 96])


def glm4():
    # Queries and keys turn in half of their columns.
    model = start("glm4", 78, 64, 96, 2, 4, 2)
    base(model, 10000.0)
    count(model, "rope.dimension_count", 8)
    sections(model, [1, 1, 2, 0])
    for i in range(2):
        layer = f"blk.{i}."
        model.norm(layer + "attn_norm", 64)
        attention(model, layer, 64, 64, 32, bias=True)
        model.norm(layer + "post_attention_norm", 64)
        model.norm(layer + "ffn_norm", 64)
        model.matrix(layer + "ffn_up", 64, 2 * 96)
        model.matrix(layer + "ffn_down", 96, 64)
        model.norm(layer + "post_ffw_norm", 64)
    end(model, 64)
    return Chain("glm4", "glm4v", model, [9, 44, 120, 71], [15, 88, 3, 62, 97])


def paddleocr():
    model = start("paddleocr", 79, 64, 96, 2, 4, 2)
    base(model, 10000.0)
    sections(model, [2, 3, 3, 0])
    for i in range(2):
        layer = f"blk.{i}."
        model.norm(layer + "attn_norm", 64)
        attention(model, layer, 64, 64, 32)
        model.norm(layer + "ffn_norm", 64)
        mlp(model, layer, 64, 96)
    end(model, 64)
    return Chain("paddleocr", "paddleocr", model, [33, 101, 8], [77, 19, 54, 126, 40])


def gemma3():
    # The window is smaller than the picture; the layer between has none.
    model = start("gemma3", 73, 64, 96, 3, 4, 2)
    base(model, 1000000.0)
    head_width(model, 16)
    count(model, "attention.sliding_window", 8)
    count(model, "attention.sliding_window_pattern", 2)
    for i in range(3):
        layer = f"blk.{i}."
        model.norm(layer + "attn_norm", 64)
        attention(model, layer, 64, 64, 32, norms=16)
        model.norm(layer + "post_attention_norm", 64)
        model.norm(layer + "ffn_norm", 64)
        mlp(model, layer, 64, 96)
        model.norm(layer + "post_ffw_norm", 64)
    end(model, 64, tied=True)
    return Chain("gemma3", "gemma3", model, [68, 104, 42, 57, 100, 15, 38],
                 [15, 58, 125, 17, 49, 51, 115, 26], non_causal=True)


def llama():
    model = start("llama", 74, 64, 96, 2, 4, 2, eps=1e-5)
    base(model, 10000.0)
    count(model, "rope.dimension_count", 16)
    for i in range(2):
        layer = f"blk.{i}."
        model.norm(layer + "attn_norm", 64)
        attention(model, layer, 64, 64, 32)
        model.norm(layer + "ffn_norm", 64)
        mlp(model, layer, 64, 96)
    end(model, 64)
    return Chain("llama-pixtral", "pixtral-merger", model, [64, 33, 2, 96], [7, 35, 63, 62, 14])


def gemma4(name, seed, tower, width, per_layer):
    # Without and with inputs a layer, as the larger and the smaller models of the family.
    model = start("gemma4", seed, width, 96, 4, 4, 2)
    base(model, 1000000.0)
    base(model, 10000.0, "rope.freq_base_swa")
    head_width(model, 32)
    head_width(model, 16, "_swa")
    count(model, "rope.dimension_count", 32)
    count(model, "rope.dimension_count_swa", 16)
    count(model, "attention.sliding_window", 4)
    count(model, "attention.shared_kv_layers", 0)
    count(model, "embedding_length_per_layer_input", per_layer)
    model.array("gemma4.attention.sliding_window_pattern", "bool", [True, True, False, True])
    base(model, 30.0, "final_logit_softcapping")
    if per_layer:
        model.tensor("per_layer_token_embd.weight", [4 * per_layer, VOCABULARY], 0.0, 0.875)
        model.matrix("per_layer_model_proj", width, 4 * per_layer)
        model.norm("per_layer_proj_norm", per_layer)
    model.tensor("rope_freqs.weight", [16], 2.0, 1.0)
    for i in range(4):
        layer = f"blk.{i}."
        head = 32 if i == 2 else 16
        model.norm(layer + "attn_norm", width)
        attention(model, layer, width, 4 * head, 2 * head, norms=head)
        model.norm(layer + "post_attention_norm", width)
        model.norm(layer + "ffn_norm", width)
        mlp(model, layer, width, 96)
        model.norm(layer + "post_ffw_norm", width)
        model.tensor(layer + "layer_output_scale.weight", [1], 0.75, 0.25)
        if per_layer:
            model.matrix(layer + "inp_gate", width, per_layer)
            model.matrix(layer + "proj", per_layer, width)
            model.norm(layer + "post_norm", width)
    end(model, width, tied=True)
    return Chain(name, tower, model, [12, 77, 45, 9, 101, 66], [3, 88, 120, 41, 19, 73],
                 non_causal=True)


def qwen35():
    width, heads, states, groups, kernel = 128, 2, 128, 2, 4
    model = start("qwen35", 77, width, 192, 4, 2, 2)
    base(model, 10000.0)
    head_width(model, 64)
    count(model, "rope.dimension_count", 16)
    sections(model, [3, 3, 2, 0])
    count(model, "full_attention_interval", 2)
    count(model, "ssm.conv_kernel", kernel)
    count(model, "ssm.state_size", states)
    count(model, "ssm.group_count", groups)
    count(model, "ssm.time_step_rank", heads)
    count(model, "ssm.inner_size", heads * states)
    inner, mixed = heads * states, 2 * groups * states + heads * states
    for i in range(4):
        layer = f"blk.{i}."
        model.norm(layer + "attn_norm", width)
        if i % 2:
            # Queries come with gates of their own.
            model.matrix(layer + "attn_q", width, 2 * 128)
            model.matrix(layer + "attn_k", width, 128)
            model.matrix(layer + "attn_v", width, 128)
            model.matrix(layer + "attn_output", 128, width)
            model.norm(layer + "attn_q_norm", 64)
            model.norm(layer + "attn_k_norm", 64)
        else:
            model.matrix(layer + "attn_qkv", width, mixed)
            model.matrix(layer + "attn_gate", width, inner)
            model.tensor(layer + "ssm_conv1d.weight", [kernel, mixed], 0.0, 0.866025)
            model.tensor(layer + "ssm_dt.bias", [heads], 0.0, 0.2)
            model.tensor(layer + "ssm_a", [heads], -1.0, 0.5)
            model.matrix(layer + "ssm_beta", width, heads)
            model.matrix(layer + "ssm_alpha", width, heads)
            model.norm(layer + "ssm_norm", states)
            model.matrix(layer + "ssm_out", inner, width)
        model.norm(layer + "post_attention_norm", width)
        mlp(model, layer, width, 192)
    end(model, width)
    return Chain("qwen35", "qwen3vl", model, [5, 91, 23, 64, 37], [112, 8, 55, 29, 81, 97])


def hunyuan_vl():
    """A base that grows with alpha, and four sections."""
    model = start("hunyuan_vl", 85, 64, 96, 2, 4, 2)
    base(model, 10000.0)
    base(model, 50.0, "rope.scaling.alpha")
    head_width(model, 16)
    sections(model, [2, 2, 2, 2])
    for i in range(2):
        layer = f"blk.{i}."
        model.norm(layer + "attn_norm", 64)
        attention(model, layer, 64, 64, 32, norms=16)
        model.norm(layer + "ffn_norm", 64)
        mlp(model, layer, 64, 96)
    end(model, 64)
    return Chain("hunyuan_vl", "hunyuanvl", model, [33, 101, 8], [77, 19, 54, 126, 40])


def granite(name, seed, tower, columns, mapping):
    """All four scales, of which that of embeddings is for a picture's rows, too, unless layers in
    the middle read more columns of them."""
    model = start("granite", seed, columns, 96, 3, 4, 2)
    base(model, 10000.0)
    count(model, "rope.dimension_count", columns // 4)
    base(model, 3.0, "embedding_scale")
    base(model, 0.5, "residual_scale")
    base(model, 0.25, "attention.scale")
    base(model, 2.0, "logit_scale")
    if mapping:
        model.array("granite.deepstack_mapping", "int32", mapping)
    for i in range(3):
        layer = f"blk.{i}."
        model.norm(layer + "attn_norm", columns)
        attention(model, layer, columns, columns, columns // 2)
        model.norm(layer + "ffn_norm", columns)
        mlp(model, layer, columns, 96)
    end(model, columns)
    return Chain(name, tower, model, [12, 77, 45], [3, 88, 120, 41])


def all_chains():
    return [
        qwen3vl(),
        qwen2vl(),
        glm4(),
        paddleocr(),
        gemma3(),
        llama(),
        gemma4("gemma4", 75, "gemma4v", 128, 0),
        gemma4("gemma4-per-layer", 76, "gemma4v-clipped", 64, 16),
        qwen35(),
        hunyuan_vl(),
        granite("granite-llava", 93, "llava-features", 64, None),
        granite("granite-deepstack", 94, "granite4_vision", 32, [-1, 2, 1]),
    ]

"""Tiny towers, one or two a family, with the keys and tensor names of real converted files."""

import numpy as np

from vision_weights import Model

WIDTH, HEADS, HIDDEN, LAYERS, PATCH = 64, 4, 96, 2, 4


class Tower:
    """A case: a model and the size of its picture in pixels."""

    def __init__(self, name, seed, kind, text=64, image=24, patch=PATCH, layers=LAYERS, eps=1e-6,
                 mean=0.5, mixed=False):
        self.name, self.text, self.patch, self.layers = name, text, patch, layers
        self.picture, self.tiles = None, 0  # a row of so many tiles; 0: all of a picture
        # Tables that llama.cpp would stretch otherwise than the model, and their places each way.
        self.stretched = {}
        model = self.model = Model("clip", seed)
        model.set("general.type", "string", "mmproj")
        model.set("general.file_type", "uint32", 0)
        model.set("clip.has_vision_encoder", "bool", True)
        # Files that may hold a second encoder name the projector a modality.
        model.set("clip.vision.projector_type" if mixed else "clip.projector_type", "string", kind)
        model.set("clip.vision.projection_dim", "uint32", text)
        model.set("clip.vision.image_size", "uint32", image)
        model.set("clip.vision.patch_size", "uint32", patch)
        model.set("clip.vision.embedding_length", "uint32", WIDTH)
        model.set("clip.vision.feed_forward_length", "uint32", HIDDEN)
        model.set("clip.vision.block_count", "uint32", layers)
        model.set("clip.vision.attention.head_count", "uint32", HEADS)
        model.array("clip.vision.image_mean", "float32", [mean] * 3)
        model.array("clip.vision.image_std", "float32", [0.5 if mean else 1.0] * 3)
        model.set("clip.vision.attention.layer_norm_epsilon", "float32", eps)

    def key(self, name, kind, value):
        self.model.set("clip." + name, kind, value)

    def scale_factor(self, value):
        self.key("vision.projector.scale_factor", "uint32", value)

    def patches(self, bias=True, frames=1):
        shape = [self.patch, self.patch, 3, WIDTH]
        amplitude = round((1.0 / (self.patch * self.patch * frames)) ** 0.5, 6)
        for i in range(frames):
            self.model.tensor("v.patch_embd.weight" + (f".{i}" if i else ""), shape, 0.0, amplitude)
        if bias:
            self.model.tensor("v.patch_embd.bias", [WIDTH], 0.0, 0.2)

    def positions(self, count):
        self.model.tensor("v.position_embd.weight", [WIDTH, count], 0.0, 0.875)

    def class_token(self):
        self.model.tensor("v.class_embd", [WIDTH], 0.0, 0.875)

    def layer(self, i, bias=True, norm_bias=True, qkv="split", gate=False, swapped=False):
        """The tensors that nearly every family has."""
        model, name = self.model, f"v.blk.{i}."
        model.norm(name + "ln1", WIDTH, norm_bias)
        if qkv == "fused":
            model.matrix(name + "attn_qkv", WIDTH, 3 * WIDTH, bias)
        else:
            for part in ("q", "k", "v"):
                model.matrix(name + "attn_" + part, WIDTH, WIDTH, bias)
        model.matrix(name + "attn_out", WIDTH, WIDTH, bias)
        model.norm(name + "ln2", WIDTH, norm_bias)
        up, down = ("ffn_down", "ffn_up") if swapped else ("ffn_up", "ffn_down")
        if gate:
            model.matrix(name + "ffn_gate", WIDTH, HIDDEN, bias)
        model.matrix(name + up, WIDTH, HIDDEN, bias)
        model.matrix(name + down, HIDDEN, WIDTH, bias)

    def all_layers(self, **how):
        for i in range(self.layers):
            self.layer(i, **how)


def gemma3(name, seed, swapped):
    tower = Tower(name, seed, "gemma3", image=64)
    tower.key("use_gelu", "bool", True)
    tower.patches()
    tower.positions(16 * 16)
    tower.all_layers(swapped=swapped)
    tower.model.norm("v.post_ln", WIDTH, True)
    tower.model.tensor("mm.input_projection.weight", [tower.text, WIDTH], 0.0, 0.216506)
    tower.model.norm("mm.soft_emb_norm", WIDTH)
    tower.picture = (64, 64)
    return tower


def qwen3vl(name, seed, text, deepstack, picture):
    tower = Tower(name, seed, "qwen3vl_merger", text=text, layers=3)
    model = tower.model
    tower.key("use_gelu", "bool", True)
    tower.key("vision.spatial_merge_size", "uint32", 2)
    model.array("clip.vision.is_deepstack_layers", "bool", [i in deepstack for i in range(3)])
    tower.patches(frames=2)
    tower.positions(6 * 6)
    tower.all_layers(qkv="fused")
    for i in deepstack:
        model.norm(f"v.deepstack.{i}.norm", 4 * WIDTH, True)
        model.matrix(f"v.deepstack.{i}.fc1", 4 * WIDTH, 4 * WIDTH, True)
        model.matrix(f"v.deepstack.{i}.fc2", 4 * WIDTH, text, True)
    model.norm("v.post_ln", WIDTH, True)
    model.matrix("mm.0", 4 * WIDTH, 4 * WIDTH, True)
    model.matrix("mm.2", 4 * WIDTH, text, True)
    tower.picture = picture
    return tower


def qwen2_5vl():
    tower = Tower("qwen2.5vl", 41, "qwen2.5vl_merger", image=560, patch=14, layers=3)
    model = tower.model
    tower.key("use_silu", "bool", True)
    tower.key("vision.n_wa_pattern", "uint32", 2)
    tower.patches(bias=False, frames=2)
    tower.all_layers(norm_bias=False, gate=True)
    model.norm("v.post_ln", WIDTH)
    model.matrix("mm.0", 4 * WIDTH, 4 * WIDTH, True)
    model.matrix("mm.2", 4 * WIDTH, tower.text, True)
    tower.picture = (168, 140)  # 12 x 10 patches; windows of 8 x 8, so that three of four are cut
    return tower


def qwen2vl():
    tower = Tower("qwen2vl", 42, "qwen2vl_merger", image=560)
    model = tower.model
    tower.patches(bias=False, frames=2)
    tower.all_layers()
    model.norm("v.post_ln", WIDTH, True)
    model.matrix("mm.0", 4 * WIDTH, 4 * WIDTH, True)
    model.matrix("mm.2", 4 * WIDTH, tower.text, True)
    tower.picture = (40, 24)
    return tower


def gemma4v(name, seed, text, clipped, standardised):
    tower = Tower(name, seed, "gemma4v", text=text, image=224, mean=0.0, mixed=True)
    model, head = tower.model, WIDTH // HEADS
    tower.patches(bias=False)
    model.tensor("v.position_embd.weight", [WIDTH, 12, 2], 0.0, 0.875)
    for i in range(tower.layers):
        tower.layer(i, bias=False, norm_bias=False, gate=True)
        layer = f"v.blk.{i}."
        model.norm(layer + "attn_q_norm", head)
        model.norm(layer + "attn_k_norm", head)
        model.norm(layer + "attn_post_norm", WIDTH)
        model.norm(layer + "ffn_post_norm", WIDTH)
        if not clipped:
            continue
        for part in ("attn_q", "attn_k", "attn_v", "attn_out", "ffn_gate", "ffn_up", "ffn_down"):
            scale = 0.2 if part == "ffn_down" else 1.0
            for end, value in (("input_min", -1.25), ("input_max", 1.5), ("output_min", -1.75),
                               ("output_max", 1.25)):
                model.tensor(f"{layer}{part}.{end}", [1], round(scale * value, 3), 0.0)
    if standardised:
        model.tensor("v.std_bias", [WIDTH], 0.0, 2.0)
        model.tensor("v.std_scale", [WIDTH], 0.5, 0.25)
    model.matrix("mm.input_projection", WIDTH, text)
    tower.picture = (36, 24)  # 9 x 6 patches, 3 x 2 rows
    return tower


def pixtral(name, seed, merge):
    tower = Tower(name, seed, "pixtral", image=64, eps=1e-5)
    model = tower.model
    tower.key("use_silu", "bool", True)
    if merge:
        tower.key("vision.spatial_merge_size", "uint32", 2)
    tower.patches(bias=False)
    model.norm("v.pre_ln", WIDTH)
    tower.all_layers(bias=False, norm_bias=False, gate=True)
    if merge:
        model.norm("mm.input_norm", WIDTH)
        model.matrix("mm.patch_merger", 4 * WIDTH, WIDTH)
    model.matrix("mm.1", WIDTH, tower.text, not merge)
    model.matrix("mm.2", tower.text, tower.text, not merge)
    model.tensor("v.token_embd.img_break", [tower.text], 0.0, 0.875)
    tower.picture = (32, 24) if merge else (20, 12)
    return tower


def internvl():
    tower = Tower("internvl", 47, "internvl")
    model = tower.model
    tower.key("use_gelu", "bool", True)
    tower.scale_factor(2)
    tower.key("vision.preproc_min_tiles", "uint32", 1)
    tower.key("vision.preproc_max_tiles", "uint32", 12)
    tower.patches()
    tower.class_token()
    tower.positions(6 * 6 + 1)
    for i in range(tower.layers):
        tower.layer(i)
        model.tensor(f"v.blk.{i}.ls1.weight", [WIDTH], 0.5, 0.25)
        model.tensor(f"v.blk.{i}.ls2.weight", [WIDTH], 0.5, 0.25)
    model.norm("mm.model.mlp.0", 4 * WIDTH, True)
    model.matrix("mm.model.mlp.1", 4 * WIDTH, tower.text, True)
    model.matrix("mm.model.mlp.3", tower.text, tower.text, True)
    tower.picture = (24, 24)
    return tower


def idefics3(name="idefics3", seed=48, image=24):
    """Other sides than 24 are no whole number of patches, as those of SmolVLM's 384 pixels."""
    tower = Tower(name, seed, "idefics3", image=image)
    model = tower.model
    tower.scale_factor(3)
    tower.key("use_gelu", "bool", True)
    tower.key("vision.preproc_image_size", "uint32", 96)
    tower.patches()
    tower.positions(6 * 6)
    tower.all_layers()
    model.norm("v.post_ln", WIDTH, True)
    model.matrix("mm.model.fc", 9 * WIDTH, tower.text)
    tower.picture = (image, image)
    return tower


def llava_norms():
    """As Yi-VL, whose projector has norms; no class token, and 3 pixels more than whole patches."""
    tower = Tower("llava-norms", 98, "mlp", image=27, layers=3, eps=1e-5)
    model = tower.model
    tower.key("use_gelu", "bool", True)
    tower.patches()
    tower.positions(6 * 6)
    tower.all_layers()
    model.matrix("mm.0", WIDTH, 80, True)
    model.norm("mm.1", 80, True)
    model.matrix("mm.3", 80, tower.text, True)
    model.norm("mm.4", tower.text, True)
    tower.picture = (27, 27)
    return tower


def llava():
    tower = Tower("llava", 49, "mlp", layers=3, eps=1e-5)
    model = tower.model
    tower.key("has_text_encoder", "bool", False)
    tower.key("use_gelu", "bool", False)
    tower.patches(bias=False)
    tower.class_token()
    tower.positions(6 * 6 + 1)
    model.norm("v.pre_ln", WIDTH, True)
    tower.all_layers(swapped=True)
    model.matrix("mm.0", WIDTH, tower.text, True)
    model.matrix("mm.2", tower.text, tower.text, True)
    tower.picture = (24, 24)
    return tower


def lfm2(name, seed, normed, picture):
    tower = Tower(name, seed, "lfm2", image=256)
    model = tower.model
    tower.scale_factor(2)
    tower.key("use_gelu", "bool", True)
    tower.patches()
    tower.positions(6 * 6)
    tower.all_layers()
    model.norm("v.post_ln", WIDTH, True)
    if normed:
        model.norm("mm.input_norm", 4 * WIDTH, True)
    model.matrix("mm.1", 4 * WIDTH, 80, True)
    model.matrix("mm.2", 80, tower.text, True)
    tower.picture = picture
    return tower


def kimivl():
    tower = Tower("kimivl", 51, "kimivl", image=24, eps=1e-5)
    model = tower.model
    tower.key("use_gelu", "bool", True)
    tower.scale_factor(2)
    tower.patches()
    tower.positions(6 * 6)
    tower.all_layers()
    model.norm("v.post_ln", WIDTH, True)
    model.norm("mm.input_norm", WIDTH, True)
    model.matrix("mm.1", 4 * WIDTH, 4 * WIDTH, True)
    model.matrix("mm.2", 4 * WIDTH, tower.text, True)
    tower.picture = (40, 24)
    return tower


def glm4v(name, seed, positions):
    tower = Tower(name, seed, "glm4v", eps=1e-5)
    model, text = tower.model, tower.text
    tower.key("use_silu", "bool", True)
    tower.patches(frames=2)
    model.norm("v.norm_embd", WIDTH)
    if positions:
        tower.positions(6 * 6)
    for i in range(tower.layers):
        # GLM-OCR has biases and norms of queries and keys, and no table of positions.
        tower.layer(i, bias=not positions, norm_bias=False, qkv="fused", gate=True)
        if not positions:
            model.norm(f"v.blk.{i}.attn_q_norm", WIDTH // HEADS)
            model.norm(f"v.blk.{i}.attn_k_norm", WIDTH // HEADS)
    model.norm("v.post_ln", WIDTH)
    model.tensor("mm.patch_merger.weight", [2, 2, WIDTH, text], 0.0, 0.108253)
    model.tensor("mm.patch_merger.bias", [text], 0.0, 0.2)
    model.matrix("mm.model.fc", text, text)
    model.norm("mm.post_norm", text, True)
    model.matrix("mm.up", text, HIDDEN)
    model.matrix("mm.gate", text, HIDDEN)
    model.matrix("mm.down", HIDDEN, text)
    tower.picture = (40, 24)
    return tower


def llama4():
    tower = Tower("llama4", 54, "llama4", eps=1e-5)
    model = tower.model
    tower.scale_factor(2)
    tower.key("use_gelu", "bool", True)
    model.matrix("v.patch_embd", 3 * PATCH * PATCH, WIDTH)
    tower.class_token()
    tower.positions(6 * 6 + 1)
    model.norm("v.pre_ln", WIDTH, True)
    tower.all_layers()
    model.norm("v.post_ln", WIDTH, True)
    model.matrix("mm.model.mlp.1", 4 * WIDTH, 80)
    model.matrix("mm.model.mlp.2", 80, 72)
    model.matrix("mm.model.fc", 72, tower.text)
    tower.picture = (24, 24)
    return tower


def llava_features():
    """As Granite Vision: the states before two layers side by side, no class token."""
    tower = Tower("llava-features", 56, "mlp", layers=3)
    model = tower.model
    tower.key("has_llava_projector", "bool", True)
    tower.key("use_gelu", "bool", True)
    model.array("clip.vision.feature_layer", "int32", [1, 3])
    tower.patches()
    tower.positions(6 * 6)
    tower.all_layers(swapped=True)
    model.matrix("mm.0", 2 * WIDTH, tower.text, True)
    model.matrix("mm.2", tower.text, tower.text, True)
    tower.picture = (24, 24)
    return tower


def kimik25():
    tower = Tower("kimik25", 57, "kimik25", image=28, eps=1e-5)
    model = tower.model
    tower.key("use_gelu", "bool", True)
    tower.key("vision.image_min_pixels", "uint32", 8 * PATCH * PATCH)
    tower.key("vision.image_max_pixels", "uint32", 16384 * PATCH * PATCH)
    tower.scale_factor(2)
    tower.patches()
    model.tensor("v.position_embd.weight", [WIDTH, 7, 7], 0.0, 0.875)
    tower.all_layers(qkv="fused")
    model.norm("v.post_ln", WIDTH, True)
    model.norm("mm.input_norm", WIDTH, True)
    model.matrix("mm.1", 4 * WIDTH, 4 * WIDTH, True)
    model.matrix("mm.2", 4 * WIDTH, tower.text, True)
    tower.picture = (40, 24)
    return tower


def lightonocr():
    tower = Tower("lightonocr", 58, "lightonocr", image=64, eps=1e-5)
    model = tower.model
    tower.key("use_silu", "bool", True)
    tower.key("vision.spatial_merge_size", "uint32", 2)
    tower.patches(bias=False)
    model.norm("v.pre_ln", WIDTH)
    tower.all_layers(bias=False, norm_bias=False, gate=True)
    model.norm("mm.input_norm", WIDTH)
    model.matrix("mm.patch_merger", 4 * WIDTH, WIDTH)
    model.matrix("mm.1", WIDTH, tower.text)
    model.matrix("mm.2", tower.text, tower.text)
    tower.picture = (40, 24)
    return tower


def dots_ocr():
    tower = Tower("dots_ocr", 59, "dots_ocr", image=0, eps=1e-5)
    model = tower.model
    tower.key("use_silu", "bool", True)
    tower.key("vision.image_min_pixels", "uint32", 3136)
    tower.key("vision.image_max_pixels", "uint32", 11289600)
    tower.scale_factor(2)
    tower.patches()
    model.norm("v.pre_ln", WIDTH)
    tower.all_layers(bias=False, norm_bias=False, qkv="fused", gate=True)
    model.norm("mm.post_norm", WIDTH)
    model.norm("mm.input_norm", WIDTH, True)
    model.matrix("mm.0", 4 * WIDTH, 4 * WIDTH, True)
    model.matrix("mm.2", 4 * WIDTH, tower.text, True)
    tower.picture = (40, 24)
    return tower


def paddleocr():
    tower = Tower("paddleocr", 60, "paddleocr", image=1536)
    model = tower.model
    tower.key("use_gelu", "bool", True)
    tower.key("vision.image_min_pixels", "uint32", 147384)
    tower.key("vision.image_max_pixels", "uint32", 2822400)
    tower.patches()
    tower.positions(5 * 5)
    tower.all_layers()
    model.norm("v.post_ln", WIDTH, True)
    model.norm("mm.input_norm", WIDTH, True)
    model.matrix("mm.1", 4 * WIDTH, 4 * WIDTH, True)
    model.matrix("mm.2", 4 * WIDTH, tower.text, True)
    tower.picture = (40, 24)
    return tower


def exaone4_5():
    """As Qwen2.5-VL, with half as many heads of keys and values."""
    tower = Tower("exaone4_5", 61, "exaone4_5", image=560, patch=14, layers=3)
    model = tower.model
    tower.key("use_silu", "bool", True)
    tower.key("vision.n_wa_pattern", "uint32", 2)
    tower.key("vision.attention.head_count_kv", "uint32", HEADS // 2)
    tower.key("vision.image_min_pixels", "uint32", 3136)
    tower.key("vision.image_max_pixels", "uint32", 12845056)
    tower.patches(bias=False, frames=2)
    for i in range(tower.layers):
        name = f"v.blk.{i}."
        model.norm(name + "ln1", WIDTH)
        model.matrix(name + "attn_qkv", WIDTH, 2 * WIDTH, True)
        model.matrix(name + "attn_out", WIDTH, WIDTH, True)
        model.norm(name + "ln2", WIDTH)
        model.matrix(name + "ffn_gate", WIDTH, HIDDEN, True)
        model.matrix(name + "ffn_up", WIDTH, HIDDEN, True)
        model.matrix(name + "ffn_down", HIDDEN, WIDTH, True)
    model.norm("v.post_ln", WIDTH)
    model.matrix("mm.0", 4 * WIDTH, 4 * WIDTH, True)
    model.matrix("mm.2", 4 * WIDTH, tower.text, True)
    tower.picture = (168, 140)
    return tower


def minimax_m3():
    tower = Tower("minimax_m3", 62, "minimax_m3", image=560, eps=1e-5)
    model = tower.model
    tower.key("use_gelu", "bool", True)
    tower.key("vision.spatial_merge_size", "uint32", 2)
    tower.patches(bias=False, frames=2)
    model.norm("v.pre_ln", WIDTH, True)
    tower.all_layers()
    model.matrix("mm.1", WIDTH, 80, True)
    model.matrix("mm.2", 80, tower.text, True)
    model.matrix("mm.merger.fc1", 4 * tower.text, 80, True)
    model.matrix("mm.merger.fc2", 80, tower.text, True)
    tower.picture = (40, 24)
    return tower


def janus_pro():
    tower = Tower("janus_pro", 63, "janus_pro")
    model = tower.model
    tower.key("use_gelu", "bool", True)
    tower.patches()
    tower.positions(6 * 6)
    tower.all_layers()
    model.norm("v.post_ln", WIDTH, True)
    model.matrix("mm.0", WIDTH, tower.text, True)
    model.matrix("mm.1", tower.text, tower.text, True)
    tower.picture = (24, 24)
    return tower


def phi4():
    tower = Tower("phi4", 64, "phi4")
    model = tower.model
    tower.key("use_gelu", "bool", True)
    tower.key("vision.image_min_pixels", "uint32", 256 * PATCH * PATCH)
    tower.key("vision.image_max_pixels", "uint32", 3600 * PATCH * PATCH)
    tower.patches()
    tower.positions(6 * 6)
    tower.all_layers()
    model.matrix("mm.0", WIDTH, tower.text, True)
    model.matrix("mm.2", tower.text, tower.text, True)
    tower.picture = (36, 28)
    return tower


def gemma4uv():
    """Patches of three by three small ones, and no layers."""
    tower = Tower("gemma4uv", 65, "gemma4uv", image=224, mean=0.0, mixed=True, layers=0)
    model, patch = tower.model, 3 * PATCH
    tower.key("vision.attention.head_count", "uint32", 0)
    tower.key("vision.feed_forward_length", "uint32", 0)
    model.norm("v.patch_norm.1", 3 * patch * patch, True)
    model.matrix("v.patch_embd", 3 * patch * patch, WIDTH, True)
    model.norm("v.patch_norm.2", WIDTH, True)
    model.tensor("v.position_embd.weight", [WIDTH, 12, 2], 0.0, 0.875)
    model.norm("v.patch_norm.3", WIDTH, True)
    model.matrix("mm.input_projection", WIDTH, tower.text)
    tower.picture = (36, 24)  # 3 x 2 rows
    return tower


def resampler(name, seed, version, picture):
    """MiniCPM-V: heads of the resampler have 128 columns whatever the model."""
    tower = Tower(name, seed, "resampler", text=256, image=24)
    model, text = tower.model, tower.text
    tower.key("use_gelu", "bool", True)
    tower.key("has_minicpmv_projector", "bool", True)
    tower.key("minicpmv_version", "int32", version)
    tower.key("minicpmv_query_num", "uint32", 5)
    tower.patches()
    tower.positions(70 * 70)
    tower.all_layers(swapped=True)
    model.norm("v.post_ln", WIDTH, True)
    model.tensor("resampler.pos_embed_k", [text, 4], 0.0, 1.0)
    model.tensor("resampler.query", [text, 5], 0.0, 1.0)
    model.matrix("resampler.kv", WIDTH, text)
    for part in ("q", "k", "v", "out"):
        model.matrix(f"resampler.attn.{part}", text, text, True)
    for part in ("q", "kv", "post"):
        model.norm(f"resampler.ln_{part}", text, True)
    model.matrix("resampler.proj", text, text)
    tower.picture = picture
    return tower


def nemotron():
    tower = Tower("nemotron_v2_vl", 68, "nemotron_v2_vl")
    model = tower.model
    tower.key("use_gelu", "bool", True)
    tower.scale_factor(2)
    tower.patches(bias=False)
    model.tensor("v.class_embd", [WIDTH, 3], 0.0, 0.875)
    tower.positions(6 * 6)
    tower.all_layers(qkv="fused")
    model.norm("mm.model.mlp.0", 4 * WIDTH)
    model.matrix("mm.model.mlp.1", 4 * WIDTH, 80)
    model.matrix("mm.model.mlp.3", 80, tower.text)
    tower.picture = (24, 24)
    return tower


def glm_edge():
    tower = Tower("glm_edge", 69, "adapter")
    model, text = tower.model, tower.text
    tower.key("use_gelu", "bool", True)
    tower.patches()
    tower.positions(6 * 6)
    tower.all_layers(swapped=True)
    model.norm("v.post_ln", WIDTH, True)
    model.tensor("adapter.conv.weight", [2, 2, WIDTH, 80], 0.0, 0.108253)
    model.tensor("adapter.conv.bias", [80], 0.0, 0.2)
    model.matrix("adapter.linear.linear", 80, 72)
    model.norm("adapter.linear.norm1", 72, True)
    model.matrix("adapter.linear.gate", 72, HIDDEN)
    model.matrix("adapter.linear.dense_h_to_4h", 72, HIDDEN)
    model.matrix("adapter.linear.dense_4h_to_h", HIDDEN, text)
    model.tensor("adapter.boi", [text], 0.0, 0.875)
    model.tensor("adapter.eoi", [text], 0.0, 0.875)
    tower.picture = (24, 24)
    return tower


def muse_glimmer():
    """Windows as large as the table of places, of which a picture has fewer rows."""
    tower = Tower("muse-glimmer", 70, "muse-glimmer", image=64, layers=5, eps=1e-5)
    model = tower.model
    tower.key("vision.spatial_merge_size", "uint32", 2)
    tower.patches(bias=False)
    tower.positions(8 * 8)
    model.norm("v.pre_ln", WIDTH, True)
    tower.all_layers()
    model.norm("v.post_ln", WIDTH, True)
    model.matrix("mm.0", 4 * WIDTH, 80)
    model.matrix("mm.1", 80, 72)
    model.matrix("mm.2", 72, tower.text)
    tower.picture = (40, 24)
    return tower


def sam(tower, side, window, width=48, head=12):
    """Three layers of SAM for so many patches each way, the last of which sees all of them."""
    model, layers = tower.model, 3
    tower.key("use_gelu", "bool", True)
    tower.key("vision.window_size", "uint32", window)
    tower.key("vision.sam.block_count", "uint32", layers)
    tower.key("vision.sam.head_count", "uint32", width // head)
    tower.key("vision.sam.embedding_length", "uint32", width)
    model.tensor("v.sam.patch_embd.weight", [16, 16, 3, width], 0.0, 0.0625)
    model.tensor("v.sam.patch_embd.bias", [width], 0.0, 0.2)
    model.tensor("v.sam.pos_embd.weight", [width, side, side], 0.0, 0.875)
    for i in range(layers):
        layer = f"v.sam.blk.{i}."
        distances = 2 * (side if i == 2 else window) - 1
        model.norm(layer + "pre_ln", width, True)
        model.matrix(layer + "attn.qkv", width, 3 * width, True)
        model.tensor(layer + "attn.pos_h.weight", [head, distances], 0.0, 0.5)
        model.tensor(layer + "attn.pos_w.weight", [head, distances], 0.0, 0.5)
        model.matrix(layer + "attn.out", width, width, True)
        model.norm(layer + "post_ln", width, True)
        model.matrix(layer + "mlp.lin1", width, 80, True)
        model.matrix(layer + "mlp.lin2", 80, width, True)
    for name, kernel, inputs, outputs in (("neck.0", 1, width, 32), ("neck.2", 3, 32, 32),
                                          ("net_2", 3, 32, 40), ("net_3", 3, 40, WIDTH)):
        amplitude = round((3.0 / (inputs * kernel * kernel)) ** 0.5, 6)
        model.tensor(f"v.sam.{name}.weight", [kernel, kernel, inputs, outputs], 0.0, amplitude)
    for name in ("neck.1", "neck.3"):
        model.norm("v.sam." + name, 32, True)


def deepseekocr(name, seed, side, tiles):
    """SAM with windows that don't fill a picture, and CLIP; a whole picture or a row of tiles."""
    tower = Tower(name, seed, "deepseekocr", image=16 * side, eps=1e-6)
    model, text = tower.model, tower.text
    sam(tower, side=side, window=3)
    tower.class_token()
    tower.positions((side // 4) ** 2 + 1)
    model.norm("v.pre_ln", WIDTH, True)
    tower.all_layers(qkv="fused")
    model.matrix("mm.model.fc", 2 * WIDTH, text, True)
    model.tensor("v.image_newline", [text], 0.0, 0.875)
    model.tensor("v.view_seperator", [text, 1], 0.0, 0.875)
    tower.picture = (16 * side, 16 * side)
    if tiles:
        tower.tiles = tiles
        tower.picture = (10 * side * tiles, 10 * side)
        places = 10 * side // 16
        tower.stretched = {"v.sam.pos_embd.weight": places, "v.position_embd.weight": places // 4}
    return tower


def deepseekocr2(name, seed, side, tiles):
    """Learned rows in Qwen2, behind SAM's of as few patches as llama.cpp takes."""
    tower = Tower(name, seed, "deepseekocr2", text=32, image=16 * side, patch=16)
    model, text, keys = tower.model, tower.text, WIDTH // 2
    if tiles:
        tower.tiles, tower.stretched = tiles, {"v.sam.pos_embd.weight": 48}
    sam(tower, side=side, window=7, width=16, head=16)
    tower.key("vision.attention.head_count_kv", "uint32", HEADS // 2)
    for i in range(tower.layers):
        name = f"v.blk.{i}."
        model.norm(name + "ln1", WIDTH)
        for part, outputs in (("q", WIDTH), ("k", keys), ("v", keys)):
            model.matrix(name + "attn_" + part, WIDTH, outputs, True)
        model.matrix(name + "attn_out", WIDTH, WIDTH)
        model.norm(name + "ln2", WIDTH)
        model.matrix(name + "ffn_gate", WIDTH, HIDDEN)
        model.matrix(name + "ffn_up", WIDTH, HIDDEN)
        model.matrix(name + "ffn_down", HIDDEN, WIDTH)
    model.norm("v.post_ln", WIDTH)
    model.tensor("v.resample_query_768.weight", [WIDTH, 144], 0.0, 0.875)
    model.tensor("v.resample_query_1024.weight", [WIDTH, 256], 0.0, 0.875)
    model.matrix("mm.model.fc", WIDTH, text, True)
    model.tensor("v.view_seperator", [text, 1], 0.0, 0.875)
    tower.picture = (768, 768)
    return tower


def step3vl():
    tower = Tower("step3vl", 82, "step3vl", image=112, patch=14, eps=1e-5)
    model = tower.model
    tower.scale_factor(4)
    tower.patches(bias=False)
    tower.positions(7 * 7)
    model.norm("v.pre_ln", WIDTH, True)
    for i in range(tower.layers):
        tower.layer(i, qkv="fused")
        for part in ("ls1", "ls2"):
            model.tensor(f"v.blk.{i}.{part}.weight", [WIDTH], 0.75, 0.25)
    for name, inputs, outputs in (("mm.0", WIDTH, 72), ("mm.1", 72, 80)):
        amplitude = round((3.0 / (9 * inputs)) ** 0.5, 6)
        model.tensor(name + ".weight", [3, 3, inputs, outputs], 0.0, amplitude)
        model.tensor(name + ".bias", [outputs], 0.0, 0.2)
    model.matrix("mm.model.fc", 80, tower.text)
    tower.picture = (112, 112)
    return tower


def youtuvl():
    tower = Tower("youtuvl", 83, "youtuvl", image=560, patch=14, layers=3)
    model = tower.model
    tower.key("use_gelu", "bool", True)
    tower.key("vision.window_size", "uint32", 112)
    model.array("clip.vision.wa_layer_indexes", "int32", [1])
    model.tensor("v.patch_embd.weight", [3 * 14 * 14, WIDTH], 0.0, 0.071429)
    model.tensor("v.patch_embd.bias", [WIDTH], 0.0, 0.2)
    tower.all_layers()
    model.norm("v.post_ln", WIDTH, True)
    model.norm("mm.input_norm", WIDTH)
    model.matrix("mm.0", 4 * WIDTH, 4 * WIDTH, True)
    model.matrix("mm.2", 4 * WIDTH, tower.text, True)
    tower.picture = (168, 140)
    return tower


def hunyuanvl():
    tower = Tower("hunyuanvl", 84, "hunyuanvl", image=96, eps=1e-5)
    model = tower.model
    tower.key("use_gelu", "bool", True)
    tower.key("vision.spatial_merge_size", "uint32", 2)
    tower.key("vision.image_min_pixels", "uint32", 256 * 8 * 8)
    tower.key("vision.image_max_pixels", "uint32", 4096 * 8 * 8)
    tower.patches()
    tower.positions(6 * 6)
    tower.all_layers()
    model.norm("mm.pre_norm", WIDTH)
    model.tensor("mm.0.weight", [2, 2, WIDTH, 80], 0.0, 0.108253)
    model.tensor("mm.0.bias", [80], 0.0, 0.2)
    model.tensor("mm.2.weight", [1, 1, 80, 96], 0.0, 0.193649)
    model.tensor("mm.2.bias", [96], 0.0, 0.2)
    model.tensor("v.image_newline", [96], 0.0, 0.875)
    model.tensor("v.view_seperator", [tower.text], 0.0, 0.875)
    model.matrix("mm.model.fc", 96, tower.text, True)
    model.tensor("mm.image_begin", [tower.text], 0.0, 0.875)
    model.tensor("mm.image_end", [tower.text], 0.0, 0.875)
    model.norm("mm.post_norm", tower.text)
    tower.picture = (40, 24)
    return tower


def minicpmv4_6(name, seed, merged, picture):
    """Half of the layers see patches that were merged; or none, where the file says so."""
    tower = Tower(name, seed, "minicpmv4_6", image=48, layers=3)
    model = tower.model
    tower.key("use_gelu", "bool", True)
    tower.scale_factor(4 if merged else 2)
    model.array("clip.vision.wa_layer_indexes", "int32", [1])
    tower.patches()
    tower.positions(70 * 70)
    tower.all_layers()
    if merged:
        stem = "v.vit_merger."
        model.norm(stem + "ln1", WIDTH, True)
        for part in ("q", "k", "v", "out"):
            model.matrix(stem + "attn_" + part, WIDTH, WIDTH, True)
        model.norm(stem + "ds_ln", 4 * WIDTH, True)
        model.matrix(stem + "ds_ffn_up", 4 * WIDTH, 4 * HIDDEN, True)
        model.matrix(stem + "ds_ffn_down", 4 * HIDDEN, WIDTH, True)
    model.norm("v.post_ln", WIDTH, True)
    model.norm("mm.input_norm", 4 * WIDTH, True)
    model.matrix("mm.up", 4 * WIDTH, 4 * WIDTH, True)
    model.matrix("mm.down", 4 * WIDTH, tower.text, True)
    tower.picture = picture
    return tower


def mobile_vlm(name, seed):
    """24 x 24 patches, on which llama.cpp insists, without the class token that it misplaces."""
    tower = Tower(name, seed, name, image=96, layers=3, eps=1e-5)
    model, text = tower.model, tower.text
    tower.key("has_text_encoder", "bool", False)
    tower.key("use_gelu", "bool", False)
    tower.patches(bias=False)
    tower.positions(24 * 24)
    model.norm("v.pre_ln", WIDTH, True)
    tower.all_layers(swapped=True)
    first = 1 if name == "ldp" else 0
    model.matrix(f"mm.model.mlp.{first}", WIDTH, text, True)
    model.matrix(f"mm.model.mlp.{first + 2}", text, text, True)
    if name == "ldpv2":
        model.tensor("mm.model.peg.0.weight", [3, 3, 1, text], 0.0, 0.57735)
        model.tensor("mm.model.peg.0.bias", [text], 0.0, 0.2)
    for block in (1, 2) if name == "ldp" else ():
        stem = f"mm.model.mb_block.{block}.block."
        model.tensor(stem + "0.0.weight", [3, 3, 1, text], 0.0, 0.57735)
        model.norm(stem + "0.1", text, True)
        model.matrix(stem + "1.fc1", text, 16, True)
        model.matrix(stem + "1.fc2", 16, text, True)
        model.matrix(stem + "2.0", text, text)
        model.norm(stem + "2.1", text, True)
    tower.picture = (96, 96)
    return tower


def gemma3nv():
    """MobileNetV5 in little: blocks of all kinds, two stages of which are fused."""
    tower = Tower("gemma3nv", 84, "gemma3nv", text=32, image=512, patch=2, mean=0.0, mixed=True)
    model, width = tower.model, tower.text
    tower.key("vision.embedding_length", "uint32", width)

    def convolution(name, side, inputs, outputs, norm):
        taps = side * side * inputs
        model.tensor(name + ".weight", [side, side, inputs, outputs], 0.0,
                     round((3.0 / taps) ** 0.5, 6))
        if norm:
            model.norm(norm, outputs)

    def edge(block, inputs, wide, outputs):
        convolution(block + "conv_exp", 3, inputs, wide, block + "bn1")
        convolution(block + "conv_pwl", 1, wide, outputs, block + "bn2")

    def inverted(block, start, middle, inputs, wide, outputs):
        for part, side, columns in (("dw_start", start, inputs), ("dw_mid", middle, wide)):
            if side:
                convolution(f"{block}{part}.conv", side, 1, columns, f"{block}{part}.bn")
        convolution(block + "pw_exp.conv", 1, inputs, wide, block + "pw_exp.bn")
        convolution(block + "pw_proj.conv", 1, wide, outputs, block + "pw_proj.bn")
        scale(block, outputs)

    def attention(block, columns, heads, head, fewer):
        model.norm(block + "norm", columns)
        for part, outputs in (("query", heads * head), ("key", head), ("value", head)):
            name = f"{block}attn.{part}."
            if fewer and part != "query":
                convolution(name + "down_conv", 3, 1, columns, name + "norm")
            convolution(name + "proj", 1, columns, outputs, None)
        convolution(block + "attn.output.proj", 1, heads * head, columns, None)
        scale(block, columns)

    def scale(block, columns):
        model.tensor(block + "layer_scale.gamma", [1, 1, columns, 1], 0.75, 0.25)

    convolution("v.conv_stem.conv", 3, 3, 8, "v.conv_stem.bn")
    model.tensor("v.conv_stem.conv.bias", [1, 1, 8, 1], 0.0, 0.2)
    edge("v.blk.0.0.", 8, 24, 16)
    edge("v.blk.0.1.", 16, 40, 16)
    inverted("v.blk.1.0.", 3, 5, 16, 48, 24)
    inverted("v.blk.1.1.", 5, 0, 24, 48, 24)
    inverted("v.blk.2.0.", 5, 5, 24, 64, 32)
    inverted("v.blk.2.1.", 0, 0, 32, 32, 32)
    attention("v.blk.2.2.", 32, 3, 8, fewer=True)
    inverted("v.blk.2.3.", 0, 0, 32, 64, 32)
    inverted("v.blk.3.0.", 5, 5, 32, 96, 40)
    attention("v.blk.3.1.", 40, 2, 12, fewer=False)
    inverted("v.blk.3.2.", 0, 0, 40, 80, 40)
    convolution("v.msfa.ffn.pw_exp.conv", 1, 72, 96, "v.msfa.ffn.pw_exp.bn")
    convolution("v.msfa.ffn.pw_proj.conv", 1, 96, width, "v.msfa.ffn.pw_proj.bn")
    model.norm("v.msfa.norm", width)
    model.norm("mm.soft_emb_norm", width)
    model.matrix("mm.input_projection", width, tower.text)
    tower.picture = (512, 512)
    return tower


def dots3note():
    """Two layers with experts, of which the second has as few as are used."""
    tower = Tower("dots3note_v", 86, "dots3note_v", image=0, layers=3, eps=1e-5, mixed=True)
    model, wide = tower.model, 48
    tower.key("use_silu", "bool", True)
    tower.key("vision.image_min_pixels", "uint32", 3136)
    tower.key("vision.image_max_pixels", "uint32", 11289600)
    tower.key("vision.spatial_merge_size", "uint32", 2)
    model.array("clip.vision.expert_count_per_layer", "int32", [0, 6, 3])
    tower.key("vision.expert_used_count", "uint32", 3)
    tower.patches()
    model.norm("v.pre_ln", WIDTH)
    for i, experts in enumerate((0, 6, 3)):
        name = f"v.blk.{i}."
        model.norm(name + "ln1", WIDTH)
        model.matrix(name + "attn_qkv", WIDTH, 3 * WIDTH)
        model.norm(name + "attn_q_norm", WIDTH // HEADS)
        model.norm(name + "attn_k_norm", WIDTH // HEADS)
        model.matrix(name + "attn_out", WIDTH, WIDTH)
        model.norm(name + "ln2", WIDTH)
        if experts:
            model.matrix(name + "ffn_gate_inp", WIDTH, experts)
            model.tensor(name + "exp_probs_b.weight", [experts], 0.0, 0.3)
            for part, inputs, outputs in (("gate", WIDTH, wide), ("up", WIDTH, wide),
                                          ("down", wide, WIDTH)):
                model.tensor(f"{name}ffn_{part}_exps.weight", [inputs, outputs, experts], 0.0,
                             round((3.0 / inputs) ** 0.5, 6))
        else:
            for part, inputs, outputs in (("gate", WIDTH, HIDDEN), ("up", WIDTH, HIDDEN),
                                          ("down", HIDDEN, WIDTH)):
                model.matrix(f"{name}ffn_{part}", inputs, outputs)
    model.norm("mm.post_norm", WIDTH)
    model.norm("mm.input_norm", WIDTH, True)
    model.matrix("mm.0", 4 * WIDTH, 4 * WIDTH, True)
    model.matrix("mm.2", 4 * WIDTH, tower.text, True)
    tower.picture = (40, 24)
    return tower


def yasa2():
    """Two stages of ConvNeXt V2, whose 16 x 16 places become 8 x 8."""
    tower = Tower("yasa2", 90, "yasa2", image=128, layers=0)
    model, text, widths = tower.model, tower.text, (24, 40)
    model.tensor("v.patch_embd.weight", [4, 4, 3, 24], 0.0, 0.25)
    model.tensor("v.patch_embd.bias", [24], 0.0, 0.2)
    model.norm("v.patch_ln", 24, True)
    for stage, width in enumerate(widths):
        stem = f"v.stage.{stage}."
        if stage > 0:
            model.norm(stem + "down.ln", widths[stage - 1], True)
            model.tensor(stem + "down.conv.weight", [2, 2, widths[stage - 1], width], 0.0, 0.176777)
            model.tensor(stem + "down.conv.bias", [width], 0.0, 0.2)
        for block in range(2):
            name = f"{stem}blk.{block}."
            model.tensor(name + "dw.weight", [7, 7, 1, width], 0.0, 0.247436)
            model.tensor(name + "dw.bias", [width], 0.0, 0.2)
            model.norm(name + "ln", width, True)
            model.matrix(name + "pw1", width, 4 * width, True)
            model.tensor(name + "grn.weight", [4 * width], 0.5, 0.5)
            model.tensor(name + "grn.bias", [4 * width], 0.0, 0.2)
            model.matrix(name + "pw2", 4 * width, width, True)
    model.norm("v.backbone_ln", 40, True)
    model.tensor("v.vision_pos_embed", [40, 16 * 16], 0.0, 0.875)
    model.matrix("mm.0", 40, 80, True)
    model.matrix("mm.2", 80, text, True)
    tower.picture = (128, 128)
    return tower


def mimovl():
    """Layers that see all, bands of rows and bands of columns; heads are not as wide as the model
    allows for, and share keys and values."""
    tower = Tower("mimovl", 91, "mimovl", image=560, layers=4, mixed=True)
    model, head, kv_heads = tower.model, 24, 2
    tower.key("use_silu", "bool", True)
    tower.key("vision.spatial_merge_size", "uint32", 2)
    tower.key("vision.attention.head_count_kv", "uint32", kv_heads)
    tower.key("vision.window_size", "uint32", 6)
    tower.key("vision.image_min_pixels", "uint32", 8 * 8 * 8)
    tower.key("vision.image_max_pixels", "uint32", 4096 * 8 * 8)
    modes = [-1, 0, 1, 1]
    model.array("clip.vision.wa_pattern_mode", "int32", modes)
    tower.patches(bias=False, frames=2)
    for i, mode in enumerate(modes):
        name = f"v.blk.{i}."
        model.norm(name + "ln1", WIDTH)
        model.matrix(name + "attn_qkv", WIDTH, (HEADS + 2 * kv_heads) * head, True)
        model.matrix(name + "attn_out", HEADS * head, WIDTH, True)
        if mode != -1:
            model.tensor(name + "attn_sinks", [HEADS], 0.0, 2.0)
        model.norm(name + "ln2", WIDTH)
        model.matrix(name + "ffn_gate", WIDTH, HIDDEN, True)
        model.matrix(name + "ffn_up", WIDTH, HIDDEN, True)
        model.matrix(name + "ffn_down", HIDDEN, WIDTH, True)
    model.norm("v.post_ln", WIDTH, True)
    model.matrix("mm.0", 4 * WIDTH, 4 * WIDTH)
    model.matrix("mm.2", 4 * WIDTH, tower.text)
    tower.picture = (40, 24)
    return tower


def granite4_vision():
    """Three projectors, two of which read the same layer, with means and with corners."""
    tower = Tower("granite4_vision", 92, "granite4_vision", text=32, image=64, layers=3)
    model, text = tower.model, tower.text
    tower.key("use_gelu", "bool", True)
    tower.key("vision.projector.query_side", "uint32", 2)
    tower.key("vision.projector.window_side", "uint32", 4)
    model.array("clip.vision.feature_layer", "int32", [2, 1, 1])
    model.array("clip.vision.projector.spatial_offsets", "int32", [-1, 1, 2])
    model.array("clip.vision.image_grid_pinpoints", "int32", [64, 128, 128, 64, 128, 128])
    tower.patches()
    tower.positions(16 * 16)
    tower.all_layers()
    model.norm("v.post_ln", WIDTH, True)
    model.tensor("v.image_newline", [text], 0.0, 0.875)
    for i in range(3):
        stem = f"v.proj_blk.{i}."
        model.tensor(stem + "img_pos", [WIDTH, 4 * 4, 1], 0.0, 0.5)
        model.tensor(stem + "query", [WIDTH, 2 * 2, 1], 0.0, 0.5)
        model.norm(stem + "norm", WIDTH, True)
        model.norm(stem + "post_norm", WIDTH, True)
        for attention in ("self_attn", "cross_attn"):
            for part in ("q", "k", "v", "out"):
                model.matrix(f"{stem}{attention}_{part}", WIDTH, WIDTH, True)
            model.norm(f"{stem}{attention}_norm", WIDTH, True)
        model.matrix(stem + "ffn_up", WIDTH, HIDDEN, True)
        model.matrix(stem + "ffn_down", HIDDEN, WIDTH, True)
        model.norm(stem + "ffn_norm", WIDTH, True)
        model.matrix(stem + "linear", WIDTH, text, True)
    tower.picture = (64, 64)
    return tower


def stretched_table(table, places):
    """A square table of places for so many each way, as Pillow resizes pictures (bicubic)."""
    rows = table.reshape(-1, table.shape[-1]).astype(np.float64)
    side = int(len(rows) ** 0.5)
    first = len(rows) - side * side  # of the class token
    scale = side / places
    shares = np.zeros((places, side))
    for i in range(places):
        x = np.abs((np.arange(side) + 0.5 - (i + 0.5) * scale) / max(scale, 1.0))
        near, far = (1.5 * x - 2.5) * x * x + 1.0, ((x - 5.0) * x + 8.0) * x * -0.5 + 2.0
        shares[i] = np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))
        shares[i] /= shares[i].sum()
    square = rows[first:].reshape(side, side, -1)
    result = np.einsum("iy,jx,yxc->ijc", shares, shares, square).astype(np.float32)
    if table.ndim == 3:
        return result
    return np.concatenate([table[:first], result.reshape(places * places, -1)])


def stretched_tables(tower):
    values = tower.model.values
    return {name: stretched_table(values(name), to) for name, to in tower.stretched.items()}


def class_token_first(tower, towers, pixels):
    """The rows if the class token has the first position, as the models were trained.

    llama.cpp puts it behind the patches but reads the table of positions from its start, so the
    table is turned by one. Of LLaVA's rows it drops the first instead of the class token's, so
    the first patch's row comes from a run in which the first two patches have changed places.
    """
    name = "v.position_embd.weight"
    table = np.roll(tower.model.values(name), -1, axis=0)
    rows, _ = towers.rows(tower, pixels, {name: table})
    if not tower.model.has("v.pre_ln.weight"):
        return rows
    side = tower.patch
    moved, moved_table = pixels.copy(), table.copy()
    moved[:side, :side], moved[:side, side : 2 * side] = (
        pixels[:side, side : 2 * side],
        pixels[:side, :side],
    )
    moved_table[[0, 1]] = table[[1, 0]]
    first, _ = towers.rows(tower, moved, {name: moved_table})
    return np.concatenate([first[:1], rows[:-1]])


def all_towers():
    return [
        gemma3("gemma3", 31, swapped=False),
        gemma3("gemma3-swapped", 32, swapped=True),
        qwen3vl("qwen3vl-deepstack", 33, 64, (0, 1), (40, 24)),
        qwen3vl("qwen3vl", 34, 128, (), (16, 32)),
        qwen2_5vl(),
        qwen2vl(),
        gemma4v("gemma4v", 43, 128, clipped=False, standardised=True),
        gemma4v("gemma4v-clipped", 44, 64, clipped=True, standardised=False),
        pixtral("pixtral-merger", 45, merge=True),
        pixtral("pixtral", 46, merge=False),
        internvl(),
        idefics3(),
        idefics3("idefics3-cut", 99, 26),
        llava(),
        llava_norms(),
        llava_features(),
        lfm2("lfm2", 50, normed=True, picture=(40, 24)),
        lfm2("lfm2-unnormed", 55, normed=False, picture=(16, 32)),
        kimivl(),
        glm4v("glm4v", 52, positions=True),
        glm4v("glm4v-ocr", 53, positions=False),
        llama4(),
        kimik25(),
        lightonocr(),
        dots_ocr(),
        paddleocr(),
        exaone4_5(),
        minimax_m3(),
        janus_pro(),
        phi4(),
        gemma4uv(),
        resampler("minicpmv", 66, 3, (28, 20)),
        resampler("minicpmv-2.5", 67, 2, (24, 24)),
        nemotron(),
        glm_edge(),
        muse_glimmer(),
        deepseekocr("deepseekocr", 80, side=8, tiles=0),
        deepseekocr("deepseekocr-tiles", 92, side=32, tiles=2),
        step3vl(),
        youtuvl(),
        hunyuanvl(),
        yasa2(),
        mimovl(),
        granite4_vision(),
        mobile_vlm("ldp", 88),
        mobile_vlm("ldpv2", 89),
        minicpmv4_6("minicpmv4_6", 86, True, (48, 32)),
        minicpmv4_6("minicpmv4_6-unmerged", 87, False, (24, 32)),
        gemma3nv(),
        deepseekocr2("deepseekocr2", 85, side=48, tiles=0),
        deepseekocr2("deepseekocr2-tile", 87, side=64, tiles=1),
        dots3note(),
    ]

"""Tiny towers, one or two a family, with the keys and tensor names of real converted files."""

import numpy as np

from vision_weights import Model

WIDTH, HEADS, HIDDEN, LAYERS, PATCH = 64, 4, 96, 2, 4


class Tower:
    """A case: a model and the size of its picture in pixels."""

    def __init__(self, name, seed, kind, text=64, image=24, patch=PATCH, layers=LAYERS, eps=1e-6,
                 mean=0.5, mixed=False):
        self.name, self.text, self.patch, self.layers = name, text, patch, layers
        self.picture = None
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


def idefics3():
    tower = Tower("idefics3", 48, "idefics3")
    model = tower.model
    tower.scale_factor(3)
    tower.key("use_gelu", "bool", True)
    tower.key("vision.preproc_image_size", "uint32", 96)
    tower.patches()
    tower.positions(6 * 6)
    tower.all_layers()
    model.norm("v.post_ln", WIDTH, True)
    model.matrix("mm.model.fc", 9 * WIDTH, tower.text)
    tower.picture = (24, 24)
    return tower


def llava():
    tower = Tower("llava", 49, "mlp", layers=3, eps=1e-5)
    model = tower.model
    tower.key("has_text_encoder", "bool", False)
    tower.key("has_llava_projector", "bool", True)
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
        llava(),
        llava_features(),
        lfm2("lfm2", 50, normed=True, picture=(40, 24)),
        lfm2("lfm2-unnormed", 55, normed=False, picture=(16, 32)),
        kimivl(),
        glm4v("glm4v", 52, positions=True),
        glm4v("glm4v-ocr", 53, positions=False),
        llama4(),
    ]

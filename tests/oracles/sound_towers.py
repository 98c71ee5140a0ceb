"""Tiny encoders of sounds, one a family, with the keys and tensor names of real converted files."""

from vision_weights import Model

WIDTH, HEADS, HIDDEN, LAYERS, MELS, POSITIONS = 64, 4, 96, 2, 80, 32


class Encoder:
    """A case: a model, with its metadata, and the frames of its spectrogram."""

    def __init__(self, name, seed, kind, frames, text=64, mels=MELS, legacy=True, width=WIDTH):
        self.name, self.text, self.mels, self.frames = name, text, mels, frames
        model = self.model = Model("clip", seed)
        model.set("general.type", "string", "mmproj")
        model.set("general.file_type", "uint32", 0)
        model.set("clip.has_audio_encoder", "bool", True)
        # Files that may hold a second encoder name the projector a modality.
        model.set("clip.projector_type" if legacy else "clip.audio.projector_type", "string", kind)
        model.set("clip.audio.projection_dim", "uint32", text)
        model.set("clip.audio.embedding_length", "uint32", width)
        model.set("clip.audio.feed_forward_length", "uint32", HIDDEN)
        model.set("clip.audio.block_count", "uint32", LAYERS)
        model.set("clip.audio.attention.head_count", "uint32", HEADS)
        model.set("clip.audio.num_mel_bins", "uint32", mels)
        model.set("clip.audio.attention.layer_norm_epsilon", "float32", 1e-5)

    def convolution(self, number, inputs):
        """One of Whisper's."""
        amplitude = round((1.0 / inputs) ** 0.5, 6)
        self.model.tensor(f"a.conv1d.{number}.weight", [3, inputs, WIDTH], 0.0, amplitude)
        self.model.tensor(f"a.conv1d.{number}.bias", [1, WIDTH], 0.0, 0.2)

    def square(self, name, inputs, outputs, bias=True, side=3):
        """A convolution over squares; one of each column by itself has one input."""
        model, amplitude = self.model, round((3.0 / (side * side * inputs)) ** 0.5, 6)
        model.tensor(name + ".weight", [side, side, inputs, outputs], 0.0, amplitude)
        if bias:
            model.tensor(name + ".bias", [1, 1, outputs], 0.0, 0.2)


class Tower(Encoder):
    """Whisper's."""

    def __init__(self, name, seed, kind, text=64, mels=MELS, stack=None, legacy=True):
        super().__init__(name, seed, kind, 2 * POSITIONS, text, mels, legacy)
        model = self.model
        if stack:
            model.set("clip.audio.projector.stack_factor", "uint32", stack)
        self.convolution(1, mels)
        self.convolution(2, WIDTH)
        model.tensor("a.position_embd.weight", [WIDTH, POSITIONS], 0.0, 0.875)
        add_layers(model)


def add_layers(model, layers=LAYERS):
    """Whisper's layers, and the norm behind them."""
    for i in range(layers):
        add_layer(model, f"a.blk.{i}.")
    model.norm("a.post_ln", WIDTH, True)


def add_layer(model, name):
    model.norm(name + "ln1", WIDTH, True)
    for part in ("q", "k", "v"):
        model.matrix(name + "attn_" + part, WIDTH, WIDTH, part != "k")
    model.matrix(name + "attn_out", WIDTH, WIDTH, True)
    model.norm(name + "ln2", WIDTH, True)
    model.matrix(name + "ffn_up", WIDTH, HIDDEN, True)
    model.matrix(name + "ffn_down", HIDDEN, WIDTH, True)


def ultravox():
    tower = Tower("ultravox", 81, "ultravox", stack=8, mels=128)
    model = tower.model
    model.norm("mm.a.norm_pre", 8 * WIDTH)
    model.matrix("mm.a.mlp.1", 8 * WIDTH, 2 * HIDDEN)
    model.norm("mm.a.norm_mid", HIDDEN)
    model.matrix("mm.a.mlp.2", HIDDEN, tower.text)
    return tower


def qwen2a():
    tower = Tower("qwen2a", 82, "qwen2a", mels=128)
    tower.model.matrix("mm.a.fc", WIDTH, tower.text, True)
    return tower


def qwen2_5o():
    tower = Tower("qwen2.5o", 83, "qwen2.5o", mels=128)
    tower.model.matrix("mm.a.fc", WIDTH, tower.text, True)
    return tower


def voxtral():
    tower = Tower("voxtral", 84, "voxtral", stack=4, mels=128)
    tower.model.matrix("mm.a.mlp.1", 4 * WIDTH, HIDDEN)
    tower.model.matrix("mm.a.mlp.2", HIDDEN, tower.text)
    return tower


def glma():
    tower = Tower("glma", 85, "glma", stack=4, mels=128)
    model = tower.model
    model.norm("mm.a.norm_pre", WIDTH, True)
    model.matrix("mm.a.mlp.1", 4 * WIDTH, HIDDEN, True)
    model.matrix("mm.a.mlp.2", HIDDEN, tower.text, True)
    model.tensor("v.boi", [tower.text], 0.0, 0.875)
    model.tensor("v.eoi", [tower.text], 0.0, 0.875)
    return tower


def meralion():
    tower = Tower("meralion", 86, "meralion", stack=4)
    model = tower.model
    model.norm("mm.a.norm_pre", 4 * WIDTH, True)
    model.matrix("mm.a.mlp.0", 4 * WIDTH, HIDDEN, True)
    model.matrix("mm.a.mlp.1", HIDDEN, HIDDEN, True)
    model.matrix("mm.a.mlp.2", HIDDEN, HIDDEN, True)
    model.matrix("mm.a.mlp.3", HIDDEN, tower.text, True)
    return tower


def musicflamingo():
    tower = Tower("musicflamingo", 87, "musicflamingo", mels=128, legacy=False)
    tower.model.matrix("mm.a.mlp.1", WIDTH, HIDDEN, True)
    tower.model.matrix("mm.a.mlp.2", HIDDEN, tower.text, True)
    return tower


def qwen3a():
    """Two parts of 100 frames, of which each makes 13 rows."""
    channels, mels = 8, 32
    encoder = Encoder("qwen3a", 88, "qwen3a", 200, mels=mels, legacy=False)
    model = encoder.model
    for i in range(3):
        encoder.square(f"a.conv2d.{i + 1}", channels if i else 1, channels)
    model.matrix("a.conv_out", channels * mels // 8, WIDTH)
    model.tensor("a.position_embd.weight", [WIDTH, POSITIONS], 0.0, 0.875)
    add_layers(model)
    model.matrix("mm.a.mlp.1", WIDTH, HIDDEN, True)
    model.matrix("mm.a.mlp.2", HIDDEN, encoder.text, True)
    return encoder


def clipped(model, name, inputs, outputs, bounds):
    """A matrix with bounds of what goes in and out, for some of what does."""
    model.matrix(name, inputs, outputs)
    for side in ("input", "output"):
        model.tensor(f"{name}.{side}_min", [1], -bounds, 0.0)
        model.tensor(f"{name}.{side}_max", [1], bounds, 0.0)


def gemma4a():
    """Rows that see 12, and more rows than the convolutions make at once."""
    channels, mels, text = (6, 8), 32, 16
    encoder = Encoder("gemma4a", 89, "gemma4a", 299, text, mels, legacy=False)
    model = encoder.model
    for i in range(2):
        encoder.square(f"a.conv1d.{i}", channels[0] if i else 1, channels[i], False)
        model.norm(f"a.conv1d.{i}.norm", channels[i])
    model.matrix("a.input_projection", channels[1] * mels // 4, WIDTH)
    for i in range(LAYERS):
        name, bounds = f"a.blk.{i}.", 1.5 + i
        for end in ("", "_1"):
            model.norm(f"{name}ffn_norm{end}", WIDTH)
            clipped(model, f"{name}ffn_up{end}", WIDTH, HIDDEN, bounds)
            clipped(model, f"{name}ffn_down{end}", HIDDEN, WIDTH, bounds)
            model.norm(f"{name}ffn_post_norm{end}", WIDTH)
        model.norm(name + "attn_pre_norm", WIDTH)
        for part in ("q", "k", "v", "out"):
            clipped(model, name + "attn_" + part, WIDTH, WIDTH, bounds)
        model.matrix(name + "attn_k_rel", WIDTH, WIDTH)
        model.tensor(name + "per_dim_scale.weight", [WIDTH // HEADS], 0.7, 0.3)
        model.norm(name + "attn_post_norm", WIDTH)
        model.norm(name + "conv_norm", WIDTH)
        clipped(model, name + "conv_pw1", WIDTH, 2 * WIDTH, bounds)
        model.tensor(name + "conv_dw.weight", [5, WIDTH], 0.0, 0.774597)
        model.norm(name + "norm_conv", WIDTH)
        clipped(model, name + "conv_pw2", WIDTH, WIDTH, bounds)
        model.norm(name + "ln2", WIDTH)
    model.matrix("a.pre_encode.out", WIDTH, HIDDEN, True)
    model.matrix("mm.a.input_projection", HIDDEN, text)
    return encoder


def gemma4ua():
    """Frames of samples, and no tower."""
    samples, text = 640, 16
    encoder = Encoder("gemma4ua", 91, "gemma4ua", 5, text, samples, legacy=False, width=samples)
    for key in ("feed_forward_length", "block_count", "attention.head_count"):
        encoder.model.set("clip.audio." + key, "uint32", 0)
    encoder.model.matrix("mm.a.input_projection", samples, text)
    return encoder


def add_nemo_stem(encoder, channels, width):
    encoder.square("a.conv1d.0", 1, channels)
    for i in (2, 5):
        encoder.square(f"a.conv1d.{i}", 1, channels)
        encoder.square(f"a.conv1d.{i + 1}", channels, channels, side=1)
    encoder.model.matrix("a.pre_encode.out", channels * encoder.mels // 8, width, True)


def lfm2a():
    """As wide as llama.cpp wants it; more rows than the convolutions make at once."""
    channels, mels, text, width = 8, 32, 16, 512
    encoder = Encoder("lfm2a", 90, "lfm2a", 535, text, mels, width=width)
    model = encoder.model
    add_nemo_stem(encoder, channels, width)
    model.tensor("a.position_embd.weight", [text, encoder.frames], 0.0, 0.875)
    model.norm("a.position_embd_norm", text)
    model.matrix("a.embd_to_logits", text, 32)
    for i in range(LAYERS):
        name = f"a.blk.{i}."
        for end in ("", "_1"):
            model.norm(f"{name}ffn_norm{end}", width, True)
            model.matrix(f"{name}ffn_up{end}", width, HIDDEN, True)
            model.matrix(f"{name}ffn_down{end}", HIDDEN, width, True)
        model.norm(name + "ln1", width, True)
        for part in ("q", "k", "v", "out"):
            model.matrix(name + "attn_" + part, width, width, True)
        model.matrix(name + "linear_pos", width, width)
        for part in ("u", "v"):
            model.tensor(name + "pos_bias_" + part, [width // HEADS, HEADS], 0.0, 0.5)
        model.norm(name + "norm_conv", width, True)
        model.matrix(name + "conv_pw1", width, 2 * width, True)
        model.tensor(name + "conv_dw.weight", [9, width], 0.0, 0.57735)
        model.tensor(name + "conv_dw.bias", [width], 0.0, 0.2)
        model.norm(name + "conv_norm", width, True)
        model.matrix(name + "conv_pw2", width, width, True)
        model.norm(name + "ln2", width, True)
    model.norm("mm.a.mlp.0", width, True)
    model.matrix("mm.a.mlp.1", width, HIDDEN, True)
    model.matrix("mm.a.mlp.3", HIDDEN, text, True)
    return encoder


def add_query_former(model, name, width, queries, inner):
    """What asks windows of rows of `width` columns; two layers, as llama.cpp wants it."""
    model.tensor(name + "query", [WIDTH, queries], 0.0, 0.875)
    model.norm(name + "norm", WIDTH, True)
    for i in range(2):
        layer = f"{name}blk.{i}."
        for kind, seen in (("self_attn_", WIDTH), ("cross_attn_", width)):
            for part, inputs in (("q", WIDTH), ("k", seen), ("v", seen), ("out", WIDTH)):
                model.matrix(layer + kind + part, inputs, WIDTH, True)
            model.norm(layer + kind + "norm", WIDTH, True)
        model.matrix(layer + "ffn_up", WIDTH, inner, True)
        model.matrix(layer + "ffn_down", inner, WIDTH, True)
        model.norm(layer + "ffn_norm", WIDTH, True)


def granite_speech(name="granite_speech", seed=92, layers=LAYERS, kept=()):
    """Blocks and windows that are not full at the end, and more windows than are asked at once."""
    block, reach, taps, window, rate, symbols = 12, 16, 7, 6, 2, 20
    mels, text, inner = 2 * 16, 16, 2 * WIDTH
    encoder = Encoder(name, seed, "granite_speech", 203, text, mels)
    model = encoder.model
    model.set("clip.audio.block_count", "uint32", layers)
    for key, value in (
        ("chunk_size", block),
        ("conv_kernel_size", taps),
        ("max_pos_emb", reach),
        ("projector.window_size", window),
        ("projector.downsample_rate", rate),
        ("projector.head_count", 2),
    ):
        model.set("clip.audio." + key, "uint32", value)
    if kept:
        model.array("clip.audio.feature_layer", "int32", kept)
    model.matrix("a.input_projection", mels, WIDTH, True)
    for i in range(layers):
        name = f"a.blk.{i}."
        for end in ("", "_1"):
            model.norm(f"{name}ffn_norm{end}", WIDTH, True)
            model.matrix(f"{name}ffn_up{end}", WIDTH, HIDDEN, True)
            model.matrix(f"{name}ffn_down{end}", HIDDEN, WIDTH, True)
        model.norm(name + "ln1", WIDTH, True)
        for part in ("q", "k", "v"):
            model.matrix(name + "attn_" + part, WIDTH, WIDTH)
        model.matrix(name + "attn_out", WIDTH, WIDTH, True)
        model.tensor(name + "attn_rel_pos_emb", [WIDTH // HEADS, 2 * reach + 1], 0.0, 0.875)
        model.norm(name + "norm_conv", WIDTH, True)
        model.matrix(name + "conv_pw1", WIDTH, 2 * inner, True)
        model.tensor(name + "conv_dw.weight", [taps, inner], 0.0, 0.654654)
        model.norm(name + "conv_norm", inner, True)
        model.matrix(name + "conv_pw2", inner, WIDTH, True)
        model.norm(name + "ln2", WIDTH, True)
    model.matrix("a.enc_ctc_out", WIDTH, symbols, True)
    model.matrix("a.enc_ctc_out_mid", symbols, WIDTH, True)
    add_query_former(model, "a.proj_", (1 + len(kept)) * WIDTH, window // rate, HIDDEN)
    model.matrix("a.proj_linear", WIDTH, text, True)
    return encoder


def granite_speech_plus():
    return granite_speech("granite_speech-plus", 93, 3, (0, 2))


def dots3note_a():
    """Rows that turn by half a head; more of them than the convolutions make at once."""
    channels, mels, text = 8, 32, 16
    encoder = Encoder("dots3note_a", 94, "dots3note_a", 597, text, mels, legacy=False)
    model = encoder.model
    model.set("clip.use_silu", "bool", True)
    for i in range(3):
        encoder.square(f"a.conv2d.{i + 1}", channels if i else 1, channels)
    model.matrix("a.conv_out", channels * mels // 8, WIDTH)
    for i in range(LAYERS):
        name = f"a.blk.{i}."
        model.norm(name + "ln1", WIDTH)
        for part in ("q", "k", "v", "out"):
            model.matrix(name + "attn_" + part, WIDTH, WIDTH, part != "k")
        model.norm(name + "ln2", WIDTH)
        for part in ("gate", "up"):
            model.matrix(name + "ffn_" + part, WIDTH, HIDDEN, True)
        model.matrix(name + "ffn_down", HIDDEN, WIDTH, True)
    model.norm("a.post_ln", WIDTH)
    model.norm("mm.a.norm_pre", WIDTH, True)
    model.matrix("mm.a.mlp.1", WIDTH, HIDDEN, True)
    model.matrix("mm.a.mlp.3", HIDDEN, text, True)
    return encoder


def parakeet(mels=32):
    """With tensors of an encoder of pictures, which its files have, too."""
    channels, text, taps = 8, 16, 9
    encoder = Encoder("parakeet", 95, "parakeet", 299, text, mels, legacy=False)
    model = encoder.model
    model.set("clip.audio.subsampling_factor", "uint32", 8)
    model.set("clip.audio.conv_kernel_size", "uint32", taps)
    model.tensor("v.patch_embd.weight", [2, 2, 3, 4], 0.0, 1.0)
    for i in (0, 1, 3):
        model.matrix(f"mm.model.mlp.{i}", 4, 4)
    model.tensor("a.mel_filters", [257, mels], 0.0, 1.0)  # those of real files are NeMo's
    model.tensor("a.window", [400], 0.0, 1.0)
    add_nemo_stem(encoder, channels, WIDTH)
    for i in range(LAYERS):
        name = f"a.blk.{i}."
        for end in ("", "_1"):
            model.norm(f"{name}ffn_norm{end}", WIDTH, True)
            model.matrix(f"{name}ffn_up{end}", WIDTH, HIDDEN)
            model.matrix(f"{name}ffn_down{end}", HIDDEN, WIDTH)
        model.norm(name + "ln1", WIDTH, True)
        for part in ("q", "k", "v", "out"):
            model.matrix(name + "attn_" + part, WIDTH, WIDTH)
        model.matrix(name + "linear_pos", WIDTH, WIDTH)
        for part in ("u", "v"):
            model.tensor(name + "pos_bias_" + part, [WIDTH // HEADS, HEADS], 0.0, 0.5)
        model.norm(name + "norm_conv", WIDTH, True)
        model.matrix(name + "conv_pw1", WIDTH, 2 * WIDTH)
        model.tensor(name + "conv_dw.weight", [taps, WIDTH], 0.0, 0.57735)
        model.norm(name + "conv_norm", WIDTH, True)
        model.tensor(name + "conv_norm_mean", [WIDTH], 0.0, 0.2)
        model.tensor(name + "conv_norm_var", [WIDTH], 0.5, 0.25)
        model.matrix(name + "conv_pw2", WIDTH, WIDTH)
        model.norm(name + "ln2", WIDTH, True)
    model.norm("mm.a.norm_pre", WIDTH)
    model.matrix("mm.a.mlp.1", WIDTH, HIDDEN)
    model.matrix("mm.a.mlp.2", HIDDEN, text)
    return encoder


def mimo_audio():
    """Windows of fewer rows than there are; books of which not all codes count."""
    layers, group, codes, entries, sizes, mels, text = 4, 4, 24, 26, (24, 20, 9), 32, 16
    encoder = Encoder("mimo_audio", 96, "mimo_audio", 128, text, mels, legacy=False)
    model = encoder.model
    model.set("clip.audio.block_count", "uint32", layers)
    model.set("clip.audio.rvq.num_quantizers", "uint32", len(sizes))
    model.array("clip.audio.rvq.codebook_size", "int32", sizes)
    model.array("clip.audio.wa_pattern_mode", "int32", (0, -1, 0, -1))
    model.set("clip.audio.window_size", "uint32", 7)
    model.set("clip.audio.local_block_count", "uint32", LAYERS)
    model.set("clip.audio.local_group_size", "uint32", group)
    encoder.convolution(1, mels)
    encoder.convolution(2, WIDTH)
    add_layers(model, layers)
    model.tensor("a.downsample.conv.weight", [2, WIDTH, WIDTH], 0.0, 0.153093)
    model.norm("a.downsample.norm", WIDTH, True)
    model.tensor("a.rvq.codebook.weight", [WIDTH, codes, len(sizes)], 0.0, 0.875)
    model.tensor("mm.a.code_embd.weight", [WIDTH, entries, len(sizes)], 0.0, 0.875)
    for i in range(LAYERS):
        name = f"mm.a.local_blk.{i}."
        model.norm(name + "ln1", WIDTH)
        for part in ("q", "k", "v", "out"):
            model.matrix(name + "attn_" + part, WIDTH, WIDTH, part != "out")
        model.norm(name + "ln2", WIDTH)
        model.matrix(name + "ffn_gate", WIDTH, HIDDEN)
        model.matrix(name + "ffn_up", WIDTH, HIDDEN)
        model.matrix(name + "ffn_down", HIDDEN, WIDTH)
    model.norm("mm.a.local_norm", WIDTH)
    model.matrix("mm.a.mlp.1", group * WIDTH, HIDDEN)
    model.matrix("mm.a.mlp.2", HIDDEN, text)
    return encoder


def all_towers():
    return [
        ultravox(),
        qwen2a(),
        qwen2_5o(),
        voxtral(),
        glma(),
        meralion(),
        musicflamingo(),
        qwen3a(),
        gemma4a(),
        gemma4ua(),
        lfm2a(),
        granite_speech(),
        granite_speech_plus(),
        dots3note_a(),
        parakeet(),
        mimo_audio(),
    ]

"""Tiny encoders of sounds, one a family, with the keys and tensor names of real converted files."""

from vision_weights import Model

WIDTH, HEADS, HIDDEN, LAYERS, MELS, POSITIONS = 64, 4, 96, 2, 80, 32


class Tower:
    """A case: a model and the frames of its spectrogram."""

    def __init__(self, name, seed, kind, text=64, mels=MELS, stack=None, legacy=True):
        self.name, self.text, self.mels, self.frames = name, text, mels, 2 * POSITIONS
        model = self.model = Model("clip", seed)
        model.set("general.type", "string", "mmproj")
        model.set("general.file_type", "uint32", 0)
        model.set("clip.has_audio_encoder", "bool", True)
        # Files that may hold a second encoder name the projector a modality.
        model.set("clip.projector_type" if legacy else "clip.audio.projector_type", "string", kind)
        model.set("clip.audio.projection_dim", "uint32", text)
        model.set("clip.audio.embedding_length", "uint32", WIDTH)
        model.set("clip.audio.feed_forward_length", "uint32", HIDDEN)
        model.set("clip.audio.block_count", "uint32", LAYERS)
        model.set("clip.audio.attention.head_count", "uint32", HEADS)
        model.set("clip.audio.num_mel_bins", "uint32", mels)
        model.set("clip.audio.attention.layer_norm_epsilon", "float32", 1e-5)
        if stack:
            model.set("clip.audio.projector.stack_factor", "uint32", stack)
        self.convolution(1, mels)
        self.convolution(2, WIDTH)
        model.tensor("a.position_embd.weight", [WIDTH, POSITIONS], 0.0, 0.875)
        for i in range(LAYERS):
            self.layer(f"a.blk.{i}.")
        model.norm("a.post_ln", WIDTH, True)

    def convolution(self, number, inputs):
        amplitude = round((1.0 / inputs) ** 0.5, 6)
        self.model.tensor(f"a.conv1d.{number}.weight", [3, inputs, WIDTH], 0.0, amplitude)
        self.model.tensor(f"a.conv1d.{number}.bias", [1, WIDTH], 0.0, 0.2)

    def layer(self, name):
        model = self.model
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


def all_towers():
    return [ultravox(), qwen2a(), qwen2_5o(), voxtral(), glma(), meralion(), musicflamingo()]

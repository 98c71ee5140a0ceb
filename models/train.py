#!/usr/bin/env python3
"""Trains the bundled model: a small llama on the King James text, written as GGUF.

    apt-get install python3-torch python3-numpy python3-sentencepiece bible-kjv bible-kjv-text
    /usr/bin/python3 models/train.py --minutes 60

Everything is made here: the SentencePiece vocabulary, the weights, linnet-kjv.gguf. The learning
rate follows the clock, so a longer run is simply a better model.
"""
import argparse
import copy
import math
import re
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import sentencepiece
import torch
import torch.nn.functional as F

VOCABULARY, WIDTH, LAYERS, HEADS, KV_HEADS, FFN, CONTEXT = 2048, 256, 4, 8, 4, 704, 512
HEAD = WIDTH // HEADS
EPSILON, ROPE_BASE = 1e-5, 10000.0
SEGMENT = 256  # tokens that are trained on at once


# ---------------------------------------------------------------- text and vocabulary
def chapters():
    """The text, a string a chapter: running prose without numbers."""
    lines = subprocess.run(["bible", "-f", "Gen1:1-Rev22:21"], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    text = {}
    for line in lines:
        match = re.match(r"(\w+?)(\d+):(\d+) (.*)", line)
        if match:
            text.setdefault((match[1], match[2]), []).append(match[4].strip())
    return [" ".join(verses) for verses in text.values()]


def train_vocabulary(texts, folder):
    source = folder / "text.txt"
    source.write_text("\n".join(texts))
    sentencepiece.SentencePieceTrainer.train(
        input=str(source), model_prefix=str(folder / "kjv"), model_type="bpe",
        vocab_size=VOCABULARY, byte_fallback=True, character_coverage=1.0,
        normalization_rule_name="identity", remove_extra_whitespaces=False,
        max_sentence_length=100000, minloglevel=2)
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "kjv.model"))


# ---------------------------------------------------------------- the model
class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        linear = lambda a, b: torch.nn.Linear(a, b, bias=False)
        self.attn_norm = torch.nn.Parameter(torch.ones(WIDTH))
        self.attn_q = linear(WIDTH, HEADS * HEAD)
        self.attn_k = linear(WIDTH, KV_HEADS * HEAD)
        self.attn_v = linear(WIDTH, KV_HEADS * HEAD)
        self.attn_output = linear(HEADS * HEAD, WIDTH)
        self.ffn_norm = torch.nn.Parameter(torch.ones(WIDTH))
        self.ffn_gate = linear(WIDTH, FFN)
        self.ffn_up = linear(WIDTH, FFN)
        self.ffn_down = linear(FFN, WIDTH)


def rms_norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * weight


def rope_table(length):
    angles = torch.outer(torch.arange(length).float(),
                         ROPE_BASE ** (-torch.arange(0, HEAD, 2).float() / HEAD))
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    """Turns the pairs (2i, 2i+1) of every head: the layout of llama in GGUF. x: [B, H, T, HEAD]"""
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


class Llama(torch.nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.token_embd = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = torch.nn.ModuleList(Block() for _ in range(LAYERS))
        self.output_norm = torch.nn.Parameter(torch.ones(WIDTH))
        self.dropout = dropout
        for name, p in self.named_parameters():
            if p.dim() == 2:
                scale = 0.02 / math.sqrt(2 * LAYERS) if "output" in name or "down" in name else 0.02
                torch.nn.init.normal_(p, std=scale)

    def forward(self, ids):
        batch, length = ids.shape
        cos, sin = rope_table(length)
        mask = torch.full((length, length), -1e9).triu(1)
        x = self.token_embd(ids)
        for block in self.blocks:
            x = x + self.drop(self.attention(block, rms_norm(x, block.attn_norm), cos, sin, mask))
            h = rms_norm(x, block.ffn_norm)
            x = x + self.drop(block.ffn_down(F.silu(block.ffn_gate(h)) * block.ffn_up(h)))
        return rms_norm(x, self.output_norm) @ self.token_embd.weight.T

    def drop(self, x):
        return F.dropout(x, self.dropout, self.training)

    def attention(self, block, x, cos, sin, mask):
        batch, length, _ = x.shape
        heads = lambda y, n: y.view(batch, length, n, HEAD).transpose(1, 2)
        q = rotate(heads(block.attn_q(x), HEADS), cos, sin)
        k = rotate(heads(block.attn_k(x), KV_HEADS), cos, sin)
        v = heads(block.attn_v(x), KV_HEADS)
        k, v = (t.repeat_interleave(HEADS // KV_HEADS, 1) for t in (k, v))
        scores = (q @ k.transpose(-1, -2) / math.sqrt(HEAD) + mask).softmax(-1)
        return block.attn_output((scores @ v).transpose(1, 2).reshape(batch, length, -1))


# ---------------------------------------------------------------- training
def stream_of(tokenizer, texts):
    ids = []
    for text in texts:
        ids += [tokenizer.bos_id()] + tokenizer.encode(text)
    return torch.tensor(ids)


def held_out_loss(model, stream):
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(stream) - 1, SEGMENT):
            part = stream[start:start + SEGMENT + 1][None]
            if part.shape[1] < 2:
                break
            logits = model(part[:, :-1])
            total += F.cross_entropy(logits[0], part[0, 1:], reduction="sum").item()
            count += part.shape[1] - 1
    model.train()
    return total / count


def greedy(model, tokenizer, prompt, count):
    model.eval()
    ids = [tokenizer.bos_id()] + tokenizer.encode(prompt)
    with torch.no_grad():
        for _ in range(count):
            ids.append(int(model(torch.tensor(ids[-CONTEXT:])[None])[0, -1].argmax()))
    model.train()
    return tokenizer.decode(ids)


def train(model, training, held_out, arguments, save):
    decay = [p for p in model.parameters() if p.dim() == 2]
    rest = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1},
                                   {"params": rest, "weight_decay": 0.0}], betas=(0.9, 0.95))
    start, end = time.time(), 60 * arguments.minutes
    average = copy.deepcopy(model)  # of the recent weights: better than any single step's
    step, last_check, best = 0, start, math.inf
    while True:
        elapsed = time.time() - start
        progress = min(elapsed / end, 1.0)
        rate = arguments.rate * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * progress))
        for group in optimizer.param_groups:
            group["lr"] = rate
        starts = torch.randint(len(training) - SEGMENT - 1, (arguments.batch,))
        batch = torch.stack([training[s:s + SEGMENT + 1] for s in starts])
        loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        with torch.no_grad():
            for a, p in zip(average.parameters(), model.parameters()):
                a.lerp_(p, 0.02 if step > 100 else 1.0)
        done = progress >= 1.0
        if done or time.time() - last_check > 60 * arguments.check_minutes:
            last_check = time.time()
            score = held_out_loss(average, held_out)
            epochs = step * arguments.batch * SEGMENT / len(training)
            print(f"{elapsed / 60:6.1f} min  step {step}  epoch {epochs:.2f}  "
                  f"training {loss.item():.3f}  held out {score:.4f}", flush=True)
            if score < best:
                best = score
                save(average, f"{score:.4f}", epochs)
        if done:
            return


# ---------------------------------------------------------------- GGUF
def gguf_string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf_value(value):
    """bool, int (uint32), float (float32), str, or a list of one kind (int32 for ints)."""
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + gguf_string(value)
    kind, pack = {str: (8, gguf_string), float: (6, lambda v: struct.pack("<f", v)),
                  int: (5, lambda v: struct.pack("<i", v))}[type(value[0])]
    return struct.pack("<IIQ", 9, kind, len(value)) + b"".join(map(pack, value))


def q8_0(rows):
    """Blocks of 32: a half-precision scale and 32 signed bytes."""
    blocks = rows.reshape(-1, 32)
    scale = (np.abs(blocks).max(1) / 127).astype(np.float16)
    inverse = np.divide(1.0, scale.astype(np.float32), where=scale != 0,
                        out=np.zeros(len(scale), np.float32))
    codes = np.clip(np.rint(blocks * inverse[:, None]), -127, 127).astype(np.int8)
    return np.concatenate([scale[:, None].view(np.int8), codes], 1).tobytes()


def tensors_of(model):
    yield "token_embd.weight", model.token_embd.weight
    yield "output_norm.weight", model.output_norm
    for i, block in enumerate(model.blocks):
        for name, value in block.named_parameters():
            yield f"blk.{i}.{name if name.endswith('.weight') else name + '.weight'}", value


def piece_type(tokenizer, i):
    if tokenizer.is_unknown(i):
        return 2
    if tokenizer.is_control(i):
        return 3
    return 6 if tokenizer.is_byte(i) else 1


def metadata_of(tokenizer, description):
    size = tokenizer.get_piece_size()
    return {
        "general.architecture": "llama", "general.name": "Linnet KJV",
        "general.license": "mit", "general.description": description,
        "llama.vocab_size": size, "llama.context_length": CONTEXT,
        "llama.embedding_length": WIDTH, "llama.block_count": LAYERS,
        "llama.feed_forward_length": FFN, "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": KV_HEADS,
        "llama.attention.layer_norm_rms_epsilon": EPSILON,
        "llama.rope.dimension_count": HEAD, "llama.rope.freq_base": ROPE_BASE,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [tokenizer.id_to_piece(i) for i in range(size)],
        "tokenizer.ggml.scores": [tokenizer.get_score(i) for i in range(size)],
        "tokenizer.ggml.token_type": [piece_type(tokenizer, i) for i in range(size)],
        "tokenizer.ggml.unknown_token_id": tokenizer.unk_id(),
        "tokenizer.ggml.bos_token_id": tokenizer.bos_id(),
        "tokenizer.ggml.eos_token_id": tokenizer.eos_id(),
        "tokenizer.ggml.add_bos_token": True, "tokenizer.ggml.add_eos_token": False,
        "tokenizer.ggml.add_space_prefix": True,
    }


def write_gguf(path, model, tokenizer, description):
    metadata = metadata_of(tokenizer, description)
    head = [b"GGUF", b"", b"".join(gguf_string(k) + gguf_value(v) for k, v in metadata.items())]
    data, offset, count = [], 0, 0
    for name, parameter in tensors_of(model):
        values = parameter.detach().numpy().astype(np.float32)
        kind, raw = (8, q8_0(values)) if values.ndim == 2 else (0, values.tobytes())
        head.append(gguf_string(name) + struct.pack("<I", values.ndim)
                    + b"".join(struct.pack("<Q", d) for d in reversed(values.shape))
                    + struct.pack("<IQ", kind, offset))
        raw += b"\0" * (-len(raw) % 32)
        data.append(raw)
        offset += len(raw)
        count += 1
    head[1] = struct.pack("<IQQ", 3, count, len(metadata))
    head = b"".join(head)
    path.write_bytes(head + b"\0" * (-len(head) % 32) + b"".join(data))


def main():
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--check-minutes", type=float, default=3)
    parser.add_argument("--batch", type=int, default=8, help="segments of 256 tokens a step")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=here / "linnet-kjv.gguf")
    arguments = parser.parse_args()
    torch.manual_seed(1611)
    torch.set_num_threads(arguments.threads)

    texts = chapters()
    held_out, training = texts[::20], [t for i, t in enumerate(texts) if i % 20]
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = train_vocabulary(training, Path(folder))
    model = Llama(arguments.dropout)
    parameters = sum(p.numel() for p in model.parameters())
    stream = stream_of(tokenizer, training)
    print(f"{len(texts)} chapters, {len(stream)} training tokens, {parameters} parameters", flush=True)

    def save(best, score, epochs):
        write_gguf(arguments.out, best, tokenizer,
                   f"King James text, held-out loss {score} a token after {epochs:.1f} epochs")
        print(greedy(best, tokenizer, "In the beginning the Universe was created.", 60), flush=True)

    train(model, stream, stream_of(tokenizer, held_out), arguments, save)


if __name__ == "__main__":
    main()

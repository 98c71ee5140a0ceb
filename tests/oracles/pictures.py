#!/usr/bin/env python3
"""Writes tests/data/image: small pictures of all kinds, and beside each what Pillow makes of it.

    tests/oracles/pictures.py

decode/NAME.KIND is a picture, decode/NAME.KIND.ppm its pixels; refused/ holds pictures that say that
they are huge; resize/WxH.ppm is a picture, and resize/WxH-FILTER-WxH.ppm that one in another size. Needs python3-pil and python3-numpy; the
committed files were made with Pillow 9.4.0, libjpeg-turbo 2.1.5 and libwebp 1.2.4.
"""

import io
import pathlib
import struct
import zlib

import numpy
from PIL import Image, ImageOps

GOLDEN = pathlib.Path(__file__).parent.parent / "data" / "image"
RANDOM = numpy.random.default_rng(7)
ORIENTATION = 0x112


def smooth(width, height):
    """A picture with colours of all kinds, as photographs have them."""
    y, x = numpy.mgrid[0:height, 0:width]
    red = 255 * x / max(width - 1, 1)
    green = 255 * y / max(height - 1, 1)
    blue = 127 + 127 * numpy.sin(x * 0.7 + y * 0.4)
    return numpy.stack([red, green, blue], axis=2).astype(numpy.uint8)


def over_white(image):
    image = image.convert("RGBA")
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(image, mask=image)
    return canvas


def put_case(name, data, expected=None):
    """Writes a file and the pixels that Pillow finds in it, or those that are given."""
    if expected is None:
        expected = over_white(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    (GOLDEN / "decode" / name).write_bytes(data)
    expected.save(GOLDEN / "decode" / (name + ".ppm"))


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation):
    data = Image.Exif()
    data[ORIENTATION] = orientation
    return data.tobytes()


def big_endian_exif(orientation):
    entry = struct.pack(">HHIHH", ORIENTATION, 3, 1, orientation, 0)
    other = struct.pack(">HHII", 0x100, 4, 1, 9)
    return b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + other + entry + bytes(4)


def jpegs():
    image = Image.fromarray(smooth(21, 13))
    put_case("grey.jpg", saved(image.convert("L"), "JPEG"))
    for sampling in ["4:4:4", "4:2:2", "4:2:0"]:
        data = saved(image, "JPEG", subsampling=sampling, quality=90)
        put_case("colour-" + sampling.replace(":", "") + ".jpg", data)
    put_case("colour-410.jpg", jpeg_410())
    put_case("progressive.jpg", saved(image, "JPEG", progressive=True, quality=90))
    inks = saved(image.convert("CMYK"), "JPEG", quality=90)
    put_case("cmyk.jpg", inks)
    adobe = inks.index(b"Adobe")
    put_case("ycck.jpg", inks[: adobe + 11] + b"\2" + inks[adobe + 12 :])
    put_case("one-pixel.jpg", saved(image.crop((3, 3, 4, 4)), "JPEG"))
    small = Image.fromarray(smooth(9, 6))
    for orientation in range(1, 9):
        data = saved(small, "JPEG", exif=exif(orientation), quality=90)
        put_case(f"orientation-{orientation}.jpg", data)
    put_case("orientation-big-endian.jpg", saved(small, "JPEG", exif=big_endian_exif(6)))
    put_case("orientation-9.jpg", saved(small, "JPEG", exif=big_endian_exif(9)))


def jpeg_410():
    """A picture whose colours have an eighth of the samples, which Pillow can't write: one MCU of
    flat blocks, coded by hand with the Huffman tables of the standard."""
    model = saved(Image.new("RGB", (30, 9)), "JPEG", subsampling="4:4:4")
    frame, scan = model.index(b"\xff\xc0"), model.index(b"\xff\xda")
    assert model[frame + 11] == 0x11
    of_32 = lambda number: format(number if number > 0 else number + 31, "05b")
    bits = "".join("110" + of_32(step) + "1010" for step in [20, -17, 31, -25, 18, 16, -30, 22])
    bits += "1110" + "1011" + "00" + "1110" + "0010" + "00"
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    begin = model[: frame + 11] + b"\x42" + model[frame + 12 : scan + 14]
    return begin + data + b"\xff\xd9"


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def packed(samples, bits):
    """The rows of height x width x channels samples as PNG has them, each after its filter, none."""
    rows = []
    for row in samples:
        values = row.reshape(-1)
        if bits == 16:
            data = values.astype(">u2").tobytes()
        elif bits == 8:
            data = values.astype(numpy.uint8).tobytes()
        else:
            each = ((values[:, None] >> numpy.arange(bits - 1, -1, -1)) & 1).astype(numpy.uint8)
            data = numpy.packbits(each.reshape(-1)).tobytes()
        rows.append(b"\0" + data)
    return b"".join(rows)


def png(samples, colour_type, bits, interlaced=False, chunks=(), after=()):
    height, width = samples.shape[:2]
    passes = [samples]
    if interlaced:
        steps = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in steps + [(0, 1, 1, 2)]]
        passes = [part for part in passes if part.size]
    pixels = zlib.compress(b"".join(packed(part, bits) for part in passes), 9)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, int(interlaced))
    parts = [chunk(b"IHDR", header), *(chunk(*c) for c in chunks), chunk(b"IDAT", pixels)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts + [chunk(*c) for c in after] + [chunk(b"IEND", b"")])


CHANNELS = {"grey": (0, 1), "rgb": (2, 3), "palette": (3, 1), "grey-alpha": (4, 2), "rgba": (6, 4)}


def high_bytes(samples):
    """What Pillow 9.4 can't read: 16 bits of grey."""
    eight = (samples >> 8).astype(numpy.uint8)
    return over_white(Image.fromarray(eight[:, :, 0], "L"))


def pngs():
    depths = {"grey": [1, 2, 4, 8, 16], "palette": [1, 2, 4, 8]}
    for kind, (colour_type, channels) in CHANNELS.items():
        for bits in depths.get(kind, [8, 16]):
            for interlaced in [False, True]:
                samples = RANDOM.integers(0, 1 << bits, (7, 9, channels))
                palette = RANDOM.integers(0, 256, 3 << bits, dtype=numpy.uint8).tobytes()
                chunks = [(b"PLTE", palette)] if kind == "palette" else []
                data = png(samples, colour_type, bits, interlaced, chunks)
                expected = high_bytes(samples) if (kind, bits) == ("grey", 16) else None
                name = f"{kind}-{bits}{'-interlaced' if interlaced else ''}.png"
                put_case(name, data, expected)
    transparent_pngs()
    other_pngs()


def transparent_pngs():
    palette = RANDOM.integers(0, 256, 48, dtype=numpy.uint8).tobytes()
    opacities = (b"tRNS", bytes(range(0, 250, 25)))
    samples = RANDOM.integers(0, 16, (7, 9, 1))
    put_case("palette-4-alpha.png", png(samples, 3, 4, chunks=[(b"PLTE", palette), opacities]))
    grey = RANDOM.integers(0, 4, (7, 9, 1))
    put_case("grey-2-key.png", png(grey, 0, 2, chunks=[(b"tRNS", b"\0\2")]),
             Image.fromarray(numpy.where(grey == 2, 255, grey * 85).astype(numpy.uint8)[:, :, 0])
             .convert("RGB"))
    rgb = RANDOM.integers(0, 2, (7, 9, 3)) * 200
    key = (b"tRNS", struct.pack(">HHH", 200, 0, 200))
    put_case("rgb-8-key.png", png(rgb, 2, 8, chunks=[key]))


def other_pngs():
    samples = smooth(6, 4)
    put_case("one-pixel.png", png(samples[:1, :1], 2, 8, interlaced=True))
    # What changes no pixel here, nor in Pillow: gamma, texts, a profile that is none.
    chunks = [(b"gAMA", struct.pack(">I", 100000)), (b"tEXt", b"Comment\0hello"),
              (b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 2**20, 9)), (b"iCCP", b"x\0\0none")]
    put_case("chunks.png", png(samples, 2, 8, chunks=chunks), Image.fromarray(samples))
    turn = (b"eXIf", big_endian_exif(8)[6:])
    expected = Image.fromarray(samples).transpose(Image.Transpose.ROTATE_90)
    put_case("orientation-before.png", png(samples, 2, 8, chunks=[turn]), expected)
    put_case("orientation-after.png", png(samples, 2, 8, after=[turn]), expected)


def webps():
    image = Image.fromarray(smooth(21, 13))
    put_case("lossy.webp", saved(image, "WEBP", quality=80))
    put_case("lossless.webp", saved(image, "WEBP", lossless=True))
    opacity = Image.fromarray(smooth(21, 13)[:, ::-1, 0])
    clear = image.copy()
    clear.putalpha(opacity)
    put_case("lossy-alpha.webp", saved(clear, "WEBP", quality=80))
    put_case("lossless-alpha.webp", saved(clear, "WEBP", lossless=True, exact=True))
    put_case("orientation.webp", saved(image, "WEBP", lossless=True, exif=exif(6)))
    frames = [Image.fromarray(RANDOM.integers(0, 256, (6, 8, 3), dtype=numpy.uint8)) for _ in "123"]
    put_case("animation.webp", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:],
                                     lossless=True))
    put_case("animation-offset.webp", *webp_frame_at(4, 2))


def webp_frame_at(x, y):
    """An animation of one frame that lies on a larger canvas."""
    frame = Image.fromarray(RANDOM.integers(0, 256, (3, 5, 3), dtype=numpy.uint8))
    picture = saved(frame, "WEBP", lossless=True)[12:]
    u24 = lambda number: struct.pack("<I", number)[:3]
    riff_chunk = lambda name, data: name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    header = u24(x // 2) + u24(y // 2) + u24(4) + u24(2) + u24(100) + b"\0"
    body = riff_chunk(b"VP8X", b"\2\0\0\0" + u24(11) + u24(7))
    body += riff_chunk(b"ANIM", b"\x40\x50\x60\xff\0\0") + riff_chunk(b"ANMF", header + picture)
    canvas = Image.new("RGB", (12, 8), "white")
    canvas.paste(frame, (x, y))
    return riff_chunk(b"RIFF", b"WEBP" + body), canvas


def gifs():
    image = Image.fromarray(smooth(21, 13)).quantize(32)
    put_case("plain.gif", saved(image, "GIF", interlace=0))
    put_case("interlaced.gif", saved(image, "GIF", interlace=1))
    put_case("transparent.gif", saved(image, "GIF", transparency=5))
    frames = [Image.fromarray(RANDOM.integers(0, 256, (6, 8, 3), dtype=numpy.uint8)).quantize(16)
              for _ in "123"]
    put_case("animation.gif", saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    put_case("offset.gif", *gif_frame_at((12, 8), 4, 2))
    put_case("beyond-canvas.gif", *gif_frame_at((6, 0), 4, 2))


def gif_frame_at(screen, x, y):
    """A picture of 5 x 3 pixels with its own colours at a place of the screen, in codes of 3 bits
    with a clear code before each two pixels."""
    colours = RANDOM.integers(0, 256, (4, 3), dtype=numpy.uint8)
    indexes = RANDOM.integers(0, 4, (3, 5))
    codes = []
    for i, index in enumerate(indexes.reshape(-1)):
        codes += [4, index] if i % 2 == 0 else [index]
    bits = sum(int(code) << (3 * i) for i, code in enumerate(codes + [5]))
    data = bits.to_bytes((3 * len(codes) + 3 + 7) // 8, "little")
    file = b"GIF89a" + struct.pack("<HHBBB", *screen, 0, 0, 0)
    file += b"!\xfe\5hello\0" + b"," + struct.pack("<HHHHB", x, y, 5, 3, 0x81) + colours.tobytes()
    file += b"\2" + bytes([len(data)]) + data + b"\0;"
    canvas = Image.new("RGB", (max(screen[0], x + 5), max(screen[1], y + 3)), "white")
    canvas.paste(Image.fromarray(colours[indexes]), (x, y))
    return file, canvas


def too_large():
    """Headers of pictures as large as their formats allow, or nearly so."""
    image = Image.fromarray(smooth(8, 8))
    for name, options in [("huge.jpg", {}), ("huge-progressive.jpg", {"progressive": True})]:
        data = saved(image, "JPEG", **options)
        size = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) + 5
        put_refused(name, data[:size] + struct.pack(">HH", 65500, 65500) + data[size + 4 :])
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 10**6, 10**6, 16, 6, 0, 0, 1))
    pixels = chunk(b"IDAT", zlib.compress(bytes(100)))
    put_refused("huge.png", b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b""))
    data = saved(image, "GIF")
    put_refused("huge.gif", data[:6] + struct.pack("<HH", 65535, 65535) + data[10:])
    canvas = saved(image, "WEBP", save_all=True, append_images=[image.rotate(90)], lossless=True)
    put_refused("huge.webp", canvas[:24] + b"\xfe\xff\0" * 2 + canvas[30:])


def put_refused(name, data):
    (GOLDEN / "refused" / name).write_bytes(data)


def resized():
    """Random pixels, half of them black or white, so that sums have to be cut off."""
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC,
               "lanczos": Image.Resampling.LANCZOS}
    sizes = {(23, 17): [(7, 5), (40, 29), (23, 6), (10, 17), (1, 1), (31, 3)],
             (1, 9): [(4, 3)], (9, 1): [(3, 4)], (1, 1): [(3, 2)], (2, 64): [(3, 5)]}
    for (width, height), targets in sizes.items():
        pixels = RANDOM.integers(0, 256, (height, width, 3))
        extremes = RANDOM.integers(0, 2, (height, width, 1)) * 255
        pixels = numpy.where(RANDOM.integers(0, 2, (height, width, 1)) == 0, pixels, extremes)
        image = Image.fromarray(pixels.astype(numpy.uint8))
        image.save(GOLDEN / "resize" / f"{width}x{height}.ppm")
        for name, resampling in filters.items():
            for target in targets:
                path = GOLDEN / "resize" / f"{width}x{height}-{name}-{target[0]}x{target[1]}.ppm"
                image.resize(target, resampling).save(path)


if __name__ == "__main__":
    for folder in ["decode", "refused", "resize"]:
        (GOLDEN / folder).mkdir(parents=True, exist_ok=True)
        for old in (GOLDEN / folder).iterdir():
            old.unlink()
    jpegs()
    pngs()
    webps()
    gifs()
    too_large()
    resized()

// Writes a tiny encoder of sounds with random weights, after the description of a golden one
// (tests/data/sound/towers): the mmproj file of a model that hears, after a fashion.

import { readFileSync, writeFileSync } from "node:fs";

const kAlignment_bytes = 32;
const kFloat32 = 0; // of tensors; the types of metadata are others
const kScalars = {
  uint32: [4, (value) => u32(value)],
  float32: [6, (value) => Buffer.from(Float32Array.of(value).buffer)],
  bool: [7, (value) => Buffer.from([value ? 1 : 0])],
  string: [8, (value) => text(value)],
};

const u32 = (value) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const text = (value) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const elements = ({ shape }) => shape.reduce((product, size) => product * size, 1);
const padding = (bytes) => Buffer.alloc(-bytes & (kAlignment_bytes - 1));

function metadata([key, { type, value }]) {
  const [number, bytesOf] = kScalars[type];
  return Buffer.concat([text(key), u32(number), bytesOf(value)]);
}

function weights({ centre, amplitude, ...tensor }, random) {
  return Buffer.from(Float32Array.from({ length: elements(tensor) }, () => centre + amplitude * (2 * random() - 1)).buffer);
}

// For a text model of `width` columns.
export function writeHearingFile(path, width) {
  const golden = new URL("../data/sound/towers/ultravox.json", import.meta.url);
  const { metadata: fields, tensors } = JSON.parse(readFileSync(golden, "utf8"));
  tensors.find(({ name }) => name === "mm.a.mlp.2.weight").shape[1] = width;
  fields["clip.audio.projection_dim"].value = width;
  let state = 1;
  const random = () => (state = (state * 48271) % 0x7fffffff) / 0x7fffffff;
  let offset = 0;
  const infos = tensors.map(({ name, shape }) => {
    const info = [text(name), u32(shape.length), ...shape.map(u64), u32(kFloat32), u64(offset)];
    const bytes = 4 * elements({ shape });
    offset += bytes + padding(bytes).length;
    return Buffer.concat(info);
  });
  const keys = Object.entries(fields).map(metadata);
  const head = Buffer.concat([Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(keys.length), ...keys, ...infos]);
  const data = tensors.map((tensor) => weights(tensor, random)).flatMap((bytes) => [bytes, padding(bytes.length)]);
  writeFileSync(path, Buffer.concat([head, padding(head.length), ...data]));
}

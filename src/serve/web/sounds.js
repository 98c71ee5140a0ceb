// Sounds that go into the next message: {name, format, url}.

import { readUrl } from "/read_url.js";

const kRate_Hz = 16000; // which models hear

// What the server reads, by how the files begin.
const kSent = [
  { format: "wav", type: "audio/wav", begin: /^(RIFF|RIFX|RF64)[^]{4}WAVE/ },
  { format: "flac", type: "audio/flac", begin: /^fLaC/ },
  { format: "ogg", type: "audio/ogg", begin: /^OggS/ },
  { format: "mp3", type: "audio/mpeg", begin: /^(ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff])/ },
];
const [kWav] = kSent;

function headerOf(bytes) {
  const header = new DataView(new ArrayBuffer(44));
  const put = (at, text) => [...text].forEach((letter, i) => header.setUint8(at + i, letter.charCodeAt(0)));
  put(0, "RIFF");
  header.setUint32(4, 36 + bytes, true);
  put(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true); // integers
  header.setUint16(22, 1, true); // in one channel
  header.setUint32(24, kRate_Hz, true);
  header.setUint32(28, 2 * kRate_Hz, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  put(36, "data");
  header.setUint32(40, bytes, true);
  return header;
}

// What the browser reads and the server does not: recordings, and the sound of films. Fails where the
// browser can't read it either.
async function wavOf(file) {
  const sound = await new OfflineAudioContext(1, 1, kRate_Hz).decodeAudioData(await file.arrayBuffer());
  const samples = new DataView(new ArrayBuffer(2 * sound.length));
  const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i));
  for (let i = 0; i < sound.length; ++i) {
    const mean = channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length;
    samples.setInt16(2 * i, Math.round(32767 * Math.max(-1, Math.min(1, mean))), true);
  }
  return new Blob([headerOf(samples.byteLength), samples]);
}

export async function readSound(file) {
  const head = String.fromCharCode(...new Uint8Array(await file.slice(0, 12).arrayBuffer()));
  const known = kSent.find(({ begin }) => begin.test(head));
  const { format, type } = known ?? kWav;
  const sent = known ? file : await wavOf(file);
  return { name: file.name, format, url: await readUrl(new Blob([sent], { type })) };
}

// A player.
export function soundElement({ name, url }) {
  const figure = document.createElement("figure");
  figure.className = "sound";
  const caption = document.createElement("figcaption");
  caption.textContent = name;
  const player = document.createElement("audio");
  player.controls = true;
  player.preload = "metadata";
  player.src = url;
  player.setAttribute("aria-label", name);
  figure.append(caption, player);
  return figure;
}

// The kinds of files that go with a message, each under a field of its own.

import { pictureElement, readPicture } from "/pictures.js";
import { readSound, soundElement } from "/sounds.js";

export const kMediaKinds = [
  {
    field: "pictures",
    name: "picture",
    accept: "image/*",
    isTaken: (model) => model.sees,
    fits: (file) => file.type.startsWith("image/"),
    read: readPicture,
    element: pictureElement,
  },
  {
    field: "sounds",
    name: "sound",
    accept: "audio/*,.flac,.oga,.ogg,.opus",
    isTaken: (model) => model.hears,
    fits: (file) => file.type.startsWith("audio/") || /\.(wav|mp3|m4a|flac|og[ag]|opus)$/i.test(file.name),
    read: readSound,
    element: soundElement,
  },
];

// `index` is its place among those of its kind in the message.
export function elementOf(kind, medium, index) {
  return kind.element(medium, `${kind.name[0].toUpperCase()}${kind.name.slice(1)} ${index + 1}`);
}

// Those that a model takes.
export function kindsOf(model) {
  return model?.chats ? kMediaKinds.filter(({ isTaken }) => isTaken(model)) : [];
}

export function hasMedia(message) {
  return kMediaKinds.some(({ field }) => message[field]);
}

// What stands for the words of a message that has none.
export function placeholderOf(message) {
  const kind = kMediaKinds.find(({ field }) => message[field]);
  return kind ? `(a ${kind.name})` : "";
}

export function withoutMedia(message) {
  const rest = { ...message };
  for (const { field } of kMediaKinds) delete rest[field];
  return rest;
}

// The list of pictures and sounds at the field, which go with the next message.

import { elementOf, kMediaKinds } from "/media.js";

export class MediaTray {
  constructor({ list, button, picker }) {
    this.list = list;
    this.button = button;
    this.picker = picker;
    this.kinds = []; // that the model takes
    this.items = []; // {kind, medium}
    this.reading = Promise.resolve(); // until all files that were added have been read
  }

  // Other kinds are dropped.
  take(kinds) {
    const names = kinds.map(({ name }) => `${name}s`).join(" or ");
    this.kinds = kinds;
    this.button.hidden = kinds.length === 0;
    this.button.setAttribute("aria-label", `Add ${names}`);
    this.button.title = `Add ${names}`;
    this.picker.accept = kinds.map(({ accept }) => accept).join(",");
    this.set(this.items);
  }

  set(items) {
    this.items = items.filter(({ kind }) => this.kinds.includes(kind));
    this.list.hidden = this.items.length === 0;
    this.list.replaceChildren(...this.items.map((item) => this.rowOf(item)));
  }

  clear() {
    this.set([]);
  }

  // Those of a message, again.
  open(message) {
    this.set(kMediaKinds.flatMap((kind) => (message[kind.field] ?? []).map((medium) => ({ kind, medium }))));
  }

  // The fields of a message.
  fields() {
    const fields = {};
    for (const { kind, medium } of this.items) (fields[kind.field] ??= []).push(medium);
    return fields;
  }

  // Null where the model takes none such.
  kindOf(file) {
    return this.kinds.find((kind) => kind.fits(file)) ?? null;
  }

  // One after the other, in their order, whatever is added meanwhile. Says which of them this browser
  // can't read: "a.png as a picture".
  add(files) {
    this.reading = this.reading.then(async () => {
      const unread = [];
      for (const file of files) {
        const kind = this.kindOf(file);
        const medium = await kind?.read(file).catch(() => null);
        const names = (kind ? [kind] : this.kinds).map(({ name }) => `a ${name}`);
        if (medium) this.set([...this.items, { kind, medium }]);
        else unread.push(`${file.name} as ${names.join(" or ")}`);
      }
      return unread;
    });
    return this.reading;
  }

  rowOf(item) {
    const { kind, medium } = item;
    const index = this.items.filter((other) => other.kind === kind).indexOf(item);
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "remove";
    button.textContent = "\u00d7";
    button.setAttribute("aria-label", `Remove ${kind.name} ${index + 1}`);
    button.addEventListener("click", () => this.set(this.items.filter((other) => other !== item)));
    row.append(elementOf(kind, medium, index), button);
    return row;
  }
}

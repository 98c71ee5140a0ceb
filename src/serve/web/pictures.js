// Pictures that go into the next message.

const kLongestSide = 2048; // of what is sent: models see less of most pictures
const kMostBytes = 2 << 20; // of a file that is sent as it is
const kSent = ["image/jpeg", "image/png", "image/webp", "image/gif"]; // as they are

function readUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

// A file as a data: URL, smaller where it is large. Fails where the browser can't read it.
async function urlOf(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, kLongestSide / Math.max(bitmap.width, bitmap.height));
  if (scale === 1 && file.size <= kMostBytes && kSent.includes(file.type)) return readUrl(file);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // JPEG knows nothing transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.9);
}

export function pictureElement(url, alt) {
  const image = document.createElement("img");
  image.src = url;
  image.alt = alt;
  return image;
}

// The list of pictures at the field.
export class PictureTray {
  constructor(list) {
    this.list = list;
    this.urls = [];
    this.reading = Promise.resolve(); // until all files that were added have been read
  }

  set(urls) {
    this.urls = [...urls];
    this.list.hidden = urls.length === 0;
    this.list.replaceChildren(...urls.map((url, index) => this.rowOf(url, index)));
  }

  // One after the other, in their order, whatever is added meanwhile. Gives the names of those that
  // are no pictures for this browser.
  add(files) {
    this.reading = this.reading.then(async () => {
      const unread = [];
      for (const file of files) {
        const url = await urlOf(file).catch(() => null);
        if (url) this.set([...this.urls, url]);
        else unread.push(file.name);
      }
      return unread;
    });
    return this.reading;
  }

  rowOf(url, index) {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "remove";
    button.textContent = "\u00d7";
    button.setAttribute("aria-label", `Remove picture ${index + 1}`);
    button.addEventListener("click", () => this.set(this.urls.filter((_, other) => other !== index)));
    row.append(pictureElement(url, `Picture ${index + 1}`), button);
    return row;
  }
}

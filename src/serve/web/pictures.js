// Pictures that go into the next message, each a data: URL.

import { readUrl } from "/read_url.js";

const kLongestSide = 2048; // of what is sent: models see less of most pictures
const kMostBytes = 2 << 20; // of a file that is sent as it is
const kSent = ["image/jpeg", "image/png", "image/webp", "image/gif"]; // as they are

// A file, smaller where it is large. Fails where the browser can't read it.
export async function readPicture(file) {
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

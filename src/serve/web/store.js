// What this browser keeps: settings, and conversations, each under a key of its own.

import { hasMedia, placeholderOf, withoutMedia } from "/media.js";

const kSettings = "linnet.settings";
const kConversation = "linnet.conversation.";

export const defaults = {
  system: "",
  temperature: null, // null: what the model's makers recommend, or what the page finds usual
  top_p: null,
  top_k: null,
  min_p: null,
  repeat_penalty: null,
  max_tokens: null,
  seed: null,
  key: "",
  thinking: null, // whether the model is to think; null: as the server has it
  model: null, // null: the first one that the server has
  theme: "auto",
};

function read(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

// False where the browser has no room, or keeps nothing at all.
function write(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

// None where the browser lets the page keep nothing.
function names() {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}

export function loadSettings() {
  return { ...defaults, ...read(kSettings, {}) };
}

export function saveSettings(settings) {
  return write(kSettings, settings);
}

export function newConversation() {
  return { id: crypto.randomUUID?.() ?? String(Date.now() + Math.random()), messages: [], updated: Date.now() };
}

// The latest first.
export function loadConversations() {
  const found = [];
  for (const name of names()) {
    const conversation = name.startsWith(kConversation) ? read(name, null) : null;
    if (Array.isArray(conversation?.messages)) found.push(conversation);
  }
  return found.sort((a, b) => b.updated - a.updated);
}

// What is kept: "all", all but pictures and sounds ("text"), which are large, or "nothing".
export function saveConversation(conversation) {
  conversation.updated = Date.now();
  const name = kConversation + conversation.id;
  if (write(name, conversation)) return "all";
  if (!conversation.messages.some(hasMedia)) return "nothing";
  const messages = conversation.messages.map((message) =>
    ({ ...withoutMedia(message), text: message.text || placeholderOf(message) }));
  return write(name, { ...conversation, messages }) ? "text" : "nothing";
}

export function deleteConversation(conversation) {
  try {
    localStorage.removeItem(kConversation + conversation.id);
  } catch {
    // Then it was not kept either.
  }
}

export function titleOf(conversation) {
  const first = conversation.messages.find((message) => message.role === "user");
  const title = first?.text.trim().split("\n")[0] ?? "";
  if (!title && first && hasMedia(first)) return placeholderOf(first);
  return title.length > 60 ? `${title.slice(0, 57)}...` : title || "New conversation";
}

// The page: one conversation at a time with the model of this server.

import { Api } from "/api.js";
import { connectDrawer, showConversations } from "/conversation_list.js";
import { MessageView } from "/messages.js";
import { makeRequest } from "/requests.js";
import { connectSettings, connectTheme, openSettings } from "/settings.js";
import * as store from "/store.js";

const byId = (id) => document.getElementById(id);
const input = byId("input");
const scroll = byId("scroll");

const settings = store.loadSettings();
const api = new Api(() => settings.key);
let model = null;
let conversations = store.loadConversations();
let current = store.newConversation();
let views = [];
let running = null; // the AbortController of the answer that comes

const kTexts = {
  chat: {
    title: "What is on your mind?",
    text: "The model runs on this server. What you write here goes nowhere else.",
    hint: "Enter sends, Shift+Enter makes a new line",
    placeholder: "Write a message",
    send: "Send",
    examples: [
      "Explain what a language model is in three sentences.",
      "Write a short poem about small birds.",
      "What is the difference between TCP and UDP?",
    ],
  },
  text: {
    title: "Begin, and the model goes on",
    text: "This model has no chat template: it does not answer questions, it continues a text.",
    hint: "Enter lets the model go on, with or without new words of yours",
    placeholder: "Write a beginning",
    send: "Go on",
    examples: ["In the beginning", "And it came to pass, that the king", "Blessed are they that"],
  },
};

const texts = () => (model && !model.chats ? kTexts.text : kTexts.chat);

function announce(text) {
  byId("status").textContent = text;
}

function scrollToEnd() {
  scroll.scrollTop = scroll.scrollHeight;
}

const isAtEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;

// --- the model -------------------------------------------------------------------------------

async function loadModel() {
  try {
    model = await api.model();
    byId("facts").textContent = `context of ${model.context.toLocaleString("en")} tokens`;
  } catch (error) {
    model = null;
    byId("facts").textContent = error.message;
    if (error.status === 401) openSettings("key");
    if (error.status === 503) setTimeout(loadModel, 1000);
  }
  byId("model").textContent = model?.id ?? "Linnet";
  document.title = model ? `${model.id} - Linnet` : "Linnet";
  showWords();
}

function showWords() {
  const words = texts();
  byId("welcome-title").textContent = words.title;
  byId("welcome-text").textContent = words.text;
  byId("hint").textContent = words.hint;
  byId("system-field").hidden = words === kTexts.text;
  input.placeholder = words.placeholder;
  byId("send").firstElementChild.textContent = words.send;
  byId("examples").replaceChildren(...words.examples.map((example) => {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "example";
    button.textContent = example;
    button.addEventListener("click", () => send(example));
    row.append(button);
    return row;
  }));
}

// --- the conversation ------------------------------------------------------------------------

function showList() {
  showConversations(conversations, current, { onOpen: open, onDelete: remove });
}

function addView(message) {
  const isAnswer = message.role === "assistant";
  const view = new MessageView(message, {
    author: isAnswer ? (model?.id ?? "Model") : "You",
    plain: texts() === kTexts.text,
    onRegenerate: isAnswer ? regenerate : null,
  });
  byId("messages").append(view.root);
  views.push(view);
  return view;
}

function showConversation() {
  byId("messages").replaceChildren();
  byId("messages").classList.toggle("flowing", texts() === kTexts.text);
  views = [];
  for (const message of current.messages) addView(message).show();
  byId("welcome").hidden = current.messages.length > 0;
  byId("speed").textContent = "";
  showList();
  scrollToEnd();
}

function open(conversation) {
  running?.abort();
  current = conversation;
  showConversation();
  input.focus();
}

function remove(conversation) {
  if (!confirm(`Delete "${store.titleOf(conversation)}"?`)) return;
  store.deleteConversation(conversation);
  conversations = conversations.filter((other) => other !== conversation);
  if (conversation === current) open(store.newConversation());
  else showList();
}

function keep() {
  conversations = [current, ...conversations.filter((other) => other !== current)];
  if (!store.saveConversation(current)) announce("The browser has no room to keep this conversation.");
  showList();
}

// --- answers ---------------------------------------------------------------------------------

function setRunning(controller) {
  running = controller;
  byId("send").hidden = controller !== null;
  byId("stop").hidden = controller === null;
}

// Shows a growing message at most once a frame, and the speed with it.
function livePainter(view) {
  const begin = performance.now();
  let parts = 0;
  let scheduled = false;
  return () => {
    ++parts;
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      if (!running) return;
      const follow = isAtEnd();
      view.show({ running: true });
      if (follow) scrollToEnd();
      const seconds = (performance.now() - begin) / 1000;
      if (seconds > 0.5) byId("speed").textContent = `${(parts / seconds).toFixed(0)} parts/s`;
    });
  };
}

async function receive(message, before, paint, signal) {
  const { path, body } = await makeRequest(api, model, before, settings);
  for await (const part of api.stream(path, body, signal)) {
    if (part.text) message.text += part.text;
    if (part.reasoning) message.reasoning = (message.reasoning ?? "") + part.reasoning;
    if (part.reason) message.reason = part.reason;
    if (part.usage) message.stats = part;
    paint();
  }
}

function showSpeed(message) {
  const speed = message.stats?.timings?.generation_tokens_per_second;
  byId("speed").textContent = speed > 0 ? `${speed.toFixed(1)} tokens/s` : "";
}

async function generate() {
  const before = current.messages.slice();
  const message = { role: "assistant", text: "" };
  const conversation = current;
  conversation.messages.push(message);
  const view = addView(message);
  view.show({ running: true });
  scrollToEnd();
  const controller = new AbortController();
  setRunning(controller);
  announce("The model answers.");
  try {
    if (!model) await loadModel();
    if (!model) throw new Error(`There is no model to ask: ${byId("facts").textContent}`);
    await receive(message, before, livePainter(view), controller.signal);
    announce("The answer is complete.");
  } catch (error) {
    message.stopped = controller.signal.aborted;
    if (!message.stopped) message.error = error.message;
    announce(message.stopped ? "Stopped." : message.error);
  }
  const follow = isAtEnd();
  if (running === controller) setRunning(null);
  view.show();
  if (follow && conversation === current) scrollToEnd();
  showSpeed(message);
  if (conversation === current) keep();
  else if (conversations.includes(conversation)) store.saveConversation(conversation); // else it was deleted
}

function send(text) {
  const goesOn = texts() === kTexts.text && current.messages.length > 0;
  if (running || (!text.trim() && !goesOn)) return;
  byId("welcome").hidden = true;
  if (text.trim()) {
    const needsSpace = goesOn && !/^[\s.,;:!?]/.test(text);
    const message = { role: "user", text: needsSpace ? ` ${text}` : text };
    current.messages.push(message);
    addView(message).show();
  }
  input.value = "";
  fitInput();
  keep();
  generate();
}

function regenerate() {
  if (running) return;
  current.messages.pop();
  views.pop().root.remove();
  generate();
}

// --- the field -------------------------------------------------------------------------------

function fitInput() {
  input.style.height = "auto";
  input.style.height = `${Math.min(input.scrollHeight, 220)}px`;
}

input.addEventListener("input", fitInput);
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send(input.value);
});
byId("send").addEventListener("click", () => send(input.value));
byId("stop").addEventListener("click", () => {
  running?.abort();
  input.focus();
});
byId("new").addEventListener("click", () => open(store.newConversation()));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !byId("settings").open) running?.abort();
});

connectDrawer();
connectTheme(settings);
connectSettings(settings, loadModel);
await loadModel();
showConversation();
input.focus();

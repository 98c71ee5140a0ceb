// The page: one conversation at a time with the model of this server.

import { Api } from "/api.js";
import { connectDrawer, showConversations } from "/conversation_list.js";
import { connectFiles } from "/files.js";
import { hasMedia, kindsOf } from "/media.js";
import { MessageView } from "/messages.js";
import { makePainter } from "/painter.js";
import { Recorder } from "/record.js";
import { makeRequest, messagesOf } from "/requests.js";
import { askForKey, connectSettings, connectTheme } from "/settings.js";
import * as store from "/store.js";
import { MediaTray } from "/tray.js";

const byId = (id) => document.getElementById(id);
const input = byId("input");
const scroll = byId("scroll");

const settings = store.loadSettings();
const api = new Api(() => settings.key);
let models = []; // of the server
let model = null; // the one that is asked
let conversations = store.loadConversations();
let current = conversations.find(({ id }) => location.hash === `#${id}`) ?? store.newConversation();
let views = [];
const answers = new Map(); // those that come, by their conversations: {message, view, controller}
let edited = null; // the message whose text is in the field
let refused_key = null; // the one that the server has asked to change

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

// What goes with the next message.
const tray = new MediaTray({ list: byId("tray"), button: byId("attach"), picker: byId("files") });
const recorder = new Recorder(byId("record"), { onEnd: (file) => addFiles([file]), onError: tell });

const texts = () => (model && !model.chats ? kTexts.text : kTexts.chat);

function announce(text) {
  byId("status").textContent = text;
}

function hint(text) {
  byId("hint").textContent = text;
  byId("hint").classList.remove("told");
}

// Below the field as well, until something else is said there.
function tell(text) {
  announce(text);
  hint(text);
  byId("hint").classList.add("told"); // also where hints have no room
}

function scrollToEnd() {
  scroll.scrollTop = scroll.scrollHeight;
}

const isAtEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;

// --- the model -------------------------------------------------------------------------------

const amount = (tokens) => tokens.toLocaleString("en");

async function loadModel() {
  try {
    models = await api.models();
    byId("facts").textContent = "";
  } catch (error) {
    models = [];
    byId("facts").textContent = error.status === 401 ? "The server asks for a key." : error.message;
    tellOfKey(error);
    if (error.status === 503) setTimeout(loadModel, 1000);
  }
  showModels();
  showModel();
}

// A choice where there are several.
function showModels() {
  byId("models").replaceChildren(...models.map(({ id }) => new Option(id)));
  byId("models").hidden = models.length < 2;
  byId("model").classList.toggle("unseen", models.length >= 2);
}

function showModel() {
  model = models.find(({ id }) => id === settings.model) ?? models[0] ?? null;
  if (model) {
    byId("facts").textContent = `context of ${amount(model.context)} tokens`;
    byId("models").value = model.id;
  }
  byId("model").textContent = model?.id ?? "Linnet";
  document.title = model ? `${model.id} - Linnet` : "Linnet";
  showWords();
}

byId("models").addEventListener("change", () => {
  settings.model = byId("models").value;
  store.saveSettings(settings);
  showModel();
  showConversation();
});

// Asks for another key, but not again for one that the reader wants to keep.
function tellOfKey(error) {
  if (error.status !== 401 || refused_key === settings.key) return;
  refused_key = settings.key;
  askForKey(settings.key ? "The server does not take this key." : "The server asks for a key.");
}

function showWords() {
  const words = texts();
  byId("welcome-title").textContent = words.title;
  byId("welcome-text").textContent = words.text;
  hint(words.hint);
  byId("system-field").hidden = words === kTexts.text;
  tray.take(kindsOf(model));
  recorder.show(Boolean(model?.chats && model.hears));
  showThinking();
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

// Where the model can think or not, the reader chooses; until then it is as the server has it.
function showThinking() {
  byId("think").hidden = !model?.chats || model.thinks === null;
  byId("think").setAttribute("aria-pressed", String(settings.thinking ?? model?.thinks ?? false));
}

byId("think").addEventListener("click", () => {
  settings.thinking = !(settings.thinking ?? model.thinks);
  store.saveSettings(settings);
  showThinking();
});

// --- the conversation ------------------------------------------------------------------------

function showList() {
  showConversations(conversations, current, answers, { onOpen: open, onDelete: remove });
}

function addView(message) {
  const isAnswer = message.role === "assistant";
  const isText = texts() === kTexts.text;
  const view = new MessageView(message, {
    plain: isText,
    onRegenerate: isAnswer ? regenerate : null,
    onContinue: isAnswer && !isText ? continueAnswer : null,
    onEdit: isAnswer || isText ? null : edit,
  });
  byId("messages").append(view.root);
  views.push(view);
  return view;
}

function showConversation() {
  byId("messages").replaceChildren();
  byId("messages").classList.toggle("flowing", texts() === kTexts.text);
  views = [];
  const answer = answers.get(current);
  for (const message of current.messages) {
    const view = addView(message);
    const running = message === answer?.message;
    if (running) answer.view = view;
    view.show({ running });
  }
  showButtons();
  byId("welcome").hidden = current.messages.length > 0;
  byId("download").hidden = current.messages.length === 0;
  showUse(current.messages.at(-1));
  showList();
  scrollToEnd();
}

// An answer that comes goes on while the reader looks at another conversation.
function open(conversation) {
  if (edited) stopEditing();
  current = conversation;
  showAddress();
  showConversation();
  input.focus();
}

// So that the browser opens the same conversation when the page is loaded again.
function showAddress() {
  const is_kept = conversations.includes(current);
  history.replaceState(null, "", is_kept ? `#${current.id}` : location.pathname);
}

function remove(conversation) {
  if (!confirm(`Delete "${store.titleOf(conversation)}"?`)) return;
  answers.get(conversation)?.controller.abort();
  store.deleteConversation(conversation);
  conversations = conversations.filter((other) => other !== conversation);
  if (conversation === current) open(store.newConversation());
  else showList();
}

function keep() {
  conversations = [current, ...conversations.filter((other) => other !== current)];
  const kept = store.saveConversation(current);
  if (kept === "text") tell("The browser has no room to keep the pictures and sounds of this conversation.");
  if (kept === "nothing") tell("The browser has no room to keep this conversation.");
  showAddress();
  showList();
}

// In OpenAI's form, which `/load` of linnet chat reads, too.
function download() {
  const messages = messagesOf(current.messages);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(messages, null, 2)], { type: "application/json" }));
  link.download = `${store.titleOf(current).replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60)}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

// --- answers ---------------------------------------------------------------------------------

// To send, or to stop where an answer comes.
function showButtons() {
  const running = answers.has(current);
  const is_pressed = document.activeElement === byId("send") || document.activeElement === byId("stop");
  byId("send").hidden = running;
  byId("stop").hidden = !running;
  byId("models").disabled = running;
  if (is_pressed) input.focus(); // the button that had it is gone
}

// Shows a growing message, and how fast it grows.
function livePainter(conversation) {
  return makePainter({
    paint() {
      if (conversation !== current) return;
      const follow = isAtEnd();
      answers.get(conversation).view.show({ running: true });
      if (follow) scrollToEnd();
    },
    tell(text) {
      if (conversation === current) byId("speed").textContent = text;
    },
  });
}

async function receive(asked, message, before, paint, signal) {
  const { path, body } = await makeRequest(api, asked, before, settings, signal, message.text);
  for await (const part of api.stream(path, body, signal)) {
    if (part.text) message.text += part.text;
    if (part.reasoning) message.reasoning = (message.reasoning ?? "") + part.reasoning;
    if (part.reason) message.reason = part.reason;
    if (part.usage) message.stats = part;
    paint();
  }
}

// How fast the last answer came, and how much of the context is used.
function showUse(message) {
  const { usage, timings } = message?.stats ?? {};
  const speed = timings?.generation_tokens_per_second;
  byId("speed").textContent = speed > 0 ? `${speed.toFixed(1)} tokens/s` : "";
  if (!model) return;
  const used = usage && amount(usage.prompt_tokens + usage.completion_tokens);
  byId("facts").textContent = used
    ? `${used} of ${amount(model.context)} tokens used`
    : `context of ${amount(model.context)} tokens`;
}

// Asks for the answer, or for what is still to come of it, and shows that.
async function run(message, view) {
  const conversation = current;
  const before = conversation.messages.slice(0, conversation.messages.indexOf(message));
  const controller = new AbortController();
  answers.set(conversation, { message, view, controller });
  view.show({ running: true });
  scrollToEnd();
  showButtons();
  showList();
  announce("The model answers.");
  const painter = livePainter(conversation);
  let ending = "The answer is complete.";
  try {
    if (!model) await loadModel();
    if (!model) throw new Error(`There is no model to ask: ${byId("facts").textContent}`);
    message.model = model.id;
    await receive(model, message, before, painter.paint, controller.signal);
  } catch (error) {
    message.stopped = controller.signal.aborted;
    if (!message.stopped) message.error = error.message;
    ending = message.stopped ? "Stopped." : message.error;
    tellOfKey(error);
  }
  painter.stop();
  endAnswer(conversation, ending);
}

function endAnswer(conversation, ending) {
  const { message, view } = answers.get(conversation);
  answers.delete(conversation);
  if (conversation === current) {
    const follow = isAtEnd();
    announce(ending);
    showButtons();
    view.show();
    if (follow) scrollToEnd();
    showUse(message);
    keep();
  } else if (conversations.includes(conversation)) { // else it was deleted
    store.saveConversation(conversation);
    showList();
  }
}

function generate() {
  const message = { role: "assistant", text: "" };
  current.messages.push(message);
  run(message, addView(message));
}

// Goes on with an answer that a limit, the reader or an error has ended.
function continueAnswer() {
  if (answers.has(current)) return;
  const message = current.messages.at(-1);
  for (const name of ["reason", "stopped", "error"]) delete message[name];
  input.focus();
  run(message, views.at(-1));
}

function send(text) {
  const goesOn = texts() === kTexts.text && current.messages.length > 0;
  const media = tray.fields();
  const has_media = hasMedia(media);
  if (answers.has(current) || (!text.trim() && !goesOn && !has_media)) return;
  byId("welcome").hidden = true;
  byId("download").hidden = false;
  if (edited) takeBack(edited);
  if (text.trim() || has_media) {
    const needsSpace = goesOn && !/^[\s.,;:!?]/.test(text);
    const message = { role: "user", text: needsSpace ? ` ${text}` : text, ...media };
    current.messages.push(message);
    addView(message).show();
  }
  input.value = "";
  tray.clear();
  fitInput();
  keep();
  generate();
}

// Removes a message and all that came after it.
function takeBack(message) {
  const at = current.messages.indexOf(message);
  current.messages.splice(at);
  for (const view of views.splice(at)) view.root.remove();
  if (edited) stopEditing();
}

function regenerate() {
  if (answers.has(current)) return;
  takeBack(current.messages.at(-1));
  input.focus();
  generate();
}

function edit(message) {
  if (answers.has(current)) return;
  edited = message;
  views.forEach((view) => view.root.classList.toggle("edited", view.message === message));
  hint("Enter asks this instead and drops what came after it, Escape leaves all as it is");
  input.value = message.text;
  tray.open(message);
  fitInput();
  input.focus();
}

function stopEditing() {
  edited = null;
  views.forEach((view) => view.root.classList.remove("edited"));
  input.value = "";
  tray.clear();
  fitInput();
  showWords();
}

// --- the field -------------------------------------------------------------------------------

function fitInput() {
  input.style.height = "auto";
  input.style.height = `${Math.min(input.scrollHeight, 220)}px`;
}

// With the files that are being read.
async function sendInput() {
  await recorder.end();
  await tray.reading;
  send(input.value);
}

input.addEventListener("input", fitInput);
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  sendInput();
});
byId("send").addEventListener("click", sendInput);
byId("stop").addEventListener("click", () => {
  answers.get(current)?.controller.abort();
  input.focus();
});
byId("new").addEventListener("click", () => open(store.newConversation()));
document.addEventListener("keydown", (event) => {
  const is_taken = byId("settings").open || document.body.classList.contains("drawer-open");
  if (event.key !== "Escape" || is_taken) return;
  if (answers.has(current)) answers.get(current).controller.abort();
  else if (edited) stopEditing();
});
byId("download").addEventListener("click", download);

// What has come of answers is kept where the page goes away in the middle of them.
addEventListener("pagehide", () => {
  for (const [conversation, { message }] of answers) {
    message.stopped = true;
    store.saveConversation(conversation);
  }
});

async function addFiles(files) {
  const unread = await tray.add(files);
  if (unread.length > 0) tell(`The browser can't read ${unread.join(", ")}.`);
}

function addText(name, text) {
  if (text.includes("\0")) announce(`${name} is no text.`);
  else input.value += `${input.value ? "\n\n" : ""}${name}:\n\n${text}`;
  fitInput();
}

connectFiles(tray, { input, addFiles, addText });
connectDrawer();
connectTheme(settings);
connectSettings(settings, () => model, async () => {
  await loadModel();
  showUse(current.messages.at(-1));
});
await loadModel();
showConversation();
input.focus();

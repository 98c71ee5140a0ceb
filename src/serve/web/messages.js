// How messages are shown.

import { copyButton } from "/copy.js";
import { finishCode, renderMarkdown } from "/markdown.js";
import { elementOf, kMediaKinds } from "/media.js";

const kLongestRendering_ms = 1000;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function plainButton(text, onClick) {
  const button = element("button", "plain", text);
  button.type = "button";
  button.addEventListener("click", onClick);
  return button;
}

function amount(value, digits = 1) {
  return value >= 100 ? Math.round(value).toString() : value.toFixed(digits);
}

export function describeStats({ usage, timings }) {
  const parts = [`${usage.completion_tokens} tokens`];
  if (timings?.generation_tokens_per_second > 0) parts.push(`${amount(timings.generation_tokens_per_second)} tokens/s`);
  const first_s = timings?.time_to_first_token_s ?? null; // of an answer without tokens there is none
  if (first_s !== null) parts.push(`first after ${amount(first_s, 2)} s`);
  const cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
  parts.push(`prompt ${usage.prompt_tokens}` + (cached > 0 ? `, ${cached} from cache` : ""));
  return parts.join(" · ");
}

// A message on the page, which can be shown anew while its text grows.
export class MessageView {
  constructor(message, { plain, onRegenerate, onContinue, onEdit }) {
    this.message = message;
    this.plain = plain; // text as it is, without Markdown
    this.onRegenerate = onRegenerate;
    this.onContinue = onContinue;
    this.onEdit = onEdit;
    this.root = element("li", `message ${message.role}`);
    this.author = element("h2", "author");
    this.thinking = element("details", "thinking");
    this.thinking.append(element("summary", "", "Thinking"), element("div", "thought"));
    this.body = element("div", "body");
    this.foot = element("div", "foot");
    this.root.append(this.author, this.thinking, ...this.media(), this.body, this.foot);
  }

  // What is there so far.
  show({ running = false } = {}) {
    const { message } = this;
    this.root.classList.toggle("running", running);
    this.author.textContent = message.role === "user" ? "You" : (message.model ?? "Model");
    this.thinking.hidden = !message.reasoning;
    this.thinking.querySelector(".thought").textContent = message.reasoning ?? "";
    this.showText();
    // Thinking is open until the answer begins; after that it is as the reader wants it.
    const opens = running && !message.text;
    if (opens !== this.opens) this.thinking.open = this.opens = opens;
    this.showFoot(running);
    if (!running) finishCode(this.body);
  }

  // Those of a message never change.
  media() {
    return kMediaKinds.filter(({ field }) => this.message[field]).map((kind) => {
      const row = element("div", kind.field);
      row.append(...this.message[kind.field].map((medium, index) => elementOf(kind, medium, index)));
      return row;
    });
  }

  // Some texts take a parser of Markdown very long; they are shown as they are from then on.
  showText() {
    const { message } = this;
    if (this.plain || message.role === "user" || message.is_slow) {
      this.body.classList.add("plain-text");
      this.body.textContent = message.text;
      this.body.hidden = message.text === "" && message.role === "user";
      return;
    }
    const begin = performance.now();
    this.body.replaceChildren(renderMarkdown(message.text));
    if (performance.now() - begin > kLongestRendering_ms) message.is_slow = true;
  }

  showFoot(running) {
    const { message } = this;
    this.foot.replaceChildren();
    if (running) return;
    if (message.error) {
      const box = element("p", "error", message.error);
      box.setAttribute("role", "alert");
      this.foot.append(box);
    }
    if (message.text) {
      this.foot.append(copyButton("plain", message.text));
    }
    // An answer goes on behind its text; thinking that was cut has none yet.
    const is_cut = message.reason === "length" || message.stopped || message.error;
    if (this.onContinue && message.text && is_cut) {
      const button = plainButton("Continue", this.onContinue);
      button.classList.add("of-last");
      this.foot.append(button);
    }
    if (this.onRegenerate) {
      const button = plainButton(message.error ? "Try again" : "Regenerate", this.onRegenerate);
      button.classList.add("of-last"); // shown where the message is the last one
      this.foot.append(button);
    }
    if (this.onEdit) this.foot.append(plainButton("Edit", () => this.onEdit(message)));
    const notes = [];
    if (message.stopped) notes.push("stopped");
    if (message.reason === "length") notes.push("length limit reached");
    if (message.stats) notes.push(describeStats(message.stats));
    if (notes.length > 0) this.foot.append(element("span", "quiet", notes.join(" · ")));
  }
}

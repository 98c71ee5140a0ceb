// The page at / in Chromium: node tests/web/page_test.mjs PROGRAM [FOLDER FOR SCREENSHOTS]
//
// Needs chromium and playwright-core (npm ci in this folder); without them it says so and ends with
// 77, which CTest calls skipped.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { writeHearingFile } from "./hearing_file.mjs";

const [program, screenshots] = process.argv.slice(2);

function skip(reason) {
  console.log(`skipped: ${reason}`);
  process.exit(77);
}

function findChromium() {
  const path = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return existsSync(path) ? path : skip(`no chromium at ${path}`);
}

function findPlaywright() {
  try {
    return createRequire(import.meta.url)("playwright-core");
  } catch {
    return skip("playwright-core is not installed");
  }
}

const kModel = new URL("../../models/linnet-kjv.gguf", import.meta.url).pathname;
const kThinkingTemplate = new URL("../serve/thinking.jinja", import.meta.url).pathname;
const kSoundFolder = new URL("../data/sound/decode/", import.meta.url).pathname;
const kWidthOfModel = 256;
const kPatience_ms = 20000;
let latest_problems = []; // of the page that was opened last

class Server {
  static async start(...options) {
    const server = new Server();
    server.process = spawn(program, ["serve", "--port", "0", ...options], { stdio: ["ignore", "ignore", "pipe"] });
    server.url = await new Promise((resolve, reject) => {
      let said = "";
      server.process.stderr.on("data", (text) => {
        said += text;
        const url = /at (http:\S+)/.exec(said);
        if (url) resolve(url[1]);
      });
      server.process.on("exit", () => reject(new Error(`the server ended: ${said}`)));
    });
    return server;
  }
  async metric(name) {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    return Number(new RegExp(`^linnet_${name} (.*)$`, "m").exec(text)[1]);
  }
  stop() {
    this.process.removeAllListeners("exit");
    this.process.kill();
  }
}

// A page whose mistakes and foreign requests are remembered.
async function openPage(browser, server, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(kPatience_ms);
  page.problems = latest_problems = [];
  page.on("console", (message) => {
    // A refused request is told by the browser, too; the tests look at what the page says.
    const isRefusal = /status of (401|429)/.test(message.text());
    if (message.type() === "error" && !isRefusal) page.problems.push(message.text());
  });
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url)) page.problems.push(`asked for ${request.url()}`);
  });
  await page.goto(server.url);
  await page.waitForFunction(() => document.title.includes(" - Linnet") || document.querySelector("dialog").open);
  return page;
}

async function closePage(page) {
  assert.deepEqual(page.problems, []);
  await page.context().close();
}

const shown = (page) => page.locator(".message.assistant").last();
const answered = (page) => shown(page).locator(".foot .quiet").waitFor();
const say = async (page, text) => {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.keyboard.press("Enter");
};

// Answers of a model that writes what it is told to.
async function fakeAnswer(page, text, requests = [], { reason = "stop", until = null } = {}) {
  await page.route("**/v1/chat/completions", async (route) => {
    requests.push(route.request().postDataJSON());
    await until;
    const event = (data) => `data: ${JSON.stringify(data)}\n\n`;
    const body =
      event({ choices: [{ index: 0, delta: { reasoning_content: "Let me see." }, finish_reason: null }] }) +
      event({ choices: [{ index: 0, delta: { content: text }, finish_reason: null }] }) +
      event({ choices: [{ index: 0, delta: {}, finish_reason: reason }] }) +
      event({
        choices: [],
        usage: { prompt_tokens: 12, completion_tokens: 34, prompt_tokens_details: { cached_tokens: 8 } },
        timings: { generation_tokens_per_second: 56.78, time_to_first_token_s: 0.123 },
      }) +
      "data: [DONE]\n\n";
    route.fulfill({ status: 200, contentType: "text/event-stream", body });
  });
}

// A page whose model takes more than text, as the server says, and what it asks.
async function openMediaPage(browser, server, modalities) {
  const page = await openPage(browser, server);
  const counted = [], requests = [];
  await page.route("**/v1/models", async (route) => {
    const { data } = await (await route.fetch()).json();
    data[0].architecture.input_modalities.push(...modalities);
    await route.fulfill({ json: { data } });
  });
  await page.route("**/v1/chat/completions/input_tokens", (route) => {
    counted.push(route.request().postDataJSON());
    route.fulfill({ json: { input_tokens: 20 } });
  });
  await fakeAnswer(page, "Aye.", requests);
  await page.addInitScript(() => {
    window.makePicture = async (width, height, type) => {
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      const context = canvas.getContext("2d");
      context.fillStyle = "red";
      context.fillRect(0, 0, width / 2, height / 2);
      return new File([await new Promise((done) => canvas.toBlob(done, type))], "picture", { type });
    };
    window.urlOf = (file) => new Promise((done) => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result);
      reader.readAsDataURL(file);
    });
    window.sizeOf = async (url) => {
      const image = new Image();
      image.src = url;
      await image.decode();
      return [image.naturalWidth, image.naturalHeight];
    };
  });
  await page.reload();
  await page.locator("#attach").waitFor();
  return { page, counted, requests };
}

const openPicturePage = (browser, server) => openMediaPage(browser, server, ["image"]);

// Files of tests/data/sound/decode, or texts: [name, type, content].
async function transferOf(page, ...files) {
  const contents = files.map((file) => {
    const [name, type, content] = Array.isArray(file) ? file : [file, "", readFileSync(kSoundFolder + file)];
    return [name, type, [...Buffer.from(content)]];
  });
  return page.evaluateHandle((contents) => {
    const transfer = new DataTransfer();
    for (const [name, type, bytes] of contents) transfer.items.add(new File([Uint8Array.from(bytes)], name, { type }));
    return transfer;
  }, contents);
}

async function dropFiles(page, ...files) {
  await page.dispatchEvent("#scroll", "drop", { dataTransfer: await transferOf(page, ...files) });
}

// Waits until the player has read what it plays.
async function lengthOf(player) {
  await player.waitFor();
  return player.evaluate(async (audio) => {
    while (audio.readyState === 0 && !audio.error) await new Promise((done) => setTimeout(done, 20));
    return audio.error ? audio.error.message : audio.duration;
  });
}

// The messages of each chat that the page asks for.
function askedOn(page) {
  const asked = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/v1/chat/completions")) asked.push(request.postDataJSON().messages);
  });
  return asked;
}

const base64Of = (name) => readFileSync(kSoundFolder + name).toString("base64");

// Waits until it is there.
async function dropPicture(page, width) {
  const before = await page.locator("#tray img").count();
  await page.evaluate(async (width) => {
    const drop = new DataTransfer();
    drop.items.add(await makePicture(width, 10, "image/png"));
    document.dispatchEvent(new DragEvent("drop", { dataTransfer: drop, cancelable: true, bubbles: true }));
  }, width);
  await page.getByRole("img", { name: `Picture ${before + 1}` }).last().waitFor();
  await page.waitForFunction((count) => document.querySelectorAll("#tray img").length === count, before + 1);
}

const kMarkdown = `### A plan

Here is a **small** program with \`code\`:

\`\`\`python
def greet(name: str) -> str:
    # says hello
    return f"Hello, {name}!" * 3
\`\`\`

| bird | weight |
|---|---|
| linnet | 19 g |
| goldfinch | 16 g |

1. first, read [the manual](https://example.com/manual)
2. then go on

> A quoted thought.
`;

const kHostile = `<img src="x" onerror="window.hit = 1"><script>window.hit = 2</script>
<a href="javascript:window.hit = 3">a link</a> ![picture](https://example.com/track.png)
<form action="https://example.com"><input name="q"></form><div style="position:fixed">over</div>
<svg onload="window.hit = 4"></svg><iframe src="https://example.com"></iframe>`;

const tests = {
  async "a model without a chat template goes on with a text"({ browser, text }) {
    const page = await openPage(browser, text);
    await page.getByText("Begin, and the model goes on").waitFor();
    await say(page, "In the beginning");
    await answered(page);
    const first = await shown(page).locator(".body").innerText();
    assert.ok(first.length > 20, first);
    assert.match(await shown(page).locator(".foot").innerText(), /tokens\/s/);
    await page.keyboard.press("Enter"); // an empty field: it goes on
    await page.waitForFunction(() => document.querySelectorAll(".message.assistant").length === 2);
    await answered(page);
    await closePage(page);
  },

  async "regenerate, keep, open again and delete"({ browser, text }) {
    const page = await openPage(browser, text);
    await say(page, "And the king said");
    await answered(page);
    await page.getByRole("button", { name: "Regenerate" }).click();
    await answered(page);
    assert.equal(await page.locator(".message").count(), 2);
    const kept = await shown(page).locator(".body").innerText();
    await page.reload();
    await page.getByRole("button", { name: "And the king said", exact: true }).click();
    assert.equal(await shown(page).locator(".body").innerText(), kept);
    await page.getByRole("button", { name: "New conversation", exact: true }).click();
    await page.getByText("Begin, and the model goes on").waitFor();
    page.on("dialog", (dialog) => dialog.accept());
    await page.getByRole("button", { name: "Delete And the king said" }).click();
    await page.waitForFunction(() => document.querySelectorAll("#conversations li").length === 0);
    await closePage(page);
  },

  async "a text that fills the context is an error that says so"({ browser, text }) {
    const page = await openPage(browser, text);
    await say(page, "and ".repeat(600));
    await page.getByRole("alert").waitFor();
    assert.match(await page.getByRole("alert").innerText(), /fills the model's context of 512 tokens/);
    await closePage(page);
  },

  async "an answer leaves room for the conversation to go on"({ browser, chat }) {
    const page = await openPage(browser, chat);
    for (const [turn, text] of ["Tell me everything", "And what then?", "Go on"].entries()) {
      await say(page, text); // this model rarely ends by itself
      await page.waitForFunction((count) => document.querySelectorAll(".message.assistant").length === count, turn + 1);
      await answered(page);
      assert.match(await shown(page).locator(".foot").innerText(), /\d+ tokens ·/);
    }
    // Another answer than the last one can't be made again: what follows would make no sense.
    assert.equal(await page.getByRole("button", { name: "Regenerate" }).count(), 1);
    await say(page, "and ".repeat(600));
    await page.getByRole("alert").waitFor();
    assert.match(await page.getByRole("alert").innerText(), /conversation fills the model's context of 512 tokens/);
    await closePage(page);
  },

  async "what is deleted while it is answered stays away"({ browser, chat }) {
    const page = await openPage(browser, chat);
    page.on("dialog", (dialog) => dialog.accept());
    await say(page, "Tell me everything");
    await shown(page).locator(".body").filter({ hasText: /\w/ }).waitFor();
    await page.getByRole("button", { name: "Delete Tell me everything" }).click();
    await page.getByRole("button", { name: "Send" }).waitFor(); // the answer has ended
    const kept = await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes(".conversation.")));
    assert.deepEqual(kept, []);
    await closePage(page);
  },

  async "Escape stops, and the server stops, too"({ browser, text, chat }) {
    const page = await openPage(browser, chat);
    // This model rarely ends by itself, so the answer goes on to the end of the context.
    await say(page, "Tell me everything");
    await shown(page).locator(".body").filter({ hasText: /\w/ }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Send" }).waitFor();
    for (let i = 0; i < 100 && (await chat.metric("running")) > 0; ++i) await new Promise((r) => setTimeout(r, 50));
    assert.equal(await chat.metric("running"), 0);
    await closePage(page);
  },

  async "an answer goes on while another conversation is open"({ browser, chat }) {
    const page = await openPage(browser, chat);
    let release;
    await fakeAnswer(page, "Aye.", [], { until: new Promise((done) => (release = done)) });
    const stop = page.getByRole("button", { name: "Stop" });
    const another = page.getByRole("button", { name: "New conversation", exact: true });
    await say(page, "Wait for me");
    await stop.waitFor();
    await another.click();
    await page.getByRole("button", { name: "Send" }).waitFor();
    const first = page.getByRole("button", { name: /^Wait for me/ });
    await first.getByRole("img", { name: "(is being answered)" }).waitFor();
    await first.click();
    await stop.waitFor();
    assert.equal(await page.locator(".message.running").count(), 1);
    await another.click();
    await say(page, "And for me");
    await stop.waitFor();
    release();
    await answered(page);
    await page.waitForFunction(() => document.querySelectorAll(".mark").length === 0);
    await first.click();
    await shown(page).getByText("Aye.").waitFor();
    assert.doesNotMatch(await shown(page).locator(".foot").innerText(), /stopped/);
    await page.reload();
    await shown(page).getByText("Aye.").waitFor(); // is kept
    assert.equal(await page.locator("#conversations li").count(), 2);
    await closePage(page);
  },

  async "an answer is the one of the model that has written it"({ browser, several }) {
    const page = await openPage(browser, several);
    const author = shown(page).locator(".author");
    await say(page, "In the beginning");
    await answered(page);
    assert.equal(await author.textContent(), "first");
    await page.getByRole("combobox", { name: "Model" }).selectOption("second");
    assert.equal(await author.textContent(), "first");
    await page.getByRole("button", { name: "Regenerate" }).click();
    await answered(page);
    assert.equal(await author.textContent(), "second");
    await closePage(page);
  },

  async "an answer that a limit has cut goes on"({ browser, chat }) {
    const page = await openPage(browser, chat);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("Temperature").fill("0");
    await page.getByLabel("Longest answer").fill("9");
    await page.getByRole("button", { name: "Done" }).click();
    await say(page, "Tell me everything");
    await shown(page).getByText("length limit reached").waitFor();
    const first = await shown(page).locator(".body").innerText();
    const asking = page.waitForRequest("**/v1/chat/completions");
    await page.getByRole("button", { name: "Continue" }).click();
    const { messages, continue_final_message, chat_template_kwargs } = (await asking).postDataJSON();
    await answered(page);
    assert.deepEqual(messages.map(({ role }) => role), ["user", "assistant"]);
    assert.equal(messages[1].content.trim(), first);
    assert.deepEqual([continue_final_message, chat_template_kwargs], [true, undefined]);
    const text = await shown(page).locator(".body").innerText();
    assert.ok(text.length > first.length + 9 && text.startsWith(first), `${first} became ${text}`);
    assert.equal(await page.locator(".message").count(), 2);
    await closePage(page);
  },

  async "an answer that is complete does not go on"({ browser, chat }) {
    const page = await openPage(browser, chat);
    await fakeAnswer(page, "Aye.");
    await say(page, "Hello");
    await answered(page);
    assert.equal(await page.getByRole("button", { name: "Continue" }).count(), 0);
    await closePage(page);
  },

  async "thinking is switched on and off where the template knows it"({ browser, chat, thinking }) {
    const other = await openPage(browser, chat);
    assert.equal(await other.getByRole("button", { name: "Thinking" }).count(), 0);
    await closePage(other);
    const page = await openPage(browser, thinking);
    const requests = [];
    await fakeAnswer(page, "Aye.", requests, { reason: "length" });
    const choice = page.getByRole("button", { name: "Thinking", exact: true });
    const ask = async (text) => {
      const count = await page.locator(".message").count();
      await say(page, text);
      await page.waitForFunction((count) => document.querySelectorAll(".message").length === count, count + 2);
      await answered(page);
      return requests.at(-1).chat_template_kwargs;
    };
    assert.equal(await choice.getAttribute("aria-pressed"), "false");
    assert.equal(await ask("As it is"), undefined);
    await choice.click();
    assert.equal(await choice.getAttribute("aria-pressed"), "true");
    assert.deepEqual(await ask("With thinking"), { enable_thinking: true });
    await page.getByRole("button", { name: "Continue" }).click();
    await shown(page).getByText("Aye.Aye.").waitFor();
    assert.deepEqual(requests.at(-1).chat_template_kwargs, { enable_thinking: false });
    await page.reload();
    await choice.waitFor();
    assert.equal(await choice.getAttribute("aria-pressed"), "true");
    await choice.click();
    assert.deepEqual(await ask("Without"), { enable_thinking: false });
    await closePage(page);
  },

  async "Escape closes the list of a narrow screen and nothing else"({ browser, chat }) {
    const page = await openPage(browser, chat, { viewport: { width: 390, height: 800 } });
    await fakeAnswer(page, "Aye.", [], { until: new Promise(() => {}) });
    await say(page, "Hello");
    await page.getByRole("button", { name: "Stop" }).waitFor();
    await page.getByRole("button", { name: "Conversations" }).click();
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.body.classList.contains("drawer-open")), false);
    assert.equal(await page.getByRole("button", { name: "Stop" }).isVisible(), true);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Send" }).waitFor();
    await closePage(page);
  },

  async "Markdown, code and thinking"({ browser, chat }) {
    const page = await openPage(browser, chat);
    await fakeAnswer(page, kMarkdown);
    await say(page, "Show me");
    await answered(page);
    const body = shown(page).locator(".body");
    await body.locator(".hljs-keyword", { hasText: "def" }).waitFor();
    assert.equal(await body.locator("td").count(), 4);
    assert.equal(await body.locator("a").getAttribute("rel"), "noopener noreferrer");
    assert.match(await shown(page).locator(".foot").innerText(), /34 tokens · 56.8 tokens\/s .* 8 from cache/);
    await shown(page).getByText("Thinking").click();
    assert.equal(await shown(page).getByText("Let me see.").isVisible(), true);
    await closePage(page);
  },

  async "an answer may have no tokens"({ browser, chat }) {
    const page = await openPage(browser, chat);
    await page.route("**/v1/chat/completions", (route) => {
      const usage = { prompt_tokens: 12, completion_tokens: 0 };
      const timings = { generation_tokens_per_second: null, time_to_first_token_s: null };
      const events = [{ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }, { choices: [], usage, timings }];
      const body = [...events.map((event) => JSON.stringify(event)), "[DONE]"].map((data) => `data: ${data}\n\n`);
      route.fulfill({ status: 200, contentType: "text/event-stream", body: body.join("") });
    });
    await say(page, "Hello");
    await answered(page);
    assert.match(await shown(page).locator(".foot").innerText(), /0 tokens · prompt 12/);
    await closePage(page);
  },

  async "what a model writes runs nothing and loads nothing"({ browser, chat }) {
    const page = await openPage(browser, chat);
    await fakeAnswer(page, kHostile);
    await say(page, "Attack");
    await answered(page);
    const body = shown(page).locator(".body");
    assert.equal(await body.locator("img, script, form, input, iframe, svg, [style], [onerror]").count(), 0);
    assert.equal(await body.locator('a[href^="javascript"]').count(), 0);
    assert.equal(await page.evaluate(() => window.hit), undefined);
    // The browser tells what the policy of the page has kept from running, before it was removed.
    page.problems = page.problems.filter((problem) => !problem.includes("Content Security Policy"));
    await closePage(page);
  },

  async "settings reach the server"({ browser, chat }) {
    const page = await openPage(browser, chat);
    const requests = [];
    await fakeAnswer(page, "Aye.", requests);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("System prompt").fill("You are a pirate.");
    await page.getByLabel("Temperature").fill("0.3");
    await page.getByLabel("Longest answer").fill("55");
    await page.getByLabel("Seed").fill("7");
    await page.getByRole("button", { name: "Done" }).click();
    await say(page, "Who are you?");
    await answered(page);
    await say(page, "Really?");
    await page.waitForFunction(() => document.querySelectorAll(".message").length === 4);
    await answered(page);
    const { messages, temperature, max_tokens, seed } = requests[1];
    assert.deepEqual(messages, [
      { role: "system", content: "You are a pirate." },
      { role: "user", content: "Who are you?" },
      { role: "assistant", content: "Aye." },
      { role: "user", content: "Really?" },
    ]);
    assert.deepEqual([temperature, max_tokens, seed], [0.3, 55, 7]);
    await closePage(page);
  },

  async "an error is shown with a way to try again"({ browser, chat }) {
    const page = await openPage(browser, chat);
    await page.route("**/v1/chat/completions", (route) =>
      route.fulfill({ status: 429, json: { error: { message: "too many requests are waiting", code: "rate_limit_exceeded" } } }));
    await say(page, "Hello");
    await page.getByRole("alert").waitFor();
    assert.equal(await page.getByRole("alert").innerText(), "too many requests are waiting");
    await page.unroute("**/v1/chat/completions");
    await fakeAnswer(page, "Now.");
    await page.getByRole("button", { name: "Try again" }).click();
    await shown(page).getByText("Now.").waitFor();
    await closePage(page);
  },

  async "a message is edited, and what came after it is dropped"({ browser, chat }) {
    const page = await openPage(browser, chat);
    const requests = [];
    await fakeAnswer(page, "Aye.", requests);
    for (const [turn, text] of ["One", "Two", "Three"].entries()) {
      await say(page, text);
      await page.waitForFunction((count) => document.querySelectorAll(".message").length === count, 2 * turn + 2);
      await answered(page);
    }
    const input = page.getByRole("textbox", { name: "Message" });
    await page.getByRole("button", { name: "Edit" }).nth(1).click();
    assert.equal(await input.inputValue(), "Two");
    await page.keyboard.press("Escape"); // all stays as it is
    assert.deepEqual([await input.inputValue(), await page.locator(".message").count()], ["", 6]);
    await page.getByRole("button", { name: "Edit" }).nth(1).click();
    await say(page, "Zwei");
    await page.waitForFunction(() => document.querySelectorAll(".message").length === 4);
    await answered(page);
    assert.deepEqual(requests.at(-1).messages.map(({ content }) => content), ["One", "Aye.", "Zwei"]);
    await closePage(page);
  },

  async "what has come of an answer survives that the page is loaded again"({ browser, chat }) {
    const page = await openPage(browser, chat);
    await page.addInitScript(() => {
      // A model that never gets beyond its first words.
      const fetched = window.fetch;
      window.fetch = (path, options) => {
        if (path !== "/v1/chat/completions") return fetched(path, options);
        const event = `data: ${JSON.stringify({ choices: [{ delta: { content: "Half of it" } }] })}\n\n`;
        const body = new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode(event)) });
        return Promise.resolve(new Response(body));
      };
    });
    await page.reload();
    await say(page, "Tell me everything");
    await shown(page).getByText("Half of it").waitFor();
    await page.reload();
    await shown(page).getByText("Half of it").waitFor(); // the same conversation is open
    await shown(page).getByText("stopped").waitFor();
    await closePage(page);
  },

  async "a server that is gone is told in words"({ browser, chat }) {
    const page = await openPage(browser, chat);
    await page.route("**/v1/chat/completions/input_tokens", (route) => route.abort("connectionrefused"));
    await say(page, "Hello");
    await page.getByRole("alert").waitFor();
    assert.equal(await page.getByRole("alert").innerText(), "The server cannot be reached. Is it still running?");
    page.problems = page.problems.filter((problem) => !problem.includes("ERR_CONNECTION_REFUSED"));
    await closePage(page);
  },

  async "a text is copied where the browser keeps the clipboard away"({ browser, chat }) {
    const page = await openPage(browser, chat, { permissions: ["clipboard-read", "clipboard-write"] });
    await fakeAnswer(page, "Aye.");
    await say(page, "Copy me");
    await answered(page);
    // As on a page that came by http from another machine.
    await page.evaluate(() => Object.defineProperty(Navigator.prototype, "clipboard", { get: () => undefined }));
    await shown(page).getByRole("button", { name: "Copy" }).click();
    await shown(page).getByRole("button", { name: "Copied" }).waitFor();
    await page.getByRole("textbox", { name: "Message" }).focus();
    await page.keyboard.press("Control+V");
    assert.equal(await page.getByRole("textbox", { name: "Message" }).inputValue(), "Aye.");
    await closePage(page);
  },

  async "what the model's makers recommend is left to the server"({ browser, chat }) {
    const page = await openPage(browser, chat);
    await page.route("**/v1/models", async (route) => {
      const { data } = await (await route.fetch()).json();
      data[0].recommended = { temperature: 0.6000000238418579, top_k: 20 };
      await route.fulfill({ json: { data } });
    });
    await page.reload();
    await page.waitForFunction(() => document.title.includes(" - Linnet"));
    const requests = [];
    await fakeAnswer(page, "Aye.", requests);
    await page.getByRole("button", { name: "Settings" }).click();
    assert.equal(await page.getByLabel("Temperature").getAttribute("placeholder"), "0.6");
    assert.equal(await page.getByLabel("Top k").getAttribute("placeholder"), "20");
    await page.getByLabel("Min p").fill("0.07");
    await page.getByRole("button", { name: "Done" }).click();
    await say(page, "Hello");
    await answered(page);
    const { temperature, top_p, top_k, min_p } = requests[0];
    assert.deepEqual([temperature, top_p, top_k, min_p], [undefined, undefined, undefined, 0.07]);
    await closePage(page);
  },

  async "a setting out of its range is refused"({ browser, chat }) {
    const page = await openPage(browser, chat);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("Top p").fill("1.5");
    await page.getByRole("button", { name: "Done" }).click();
    assert.equal(await page.getByRole("dialog").isVisible(), true);
    await page.getByLabel("Top p").fill("0.925");
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await closePage(page);
  },

  async "files that are dropped go into the message, conversations come out as files"({ browser, chat }) {
    const page = await openPage(browser, chat);
    const files = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(["two\nlines"], "notes.txt"));
      return transfer;
    });
    await page.dispatchEvent("#scroll", "drop", { dataTransfer: files });
    const input = page.getByRole("textbox", { name: "Message" });
    await page.waitForFunction(() => document.getElementById("input").value !== "");
    assert.equal(await input.inputValue(), "notes.txt:\n\ntwo\nlines");
    await fakeAnswer(page, "Aye.");
    await say(page, "Keep this");
    await answered(page);
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download this conversation" }).click();
    const download = await coming;
    assert.equal(download.suggestedFilename(), "Keep-this.json");
    assert.deepEqual(JSON.parse(readFileSync(await download.path(), "utf8")), [
      { role: "user", content: "Keep this" },
      { role: "assistant", content: "Aye." },
    ]);
    await closePage(page);
  },

  async "pictures are added, shown and sent"({ browser, chat }) {
    const { page, counted, requests } = await openPicturePage(browser, chat);
    const file = await page.evaluate(() => makePicture(30, 20, "image/png").then(urlOf));
    const [, base64] = file.split(",");
    const choosing = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Add pictures" }).click();
    await (await choosing).setFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from(base64, "base64") });
    await page.getByRole("img", { name: "Picture 1" }).waitFor();
    if (screenshots) await page.screenshot({ path: `${screenshots}/picture-added.png` });
    await say(page, "What is it?");
    await answered(page);
    if (screenshots) await page.screenshot({ path: `${screenshots}/picture-sent.png` });
    assert.equal(await page.locator("#tray li").count(), 0);
    assert.equal(await page.locator(".message.user .pictures img").getAttribute("src"), file);
    assert.deepEqual(requests[0].messages, [
      { role: "user", content: [{ type: "image_url", image_url: { url: file } }, { type: "text", text: "What is it?" }] },
    ]);
    assert.deepEqual(counted[0].messages, requests[0].messages);
    await page.reload();
    await page.locator(".message.user .pictures img").waitFor(); // is kept
    await say(page, "And now?");
    await page.waitForFunction(() => document.querySelectorAll(".message.assistant").length === 2);
    await answered(page);
    assert.deepEqual(requests[1].messages[0], requests[0].messages[0]);
    await closePage(page);
  },

  async "pictures are pasted and dropped, and taken away"({ browser, chat }) {
    const { page, requests } = await openPicturePage(browser, chat);
    await page.evaluate(async () => {
      const paste = new DataTransfer(), drop = new DataTransfer();
      for (const [width, to] of [[11, paste], [12, paste], [13, drop]]) to.items.add(await makePicture(width, 10, "image/png"));
      drop.items.add(new File(["two lines"], "notes.txt"));
      const input = document.getElementById("input");
      input.dispatchEvent(new ClipboardEvent("paste", { clipboardData: paste, cancelable: true, bubbles: true }));
      input.dispatchEvent(new DragEvent("drop", { dataTransfer: drop, cancelable: true, bubbles: true }));
    });
    await page.getByRole("img", { name: "Picture 3" }).waitFor();
    await page.getByRole("button", { name: "Remove picture 2" }).click();
    await page.getByRole("button", { name: "Send" }).click();
    await answered(page);
    const [one, other, text] = requests[0].messages[0].content;
    const widths = await page.evaluate((urls) => Promise.all(urls.map((url) => sizeOf(url).then(([width]) => width))),
      [one.image_url.url, other.image_url.url]);
    assert.deepEqual(widths, [11, 13]);
    assert.equal(text.text, "notes.txt:\n\ntwo lines");
    await closePage(page);
  },

  async "large pictures become smaller, and wait for no one"({ browser, chat }) {
    const { page, requests } = await openPicturePage(browser, chat);
    await page.evaluate(async () => {
      const drop = new DataTransfer();
      drop.items.add(await makePicture(3000, 1500, "image/png"));
      document.dispatchEvent(new DragEvent("drop", { dataTransfer: drop, cancelable: true, bubbles: true }));
      document.getElementById("send").click(); // at once
    });
    await answered(page);
    const [{ image_url }] = requests[0].messages[0].content;
    assert.match(image_url.url, /^data:image\/jpeg;base64,/);
    assert.deepEqual(await page.evaluate((url) => sizeOf(url), image_url.url), [2048, 1024]);
    await closePage(page);
  },

  async "a message with a picture is edited"({ browser, chat }) {
    const { page, requests } = await openPicturePage(browser, chat);
    await dropPicture(page, 11);
    await say(page, "One");
    await answered(page);
    await page.getByRole("button", { name: "Edit" }).click();
    assert.equal(await page.locator("#tray img").count(), 1);
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("#tray img").count(), 0);
    await page.getByRole("button", { name: "Edit" }).click();
    await dropPicture(page, 12);
    await say(page, "Two");
    await page.waitForFunction(() => document.querySelector(".message.user .body").textContent === "Two");
    await answered(page);
    const { content } = requests[1].messages[0];
    assert.deepEqual(content.map(({ type }) => type), ["image_url", "image_url", "text"]);
    assert.deepEqual(content[0], requests[0].messages[0].content[0]);
    await closePage(page);
  },

  async "what the browser can't keep is told"({ browser, chat }) {
    const { page } = await openPicturePage(browser, chat);
    await page.evaluate(() => {
      const set = Storage.prototype.setItem;
      Storage.prototype.setItem = function (name, value) {
        if (value.includes("data:image")) throw new DOMException("full", "QuotaExceededError");
        set.call(this, name, value);
      };
    });
    await dropPicture(page, 11);
    await page.getByRole("button", { name: "Send" }).click();
    await answered(page);
    await page.locator("#hint").getByText("no room to keep the pictures and sounds").waitFor();
    assert.equal(await page.locator(".message.user .pictures img").count(), 1);
    await page.reload();
    await page.locator(".message.user").getByText("(a picture)").waitFor();
    await shown(page).getByText("Aye.").waitFor();
    await closePage(page);
  },

  async "a file that is no picture is told, and a model that reads none is given none"({ browser, chat }) {
    const { page } = await openPicturePage(browser, chat);
    await page.evaluate(() => {
      const drop = new DataTransfer();
      drop.items.add(new File(["no picture"], "broken.png", { type: "image/png" }));
      document.dispatchEvent(new DragEvent("drop", { dataTransfer: drop, cancelable: true, bubbles: true }));
    });
    await page.locator("#hint").getByText("can't read broken.png as a picture").waitFor();
    await closePage(page);
    const other = await openPage(browser, chat);
    assert.equal(await other.getByRole("button", { name: "Add pictures" }).count(), 0);
    await closePage(other);
  },

  async "sounds are added, shown, heard and kept"({ browser, hearing }) {
    const page = await openPage(browser, hearing);
    const asked = askedOn(page);
    const choosing = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Add sounds" }).click(); // and no pictures
    await (await choosing).setFiles([kSoundFolder + "plain.wav", kSoundFolder + "stereo.mp3"]);
    const added = page.locator("#tray audio");
    await page.waitForFunction(() => document.querySelectorAll("#tray audio").length === 2);
    for (const player of await added.all()) assert.ok((await lengthOf(player)) > 0.1, await lengthOf(player));
    assert.deepEqual(await page.locator("#tray figcaption").allInnerTexts(), ["plain.wav", "stereo.mp3"]);
    if (screenshots) await page.screenshot({ path: `${screenshots}/sound-added.png` });
    await say(page, "What is it?");
    await answered(page);
    if (screenshots) await page.screenshot({ path: `${screenshots}/sound-sent.png` });
    assert.equal(await page.locator("#tray li").count(), 0);
    const content = [
      { type: "input_audio", input_audio: { data: base64Of("plain.wav"), format: "wav" } },
      { type: "input_audio", input_audio: { data: base64Of("stereo.mp3"), format: "mp3" } },
      { type: "text", text: "What is it?" },
    ];
    assert.deepEqual(asked, [[{ role: "user", content }]]);
    await page.reload();
    const kept = page.locator(".message.user .sounds audio");
    assert.ok((await lengthOf(kept.nth(1))) > 0.1);
    await say(page, "And now?");
    await page.waitForFunction(() => document.querySelectorAll(".message.assistant").length === 2);
    await answered(page);
    assert.deepEqual(asked[1][0], asked[0][0]);
    assert.match(await shown(page).locator(".foot").innerText(), /from cache/);
    await closePage(page);
  },

  async "sounds are pasted and dropped, and taken away"({ browser, hearing }) {
    const { page, requests } = await openMediaPage(browser, hearing, []);
    const pasted = await transferOf(page, ["talk", "audio/wav", readFileSync(kSoundFolder + "plain.wav")], "vorbis.ogg");
    await page.evaluate((clipboardData) => {
      const event = new ClipboardEvent("paste", { clipboardData, cancelable: true, bubbles: true });
      document.getElementById("input").dispatchEvent(event);
    }, pasted);
    await dropFiles(page, "stereo.flac", ["notes.txt", "text/plain", "two lines"]);
    await page.waitForFunction(() => document.querySelectorAll("#tray audio").length === 3);
    await page.getByRole("button", { name: "Remove sound 1" }).click();
    await page.getByRole("button", { name: "Send" }).click();
    await answered(page);
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByRole("button", { name: "Remove sound 1" }).click();
    await say(page, "Again");
    await page.waitForFunction(() => document.querySelector(".message.user .body").textContent === "Again");
    await answered(page);
    const ogg = { type: "input_audio", input_audio: { data: base64Of("vorbis.ogg"), format: "ogg" } };
    const flac = { type: "input_audio", input_audio: { data: base64Of("stereo.flac"), format: "flac" } };
    assert.deepEqual(requests.map(({ messages }) => messages[0].content), [
      [ogg, flac, { type: "text", text: "notes.txt:\n\ntwo lines" }],
      [flac, { type: "text", text: "Again" }],
    ]);
    await closePage(page);
  },

  async "a message has pictures and sounds"({ browser, chat }) {
    const { page, requests } = await openMediaPage(browser, chat, ["image", "audio"]);
    await page.getByRole("button", { name: "Add pictures or sounds" }).waitFor();
    await dropFiles(page, "plain.wav");
    await dropPicture(page, 11);
    await page.getByRole("button", { name: "Send" }).click();
    await answered(page);
    assert.deepEqual(requests[0].messages[0].content.map(({ type }) => type), ["image_url", "input_audio"]);
    assert.equal(await page.locator(".message.user :is(.pictures img, .sounds audio)").count(), 2);
    await closePage(page);
  },

  async "what is recorded becomes a WAV file"({ browser, hearing }) {
    const page = await openPage(browser, hearing, { permissions: ["microphone"] });
    const asked = askedOn(page);
    const record = page.getByRole("button", { name: "Record a sound" });
    await record.click();
    await page.locator('#record[aria-pressed="true"]').waitFor();
    await page.waitForTimeout(1500); // Chromium's microphone of tests beeps once a second
    await record.click();
    await page.locator("#tray figcaption").getByText("Recording 1").waitFor();
    assert.equal(await record.getAttribute("aria-pressed"), "false");
    await record.click();
    await page.locator('#record[aria-pressed="true"]').waitFor();
    await page.waitForTimeout(1500);
    await say(page, "What is it?"); // ends the recording
    await answered(page);
    assert.equal(await shown(page).getByRole("alert").count(), 0);
    const [[{ content }]] = asked;
    assert.equal(content.length, 3);
    for (const { input_audio } of content.slice(0, 2)) {
      const wav = Buffer.from(input_audio.data, "base64");
      assert.equal(input_audio.format, "wav");
      assert.deepEqual([wav.toString("latin1", 0, 4), wav.readUInt32LE(4)], ["RIFF", wav.length - 8]);
      assert.equal(wav.readUInt32LE(24), 16000);
      assert.ok(wav.length > 44 + 2 * 16000 * 0.2, `${wav.length} bytes`);
      const samples = new Int16Array(wav.buffer.slice(wav.byteOffset + 44, wav.byteOffset + wav.length));
      assert.ok(samples.some((sample) => Math.abs(sample) > 1000), "it is silent");
    }
    await closePage(page);
  },

  async "a microphone that is kept away is told"({ browser, hearing }) {
    const page = await openPage(browser, hearing);
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("Permission denied", "NotAllowedError"));
    });
    await page.getByRole("button", { name: "Record a sound" }).click();
    await page.locator("#hint").getByText("The browser gives no microphone: Permission denied").waitFor();
    await say(page, "Then without");
    await answered(page);
    await closePage(page);
  },

  async "a file that is no sound is told, and a model that hears nothing is given none"({ browser, chat, hearing }) {
    const page = await openPage(browser, hearing);
    await dropFiles(page, ["broken.m4a", "audio/mp4", "no sound"]);
    await page.locator("#hint").getByText("can't read broken.m4a as a sound").waitFor();
    await dropFiles(page, ["broken.flac", "audio/flac", "fLaC and no more"]); // only the server reads more of it
    await page.locator("#tray audio").waitFor();
    await say(page, "What is it?");
    await page.getByRole("alert").waitFor();
    assert.match(await page.getByRole("alert").innerText(), /input_audio.data: .*FLAC/);
    page.problems = page.problems.filter((problem) => !problem.includes("status of 400"));
    await closePage(page);
    const other = await openPage(browser, chat);
    for (const name of ["Add", "Record"]) assert.equal(await other.getByRole("button", { name }).count(), 0);
    await closePage(other);
  },

  async "a list of any depth stays in its place"({ browser, chat }) {
    const page = await openPage(browser, chat);
    await fakeAnswer(page, "- ".repeat(300) + "deep");
    await say(page, "Nest");
    await answered(page);
    const overflow = await page.locator("#scroll").evaluate((area) => area.scrollWidth - area.clientWidth);
    assert.ok(overflow <= 0, `the conversation is ${overflow} pixels too wide`);
    await closePage(page);
  },

  async "a server with keys asks for one"({ browser, locked }) {
    const page = await openPage(browser, locked);
    await page.getByRole("dialog").waitFor();
    await page.getByLabel("API key").fill("wrong");
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByText("The server does not take this key.").waitFor();
    await page.keyboard.press("Escape"); // and is not asked again
    await page.getByText("The server asks for a key.").waitFor();
    assert.equal(await page.getByRole("dialog").isVisible(), false);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("API key").fill("open-sesame");
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("heading", { name: "linnet-kjv" }).waitFor();
    await closePage(page);
  },

  async "of several models one is chosen, and kept"({ browser, several }) {
    const page = await openPage(browser, several);
    const choice = page.getByRole("combobox", { name: "Model" });
    assert.deepEqual(await choice.locator("option").allInnerTexts(), ["first", "second"]);
    assert.equal(await choice.inputValue(), "first");
    await choice.selectOption("second");
    await page.reload();
    await page.waitForFunction(() => document.title === "second - Linnet");
    assert.equal(await choice.inputValue(), "second");
    const asked = [];
    page.on("request", (request) => {
      if (request.method() === "POST") asked.push(request.postDataJSON().model);
    });
    await say(page, "In the beginning");
    await answered(page);
    assert.deepEqual(asked, ["second", "second"]); // its tokens are counted first
    await closePage(page);
  },

  async "one model is no choice"({ browser, text }) {
    const page = await openPage(browser, text);
    await page.getByRole("heading", { name: "linnet-kjv" }).waitFor();
    assert.equal(await page.getByRole("combobox", { name: "Model" }).count(), 0);
    await closePage(page);
  },

  async "the keyboard reaches everything"({ browser, text }) {
    const page = await openPage(browser, text);
    await page.evaluate(() => document.activeElement.blur());
    const names = [];
    for (let i = 0; i < 14; ++i) {
      await page.keyboard.press("Tab");
      names.push(await page.evaluate(() => document.activeElement.ariaLabel ?? document.activeElement.innerText.trim()));
    }
    for (const name of ["Skip to the message field", "New conversation", "Dark or light", "Settings", "Message", "Go on"]) {
      assert.ok(names.includes(name), `${name} is not among ${names}`);
    }
    await closePage(page);
  },

  async "dark and light, narrow and wide"({ browser, text, chat }) {
    for (const colorScheme of ["light", "dark"]) {
      for (const [size, viewport] of [["wide", { width: 1200, height: 800 }], ["narrow", { width: 390, height: 800 }]]) {
        const page = await openPage(browser, chat, { colorScheme, viewport });
        const picture = (name) => screenshots && page.screenshot({ path: `${screenshots}/${name}-${colorScheme}-${size}.png` });
        await picture("welcome");
        await fakeAnswer(page, kMarkdown);
        await say(page, "Show me what you can do with Markdown, please");
        await answered(page);
        await page.locator(".hljs-keyword").first().waitFor();
        await picture("chat");
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`);
        if (size === "narrow") {
          await page.getByRole("button", { name: "Conversations" }).click();
          assert.equal(await page.evaluate(() => document.activeElement.id), "new");
          await page.waitForTimeout(300);
          await picture("drawer");
          await page.keyboard.press("Escape");
          assert.equal(await page.evaluate(() => document.activeElement.id), "menu");
          await page.waitForTimeout(300);
        }
        await page.getByRole("button", { name: "Settings" }).click();
        await picture("settings");
        await closePage(page);

        const other = await openPage(browser, text, { colorScheme, viewport });
        await say(other, "In the beginning");
        await answered(other);
        if (screenshots) await other.screenshot({ path: `${screenshots}/text-${colorScheme}-${size}.png` });
        await closePage(other);
      }
    }
  },
};

const { chromium } = findPlaywright();
const kFlags = ["--no-sandbox", "--use-fake-device-for-media-stream"]; // a microphone that beeps
const browser = await chromium.launch({ executablePath: findChromium(), args: kFlags });
const folder = mkdtempSync(join(tmpdir(), "linnet-page-"));
const kMmproj = join(folder, "mmproj.gguf");
writeHearingFile(kMmproj, kWidthOfModel);
const servers = {
  text: await Server.start(),
  chat: await Server.start("--chat-template", "chatml"),
  thinking: await Server.start("--chat-template", kThinkingTemplate),
  several: await Server.start("--gguf", kModel, "--alias", "first", "--gguf", kModel, "--alias", "second"),
  hearing: await Server.start("--chat-template", "chatml", "--mmproj", kMmproj),
  locked: await Server.start("--api-key", "open-sesame"),
};
let failures = 0;
try {
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test({ browser, ...servers });
      console.log(`ok: ${name}`);
    } catch (error) {
      ++failures;
      console.log([`FAILED: ${name}`, error.stack, ...latest_problems].join("\n"));
    }
  }
} finally {
  await browser.close();
  for (const server of Object.values(servers)) server.stop();
  rmSync(folder, { recursive: true });
}
process.exit(failures > 0 ? 1 : 0);

// The server's API, as far as this page uses it.

const kCutOff = "The connection ended before the answer did.";
const kUnreachable = "The server cannot be reached. Is it still running?";

export class ApiError extends Error {
  constructor(message, code, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

async function errorOf(response) {
  try {
    const { error } = await response.json();
    return new ApiError(error.message, error.code, response.status);
  } catch {
    return new ApiError(`the server answered ${response.status}`, null, response.status);
  }
}

// Browsers say "Failed to fetch" or less where they get no answer.
function lost(error, message, code) {
  if (error.name === "AbortError") return error;
  return new ApiError(message, code, 0);
}

// The server-sent events of a response, parsed; ends at [DONE].
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read().catch((error) => {
      throw lost(error, kCutOff, "cut_off");
    });
    if (done) throw new ApiError(kCutOff, "cut_off", 0);
    buffer += value;
    const parts = buffer.split("\n\n");
    buffer = parts.pop();
    for (const part of parts) {
      const line = part.split("\n").find((text) => text.startsWith("data: "));
      if (!line) continue;
      if (line === "data: [DONE]") return;
      const event = JSON.parse(line.slice("data: ".length));
      if (event.error) throw new ApiError(event.error.message, event.error.code, 0);
      yield event;
    }
  }
}

function takes(model, modality) {
  return model.architecture?.input_modalities?.includes(modality) ?? false;
}

export class Api {
  constructor(keyOf) {
    this.keyOf = keyOf;
  }

  async fetch(path, body, signal) {
    const key = this.keyOf();
    const headers = { "Content-Type": "application/json" };
    if (key) headers.Authorization = `Bearer ${key}`;
    const options = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(path, { ...options, signal }).catch((error) => {
      throw lost(error, kUnreachable, "unreachable");
    });
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  // What the server runs: names, contexts, whether they can chat, see and hear.
  async models() {
    const { data } = await (await this.fetch("/v1/models")).json();
    return data.map((model) => ({
      id: model.id,
      context: model.context_length,
      chats: model.capabilities?.includes("chat") ?? true,
      thinks: model.enable_thinking ?? null, // null: it can't be told to
      sees: takes(model, "image"),
      hears: takes(model, "audio"),
      recommended: model.recommended ?? {}, // how tokens are drawn
    }));
  }

  async countTokens(model, text, signal) {
    const body = { model: model.id, content: text, add_special: true, parse_special: false };
    const { tokens } = await (await this.fetch("/tokenize", body, signal)).json();
    return tokens.length;
  }

  // `conversation` has the fields of a chat completion.
  async countChatTokens(conversation, signal) {
    const asked = await this.fetch("/v1/chat/completions/input_tokens", conversation, signal);
    const { input_tokens } = await asked.json();
    return input_tokens;
  }

  // Parts of an answer as they come: {text}, {reasoning}, and at the end {usage, timings}.
  async *stream(path, body, signal) {
    const request = { ...body, stream: true, stream_options: { include_usage: true } };
    for await (const event of eventsOf(await this.fetch(path, request, signal))) {
      const choice = event.choices?.[0];
      if (choice?.text) yield { text: choice.text };
      if (choice?.delta?.content) yield { text: choice.delta.content };
      if (choice?.delta?.reasoning_content) yield { reasoning: choice.delta.reasoning_content };
      if (choice?.finish_reason) yield { reason: choice.finish_reason };
      if (event.usage) yield { usage: event.usage, timings: event.timings };
    }
  }
}

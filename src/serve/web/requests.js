// What is asked of the server for the next part of a conversation.

const kLongestContinuation = 200;

function sampling(settings) {
  const fields = { temperature: settings.temperature };
  if (settings.top_p !== 1) fields.top_p = settings.top_p;
  if (settings.seed !== null) fields.seed = settings.seed;
  return fields;
}

// Tokens that the context has room for behind `prompt_tokens`.
function roomBehind(prompt_tokens, model, what) {
  const left = model.context - prompt_tokens;
  if (left < 1) {
    throw new Error(`The ${what} fills the model's context of ${model.context} tokens. Start a new one.`);
  }
  return left;
}

// Where nothing else is set, an answer takes at most half of what the context has left, so that the
// conversation can go on.
async function chatRequest(api, model, messages, settings) {
  // An answer that failed before its first word says nothing.
  const asked = messages.filter(({ text }) => text).map(({ role, text }) => ({ role, content: text }));
  const system = settings.system.trim() ? settings.system : undefined;
  const left = roomBehind(await api.countMessageTokens(asked, system), model, "conversation");
  if (system) asked.unshift({ role: "system", content: system });
  const max_tokens = Math.min(settings.max_tokens ?? Math.ceil(left / 2), left);
  return {
    path: "/v1/chat/completions",
    body: { model: model.id, messages: asked, max_tokens, ...sampling(settings) },
  };
}

// A model without a chat template goes on with the text so far.
async function textRequest(api, model, messages, settings) {
  const prompt = messages.map(({ text }) => text).join("");
  const left = roomBehind(await api.countTokens(prompt), model, "text");
  const wanted = settings.max_tokens ?? kLongestContinuation;
  return {
    path: "/v1/completions",
    body: { model: model.id, prompt, max_tokens: Math.min(wanted, left), ...sampling(settings) },
  };
}

export async function makeRequest(api, model, messages, settings) {
  return (model.chats ? chatRequest : textRequest)(api, model, messages, settings);
}

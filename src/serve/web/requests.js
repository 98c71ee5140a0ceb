// What is asked of the server for the next part of a conversation.

const kLongestContinuation = 200;

function sampling(settings) {
  const fields = { temperature: settings.temperature };
  if (settings.top_p !== 1) fields.top_p = settings.top_p;
  if (settings.seed !== null) fields.seed = settings.seed;
  return fields;
}

function chatRequest(model, messages, settings) {
  // An answer that failed before its first word says nothing.
  const asked = messages.filter(({ text }) => text).map(({ role, text }) => ({ role, content: text }));
  if (settings.system.trim()) asked.unshift({ role: "system", content: settings.system });
  const body = { model: model.id, messages: asked, ...sampling(settings) };
  if (settings.max_tokens !== null) body.max_tokens = settings.max_tokens;
  return { path: "/v1/chat/completions", body };
}

// A model without a chat template goes on with the text so far.
async function textRequest(api, model, messages, settings) {
  const prompt = messages.map(({ text }) => text).join("");
  const left = model.context - (await api.countTokens(prompt));
  if (left < 1) {
    throw new Error(`The text fills the model's context of ${model.context} tokens. Start a new one.`);
  }
  const wanted = settings.max_tokens ?? kLongestContinuation;
  return {
    path: "/v1/completions",
    body: { model: model.id, prompt, max_tokens: Math.min(wanted, left), ...sampling(settings) },
  };
}

export async function makeRequest(api, model, messages, settings) {
  return model.chats ? chatRequest(model, messages, settings) : textRequest(api, model, messages, settings);
}

// What is asked of the server for the next part of a conversation.

const kLongestContinuation = 200;

const kUsualTemperature = 0.7;
const kSampling = ["temperature", "top_p", "top_k", "min_p", "repeat_penalty", "seed"];

// What is not set here is as the model's makers recommend in its file; the server knows that.
function sampling(settings, model) {
  const fields = {};
  if (model.recommended.temperature === undefined) fields.temperature = kUsualTemperature;
  for (const name of kSampling) {
    if (settings[name] !== null) fields[name] = settings[name];
  }
  return fields;
}

// What a parameter is where nothing is set.
export function standardOf(name, model) {
  const usual = { temperature: kUsualTemperature, top_p: 1, top_k: "all", min_p: 0, repeat_penalty: 1 };
  const recommended = model?.recommended[name];
  return recommended === undefined ? usual[name] : Number(recommended.toPrecision(6));
}

// Tokens that the context has room for behind `prompt_tokens`.
function roomBehind(prompt_tokens, model, what) {
  const left = model.context - prompt_tokens;
  if (left < 1) {
    throw new Error(`The ${what} fills the model's context of ${model.context} tokens. Start a new one, or edit an earlier message.`);
  }
  return left;
}

// A message as the API has it, its pictures in the form that `pictureOf` gives them.
function contentOf({ role, text, pictures }, pictureOf) {
  if (!pictures) return { role, content: text };
  const parts = pictures.map(pictureOf);
  return { role, content: text ? [...parts, { type: "text", text }] : parts };
}

// The form of OpenAI's API, and that of Anthropic's.
const partOf = (url) => ({ type: "image_url", image_url: { url } });
const blockOf = (url) => {
  const [, media_type, data] = /^data:([^;]*);base64,(.*)$/.exec(url);
  return { type: "image", source: { type: "base64", media_type, data } };
};

// A conversation in the form of OpenAI's API.
export function messagesOf(messages) {
  return messages.map((message) => contentOf(message, partOf));
}

// Whether the model is to think, where it can be told. An answer that has begun is behind that.
function templateVariables(model, settings, begun) {
  const thinks = begun ? false : settings.thinking;
  return model.thinks === null || thinks === null ? {} : { chat_template_kwargs: { enable_thinking: thinks } };
}

// Where nothing else is set, an answer takes at most half of what the context has left, so that the
// conversation can go on.
async function chatRequest(api, model, messages, settings, signal, begun) {
  // An answer that failed before its first word says nothing.
  const said = messages.filter(({ text, pictures }) => text || pictures);
  const counted = said.map((message) => contentOf(message, blockOf));
  const asked = said.map((message) => contentOf(message, partOf));
  if (begun) for (const list of [counted, asked]) list.push({ role: "assistant", content: begun });
  const system = settings.system.trim() ? settings.system : undefined;
  const variables = templateVariables(model, settings, begun);
  const used = await api.countMessageTokens(model, { messages: counted, system, ...variables }, signal);
  const left = roomBehind(used, model, "conversation");
  if (system) asked.unshift({ role: "system", content: system });
  const max_tokens = Math.min(settings.max_tokens ?? Math.ceil(left / 2), left);
  const body = { model: model.id, messages: asked, max_tokens, ...sampling(settings, model), ...variables };
  if (begun) body.continue_final_message = true;
  return { path: "/v1/chat/completions", body };
}

// A model without a chat template goes on with the text so far.
async function textRequest(api, model, messages, settings, signal) {
  const prompt = messages.map(({ text }) => text).join("");
  const left = roomBehind(await api.countTokens(model, prompt, signal), model, "text");
  const wanted = settings.max_tokens ?? kLongestContinuation;
  return {
    path: "/v1/completions",
    body: { model: model.id, prompt, max_tokens: Math.min(wanted, left), ...sampling(settings, model) },
  };
}

// `begun` is what has come of the answer already.
export async function makeRequest(api, model, messages, settings, signal, begun) {
  return (model.chats ? chatRequest : textRequest)(api, model, messages, settings, signal, begun);
}

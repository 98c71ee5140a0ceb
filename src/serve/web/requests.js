// What is asked of the server for the next part of a conversation.

import { hasMedia } from "/media.js";

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

const pictureOf = (url) => ({ type: "image_url", image_url: { url } });
const soundOf = ({ format, url }) => ({ type: "input_audio", input_audio: { data: url.split(",")[1], format } });

// A conversation in the form of OpenAI's API.
export function messagesOf(messages) {
  return messages.map((message) => {
    const { role, text, pictures = [], sounds = [] } = message;
    if (!hasMedia(message)) return { role, content: text };
    const media = [...pictures.map(pictureOf), ...sounds.map(soundOf)];
    return { role, content: text ? [...media, { type: "text", text }] : media };
  });
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
  const asked = messagesOf(messages.filter((message) => message.text || hasMedia(message)));
  if (settings.system.trim()) asked.unshift({ role: "system", content: settings.system });
  if (begun) asked.push({ role: "assistant", content: begun });
  const conversation = { model: model.id, messages: asked, ...templateVariables(model, settings, begun) };
  if (begun) conversation.continue_final_message = true;
  const left = roomBehind(await api.countChatTokens(conversation, signal), model, "conversation");
  const max_tokens = Math.min(settings.max_tokens ?? Math.ceil(left / 2), left);
  return { path: "/v1/chat/completions", body: { ...conversation, max_tokens, ...sampling(settings, model) } };
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

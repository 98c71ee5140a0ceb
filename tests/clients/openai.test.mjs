import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import OpenAI, { AuthenticationError, BadRequestError, NotFoundError } from 'openai';

import { apiKey, becomesIdle, isWeather, model, startServer, weather } from './server.mjs';

let server;
let client;
before(async () => {
  server = await startServer();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
});
after(async () => assert.equal(await server.stop(), 0));

const question = { model, messages: [{ role: 'user', content: 'Who made the heaven?' }] };
const tools = [{ type: 'function', function: { name: 'get_weather', parameters: weather } }];
const jsonSchema = { type: 'json_schema', json_schema: { name: 'weather', schema: weather } };

test('models', async () => {
  const models = await client.models.list();
  assert.deepEqual(models.data.map((one) => one.id), [model]);
  assert.equal((await client.models.retrieve(model)).id, model);
});

test('chat: a stream has the same text as a whole answer', async () => {
  const asked = { ...question, temperature: 0, max_tokens: 24 };
  const whole = await client.chat.completions.create(asked);
  assert.equal(whole.usage.completion_tokens, 24);
  assert.equal(typeof whole.usage.prompt_tokens_details.cached_tokens, 'number');
  let text = '';
  let usage;
  const stream = await client.chat.completions.create(
    { ...asked, stream: true, stream_options: { include_usage: true } });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(usage.completion_tokens, 24);
});

test('chat: choices, seed, stop, logprobs', async () => {
  const asked = { ...question, seed: 7, n: 3, max_tokens: 20, logprobs: true, top_logprobs: 2 };
  const [first, second] = [await client.chat.completions.create(asked),
    await client.chat.completions.create(asked)];
  assert.deepEqual(first.choices, second.choices);
  assert.equal(new Set(first.choices.map((choice) => choice.message.content)).size, 3);
  assert.equal(first.choices[0].logprobs.content.length, 20);
  assert.equal(first.choices[0].logprobs.content[0].top_logprobs.length, 2);
  const text = first.choices[0].message.content;
  const stopped = await client.chat.completions.create({ ...asked, n: 1, stop: text.slice(10, 14) });
  assert.equal(stopped.choices[0].finish_reason, 'stop');
  assert.equal(stopped.choices[0].message.content, text.slice(0, text.indexOf(text.slice(10, 14))));
});

test('chat: structured output', async () => {
  const whole = await client.chat.completions.parse(
    { ...question, max_tokens: 300, response_format: jsonSchema });
  assert.ok(isWeather(JSON.parse(whole.choices[0].message.content)));
  const stream = client.chat.completions.stream(
    { ...question, max_tokens: 300, response_format: jsonSchema });
  assert.ok(isWeather(JSON.parse((await stream.finalMessage()).content)));
});

test('chat: a tool that must be called', async () => {
  const asked = { ...question, max_tokens: 300, tools, tool_choice: 'required',
    parallel_tool_calls: false };
  const whole = await client.chat.completions.create(asked);
  assert.equal(whole.choices[0].finish_reason, 'tool_calls');
  const [call] = whole.choices[0].message.tool_calls;
  assert.equal(call.function.name, 'get_weather');
  assert.ok(isWeather(JSON.parse(call.function.arguments)));
  const streamed = await client.chat.completions.stream(asked).finalMessage();
  assert.ok(isWeather(JSON.parse(streamed.tool_calls[0].function.arguments)));
});

test('chat: the client runs the tool and asks again', async () => {
  const asked = { ...question, max_tokens: 300, temperature: 0,
    tools: [{ type: 'function', function: { name: 'get_weather', parameters: weather,
      parse: JSON.parse, function: (call) => `sunny in ${call.city}` } }],
    tool_choice: { type: 'function', function: { name: 'get_weather' } },
    parallel_tool_calls: false };
  const runner = client.chat.completions.runTools(asked, { maxChatCompletions: 1 });
  const messages = [];
  runner.on('message', (message) => messages.push(message));
  await runner.done();
  assert.equal(messages.at(-1).role, 'tool');
  assert.match(messages.at(-1).content, /sunny in (Paris|Rome)/);
  const answer = await client.chat.completions.create({ ...asked, messages, tool_choice: 'none',
    tools: undefined, parallel_tool_calls: undefined, max_tokens: 8 });
  assert.ok(answer.choices[0].message.content.length > 0);
});

test('completions', async () => {
  const whole = await client.completions.create({ model, prompt: ['In the', 'And God'], echo: true,
    max_tokens: 6, temperature: 0 });
  assert.equal(whole.choices.length, 2);
  assert.ok(whole.choices[1].text.startsWith('And God'));
  const scored = await client.completions.create({ model, prompt: 'In the', max_tokens: 6, logprobs: 1 });
  assert.equal(scored.choices[0].logprobs.tokens.length, 6);
  const { logprobs } = (await client.completions.create({ model, prompt: 'In the beginning', echo: true,
    max_tokens: 0, logprobs: 1 })).choices[0];
  assert.ok(logprobs.tokens.length > 2);
  assert.equal(logprobs.token_logprobs[0], null);
  assert.ok(logprobs.token_logprobs.slice(1).every((logprob) => logprob < 0));
  let text = '';
  for await (const chunk of await client.completions.create({ model, prompt: 'In the', echo: true,
    max_tokens: 6, temperature: 0, stream: true })) {
    text += chunk.choices[0]?.text ?? '';
  }
  assert.equal(text, whole.choices[0].text);
});

test('embeddings', async () => {
  const packed = await client.embeddings.create({ model, input: ['a', 'And God said'] });
  const plain = await client.embeddings.create(
    { model, input: ['a', 'And God said'], encoding_format: 'float' });
  assert.equal(packed.data.length, 2);
  packed.data[1].embedding.forEach(
    (value, i) => assert.ok(Math.abs(value - plain.data[1].embedding[i]) < 1e-6));
});

test('responses', async () => {
  const asked = { model, input: 'Who made the heaven?', temperature: 0, max_output_tokens: 24 };
  const whole = await client.responses.create(asked);
  assert.ok(whole.output_text.length > 0);
  assert.equal(whole.status, 'incomplete');
  let text = '';
  let last;
  for await (const event of await client.responses.create({ ...asked, stream: true })) {
    if (event.type === 'response.output_text.delta') text += event.delta;
    last = event;
  }
  assert.equal(text, whole.output_text);
  assert.equal(last.type, 'response.incomplete');
  const final = await client.responses.stream(asked).finalResponse();
  assert.equal(final.output_text, whole.output_text);
});

test('responses: structured output and functions', async () => {
  const asked = { model, input: 'Weather?', max_output_tokens: 300 };
  const parsed = await client.responses.parse({ ...asked,
    text: { format: { type: 'json_schema', name: 'weather', strict: true, schema: weather } } });
  assert.ok(isWeather(JSON.parse(parsed.output_text)));
  const called = await client.responses.create({ ...asked, tool_choice: 'required',
    parallel_tool_calls: false,
    tools: [{ type: 'function', name: 'get_weather', parameters: weather, strict: true }] });
  assert.equal(called.output[0].type, 'function_call');
  assert.ok(isWeather(JSON.parse(called.output[0].arguments)));
});

test('errors', async () => {
  await assert.rejects(client.chat.completions.create({ ...question, model: 'gpt-9' }),
    (error) => error instanceof NotFoundError && error.code === 'model_not_found');
  await assert.rejects(client.chat.completions.create({ ...question, max_tokens: 'many' }),
    (error) => error instanceof BadRequestError && error.param === 'max_tokens');
  await assert.rejects(client.chat.completions.create({ ...question, max_tokens: 5000 }),
    (error) => error.code === 'context_length_exceeded' && /5000.*4096/.test(error.message));
  const stranger = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'other', maxRetries: 0 });
  await assert.rejects(stranger.models.list(),
    (error) => error instanceof AuthenticationError && error.code === 'invalid_api_key');
});

test('leaving in the middle of a stream ends the work', async () => {
  const stream = await client.chat.completions.create(
    { ...question, max_tokens: 3000, stream: true, ignore_eos: true });
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content) break;
  }
  assert.ok(await becomesIdle(server.url));
  const controller = new AbortController();
  const whole = client.chat.completions.create({ ...question, max_tokens: 3000, ignore_eos: true },
    { signal: controller.signal });
  setTimeout(() => controller.abort(), 100);
  await assert.rejects(whole, OpenAI.APIUserAbortError);
  assert.ok(await becomesIdle(server.url));
});

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import Anthropic, { AuthenticationError, BadRequestError, NotFoundError } from '@anthropic-ai/sdk';

import { apiKey, becomesIdle, isWeather, model, startServer, weather } from './server.mjs';

let server;
let client;
const connect = (url, key = apiKey) =>
  new Anthropic({ baseURL: url, apiKey: key, authToken: null, maxRetries: 0 });
before(async () => {
  server = await startServer();
  client = connect(server.url);
});
after(async () => assert.equal(await server.stop(), 0));

const question = { model, max_tokens: 24, temperature: 0,
  messages: [{ role: 'user', content: 'Who made the heaven?' }] };
const tools = [{ name: 'get_weather', description: 'The weather', input_schema: weather }];

test('models', async () => {
  const models = await client.models.list();
  assert.equal(models.data[0].id, model);
  assert.equal((await client.models.retrieve(model)).display_name, model);
});

test('a stream has the same text as a whole message', async () => {
  const whole = await client.messages.create({ ...question, system: 'Be brief.' });
  assert.equal(whole.stop_reason, 'max_tokens');
  assert.equal(whole.usage.output_tokens, 24);
  const stream = client.messages.stream({ ...question, system: 'Be brief.' });
  let text = '';
  stream.on('text', (delta) => { text += delta; });
  const final = await stream.finalMessage();
  assert.equal(text, whole.content[0].text);
  assert.deepEqual(final.content, whole.content);
  assert.equal(final.usage.output_tokens, 24);
  assert.equal(final.stop_reason, 'max_tokens');
});

test('stop sequences', async () => {
  const { text } = (await client.messages.create(question)).content[0];
  const stop = text.slice(10, 15);
  const stopped = await client.messages.create({ ...question, stop_sequences: [stop] });
  assert.equal(stopped.stop_reason, 'stop_sequence');
  assert.equal(stopped.stop_sequence, stop);
  assert.equal(stopped.content[0].text, text.slice(0, text.indexOf(stop)));
});

test('a tool must be used, and its result goes back', async () => {
  const asked = { ...question, max_tokens: 300, tools,
    tool_choice: { type: 'any', disable_parallel_tool_use: true } };
  const whole = await client.messages.create(asked);
  assert.equal(whole.stop_reason, 'tool_use');
  assert.ok(isWeather(whole.content[0].input));
  const streamed = await client.messages.stream(asked).finalMessage();
  assert.deepEqual(streamed.content[0].input, whole.content[0].input);
  const answer = await client.messages.create({ ...question, tools, messages: [
    ...question.messages,
    { role: 'assistant', content: whole.content },
    { role: 'user', content: [
      { type: 'tool_result', tool_use_id: whole.content[0].id, content: 'sunny' }] }] });
  assert.equal(answer.content[0].type, 'text');
});

test('tokens are counted', async () => {
  const counted = await client.messages.countTokens({ model, messages: question.messages });
  const { usage } = await client.messages.create(question);
  assert.equal(counted.input_tokens, usage.input_tokens + usage.cache_read_input_tokens);
});

test('thinking', async () => {
  const thinking = join(dirname(fileURLToPath(import.meta.url)), '..', 'serve', 'thinking.jinja');
  const other = await startServer(thinking);
  const stream = connect(other.url).messages.stream(
    { ...question, thinking: { type: 'enabled', budget_tokens: 1024 } });
  let text = '';
  stream.on('thinking', (delta) => { text += delta; });
  const final = await stream.finalMessage();
  assert.equal(final.content[0].type, 'thinking');
  assert.equal(final.content[0].thinking, text);
  await other.stop();
});

test('errors', async () => {
  await assert.rejects(client.messages.create({ ...question, model: 'claude-9' }),
    (error) => error instanceof NotFoundError && error.error.error.type === 'not_found_error');
  await assert.rejects(client.messages.create({ ...question, messages: [{ role: 'user', content: 5 }] }),
    (error) => error instanceof BadRequestError && /messages\[0\]\.content/.test(error.message));
  await assert.rejects(connect(server.url, 'other').messages.create(question),
    (error) => error instanceof AuthenticationError &&
      error.error.error.type === 'authentication_error');
});

test('leaving in the middle of a stream ends the work', async () => {
  const stream = client.messages.stream({ ...question, max_tokens: 3000 });
  stream.on('text', () => stream.abort());
  await assert.rejects(stream.done(), Anthropic.APIUserAbortError);
  assert.ok(await becomesIdle(server.url));
});

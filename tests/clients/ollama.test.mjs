// Ollama's client, unmodified.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Ollama } from 'ollama';

import { apiKey, becomesIdle, isWeather, model, startServer, weather } from './server.mjs';

let server, client;
const options = { temperature: 0, num_predict: 12 };
const messages = [{ role: 'user', content: 'Who made the heaven?' }];

before(async () => {
  server = await startServer();
  client = new Ollama({ host: server.url, headers: { Authorization: `Bearer ${apiKey}` } });
});
after(() => server.stop());

test('a chat, whole and as a stream', async () => {
  const whole = await client.chat({ model, messages, options });
  assert.equal(whole.message.role, 'assistant');
  assert.equal(whole.eval_count, 12);
  assert.equal(whole.done_reason, 'length');
  let text = '', last;
  for await (const part of await client.chat({ model, messages, options, stream: true })) {
    text += part.message.content;
    last = part;
  }
  assert.equal(text, whole.message.content);
  assert.equal(last.done, true);
});

test('a prompt', async () => {
  const whole = await client.generate({ model, prompt: 'In the beginning', raw: true, options });
  assert.ok(whole.response.length > 10);
  let text = '';
  for await (const part of await client.generate({ model, prompt: 'In the beginning', raw: true, options, stream: true })) {
    text += part.response;
  }
  assert.equal(text, whole.response);
});

test('a schema', async () => {
  const answer = await client.chat({ model, messages, format: weather, options: { temperature: 0, num_predict: 100 } });
  assert.ok(isWeather(JSON.parse(answer.message.content)));
});

test('embeddings', async () => {
  const { embeddings } = await client.embed({ model, input: ['a', 'And God said'] });
  assert.equal(embeddings.length, 2);
  assert.ok(Math.abs(Math.hypot(...embeddings[1]) - 1) < 1e-4);
});

test('models', async () => {
  const { models } = await client.list();
  assert.deepEqual(models.map(({ name }) => name), [model]);
  assert.ok(models[0].modified_at);
  const { capabilities, model_info } = await client.show({ model });
  assert.ok(capabilities.includes('completion') && capabilities.includes('tools'));
  assert.equal(model_info[`${model_info['general.architecture']}.context_length`], 4096);
  assert.equal((await client.ps()).models.length, 1);
  assert.ok((await client.version()).version);
});

test('errors', async () => {
  await assert.rejects(client.chat({ model: 'other', messages }), /other does not exist/);
  await assert.rejects(client.chat({ model, messages, options: { temperature: -1 } }), /options.temperature/);
});

test('leaving in the middle of a stream ends the work', async () => {
  const stream = await client.chat({ model, messages, stream: true, options: { num_predict: 3000 } });
  for await (const part of stream) {
    assert.equal(part.done, false);
    stream.abort();
    break;
  }
  assert.ok(await becomesIdle(server.url));
});

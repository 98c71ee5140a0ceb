// Starts `linnet serve` with the bundled model for a file of tests.

import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');

export const apiKey = 'a-key-of-the-tests';
export const model = 'linnet-kjv';

/// Gives {url, stop}. `template`: a file in tests/serve, or the name of a built-in template.
export async function startServer(template = join(root, 'tests', 'serve', 'tools.jinja')) {
  const program = process.env.LINNET_PROGRAM ?? join(root, 'build', 'release', 'linnet');
  const server = spawn(
    program,
    ['serve', '--gguf', join(root, 'models', 'linnet-kjv.gguf'), '--chat-template', template,
      '--ctx', '4096', '--port', '0', '--api-key', apiKey],
    { stdio: ['ignore', 'ignore', 'pipe'] });
  let notes = '';
  const url = await new Promise((resolve, reject) => {
    server.stderr.setEncoding('utf8');
    server.stderr.on('data', (text) => {
      notes += text;
      const found = notes.match(/at (http:\/\/\S+:\d+)/);
      if (found) resolve(found[1]);
    });
    server.on('exit', (code) => reject(new Error(`linnet serve ended with ${code}: ${notes}`)));
    server.on('error', reject);
  });
  return {
    url,
    async stop() {
      const ended = new Promise((resolve) => server.on('exit', resolve));
      server.kill('SIGTERM');
      return ended;
    },
  };
}

/// Waits until no text is generated any more; false after five seconds.
export async function becomesIdle(url) {
  for (let i = 0; i < 100; ++i) {
    const reply = await fetch(`${url}/v1/sequences`,
      { headers: { Authorization: `Bearer ${apiKey}` } });
    if ((await reply.json()).data.length === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

export const weather = {
  type: 'object',
  properties: {
    city: { type: 'string', enum: ['Paris', 'Rome'] },
    days: { type: 'integer', minimum: 1, maximum: 9 },
  },
  required: ['city', 'days'],
  additionalProperties: false,
};

export function isWeather(value) {
  return ['Paris', 'Rome'].includes(value.city) && value.days >= 1 && value.days <= 9 &&
    Object.keys(value).length === 2;
}

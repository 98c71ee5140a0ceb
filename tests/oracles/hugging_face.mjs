// Encodes JSON strings, one a line on stdin, with Hugging Face's engine: a JSON array of ids a line.
//   node hugging_face.mjs TOKENIZER.json        the engine @anush008/tokenizers
//   node hugging_face.mjs tiktoken:ENCODING     OpenAI's tiktoken, special tokens as ordinary text
// Run it in a folder where `npm install` put those packages; see tokenizers.py.
import {readFileSync, writeSync} from 'node:fs';
import {createRequire} from 'node:module';

const require = createRequire(process.cwd() + '/');
const name = process.argv[2];

async function makeEncoder() {
  if (name.startsWith('tiktoken:')) {
    const encoding = require('tiktoken').get_encoding(name.slice('tiktoken:'.length));
    return async (text) => Array.from(encoding.encode(text, [], []));
  }
  const {Tokenizer} = require('@anush008/tokenizers');
  const tokenizer = Tokenizer.fromString(readFileSync(name, 'utf8'));
  return async (text) => {
    const encoding = await tokenizer.encode(text, null, {addSpecialTokens: false});
    return Array.from(encoding.getIds());
  };
}

const encode = await makeEncoder();
let out = '';
for (const line of readFileSync(0, 'utf8').split('\n')) {
  if (line === '') continue;
  out += JSON.stringify(await encode(JSON.parse(line))) + '\n';
  if (out.length > 1 << 20) {
    writeSync(1, out);
    out = '';
  }
}
writeSync(1, out);

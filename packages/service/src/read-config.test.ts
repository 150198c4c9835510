import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { boolean, duration, integer, oneOf, secret, string, url } from './config.ts';
import { readConfig } from './read-config.ts';

const SHAPE = {
  name: string({ env: 'NAME', default: 'shop' }),
  max: integer({ env: 'MAX', default: 5, min: 1, max: 10, describe: 'Most items of an order' }),
  quiet: boolean({ env: 'QUIET', default: false }),
  wait: duration({ env: 'WAIT', default: 250 }),
  link: url({ env: 'LINK', default: 'https://example.test/a', protocols: ['https:'] }),
  mood: oneOf(['warm', 'cold'], { env: 'MOOD', default: 'warm' }),
  key: secret({ env: 'API_KEY', describe: 'Key of the card provider' }),
};

const KEY = 'sk-live-0123456789';

function read(env: Record<string, string | undefined>, files: Record<string, string> = {}) {
  const secrets: string[] = [];
  const config = readConfig(SHAPE, {
    service: 'orders',
    env,
    onSecret: (value) => secrets.push(value),
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(`no ${path}: ${KEY}`), { code: 'ENOENT' });
      return text;
    },
  });
  return { config, secrets };
}

function problemsOf(env: Record<string, string | undefined>, files: Record<string, string> = {}): string {
  try {
    read(env, files);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

test('defaults hold where nothing or an empty text is set', () => {
  const { config } = read({ API_KEY: KEY, NAME: '' });
  expect(config).toMatchObject({ name: 'shop', max: 5, quiet: false, wait: 250, mood: 'warm' });
  expect(config.link.href).toBe('https://example.test/a');
  expect(Object.isFrozen(config)).toBe(true);
});

test('every kind of field reads its text', () => {
  const { config } = read({
    API_KEY: KEY,
    NAME: 'x',
    MAX: '10',
    QUIET: 'On',
    WAIT: '1.5m',
    LINK: 'https://b.test',
    MOOD: 'cold',
  });
  expect(config).toMatchObject({ name: 'x', max: 10, quiet: true, wait: 90_000, mood: 'cold' });
});

test('all problems are told at once, each with service, variable, what is wrong and what to set', () => {
  const text = problemsOf({ MAX: '11', QUIET: 'maybe', WAIT: '5', LINK: 'http://plain.test', MOOD: 'blue' });
  expect(text).toContain('orders: 6 problems with its configuration.');
  expect(text).toContain('MAX is "11", but must be a whole number from 1 to 10. (Most items of an order)');
  expect(text).toContain('QUIET is "maybe", but must be true or false.');
  expect(text).toContain('WAIT is "5", but must be a time span such as 250ms, 2s, 1.5m or 1h.');
  expect(text).toContain('LINK is "http://plain.test", but must be an absolute URL with https:.');
  expect(text).toContain('MOOD is "blue", but must be one of warm, cold.');
  expect(text).toContain(
    'API_KEY is not set. Set it to text, or API_KEY_FILE to a file that holds it. (Key of the card provider)',
  );
});

test.each(['1e3', '0x10', ' 5', '5.0', '', '9007199254740993'])('%j is no whole number within safe bounds', (text) => {
  const field = integer({ env: 'N' });
  expect(field.parse(text).kind).toBe('problem');
});

test('a file can hold any value, and its line end does not count', () => {
  const { config, secrets } = read(
    { API_KEY_FILE: '/run/key', MAX_FILE: '/run/max' },
    { '/run/key': `${KEY}\n`, '/run/max': '7\r\n' },
  );
  expect(config.key.reveal()).toBe(KEY);
  expect(config.max).toBe(7);
  expect(secrets).toEqual([KEY]);
});

test('a variable and its file together are refused', () => {
  expect(problemsOf({ API_KEY: KEY, API_KEY_FILE: '/run/key' })).toContain(
    'API_KEY is set, and so is API_KEY_FILE. Keep one of the two.',
  );
});

test('a file that is missing or empty is named, and no secret is ever in a message', () => {
  const missing = problemsOf({ API_KEY_FILE: '/run/nothing' });
  expect(missing).toContain("API_KEY_FILE names /run/nothing, which can't be read (ENOENT).");
  expect(missing).not.toContain(KEY);
  expect(problemsOf({ API_KEY_FILE: '/run/empty' }, { '/run/empty': '\n' })).toContain('which is empty');
});

test('files are read from the disk unless told otherwise', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-config-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'name'), 'from disk\n');
  const config = readConfig(
    { name: string({ env: 'NAME' }) },
    { service: 's', env: { NAME_FILE: join(folder, 'name') } },
  );
  expect(config.name).toBe('from disk');
});

test('a field whose variable is not in capitals is refused when it is written', () => {
  expect(() => string({ env: 'maxItems' })).toThrow(/"maxItems" is not a name in capitals/);
});

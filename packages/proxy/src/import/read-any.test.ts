import { expect, test } from 'vitest';
import { importAny } from './read-any.ts';

/** Whose a text is: ours, or whose importer takes it, or refuses it with these words. */
async function whose(text: string, file = 'gateway'): Promise<string> {
  try {
    return (await importAny(text, { file, env: {}, include: () => [] }))?.of ?? 'ours';
  } catch (error) {
    return String(error);
  }
}

test.each([
  ['listeners: [{ name: a, address: ":80" }]\nroutes: []\nclusters: {}', 'ours'],
  ['# a; comment { with }\n{ "listeners": [] }', 'ours'],
  ['listeners:\n  - {', 'ours'],
  ['', 'ours'],
  ['_format_version: "3.0"\nservices: []', 'Kong'],
  ['server { listen 80; return 200; }', 'nginx'],
  ['# of the edge\n\nuser  www-data;\nhttp\n{ server { return 200; } }', 'nginx'],
  ['events{}http{server{return 200;}}', 'nginx'],
  ['upstream a { server 10.0.0.1:80; }\nserver { return 200; }', 'nginx'],
])('%j is known by what it begins with', async (text, of) => {
  expect(await whose(text)).toMatch(new RegExp(`^${of}$`, 'i'));
});

test('a text that is broken from its beginning on is told apart by its file', async () => {
  expect(await whose('user www-data\nserver { return 200; }', 'nginx.conf')).toContain(
    'user does not end; there is a ; missing',
  );
  expect(await whose('listeners: []\nroutes: []\nclusters: {}', 'gateway.conf')).toBe('ours');
});

import { expect, test } from 'vitest';
import { joinedCookie, readCookies, splitCookie, withoutCookies, type Cookies } from './cookies.ts';

test('a value of any length that fits comes back as it was, whatever a browser has kept of another', () => {
  const kept = (lines: readonly string[], before: Cookies): Map<string, string> => {
    const jar = new Map(before);
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (line.includes('Max-Age=0')) jar.delete(name);
      else jar.set(name, value);
    }
    return jar;
  };
  let jar: Cookies = new Map();
  for (const length of [10, 11_000, 3_900, 100, 7_000, 3_700, 11_300, 1]) {
    const value = String(length % 10).repeat(length);
    const lines = splitCookie(jar, '__Host-session', value, 60_000) ?? [];
    jar = kept(lines, jar);
    const field = ['theme=dark', ...[...jar].map(([name, part]) => `${name}=${part}`)].join('; ');
    expect(joinedCookie(readCookies(field), '__Host-session')).toBe(value);
    expect(withoutCookies(field, '__Host-session')).toBe('theme=dark');
    for (const line of lines) expect(line.length).toBeLessThan(4_096);
  }
  expect(splitCookie(jar, '__Host-session', 'x'.repeat(12_000), 60_000)).toBeUndefined();
  expect(withoutCookies('__Host-session=a; __Host-session.0=b; __Host-sessions=c', '__Host-session')).toBe(
    '__Host-sessions=c',
  );
  expect(withoutCookies('__Host-session=a', '__Host-session')).toBeUndefined();
});

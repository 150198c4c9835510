import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readProxyHeader } from './proxy-header.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const MAPPED_BODY = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7];

/** A header of version 2. */
function binary(versionAndCommand: number, family: number, body: readonly number[]): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([SIGNATURE, Buffer.of(versionAndCommand, family), length, Buffer.from(body)]);
}

const IPV4_BODY = [192, 0, 2, 7, 10, 0, 0, 1, 0xdb, 0x5c, 0x01, 0xbb];
const IPV6_BODY = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7].concat(
  Array.from({ length: 16 }, () => 0),
  [0x00, 0x50, 0x01, 0xbb],
);

describe('the header of the PROXY protocol', () => {
  test.each([
    ['TCP4', Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 56156 443\r\n'), { address: '192.0.2.7', port: 56_156 }],
    ['TCP6', Buffer.from('PROXY TCP6 2001:db8::7 ::1 80 443\r\n'), { address: '2001:db8::7', port: 80 }],
    [
      'TCP6 in another spelling',
      Buffer.from('PROXY TCP6 2001:DB8:0::0007 ::1 80 443\r\n'),
      { address: '2001:db8::7', port: 80 },
    ],
    [
      'TCP6 with IPv4 within',
      Buffer.from('PROXY TCP6 ::ffff:192.0.2.7 ::1 80 443\r\n'),
      { address: '192.0.2.7', port: 80 },
    ],
    ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
    ['UNKNOWN with more', Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'), undefined],
    ['version 2, IPv4', binary(0x21, 0x11, IPV4_BODY), { address: '192.0.2.7', port: 56_156 }],
    ['version 2, IPv6', binary(0x21, 0x21, IPV6_BODY), { address: '2001:db8::7', port: 80 }],
    [
      'version 2, IPv6 with IPv4 within',
      binary(0x21, 0x21, [...MAPPED_BODY, ...IPV6_BODY.slice(16)]),
      { address: '192.0.2.7', port: 80 },
    ],
    [
      'version 2 with additions',
      binary(0x21, 0x11, [...IPV4_BODY, 0x04, 0, 1, 0]),
      { address: '192.0.2.7', port: 56_156 },
    ],
    ['version 2, LOCAL', binary(0x20, 0x00, []), undefined],
    [
      'version 2, Unix sockets',
      binary(
        0x21,
        0x31,
        Array.from({ length: 216 }, () => 0),
      ),
      undefined,
    ],
  ])('%s is read, however it is cut, and nothing behind it', (_, header, source) => {
    expect(readProxyHeader(Buffer.concat([header, Buffer.from('GET / HTTP/1.1\r\n')]))).toEqual({
      source,
      byteLength: header.length,
    });
    for (let end = 0; end < header.length; end += 1) expect(readProxyHeader(header.subarray(0, end))).toBeUndefined();
  });

  test.each([
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\n')],
    ['lower case', Buffer.from('proxy TCP4 192.0.2.7 10.0.0.1 1 2\r\n')],
    ['a bare LF', Buffer.from(`PROXY TCP4 192.0.2.7 10.0.0.1 1 2\n${' '.repeat(107)}`)],
    ['an address of the other family', Buffer.from('PROXY TCP4 2001:db8::7 10.0.0.1 1 2\r\n')],
    ['an address that is none', Buffer.from('PROXY TCP4 192.0.2.777 10.0.0.1 1 2\r\n')],
    ['an address with a zone', Buffer.from('PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n')],
    ['two blanks', Buffer.from('PROXY TCP4  192.0.2.7 10.0.0.1 1 2\r\n')],
    ['a port with a zero before it', Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 01 2\r\n')],
    ['a port that is none', Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 65536 2\r\n')],
    ['more than there is', Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 1 2 3\r\n')],
    ['a line without end', Buffer.from(`PROXY TCP4 ${'1'.repeat(120)}`)],
    ['a version to come', binary(0x31, 0x11, IPV4_BODY)],
    ['a command that there is not', binary(0x22, 0x11, IPV4_BODY)],
    ['too few bytes for its addresses', binary(0x21, 0x11, IPV4_BODY.slice(1))],
    [
      'more additions than anybody needs',
      binary(
        0x21,
        0x11,
        Array.from({ length: 4_000 }, () => 0),
      ),
    ],
  ])('%s is refused', (_, bytes) => {
    expect(() => readProxyHeader(bytes)).toThrow(expect.objectContaining({ code: 'HTTP_MALFORMED' }));
  });

  test('whatever comes, it is a header, no header, or not enough', () => {
    const start = fc.constantFrom(Buffer.from('PROXY TCP4 '), SIGNATURE, Buffer.alloc(0));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (head, rest) => {
        const bytes = Buffer.concat([head, rest]);
        try {
          const header = readProxyHeader(bytes);
          if (header !== undefined) expect(header.byteLength).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toMatchObject({ code: 'HTTP_MALFORMED' });
        }
      }),
    );
  });
});

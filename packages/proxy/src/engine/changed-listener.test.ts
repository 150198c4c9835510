import { expect, test } from 'vitest';
import { readYard } from '../snapshot/yard.fixture.ts';
import { checkListeners } from './changed-listener.ts';

const snapshot = (listeners: string, route = 'a') =>
  readYard(`listeners: [${listeners}]
routes: [{ name: ${route}, to: orders }]
clusters: { orders: { endpoints: [] } }`);

const SECURE = snapshot("{ name: public, address: ':8443', tls: { certificate: a, key: b } }");

test('a listener may have other certificates, and no other demands', () => {
  const tls = (text: string) => snapshot(`{ name: public, address: ':8443', tls: { ${text} } }`);
  expect(() => checkListeners(SECURE, tls('certificates: [{ certificate: c, key: d }]'))).not.toThrow();
  expect(() => checkListeners(SECURE, tls("certificate: a, key: b, min: '1.3'"))).toThrow('other settings');
  expect(() => checkListeners(SECURE, snapshot("{ name: public, address: ':8443' }"))).toThrow('other settings');
});

const RUNNING = snapshot("{ name: public, address: ':8080', limits: { maxHead: 32KiB } }");

test.each([
  ["{ name: public, address: ':8080', limits: { maxHead: 32KiB } }"],
  ["{ limits: { maxHead: 32768B }, address: '0.0.0.0:8080', name: public }"],
  ["{ name: public, address: ':8080', limits: { maxHead: 32KiB } }, { name: other, address: ':8081' }"],
  ["{ name: other, address: ':8081' }"],
])('%s can take its place', (listeners) =>
  expect(() => checkListeners(RUNNING, snapshot(listeners, 'b'))).not.toThrow(),
);

test.each([
  ["{ name: public, address: ':8081', limits: { maxHead: 32KiB } }"],
  ["{ name: public, address: ':8080' }"],
  ["{ name: public, address: ':8080', limits: { maxHead: 32KiB }, tls: { certificate: a, key: b } }"],
])('%s can not', (listeners) =>
  expect(() => checkListeners(RUNNING, snapshot(listeners))).toThrow(
    /^The listener public is open with other settings/,
  ),
);

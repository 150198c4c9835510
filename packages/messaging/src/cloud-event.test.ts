import { isError } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { PublishedEvent } from './broker.ts';
import { fromCloudEvent, toCloudEvent } from './cloud-event.ts';

const EVENT: PublishedEvent = {
  source: 'orders',
  position: 9_007_199_254_740_993n,
  stream: 'order-42',
  version: 3,
  id: '01890a5d-ac96-774b-bcce-b302099a8057',
  type: 'order.placed',
  schemaVersion: 2,
  key: '42',
  data: { total: 1 },
  time: Date.parse('2026-11-21T03:00:00.123Z'),
  tenant: 'acme',
  subject: 'ada',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  correlationId: 'r1',
  causationId: 'c1',
  criticality: 'critical',
};

test('an event becomes a CloudEvent 1.0 with trace, tenant, correlation and causation as extensions', () => {
  expect(toCloudEvent(EVENT)).toEqual({
    specversion: '1.0',
    id: EVENT.id,
    source: '/orders',
    type: 'order.placed',
    subject: '42',
    time: '2026-11-21T03:00:00.123Z',
    datacontenttype: 'application/json',
    data: { total: 1 },
    traceparent: EVENT.traceparent,
    tenant: 'acme',
    correlationid: 'r1',
    causationid: 'c1',
    authid: 'ada',
    criticality: 'critical',
    dataversion: 2,
    stream: 'order-42',
    streamversion: 3,
    sequence: '9007199254740993',
  });
});

test('extension names are what CloudEvents allows: lower-case letters and digits', () => {
  for (const name of Object.keys(toCloudEvent(EVENT))) expect(name).toMatch(/^[a-z0-9]{1,20}$/);
});

test('nothing is lost over JSON and back, optional attributes or not', () => {
  const bare = { ...EVENT, tenant: undefined, subject: undefined, causationId: undefined, data: null };
  for (const event of [EVENT, bare])
    expect(fromCloudEvent(JSON.parse(JSON.stringify(toCloudEvent(event))))).toEqual(event);
});

test('attributes that are unknown are ignored, and a missing criticality is the default', () => {
  const { criticality: _, ...rest } = toCloudEvent(EVENT);
  expect(fromCloudEvent({ ...rest, dataschema: 'https://example.org' }).criticality).toBe('default');
});

test.each([
  ['specversion', '0.3'],
  ['id', ''],
  ['id', undefined],
  ['source', 'https://example.org/orders'],
  ['time', 'yesterday'],
  ['sequence', '-1'],
  ['dataversion', 1.5],
  ['tenant', 7],
  ['criticality', 'urgent'],
])('a CloudEvent whose %s is %j is refused by that name', (name, value) => {
  const broken = { ...toCloudEvent(EVENT), [name]: value };
  let error: unknown;
  try {
    fromCloudEvent(JSON.parse(JSON.stringify(broken)));
  } catch (caught) {
    error = caught;
  }
  expect(isError(error, 'INVALID_CLOUD_EVENT') && error.details['attribute']).toBe(name);
});

test('what is no object is refused', () => {
  for (const value of [null, 'text', [], 7]) expect(() => fromCloudEvent(value)).toThrow(/JSON object/);
});

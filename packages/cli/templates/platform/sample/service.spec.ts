import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testService } from '@fairlead/testing';
import service from './service.ts';

void test('what is kept is found again, and others are told', async () => {
  await using sample = await testService(service);
  const created = await sample.call.create({ text: 'first' });
  assert.equal(created.text, 'first');
  assert.deepEqual(await sample.call.get({ id: created.id }), created);
  const [told] = await sample.published('sample.created');
  assert.deepEqual(told?.data, { id: created.id, text: 'first' });
});

void test('a tenant never sees what another keeps', async () => {
  await using sample = await testService(service);
  const { id } = await sample.call.create({ text: 'ours' }, { tenant: 'acme' });
  await assert.rejects(sample.call.get({ id }, { tenant: 'globex' }), { code: 'NOT_THERE' });
  assert.deepEqual(await sample.call.list({}, { tenant: 'globex' }), { items: [] });
});

void test('the same idempotency key keeps a text once', async () => {
  await using sample = await testService(service);
  const once = await sample.call.create({ text: 'once' }, { idempotencyKey: 'k-1' });
  assert.deepEqual(await sample.call.create({ text: 'once' }, { idempotencyKey: 'k-1' }), once);
  assert.equal((await sample.call.list({})).items.length, 1);
});

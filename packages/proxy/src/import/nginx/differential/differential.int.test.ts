// The same configurations, run by nginx and by us in front of the same origins, asked the same byte by byte.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRandom } from '@fairlead/core';
import { testCertificate } from '@fairlead/net/testing';
import { noTelemetry } from '@fairlead/telemetry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../../engine/engine.ts';
import { loadSnapshot } from '../../../snapshot/load-snapshot.ts';
import { startStandalone } from '../../../standalone/standalone.ts';
import { ask, type Told } from './asking.fixture.ts';
import type { Case, CaseRequest } from './case.fixture.ts';
import { FIELD_CASES } from './field-cases.fixture.ts';
import { GUARD_CASES } from './guard-cases.fixture.ts';
import { LOCATION_CASES } from './location-cases.fixture.ts';
import { Origins, type Asked } from './origin.fixture.ts';
import { PASSING_CASES } from './passing-cases.fixture.ts';
import { RANDOM_CASES } from './random-cases.fixture.ts';
import { nginxProgram, runNginx } from './real-nginx.fixture.ts';
import { REWRITE_CASES } from './rewrite-cases.fixture.ts';
import { SERVER_CASES } from './server-cases.fixture.ts';

const CASES: readonly Case[] = [
  ...LOCATION_CASES,
  ...PASSING_CASES,
  ...FIELD_CASES,
  ...REWRITE_CASES,
  ...GUARD_CASES,
  ...SERVER_CASES,
  ...RANDOM_CASES,
];
type Side = 'nginx' | 'fairlead';

const folder = mkdtempSync(join(tmpdir(), 'fairlead-nginx-'));
const origins = new Origins();
/** Addresses of the loopback network that nobody else listens at. */
const network = `127.${20 + (process.pid % 200)}`;
const addressOf = (side: Side, at: number): string => `${network}.${side === 'nginx' ? 1 : 2}.${at + 1}`;
let places: Readonly<Record<string, string>> = {};
let nginx: ChildProcess | undefined;
let engine: Engine | undefined;

function configuration(side: Side): string {
  return CASES.map(({ config }, at) =>
    config.replaceAll(/\{(address|origin|other|dead|id|folder)\}/g, (_whole, name: string) =>
      name === 'address' ? addressOf(side, at) : name === 'id' ? String(at) : (places[name] ?? ''),
    ),
  ).join('\n');
}

beforeAll(async () => {
  const program = nginxProgram();
  if (program === undefined) return;
  const { cert, key } = testCertificate({ names: ['shop.test'] });
  writeFileSync(`${folder}/shop.pem`, cert);
  writeFileSync(`${folder}/shop-key.pem`, key);
  const [origin, other] = await Promise.all([
    origins.open('origin', `${network}.3.1`),
    origins.open('other', `${network}.3.2`),
  ]);
  places = { origin, other, dead: `${network}.3.9:9`, folder };
  nginx = await runNginx(program, folder, configuration('nginx'), { host: addressOf('nginx', 0), port: 8080 });
  const file = join(folder, 'fairlead.conf');
  writeFileSync(file, `http {\n${configuration('fairlead')}\n}\n`);
  const clock = realClock();
  const snapshot = await loadSnapshot(file, { clock });
  engine = await startStandalone({ snapshot, clock, random: realRandom(), telemetry: noTelemetry() });
});

afterAll(async () => {
  nginx?.kill('SIGKILL');
  await engine?.close({ graceMs: 0 });
  origins.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What a client was told, and what origins were asked for it. */
interface Seen {
  readonly request: string;
  readonly told: Told;
  readonly asked: readonly Asked[];
}

/** Asks all of a case, one after the other; those that are held are answered at the end. */
async function seen(side: Side, at: number): Promise<readonly Seen[]> {
  const requests = (CASES[at]?.requests ?? []).map((each): CaseRequest => {
    const request = typeof each === 'string' ? { text: each } : each;
    return { ...request, text: request.text.replaceAll('{id}', String(at)) };
  });
  const answers: Promise<Told>[] = [];
  const keyOf = (index: number): string => `${side}-${at}-${index}`;
  for (const [index, request] of requests.entries()) {
    const answer = ask(addressOf(side, at), request, keyOf(index));
    answers.push(answer);
    await (request.isHeld === true ? origins.wasAsked(keyOf(index)) : answer);
  }
  origins.release();
  const told = await Promise.all(answers);
  return requests.map(({ text, port, isTls }, index) => ({
    request: `${isTls === true ? 'TLS ' : ''}${port ?? ''} ${text}`,
    told: told[index] ?? { status: 0, fields: [], body: '' },
    asked: origins.asked(keyOf(index)),
  }));
}

/** Fields that the gateway sets for those behind it, whatever the configuration says: left out unless it speaks of them. */
const OURS = [
  'traceparent',
  'tracestate',
  'x-request-id',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-method',
  'x-forwarded-uri',
  'x-original-uri',
  'x-original-method',
  'x-original-url',
  'x-fairlead-timeout-ms',
];
/** A page that nginx makes itself; ours is a problem document. */
const isOwnPage = ({ body }: Told): boolean =>
  /^<html>\r\n<head><title>\d{3} /.test(body) || body.startsWith('{"type":"urn:fairlead:problem:');

/** What is compared: without what is known to differ. */
function compared({ request, told, asked }: Seen, { config, differs = {} }: Case, ownPage: boolean): unknown {
  const outside = [
    'x-case',
    ...(differs.answer ?? []),
    ...(ownPage ? ['content-type', 'cache-control', 'retry-after'] : []),
  ];
  const inside = [...OURS.filter((name) => !config.toLowerCase().includes(name)), 'x-case', ...(differs.asked ?? [])];
  const without = (fields: readonly string[], names: readonly string[]) =>
    fields.filter((line) => !names.includes(line.split(':')[0] ?? ''));
  const plain = (text: string): string =>
    text.replaceAll(new RegExp(`${network.replace('.', '\\.')}\\.[12]\\.`, 'g'), `${network}.x.`);
  return {
    request,
    status: differs.status === true ? 'any' : told.status,
    fields: without(told.fields, outside).map(plain),
    body: ownPage || differs.body === true ? 'any' : plain(told.body),
    asked: asked.map((each) => ({
      origin: differs.asked?.includes('origin') === true ? 'any' : each.origin,
      method: each.method,
      target: differs.asked?.includes('target') === true ? 'any' : each.target,
      fields: without(each.fields, inside).map((line) => plain(line).replace(/^(x-case: ).*/, '$1')),
      body: each.body,
    })),
  };
}

test.each(CASES.map((each, at) => [each.name, each, at] as const))('%s', async (_name, each, at) => {
  if (nginx === undefined) return expect(process.env['CI']).not.toBe('true');
  const [theirs, ours] = [await seen('nginx', at), await seen('fairlead', at)];
  const ownPages = theirs.map(
    ({ told }, index) => isOwnPage(told) && (isOwnPage(ours[index]!.told) || ours[index]!.told.body === ''),
  );
  expect(ours.map((one, index) => compared(one, each, ownPages[index] === true))).toEqual(
    theirs.map((one, index) => compared(one, each, ownPages[index] === true)),
  );
});

test('there are enough of them', () => {
  expect(CASES.length).toBeGreaterThanOrEqual(60);
  expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
});

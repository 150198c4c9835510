import type { SagaRun } from '@fairlead/control';
import { ago } from './ago.ts';
import { oneLine, plain, type Palette } from './colour.ts';
import { table } from './table.ts';
import { part } from './part.ts';

const MAX_VALUE_LENGTH = 60;
const GOOD = new Set(['completed', 'compensated', 'resolved']);

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function short(value: unknown): string {
  if (value === undefined) return '';
  const text = plain(JSON.stringify(value));
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH - 1)}…` : text;
}

function failureText(failure: unknown, colour: Palette): string {
  return failure === undefined
    ? ''
    : colour.bad(`${oneLine(part(failure, 'code'))}: ${oneLine(part(failure, 'message'))}`);
}

/** A run as people look at it: what it was given, its records with their times, what fails, what has come and waits. */
export function sagaReport(run: SagaRun, colour: Palette, nowMs: number): readonly string[] {
  const status = oneLine(run['status']);
  const isHeldUp = status === 'parked' || status === 'needs-attention';
  const where = `${run.service} ${oneLine(run['saga'])} ${oneLine(run['id'])}`;
  const journal = listOf(run['journal']);
  const failing = listOf(run['failing']);
  const signals = listOf(run['signals']);
  const started = Number(run['startedAt']);
  const attributes = Object.entries(Object(run['attributes'])).map(([name, value]) => `${name}=${oneLine(value)}`);
  return [
    `${colour.strong(where)}  ${isHeldUp ? colour.bad(status) : GOOD.has(status) ? colour.good(status) : status}`,
    `started ${ago(started, nowMs)} ago${run['tenant'] === undefined ? '' : `, tenant ${oneLine(run['tenant'])}`}${
      attributes.length === 0 ? '' : `, ${attributes.join(', ')}`
    }`,
    ...(run['failure'] === undefined ? [] : [failureText(run['failure'], colour)]),
    '',
    `input   ${short(run['input'])}`,
    ...(run['state'] === undefined || run['state'] === null ? [] : [`state   ${short(run['state'])}`]),
    ...(run['result'] === undefined || run['result'] === null ? [] : [`result  ${short(run['result'])}`]),
    '',
    ...(journal.length === 0
      ? ['Nothing is recorded yet.']
      : table(
          journal.map((record) => [
            `  ${colour.faint(`+${Math.max(0, Number(part(record, 'at')) - started)} ms`)}`,
            oneLine(part(record, 'kind')),
            nameOf(record),
            part(record, 'failure') === undefined
              ? short(part(record, 'result'))
              : failureText(part(record, 'failure'), colour),
          ]),
        )),
    ...failing.map(
      (each) =>
        `  ${colour.bad('failing')}  ${oneLine(part(each, 'step'))}, ${String(part(each, 'attempts'))} attempts: ${failureText(part(each, 'failure'), colour)}`,
    ),
    ...(signals.length === 0
      ? []
      : [
          '',
          'Signals that it has not taken:',
          ...signals.map((each) => `  ${oneLine(part(each, 'name'))} ${short(part(each, 'data'))}`),
        ]),
    ...(isHeldUp
      ? ['', `fairlead saga retry ${where}   lets it go on; skip takes what fails as done, resolve ends it as it is`]
      : []),
  ];
}

/** `reserve`, or `reserve #2`. */
function nameOf(record: unknown): string {
  const occurrence = Number(part(record, 'occurrence'));
  return `${oneLine(part(record, 'name'))}${occurrence > 1 ? ` #${occurrence}` : ''}`;
}

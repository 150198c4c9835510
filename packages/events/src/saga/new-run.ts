import { hash } from 'node:crypto';
import { formatTraceparent, type Context } from '@fairlead/core';
import { fail } from '../errors.ts';
import { plainJson } from './payload.ts';
import type { ParentRun, RunBody } from './run-body.ts';
import type { StoredRun } from './run-docs.ts';
import type { AnySaga, StartResult } from './saga-types.ts';

const MAX_ID = 200;

/** What a run is begun with. */
export interface RunBeginning {
  readonly id: string;
  readonly input: unknown;
  readonly parent: ParentRun | undefined;
  readonly owner: string | null;
  readonly nowMs: number;
}

/**
 * A run at its beginning.
 * @throws SAGA_INVALID, SAGA_TOO_LARGE, and what the saga's `input.parse` does
 */
export function newRun(ctx: Context, saga: AnySaga, { id, input, parent, owner, nowMs }: RunBeginning): RunBody {
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID || id.includes('\0') || id.includes('\n'))
    throw fail(
      'SAGA_INVALID',
      `${saga.name}: a run can't have the id ${JSON.stringify(id)}: 1 to ${MAX_ID} characters.`,
    );
  const { options } = saga;
  const plain = plainJson(`${saga.name} ${id}: its input`, parsed(saga, id, input), options.maxPayloadBytes);
  const { baggage } = ctx;
  return {
    saga: saga.name,
    id,
    status: 'running',
    owner,
    writes: 0,
    takeovers: 0,
    startedAt: nowMs,
    updatedAt: nowMs,
    seed: Buffer.from(ctx.random.bytes(16)).toString('base64url'),
    inputHash: hash('sha256', canonical(plain), 'base64url'),
    input: plain,
    origin: {
      traceparent: formatTraceparent(ctx.trace),
      correlationId: ctx.correlationId,
      criticality: ctx.criticality,
      ...(Object.keys(baggage).length > 0 && { baggage }),
    },
    ...(parent && { parent }),
    retentionMs: options.retentionMs,
    segments: [],
    segmented: 0,
    journal: [],
  };
}

/** What a start comes to when there is a run with this id. */
export function startedBefore({ body }: StoredRun, wanted: RunBody): StartResult {
  const same =
    body.inputHash === wanted.inputHash &&
    body.parent?.saga === wanted.parent?.saga &&
    body.parent?.id === wanted.parent?.id;
  return { kind: same ? 'exists' : 'conflict', id: body.id, status: body.status };
}

function parsed(saga: AnySaga, id: string, input: unknown): unknown {
  if (saga.options.input === undefined) return input;
  try {
    return saga.options.input.parse(input);
  } catch (error) {
    throw fail(
      'SAGA_INVALID',
      `${saga.name} ${id}: its input does not fit: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

/** JSON with the members of objects in one order. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`);
  return `{${members.join(',')}}`;
}

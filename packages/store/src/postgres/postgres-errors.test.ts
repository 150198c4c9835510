import { expect, test } from 'vitest';
import { databaseFailure, sqlState } from './postgres-errors.ts';

/** An error as Node's sockets and streams make it. */
const broken = (code: string): Error => Object.assign(new Error(`write ${code}`), { code });

test('a broken write is DATABASE_UNAVAILABLE, also where its code has five letters as a SQLSTATE has', () => {
  for (const code of ['EPIPE', 'ECONNRESET', 'ERR_STREAM_WRITE_AFTER_END', 'ERR_STREAM_DESTROYED']) {
    expect(sqlState(broken(code))).toBe(undefined);
    expect(databaseFailure(broken(code), 'things')).toMatchObject({ code: 'DATABASE_UNAVAILABLE', details: {} });
  }
});

test('what the server says of a statement keeps its SQLSTATE', () => {
  for (const code of ['23505', '40001', 'P0001', 'XX000']) {
    expect(sqlState(broken(code))).toBe(code);
    expect(databaseFailure(broken(code), 'things')).toMatchObject({ code });
  }
});

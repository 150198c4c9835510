import { Fields } from '@fairlead/net';

// What tests of the cache's rules have in common.
export const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);
export const date = (seconds: number) => new Date(NOW + seconds * 1_000).toUTCString();
export const fieldsOf = (...lines: readonly (readonly [string, string])[]) => new Fields(lines.flat());
export const SETTINGS = {
  heuristicShare: 0,
  heuristicMostMs: 86_400_000,
  defaultMs: 0,
  statuses: undefined,
  withCookies: false,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
};

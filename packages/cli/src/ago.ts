/** `3 m`: how long ago something was. */
export function ago(atMs: unknown, nowMs: number): string {
  return span(nowMs - Number(atMs));
}

/** `3 m`: a time in milliseconds, for a table. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} m`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}

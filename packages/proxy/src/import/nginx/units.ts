const TIME_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  M: 2_592_000_000,
  y: 31_536_000_000,
};
const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, k: 1_024, m: 1_048_576, g: 1_073_741_824 };

/** A time of nginx, such as `30s`, `1h 30m` or `60`, in milliseconds; `undefined` when it is none. */
export function timeMs(text: string): number | undefined {
  const parts = text.split(/\s+/).flatMap((part) => part.match(/\d+(?:ms|[smhdwMy])?|./g) ?? []);
  let sum = 0;
  for (const part of parts) {
    const [, digits, unit = 's'] = /^(\d+)(ms|[smhdwMy])?$/.exec(part) ?? [];
    if (digits === undefined) return undefined;
    sum += Number(digits) * (TIME_UNITS[unit] ?? 0);
  }
  return parts.length === 0 ? undefined : sum;
}

/** A size of nginx, such as `8k` or `1m`, in bytes; `undefined` when it is none. */
export function sizeBytes(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,12})([kKmMgG])?$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * (SIZE_UNITS[unit.toLowerCase()] ?? 1);
}

/** Milliseconds as people write them in our form. */
export function durationText(ms: number): string {
  return ms % 1_000 === 0 && ms <= 999_999_999_000 ? `${ms / 1_000}s` : `${ms}ms`;
}

/** Bytes as people write them in our form. */
export function sizeText(bytes: number): string {
  if (bytes > 0 && bytes % 1_048_576 === 0) return `${bytes / 1_048_576}MiB`;
  return bytes > 0 && bytes % 1_024 === 0 ? `${bytes / 1_024}KiB` : `${bytes}B`;
}

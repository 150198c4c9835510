import type { RedisCacheClient } from './redis-cache-client.ts';

/** As much of Redis as the store uses, in this process. */
export function fakeRedis() {
  const values = new Map<string, Buffer | Map<string, string> | Set<string>>();
  const ends = new Map<string, number>();
  const state = { fault: undefined as Error | undefined, isSilent: false };
  const said = async <T>(value: () => T): Promise<T> => {
    if (state.isSilent) await new Promise(() => {});
    if (state.fault !== undefined) throw state.fault;
    return value();
  };
  /** What is of another type here is a mistake of the test. */
  const hash = (key: string) => {
    const value = values.get(key) ?? new Map<string, string>();
    if (!(value instanceof Map)) throw new TypeError('WRONGTYPE');
    values.set(key, value);
    return value;
  };
  const set = (key: string) => {
    const value = values.get(key) ?? new Set<string>();
    if (!(value instanceof Set)) throw new TypeError('WRONGTYPE');
    values.set(key, value);
    return value;
  };
  const client: RedisCacheClient = {
    getBuffer: (key) =>
      said(() => {
        const value = values.get(key);
        return Buffer.isBuffer(value) ? value : null;
      }),
    set: (key, value, _unit, ms) => said(() => (values.set(key, value), ends.set(key, ms), 'OK')),
    del: (...keys) => said(() => keys.filter((key) => values.delete(key)).length),
    hgetall: (key) => said(() => Object.fromEntries(values.has(key) ? hash(key) : [])),
    hset: (key, field, value) => said(() => hash(key).set(field, value).size),
    hdel: (key, field) =>
      said(() => {
        hash(key).delete(field);
        if (hash(key).size === 0) values.delete(key);
      }),
    pexpire: (key, ms) => said(() => void (values.has(key) && ends.set(key, ms))),
    sadd: (key, member) => said(() => set(key).add(member).size),
    smembers: (key) => said(() => [...(values.has(key) ? set(key) : [])]),
    scan: (_cursor, _match, pattern) =>
      said(() => ['0', [...values.keys()].filter((key) => key.startsWith(pattern.slice(0, -1)))]),
  };
  return Object.assign(state, {
    client,
    keys: () => [...values.keys()],
    /** Whether a key goes by itself. */
    hasEnd: (key: string) => ends.has(key),
  });
}

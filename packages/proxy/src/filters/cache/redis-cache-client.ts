/**
 * What is used of a Redis client; an `ioredis` client is one. Give it no queue for while it is not connected
 * (`enableOfflineQueue: false`), or requests wait for what nobody answers.
 */
export interface RedisCacheClient {
  getBuffer(key: string): Promise<Buffer | null>;
  set(key: string, value: Buffer, unit: 'PX', ms: number): Promise<unknown>;
  del(...keys: string[]): Promise<unknown>;
  hgetall(key: string): Promise<Record<string, string>>;
  hset(key: string, field: string, value: string): Promise<unknown>;
  hdel(key: string, field: string): Promise<unknown>;
  pexpire(key: string, ms: number): Promise<unknown>;
  sadd(key: string, member: string): Promise<unknown>;
  smembers(key: string): Promise<string[]>;
  scan(
    cursor: string,
    match: 'MATCH',
    pattern: string,
    count: 'COUNT',
    most: number,
  ): Promise<[cursor: string, keys: string[]]>;
}

/**
 * `node:http`, without what importing it costs: an import reads every export, `WebSocket` among them, which loads all of Node's fetch
 * (14 MB and 20 ms of each process, for nothing).
 */
export const nodeHttp = process.getBuiltinModule('node:http');

/**
 * Modules of Node that are megabytes of a process, each loaded when it is asked for first: HTTP/2 and TLS are 6 MB, which whoever
 * speaks neither does without. Importing `node:http` would read every export of it, `WebSocket` among them, which loads all of Node's
 * fetch (14 MB and 20 ms).
 */
export const onDemand = {
  get http() {
    return process.getBuiltinModule('node:http');
  },
  get http2() {
    return process.getBuiltinModule('node:http2');
  },
  get https() {
    return process.getBuiltinModule('node:https');
  },
  get tls() {
    return process.getBuiltinModule('node:tls');
  },
};

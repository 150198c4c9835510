import type { Context } from '@fairlead/core';
import type { OutgoingFields, ServerRequest } from '@fairlead/net';

/** What `Response` may say and the server says itself; `content-length` it is told. */
const OF_THE_SERVER = ['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade', 'trailer', 'date'];

/**
 * A server's request as the Web's `Request`, whose body streams. Aborts with `ctx`.
 * @throws TypeError when its Host is none
 */
export function webRequest(request: ServerRequest, ctx: Context): Request {
  const { method, target, host, fields, bodyBytes } = request.head;
  const headers = new Headers();
  for (let at = 0; at < fields.list.length; at += 2) headers.append(fields.list[at] ?? '', fields.list[at + 1] ?? '');
  const takesBody = method !== 'GET' && method !== 'HEAD' && bodyBytes !== 0;
  return new Request(new URL(target, `http://${host}`), {
    method,
    headers,
    signal: ctx.signal,
    ...(takesBody ? { body: request.stream(), duplex: 'half' } : {}),
  });
}

/**
 * Answers with a `Response`, whose body is cut when `ctx` ends. Resolves when the body has been sent, or can't be.
 * @throws what the body fails with
 */
export async function answerResponse(request: ServerRequest, response: Response, ctx: Context): Promise<void> {
  const { status } = response;
  const fields: Record<string, string | readonly string[]> = {};
  for (const [name, value] of response.headers) if (!OF_THE_SERVER.includes(name)) fields[name] = value;
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) fields['set-cookie'] = cookies;
  if (response.body === null) {
    request.answer(status, fields satisfies OutgoingFields, '');
    return;
  }
  const length = response.headers.get('content-length');
  const bodyBytes = length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
  // Where the Context has ended already, this is the problem document that says so.
  const cut = ctx.signal.aborted ? {} : { signal: ctx.signal };
  await request.answerStream({ status, fields, body: response.body, bodyBytes, ...cut });
}

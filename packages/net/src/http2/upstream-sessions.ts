import type { ResolvedPoolOptions } from '../client/options.ts';
import { UpstreamSession } from './upstream-session.ts';
import { UpstreamStream } from './upstream-stream.ts';

/** The sessions of one endpoint: as few as have room for the streams that are wanted. */
export class UpstreamSessions {
  readonly #options: ResolvedPoolOptions;
  /** Those that take streams, the oldest first. */
  readonly #sessions = new Set<UpstreamSession>();
  /** Those that end when their streams have. */
  readonly #leaving = new Set<UpstreamSession>();

  constructor(options: ResolvedPoolOptions) {
    this.#options = options;
  }

  /** A stream, which tells by `connect` that a request may be written, and by `error` that it won't be. */
  open(): UpstreamStream {
    const stream = new UpstreamStream();
    const session = this.#withRoom() ?? this.#begin();
    session.add(stream);
    return stream;
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    const sessions = [...this.#sessions, ...this.#leaving];
    for (const session of sessions) session.destroy();
    await Promise.all(sessions.map(({ closed }) => closed));
  }

  #withRoom(): UpstreamSession | undefined {
    for (const session of this.#sessions) if (session.hasRoom) return session;
    return undefined;
  }

  #begin(): UpstreamSession {
    const session = new UpstreamSession(this.#options, (gone) => {
      if (!this.#sessions.delete(gone)) return;
      this.#leaving.add(gone);
      void gone.closed.then(() => this.#leaving.delete(gone));
    });
    this.#sessions.add(session);
    return session;
  }
}

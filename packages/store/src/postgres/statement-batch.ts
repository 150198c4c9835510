import pg from 'pg';
import type { Row } from '../database.ts';

/** One statement and what is sent ahead of it. */
export interface Statement {
  readonly text: string;
  readonly params: readonly unknown[];
  /** Statements without parameters whose answers nobody reads, such as BEGIN: sent in the same write. */
  readonly ahead: readonly string[];
  /** One with parameters that goes between those and the statement, which has to have parameters then, too. */
  readonly setting?: { readonly text: string; readonly params: readonly string[] } | undefined;
  /** Under which name a text is kept prepared; `undefined` for one that is not. */
  readonly nameOf: (text: string) => string | undefined;
  /** Names that the connection has prepared. The server keeps them even when what follows fails. */
  readonly prepared: Set<string>;
}

/** What the server said to a statement. */
export interface Answer {
  readonly rows: Row[];
  readonly rowCount: number;
  /** The tag's first word, such as COMMIT. */
  readonly command: string;
}

/** The driver's builder of results, of which its types show only what it has built. */
interface ResultBuilder {
  readonly rows: Row[];
  readonly rowCount: number | null;
  readonly command: string | null;
  addFields(fields: unknown): void;
  parseRow(fields: unknown): Row;
  addRow(row: Row): void;
  addCommandComplete(message: unknown): void;
}

/** The driver's connection, as far as it is used here. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  query(text: string): void;
  parse(message: { text: string; name: string }): void;
  bind(message: { statement: string; values: readonly unknown[] }): void;
  describe(message: { type: 'P'; name: string }): void;
  execute(message: object): void;
  sync(): void;
  sendCopyFail(reason: string): void;
  on(event: 'parseComplete', listener: () => void): void;
  off(event: 'parseComplete', listener: () => void): void;
}

/** A value as the driver would write it into a message; part of the driver, but not of its types. */
const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): unknown } }).utils;

/**
 * A statement on its way through the driver together with what goes ahead of it: one write, one answer. When a part fails
 * the server skips what comes after it, so that a statement never runs outside of the transaction that was to be begun
 * for it (PostgreSQL protocol: with parameters "Pipelining", one Sync at the end; without, one simple Query).
 */
export class StatementBatch {
  readonly answer: Promise<Answer>;
  readonly #statement: Statement;
  readonly #values: readonly unknown[];
  readonly #types: pg.CustomTypesConfig;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;
  #result: ResultBuilder;
  #failure: unknown;
  #completed = 0;
  #described = false;
  /** Names of the statements that the server was told to parse, in order; empty for one that is not kept. */
  readonly #parses: string[] = [];
  #wire: Wire | undefined;

  constructor(statement: Statement, types: pg.CustomTypesConfig) {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#statement = statement;
    // Before anything is written: a value that has no text must not leave half of a message behind.
    this.#values = statement.params.map((value) => prepareValue(value));
    this.#types = types;
    this.#result = newResult(types);
  }

  /** How much of what went ahead the server has carried out. */
  get aheadCompleted(): number {
    return Math.min(this.#completed, this.#statement.ahead.length);
  }

  /** Called by the driver when it is this statement's turn. */
  submit(connection: unknown): void {
    // The driver's own Connection: the JavaScript one of the pinned version.
    const wire = connection as Wire;
    const { text, params, ahead } = this.#statement;
    if (params.length === 0) {
      wire.query([...ahead, text].join('; '));
      return;
    }
    wire.stream.cork();
    try {
      this.#write(wire);
    } finally {
      wire.stream.uncork();
    }
  }

  handleRowDescription(message: { fields: unknown }): void {
    this.#result = newResult(this.#types);
    this.#result.addFields(message.fields);
    this.#described = true;
  }

  handleDataRow(message: { fields: unknown }): void {
    // Rows that nobody described are of what went ahead.
    if (this.#failure !== undefined || !this.#described) return;
    try {
      this.#result.addRow(this.#result.parseRow(message.fields));
    } catch (error) {
      this.#failure = error;
    }
  }

  handleCommandComplete(message: unknown): void {
    // One that returned no rows had nothing to describe, so what is there is of the statement before.
    if (this.#result.command !== null) this.#result = newResult(this.#types);
    this.#result.addCommandComplete(message);
    this.#completed += 1;
    this.#described = false;
  }

  handleError(error: unknown): void {
    this.#settle();
    this.#reject(this.#failure ?? this.#atItsPlace(error));
  }

  handleReadyForQuery(): void {
    this.#settle();
    if (this.#failure !== undefined) {
      this.#reject(this.#failure);
      return;
    }
    const { rows, rowCount, command } = this.#result;
    this.#resolve({ rows, rowCount: rowCount ?? 0, command: command ?? '' });
  }

  handleEmptyQuery(): void {}

  handlePortalSuspended(): void {}

  handleCopyInResponse(connection: unknown): void {
    // As in submit.
    (connection as Wire).sendCopyFail('COPY FROM STDIN is not supported here');
  }

  handleCopyData(): void {}

  readonly #onParsed = (): void => {
    const name = this.#parses.shift();
    if (name !== undefined && name !== '') this.#statement.prepared.add(name);
  };

  #write(wire: Wire): void {
    const { text, ahead, setting } = this.#statement;
    for (const each of ahead) this.#writeOne(wire, each, []);
    if (setting !== undefined) this.#writeOne(wire, setting.text, setting.params);
    this.#writeOne(wire, text, this.#values, true);
    wire.sync();
    if (this.#parses.every((name) => name === '')) return;
    this.#wire = wire;
    wire.on('parseComplete', this.#onParsed);
  }

  /** Rows of one that is not described are not read. */
  #writeOne(wire: Wire, text: string, values: readonly unknown[], described = false): void {
    const name = this.#statement.nameOf(text) ?? '';
    if (name === '' || !this.#statement.prepared.has(name)) {
      wire.parse({ text, name });
      this.#parses.push(name);
    }
    wire.bind({ statement: name, values });
    if (described) wire.describe({ type: 'P', name: '' });
    wire.execute({});
  }

  #settle(): void {
    this.#wire?.off('parseComplete', this.#onParsed);
    this.#wire = undefined;
  }

  /** Takes what was put before the text off the place that the server names in it. */
  #atItsPlace(error: unknown): unknown {
    const { params, ahead } = this.#statement;
    if (params.length > 0 || ahead.length === 0) return error;
    if (!(error instanceof Error) || !('position' in error) || typeof error.position !== 'string') return error;
    const before = ahead.reduce((length, each) => length + each.length + 2, 0);
    error.position = String(Number(error.position) - before);
    return error;
  }
}

function newResult(types: pg.CustomTypesConfig): ResultBuilder {
  // The driver makes its results by this class; `types` is asked only for a parser.
  return new pg.Result('', types as typeof pg.types) as unknown as ResultBuilder;
}

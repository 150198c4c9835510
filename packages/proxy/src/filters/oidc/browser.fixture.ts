import { request, type IncomingHttpHeaders } from 'node:http';

/** What a browser has been told. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly setCookies: readonly string[];
  readonly text: string;
  readonly location: string | undefined;
}

/** What is asked for. */
export interface Visit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
}

const PAGE = { accept: 'text/html,application/xhtml+xml', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
const MOST_HOPS = 20;

/** A browser, as far as logins need one: cookies by host and port, forms, and redirects one by one. */
export class Browser {
  /** By origin, then by name. Real ones know no ports; two servers at one address would have one jar. */
  readonly jars = new Map<string, Map<string, string>>();

  cookies(origin: string): Map<string, string> {
    const jar = this.jars.get(origin) ?? new Map<string, string>();
    this.jars.set(origin, jar);
    return jar;
  }

  /** Asks, as somebody who goes to a page, and follows nothing. */
  async visit(url: string, { method, headers = {}, form }: Visit = {}): Promise<Page> {
    const { origin } = new URL(url);
    const jar = this.cookies(origin);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const body = form === undefined ? undefined : new URLSearchParams(form).toString();
    const page = await asked(
      url,
      method ?? (body === undefined ? 'GET' : 'POST'),
      {
        ...PAGE,
        ...(cookie === '' ? {} : { cookie }),
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) }),
        ...headers,
      },
      body,
    );
    for (const line of page.setCookies) this.#keep(jar, line);
    return page;
  }

  /** Follows redirects until there are none, or one leads to where `until` says. */
  async follow(page: Page, until: (location: string) => boolean = () => false): Promise<Page> {
    let at = page;
    for (let hop = 0; at.location !== undefined && !until(at.location); hop += 1) {
      if (hop >= MOST_HOPS) throw new Error(`${at.url} leads nowhere.`);
      at = await this.visit(at.location);
    }
    return at;
  }

  /** Logs in on the provider's pages, up to where it sends people back: the URL of the callback. */
  async logIn(page: Page, name: string, callback: string): Promise<string> {
    const isBack = (location: string): boolean => location.startsWith(callback);
    let at = await this.follow(page, isBack);
    for (let step = 0; at.location === undefined && step < 5; step += 1) {
      const [, action] = /action="([^"]+)"/.exec(at.text) ?? [];
      const [, prompt] = /name="prompt" value="([^"]+)"/.exec(at.text) ?? [];
      if (action === undefined || prompt === undefined) throw new Error(`${at.url} has no form: ${at.text}`);
      const form = prompt === 'login' ? { prompt, login: name, password: 'x' } : { prompt };
      at = await this.follow(await this.visit(new URL(action, at.url).href, { form }), isBack);
    }
    if (at.location === undefined) throw new Error(`${at.url} does not lead back.`);
    return at.location;
  }

  #keep(jar: Map<string, string>, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const equals = pair.indexOf('=');
    const name = pair.slice(0, equals);
    if (name.startsWith('__Host-')) {
      for (const needed of ['Path=/', 'Secure', 'HttpOnly', 'SameSite=Lax'])
        if (!attributes.includes(needed)) throw new Error(`${name} is no cookie that a browser would keep: ${line}`);
      if (attributes.some((attribute) => /^domain=/i.test(attribute))) throw new Error(`${name} has a domain.`);
    }
    if (pair.length > 4_096) throw new Error(`${name} is too large for a browser.`);
    const isGone = attributes.some((one) => /^max-age=0$/i.test(one) || /^expires=.*1970/i.test(one));
    if (isGone) jar.delete(name);
    else jar.set(name, pair.slice(equals + 1));
  }
}

function asked(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
): Promise<Page> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        const { location } = answer.headers;
        resolve({
          url,
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          setCookies: answer.headers['set-cookie'] ?? [],
          text: Buffer.concat(parts).toString(),
          location: location === undefined ? undefined : new URL(location, url).href,
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

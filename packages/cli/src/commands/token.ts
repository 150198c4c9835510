import { command } from '../command.ts';
import { duration, requiredText, texts } from '../flag.ts';
import { dataDirFlag, runningAdmin } from '../running.ts';

/** Flags of `token`. */
interface TokenFlags {
  readonly tenant: string;
  readonly subject: string;
  readonly role: readonly string[];
  readonly ttl: number;
  readonly dataDir: string;
}

/** `fairlead token`: prints a development token and nothing else. */
export const token = command<TokenFlags>({
  name: 'token',
  summary: 'Print a development token for the gateway',
  flags: {
    tenant: requiredText('tenant that the token is for', 'tenant'),
    subject: requiredText('who the token speaks for', 'subject'),
    role: texts('role that the token grants', 'role'),
    ttl: duration('how long it is good for', '1h'),
    dataDir: dataDirFlag,
  },
  examples: [
    'fairlead token --tenant acme --subject ada',
    'fairlead token --tenant acme --subject ada --role support --ttl 15m',
    'curl -H "authorization: Bearer $(fairlead token --tenant acme --subject ada)" http://127.0.0.1:8080/catalog',
  ],
  async run(terminal, { tenant, subject, role, ttl, dataDir }) {
    const admin = await runningAdmin(terminal, dataDir);
    const { token: jwt } = await admin.token({ tenant, subject, roles: role, ttlSeconds: ttl });
    terminal.out(`${jwt}\n`);
    return 0;
  },
});

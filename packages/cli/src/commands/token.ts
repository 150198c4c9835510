import { command } from '../command.ts';
import { completedBy, duration, requiredText, texts, toggle } from '../flag.ts';
import { tenantNames } from '../known-names.ts';
import { dataDirFlag, runningAdmin } from '../running.ts';

/** Flags of `token`. */
interface TokenFlags {
  readonly tenant: string;
  readonly subject: string;
  readonly role: readonly string[];
  readonly ttl: number;
  readonly json: boolean;
  readonly dataDir: string;
}

/** `fairlead token`: prints a development token and nothing else. */
export const token = command<TokenFlags>({
  name: 'token',
  summary: 'Print a development token for the gateway',
  flags: {
    tenant: completedBy(requiredText('tenant that the token is for', 'tenant'), tenantNames),
    subject: requiredText('who the token speaks for', 'subject'),
    role: texts('role that the token grants', 'role'),
    ttl: duration('how long it is good for', '1h'),
    json: toggle('print one JSON object: token, expiresAt (milliseconds since the epoch)'),
    dataDir: dataDirFlag,
  },
  examples: [
    'fairlead token --tenant acme --subject ada',
    'fairlead token --tenant acme --subject ada --role support --ttl 15m',
    'curl -H "authorization: Bearer $(fairlead token --tenant acme --subject ada)" http://127.0.0.1:8080/catalog',
  ],
  async run(terminal, { tenant, subject, role, ttl, json, dataDir }) {
    const admin = await runningAdmin(terminal, dataDir);
    const issued = await admin.token({ tenant, subject, roles: role, ttlSeconds: ttl });
    terminal.out(`${json ? JSON.stringify(issued) : issued.token}\n`);
    return 0;
  },
});

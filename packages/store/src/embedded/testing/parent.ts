// A process that starts Postgres and stays, for tests that kill it: node parent.ts <dataDir> <socketDir> [<cacheDir>].
import { startPostgres } from '../start-postgres.ts';

const [dataDir = '', socketDir = '', cacheDir] = process.argv.slice(2);
const server = await startPostgres({
  dataDir,
  socketDir,
  settings: { fsync: 'off' },
  ...(cacheDir === undefined ? {} : { cacheDir }),
});
process.stdout.write(`${JSON.stringify({ pid: server.pid, adminUrl: server.adminUrl })}\n`);
process.stdin.resume().on('end', () => void server.close());

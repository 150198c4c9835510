import { tenantDatabasesSuite } from './testing/tenant-databases-suite.ts';

// Apart from the other kinds, since making and dropping databases takes its time.
tenantDatabasesSuite('databases');

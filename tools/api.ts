// `npm run api`: writes docs/api, a report of each package's public surface. Commit it with the change that it shows.
import { API_FOLDER, writeApiReports } from './api-reports.ts';
import { repositoryFiles, ROOT } from './repository.ts';

const changed = writeApiReports(ROOT, repositoryFiles());
console.log(
  changed.length === 0 ? `${API_FOLDER} says what the code does.` : `Written to ${API_FOLDER}: ${changed.join(', ')}`,
);

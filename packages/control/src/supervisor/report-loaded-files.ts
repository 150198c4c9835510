// Loaded into a child before its own module: tells the parent every file that the child loads from then on, so that the
// parent knows exactly whom a change concerns. Files of installed packages are left out. A file that can't be parsed is
// told, too: it is read before it is parsed, and what was not told yet is told at the end.
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

let untold: string[] = [];

function tell(): void {
  if (untold.length > 0) process.send?.({ type: 'loaded', files: untold });
  untold = [];
}

registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:') && !url.includes('/node_modules/')) {
      // oxlint-disable-next-line no-restricted-globals -- loaded before everything else: there is no port of time yet
      if (untold.length === 0) setImmediate(tell);
      untold.push(fileURLToPath(url));
    }
    return next(url, context);
  },
});
process.on('exit', tell);

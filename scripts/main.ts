import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** True in the module that was started, by `node file.js` or by bootstrap.mjs; false where it is imported. */
export function isMain(moduleUrl: string): boolean {
  const started = process.argv[1];
  if (started === undefined) return false;
  try {
    return realpathSync(started) === realpathSync(fileURLToPath(moduleUrl));
  } catch {
    return false;
  }
}

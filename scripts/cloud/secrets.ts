/** Values of secrets, at the moment when they are put into Secret Manager: made here, read from a file, or typed in. */
import { randomBytes } from 'node:crypto';
import type { Options } from './options.ts';
import type { Secrets } from './run.ts';
import { Stop, type World } from './world.ts';

const made = (): string => randomBytes(32).toString('hex');
/** As the node accepts it (scripts/config.ts); shorter ones can be guessed. */
const tokenPattern = /^[\x21-\x7e]{16,512}$/;

function checked(token: string, from: string): string {
  if (tokenPattern.test(token)) return token;
  throw new Stop(`${from} is not accepted: 16 to 512 printable characters, no spaces`);
}

export const secretsOf = (world: World, { access }: Options): Secrets => {
  return async (which) => {
    if (which === 'cluster') return made();
    if (access.tokenFile !== null) return checked(tokenIn(world, access.tokenFile), `the token in ${access.tokenFile}`);
    const typed = await world.ask('API token for all clients (nothing = one is made):', true);
    return typed ? checked(typed, 'this token') : made();
  };
};

/** Before anything is made. */
export function tokenIn(world: World, path: string): string {
  try {
    return checked(world.read(path).trim(), `the token in ${path}`);
  } catch (error) {
    if (error instanceof Stop) throw error;
    throw new Stop(`--api-token-file: ${error instanceof Error ? error.message : String(error)}`);
  }
}

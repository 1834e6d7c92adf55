/** Whether this page may ask at all: where every call needs the API token, a person shows it once (http/access.ts). */
import { signal } from '@preact/signals';
import { isObject } from './json.ts';

/** True while the node wants the token before it shows anything. */
export const isShut = signal(false);

/** How often the token was right: an answer to what was asked before is not about now. */
let opened = 0;

/** A WebSocket that was refused does not say why; this does. No answer says nothing. */
export async function lookForLock(): Promise<void> {
  const before = opened;
  try {
    const said: unknown = await (await fetch('/session')).json();
    if (before === opened && isObject(said)) isShut.value = said.token_for === 'all' && said.signed_in === false;
  } catch {
    // The node is away: the header says so.
  }
}

/** The token goes out once; a cookie that no script can read stands for it then. */
export async function showToken(token: string): Promise<'in' | 'wrong' | 'silent'> {
  try {
    const { ok } = await fetch('/session', { method: 'POST', headers: { authorization: `Bearer ${token}` } });
    if (ok) {
      opened++;
      isShut.value = false;
    }
    return ok ? 'in' : 'wrong';
  } catch {
    return 'silent';
  }
}

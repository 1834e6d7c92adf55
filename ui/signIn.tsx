/** Asks for the API token, in place of every page, where the node shows nothing without it. */
import { useSignal } from '@preact/signals';
import { showToken } from './access.ts';
import { feed } from './live.ts';
import { words } from './preferences.ts';

export function SignIn() {
  const w = words.value;
  const token = useSignal('');
  const trouble = useSignal<'wrong' | 'silent' | null>(null);
  const enter = async (): Promise<void> => {
    const outcome = await showToken(token.value);
    token.value = '';
    trouble.value = outcome === 'in' ? null : outcome;
    if (outcome === 'in') feed.retryNow();
  };
  return (
    <section class="panel" aria-labelledby="sign-in">
      <div class="panel-head">
        <h3 id="sign-in">{w.signIn}</h3>
      </div>
      <form
        class="send"
        onSubmit={(event) => {
          event.preventDefault();
          void enter();
        }}
      >
        <label for="api-token">{w.token}</label>
        <input
          id="api-token"
          type="password"
          autocomplete="current-password"
          aria-describedby="sign-in-hint"
          value={token.value}
          onInput={({ currentTarget }) => {
            token.value = currentTarget.value;
          }}
        />
        <p id="sign-in-hint" class="faint">
          {w.signInHint}
        </p>
        <div class="actions">
          <button type="submit" class="primary" disabled={token.value === ''}>
            {w.signIn}
          </button>
        </div>
        <div role="status">
          {trouble.value !== null && <p class="bad">⚠ {trouble.value === 'wrong' ? w.tokenWrong : w.nodeSilent}</p>}
        </div>
      </form>
    </section>
  );
}

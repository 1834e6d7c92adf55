/**
 * Sends a message as any client does: POST / of the node that this page came from.
 *
 * Each try has an Idempotency-Key, and a text that failed keeps its key: sent again it gets into the log once.
 */
import { signal, useSignal } from '@preact/signals';
import { isLive, state } from '../live.ts';
import { format, words } from '../preferences.ts';
import { curlOf, outcomeOf, type Sent, type Unsent } from './send.ts';

const historyMost = 10;

interface Past {
  readonly text: string;
  readonly sent: Sent;
}
interface Draft {
  readonly text: string;
  readonly key: string;
}
const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** They outlive a look at another page. */
const text = signal('');
const token = signal('');
const history = signal<readonly Past[]>([]);
const outcome = signal<Sent | Unsent | 'sending' | 'silent' | null>(null);
let draft: Draft = { text: '', key: newKey() };

async function send(): Promise<void> {
  const message = text.value;
  if (message === '' || outcome.value === 'sending') return;
  if (draft.text !== message) draft = { text: message, key: newKey() };
  outcome.value = 'sending';
  try {
    const response = await fetch('/', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': draft.key,
        ...(token.value !== '' && { authorization: `Bearer ${token.value}` }),
      },
      body: JSON.stringify({ message }),
    });
    const result = outcomeOf(response.status, await response.text());
    outcome.value = result;
    if (result.kind !== 'committed') return;
    history.value = [{ text: message, sent: result }, ...history.value].slice(0, historyMost);
    draft = { text: '', key: newKey() };
    if (text.value === message) text.value = ''; // Unless somebody writes the next one already.
  } catch {
    outcome.value = 'silent';
  }
}

function Outcome() {
  const w = words.value;
  const f = format.value;
  const now = outcome.value;
  if (now === null) return null;
  if (now === 'sending') return <p class="faint">{w.sending}</p>;
  if (now === 'silent') {
    return (
      <p class="bad">
        ⚠ {w.sendFailed}. {w.noAnswer}
      </p>
    );
  }
  if (now.kind === 'committed') return <p class="good">✓ {w.sentAs(f.count(now.id), f.count(now.lamport))}</p>;
  return (
    <p class="bad">
      ⚠ {w.sendFailed}: {now.error} {now.code !== null && <code>{now.code}</code>} {now.mayBeIn && w.outcomeUnknown}{' '}
      {now.hint !== null && (
        <span class="faint" lang="en">
          {now.hint}
        </span>
      )}
    </p>
  );
}

function CopyCurl() {
  const w = words.value;
  const copied = useSignal<'no' | 'yes' | 'refused'>('no');
  const command = curlOf(location.origin, text.value, state.hello.value?.needsToken ?? false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(command);
      copied.value = 'yes';
    } catch {
      copied.value = 'refused';
    }
    setTimeout(() => {
      if (copied.value === 'yes') copied.value = 'no';
    }, 2000);
  };
  return (
    <>
      <button type="button" disabled={text.value === ''} onClick={copy}>
        {copied.value === 'yes' ? `✓ ${w.copied}` : w.copyCurl}
      </button>
      {copied.value === 'refused' && (
        <p class="wide">
          {w.copyFailed} <code>{command}</code>
        </p>
      )}
    </>
  );
}

function History() {
  const w = words.value;
  const f = format.value;
  if (history.value.length === 0) return null;
  return (
    <details class="history">
      <summary>
        {w.sentBefore} ({history.value.length})
      </summary>
      <ol>
        {history.value.map((past) => (
          <li key={past.sent.id}>
            <button
              type="button"
              title={w.sendAgain}
              onClick={() => {
                text.value = past.text;
                document.getElementById('message')?.focus();
              }}
            >
              ↑<span class="unseen">{w.sendAgain}</span>
            </button>
            <span class="past" dir="auto">
              {past.text.slice(0, 80)}
            </span>
            <span class="faint">
              {w.id} {f.count(past.sent.id)}, L {f.count(past.sent.lamport)}
            </span>
          </li>
        ))}
      </ol>
    </details>
  );
}

export function SendBox() {
  const w = words.value;
  const hello = state.hello.value;
  const needsToken = hello?.needsToken === true && hello.signedIn !== true;
  const canSend = isLive.value;
  return (
    <section class="panel" aria-labelledby="send">
      <div class="panel-head">
        <h3 id="send">{w.send}</h3>
      </div>
      <form
        class="send"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <label for="message">{w.message}</label>
        <textarea
          id="message"
          rows={2}
          value={text.value}
          onInput={({ currentTarget }) => {
            text.value = currentTarget.value;
          }}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            if (canSend) void send();
          }}
        />
        {needsToken && (
          <>
            <label for="token">{w.token}</label>
            <input
              id="token"
              type="password"
              autocomplete="off"
              aria-describedby="token-hint"
              value={token.value}
              onInput={({ currentTarget }) => {
                token.value = currentTarget.value;
              }}
            />
            <p id="token-hint" class="faint">
              {w.tokenHint}
            </p>
          </>
        )}
        <div class="actions">
          <button type="submit" class="primary" disabled={!canSend || text.value === '' || outcome.value === 'sending'}>
            {w.sendIt}
          </button>
          <CopyCurl />
        </div>
        {!canSend && state.hello.value !== null && <p class="warn">{w.notConnected}</p>}
        <div role="status">
          <Outcome />
        </div>
      </form>
      <History />
    </section>
  );
}

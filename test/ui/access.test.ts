/** What a page knows of whether it is shut out, whatever order answers come in. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isShut, lookForLock, showToken } from '../../ui/access.ts';

const Access = suite('access of a page');

/** A node that answers when the test says so, oldest question first. */
async function withNode(body: (answers: (() => void)[]) => Promise<void>): Promise<void> {
  const { fetch } = globalThis;
  const answers: (() => void)[] = [];
  let isSignedIn = false;
  globalThis.fetch = (_url, { method } = {}) =>
    new Promise((resolve) => {
      if (method === 'POST') isSignedIn = true;
      const answer = Response.json({ token_for: 'all', signed_in: isSignedIn });
      answers.push(() => resolve(answer));
    });
  try {
    await body(answers);
  } finally {
    globalThis.fetch = fetch;
  }
}

Access('is shut while the node wants a token, and open when it was shown', () =>
  withNode(async (answers) => {
    const looking = lookForLock();
    answers.shift()?.();
    await looking;
    assert.is(isShut.value, true);
    const showing = showToken('right');
    answers.shift()?.();
    assert.is(await showing, 'in');
    assert.is(isShut.value, false);
  }),
);

Access('stays open when an answer from before the token was shown comes late', () =>
  withNode(async (answers) => {
    const looking = lookForLock();
    const showing = showToken('right');
    answers.pop()?.();
    assert.is(await showing, 'in');
    answers.pop()?.();
    await looking;
    assert.is(isShut.value, false);
  }),
);

Access.run();

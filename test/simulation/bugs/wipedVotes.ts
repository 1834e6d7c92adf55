/**
 * A voter whose disk was wiped joins again under its old name (R25, R-D4). It has forgotten its promises and its log, and
 * makes a majority with a node that never had what was committed.
 */

import { send } from '../../../actors/clock.ts';
import * as real from '../../../actors/formation.ts';
import { tellLink } from '../../../actors/system.ts';

export * from '../../../actors/formation.ts';

export const formation = real.formation.provide({
  guards: { isForMe: ({ event }) => event.type === 'proposal.received' },
  actions: {
    /** As the real one, but for the incarnation: whatever disk comes is the one that the roster names. */
    answerGreeting: ({ context, self, system }, { peer, connection, frame: hello }) => {
      const { clusterId, identity } = context;
      const roster = context.roster && new Map([...context.roster]).set(peer, hello.incarnation);
      const judgement = real.judge({ clusterId, roster, membership: identity.membership }, hello);
      if (hello.clusterId === null && clusterId !== null && roster !== null)
        send({ self, system }, peer, { kind: 'proposal', clusterId, roster });
      if (judgement.kind === 'accept')
        tellLink({ self, system }, peer, { type: 'hello.accepted', key: connection, hello });
    },
  },
});

/**
 * A leader keeps what a closed connection brought and nobody appended (R24). Greeted anew with "nothing came after n", the
 * origin sends it again, and both copies are appended.
 */
import * as real from '../../../actors/pipeline/submissions.ts';

export * from '../../../actors/pipeline/submissions.ts';

export class Submissions extends real.Submissions {
  override dropFrom(): void {}
}

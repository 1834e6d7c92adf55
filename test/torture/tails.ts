/**
 * Clients that follow the log by server-sent events, and go on at another node where they stopped.
 *
 * T1. An event counts when it came whole. What a broken connection cut off is asked for again, by `Last-Event-ID`.
 */
import { request } from 'node:http';
import type { ShownMessage } from '../history/history.ts';
import type { SeededDice } from '../support/dice.ts';
import { now } from '../support/loadClient.ts';
import { pause } from '../support/realCluster.ts';
import type { Crowd } from './clients.ts';

export class TailClient {
  readonly #number: number;
  readonly #crowd: Crowd;
  readonly #dice: SeededDice;
  /** The newest that was shown here. */
  #lastId = 0;
  #failed = false;

  constructor(number: number, crowd: Crowd, dice: SeededDice) {
    this.#number = number;
    this.#crowd = crowd;
    this.#dice = dice;
    crowd.tokens[number] = 0;
  }

  async run(): Promise<void> {
    while (!this.#crowd.stopping) {
      await this.#follow(this.#dice.between(300, 5_000));
      await pause(this.#dice.between(0, this.#failed ? 400 : 50));
    }
  }

  #follow(forMs: number): Promise<void> {
    const { targets, recorder, tokens } = this.#crowd;
    const { id: node, port } = this.#dice.pick(targets);
    const afterId = this.#lastId;
    const own = tokens[this.#number] ?? 0;
    const token = own > 0 && this.#dice.chance(0.5) ? own : undefined;
    // Both ways of saying where to begin.
    const resumes = afterId > 0 && this.#dice.chance(0.7);
    const shown: ShownMessage[] = [];
    const beganAt = now();
    return new Promise((resolve) => {
      let tokenAfter: number | undefined;
      let status = 0;
      let failure = '';
      const asked = request({
        host: '127.0.0.1',
        port,
        path: `/messages?timeout=1000${resumes ? '' : `&after=${afterId}`}`,
        agent: false,
        headers: {
          Accept: 'text/event-stream',
          ...(resumes && { 'Last-Event-ID': `${afterId}` }),
          ...(token !== undefined && { 'Lamport-Time': `${token}` }),
        },
      });
      const timer = setTimeout(() => asked.destroy(), forMs);
      asked.on('response', (response) => {
        status = response.statusCode ?? 0;
        const header = response.headers['lamport-time'];
        if (typeof header === 'string') tokenAfter = Number(header);
        let rest = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          const events = (rest + text).split('\n\n');
          rest = events.pop() ?? '';
          if (status !== 200) return;
          for (const event of events) this.#take(event, shown);
        });
        response.on('error', () => {});
      });
      asked.on('error', (error: NodeJS.ErrnoException) => {
        failure = error.code ?? error.message;
      });
      asked.on('close', () => {
        clearTimeout(timer);
        this.#failed = status !== 200;
        const outcome = status === 200 ? 'acknowledged' : status > 0 ? 'refused' : 'unknown';
        recorder.call('tail', node, beganAt, failure === 'ECONNREFUSED' ? 'unsent' : outcome, failure || `${status}`);
        if (status !== 0 && status !== 200 && status !== 503) {
          recorder.complain(`node ${node} answered a tail with ${status}`);
        }
        if (status === 200) {
          recorder.event({
            kind: 'tail',
            client: this.#number,
            node,
            beganAt,
            endedAt: now(),
            afterId,
            shown,
            ...(token !== undefined && { token }),
            ...(tokenAfter !== undefined && { tokenAfter }),
          });
          const newest = shown.at(-1);
          this.#lastId = newest?.id ?? afterId;
          tokens[this.#number] = Math.max(own, tokenAfter ?? 0, newest?.lamport ?? 0);
        }
        resolve();
      });
      asked.end();
    });
  }

  #take(event: string, shown: ShownMessage[]): void {
    const lines = event.split('\n');
    const data = lines.find((line) => line.startsWith('data: '))?.slice(6);
    if (data === undefined) return; // A heartbeat, or how long to wait before a reconnect.
    const message = this.#crowd.recorder.message(JSON.parse(data));
    const id = lines.find((line) => line.startsWith('id: '))?.slice(4);
    if (id !== `${message.id}`) this.#crowd.recorder.complain(`an event has id ${id} and message ${message.id}`);
    shown.push(message);
  }
}

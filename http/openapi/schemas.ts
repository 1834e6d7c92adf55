/** What bodies and answers are made of. An answer may get more members in later versions; none of these will go. */
import type { NodeStatus, Role } from '../../actors/facade.ts';
import { maxMessagesInWrite } from '../../actors/protocol/batch.ts';
import { type ErrorCode, errors } from '../errors.ts';
import type { Relation } from '../reads.ts';
import { maxMessageBytes } from '../requests.ts';
import { ref, type Schema } from './vocabulary.ts';

type Properties = Readonly<Record<string, Schema>>;

/** All of `required` are always there. */
const object = (description: string, required: Properties, optional: Properties = {}): Schema => ({
  type: 'object',
  description,
  properties: { ...required, ...optional },
  required: Object.keys(required),
});

const id: Schema = { type: 'integer', minimum: 1, description: 'Place in the one order: 1, 2, 3 … without gaps.' };
const lamport: Schema = { type: 'integer', minimum: 1, description: 'Lamport time; rises along the log.' };
const nodeId: Schema = { type: 'integer', minimum: 1, maximum: 65_535 };
const origin: Schema = { ...nodeId, description: 'The node that took the message from its client.' };
const leaderId: Schema = { ...nodeId, type: ['integer', 'null'], description: 'The leader this node knows.' };
const seen: Schema = {
  type: 'integer',
  minimum: 0,
  description: 'The newest id that node had committed when it took the message.',
};
const seconds: Schema = { type: 'number', description: "That node's wall clock, in seconds; for debugging only." };
const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description });
const amount = (description: string): Schema => ({ type: 'number', minimum: 0, description });
const uptime = amount('Seconds since the process began.');

/** A record makes the list whole: a value that is forgotten here does not compile. */
const valuesOf = <Name extends string>(record: Readonly<Record<Name, true>>): readonly Name[] =>
  Object.keys(record) as Name[];
const relations = valuesOf<Relation>({ before: true, after: true, concurrent: true, same: true });
const roles = valuesOf<Role>({
  starting: true,
  follower: true,
  probing: true,
  candidate: true,
  adopting: true,
  establishing: true,
  leading: true,
  draining: true,
});
const troubles = valuesOf<NonNullable<NodeStatus['identityTrouble']>>({
  IDENTITY_LOST: true,
  CONFIG_MISMATCH: true,
  DAMAGED: true,
});
const errorCodes = Object.keys(errors) as ErrorCode[];

const healthMembers = {
  node_id: nodeId,
  leader_id: leaderId,
  is_leader: { type: 'boolean' },
  lamport_time: { type: 'integer', minimum: 0 },
  uptime,
} as const satisfies Properties;

const errorMembers: Properties = {
  error: { type: 'string', description: 'In words.' },
  code: { type: 'string', enum: errorCodes, description: 'Stable; for programs.' },
  outcome: {
    type: 'string',
    enum: ['not_done', 'unknown'],
    description: '`not_done` is certain and safe to repeat; `unknown`: it may be in the log, or may yet get there.',
  },
  hint: { type: 'string', description: 'What to do about it.' },
};
const errorExtras: Properties = {
  detail: { type: 'string', description: 'What is known of this very case.' },
  retry_after_ms: count('After how many milliseconds a retry, which is safe, makes sense.'),
  line: count('The line of an NDJSON body with the fault, from 1.'),
  element: count('The element of a JSON array with the fault, from 0.'),
  position: count('The place of the fault in the JSON text, from 0.'),
};

const wrongSecret: Schema = {
  type: 'array',
  minItems: 1,
  items: { type: 'integer', minimum: 1, maximum: 65_535 },
  description:
    'Only while it is so: peers that are not connected and whose `CLUSTER_SECRET` is another one; some may only say to be that peer.',
};

export const schemas = {
  MessageText: {
    type: 'string',
    maxLength: maxMessageBytes,
    description: `A message: at most ${maxMessageBytes / 1024 / 1024} MiB as UTF-8.`,
  },
  NewMessage: {
    description: 'One message: `"text"` or `{"message": "text"}`.',
    oneOf: [ref('MessageText'), { type: 'object', properties: { message: ref('MessageText') }, required: ['message'] }],
  },
  NewMessages: {
    type: 'array',
    items: ref('NewMessage'),
    minItems: 1,
    maxItems: maxMessagesInWrite,
    description: 'Messages of one write: side by side in the log, all or none.',
  },
  Message: object('A committed message.', {
    id,
    content: ref('MessageText'),
    lamport_timestamp: lamport,
    node_id: origin,
    physical_timestamp: seconds,
    seen,
  }),
  Appended: object('A message that a majority has on disk.', {
    id,
    lamport_timestamp: lamport,
    node_id: origin,
    seen,
    physical_timestamp: seconds,
  }),
  AppendedBatch: object('Messages that a majority has on disk.', {
    count: { ...count('How many.'), minimum: 1 },
    first_id: id,
    messages: {
      type: 'array',
      minItems: 1,
      items: { type: 'object', properties: { id, lamport_timestamp: lamport }, required: ['id', 'lamport_timestamp'] },
    },
    node_id: origin,
    seen,
    physical_timestamp: seconds,
  }),
  StreamLine: object('Answers all frames of a stream after the line before, up to frame `n`.', {
    n: { type: 'integer', minimum: 1, description: 'Number of a frame.' },
    first_id: { ...id, description: 'Id of the first of their messages; the others follow on it.' },
    count: { ...count('How many messages they were.'), minimum: 1 },
    lamport_timestamp: { ...lamport, description: 'Lamport time of the first; the others follow on it.' },
  }),
  StreamFailure: object(
    'The last line of a stream that failed: an error, for frame `n` and all behind it.',
    { n: { type: 'integer', minimum: 1, description: 'The first frame without an answer.' }, ...errorMembers },
    errorExtras,
  ),
  Relation: object('How a stands to b.', {
    relation: { type: 'string', enum: relations, description: '`before`: a could have caused b.' },
  }),
  Healthy: object(
    'This node serves and knows a leader.',
    { status: { const: 'healthy' }, ...healthMembers },
    {
      disk_full: { const: true, description: 'Only while writes are refused because the disk is full.' },
      wrong_secret: wrongSecret,
    },
  ),
  Unhealthy: object(
    'Why this node is not healthy.',
    {
      status: { const: 'unhealthy' },
      reason: { type: 'string', enum: ['no_leader', 'no_id'] },
      role: { type: 'string', enum: roles, description: 'The part this node plays.' },
      ...healthMembers,
    },
    {
      trouble: { type: 'string', enum: troubles, description: 'Why it cannot vote.' },
      wrong_secret: wrongSecret,
      hint: { type: 'string', description: 'What to do about it.' },
    },
  ),
  Live: object('Committed messages can be read here.', { status: { const: 'live' }, node_id: nodeId }),
  NotLive: object('This node still reads its log.', {
    status: { const: 'unhealthy' },
    reason: { const: 'starting' },
    node_id: nodeId,
  }),
  LeaderId: { type: ['integer', 'null'], minimum: 1, maximum: 65_535, description: 'Id of the leader, or null.' },
  LamportTime: object("The node's Lamport clock.", { time: { type: 'integer', minimum: 0 } }),
  Metrics: object('Counted since the process began, or since the last reset.', {
    uptime_seconds: uptime,
    messages_sent: count('Committed messages that this node took from clients.'),
    messages_received: count('Committed messages that other nodes took.'),
    causality_violations: count('Messages stored against the order; stays 0.'),
    leader_elections: count('Elections that this node saw.'),
    avg_latency_ms: amount("From a batch's sending to a peer's acknowledgement, over the last minute; at a leader."),
    p95_latency_ms: amount('The same: 95 of 100 were quicker.'),
    throughput_msg_per_sec: amount('Over the last 10 seconds.'),
    latency_measurements: {
      type: 'array',
      items: {
        type: 'object',
        properties: { source: nodeId, target: nodeId, ms: amount('Milliseconds.') },
        required: ['source', 'target', 'ms'],
      },
    },
  }),
  Error: object('Why a call was not served.', errorMembers, errorExtras),
} as const satisfies Readonly<Record<string, Schema>>;

export type SchemaName = keyof typeof schemas;
/** A misspelt name does not compile. */
export const schema = (name: SchemaName): Schema => ref(name);

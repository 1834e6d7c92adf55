/** What this log is measured against. */
import type { System } from '../systems.ts';
import { etcd } from './etcd.ts';
import { nats } from './nats.ts';
import { redis } from './redis.ts';

export const peers: readonly System[] = [etcd, nats, redis];

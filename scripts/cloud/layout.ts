/**
 * Where everything is and what it is called: from the zones to the nodes, their addresses, disks and groups. Pure.
 *
 * L1. Names, ids and addresses follow from a node's place in the list of zones alone: the same list gives the same cluster.
 */
export const zonesByDefault: readonly string[] = ['us-central1-a', 'europe-west1-b', 'asia-east1-a'];
const firstId = 8001;

export const ports = { front: 80, frontTls: 443, node: 8080, peers: 9000 } as const;
export const folders = {
  settings: '/etc/distributed-log',
  secrets: '/run/distributed-log',
  data: '/mnt/disks/data',
} as const;

/** All of them in one project; a second cluster needs a project of its own. */
export const names = {
  app: 'distributed-log',
  network: 'distributed-log',
  account: 'distributed-log',
  clusterSecret: 'distributed-log-cluster-secret',
  apiToken: 'distributed-log-api-token',
  address: 'distributed-log',
  allowChecks: 'distributed-log-allow-balancer',
  allowPeers: 'distributed-log-allow-peers',
  allowIap: 'distributed-log-allow-iap',
  healthCheck: 'distributed-log-live',
  policy: 'distributed-log-known-addresses',
  backend: 'distributed-log',
  urlMap: 'distributed-log',
  redirect: 'distributed-log-redirect',
  certificate: 'distributed-log',
  proxy: 'distributed-log-http',
  proxyTls: 'distributed-log-https',
  rule: 'distributed-log-http',
  ruleTls: 'distributed-log-https',
} as const;
/** What the VMs are called by firewall rules. */
export const tag = 'distributed-log';
export const tags: readonly string[] = [tag, 'http-server'];
/** Every address of every subnet is in it. */
export const range = '10.80.0.0/16';

export interface Place {
  readonly id: number;
  readonly name: string;
  readonly zone: string;
  readonly region: string;
  readonly subnet: string;
  readonly subnetRange: string;
  readonly ip: string;
  readonly address: string;
  readonly disk: string;
  readonly group: string;
}

export const regionOf = (zone: string): string => zone.replace(/-[a-z]$/, '');

/** Every region has a zone b; us-central1 and asia-east1 have an a too, which others do not. */
export const zoneIn = (region: string): string =>
  zonesByDefault.find((zone) => regionOf(zone) === region) ?? `${region}-b`;

/** L1. */
export const placesOf = (zones: readonly string[]): readonly Place[] =>
  zones.map((zone, i) => {
    const name = `log-node-${i + 1}`;
    return {
      id: firstId + i,
      name,
      zone,
      region: regionOf(zone),
      subnet: `distributed-log-${i + 1}`,
      subnetRange: `10.80.${i + 1}.0/24`,
      ip: `10.80.${i + 1}.10`,
      address: `${name}-internal`,
      disk: `${name}-data`,
      group: `log-group-${i + 1}`,
    };
  });

export const accountOf = (project: string): string => `${names.account}@${project}.iam.gserviceaccount.com`;

/** Of a machine with little memory the container gets what the system leaves, and the heap a part of that. */
export function memoryOf(machineType: string): { readonly limit: string; readonly heapMb: number | null } {
  if (/^(e2|f1)-micro$/.test(machineType)) return { limit: '700m', heapMb: 384 };
  if (/^(e2|g1)-small$/.test(machineType)) return { limit: '1500m', heapMb: 1024 };
  return { limit: '', heapMb: null };
}

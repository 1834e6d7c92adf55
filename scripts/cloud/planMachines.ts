/** Steps for disks, network and VMs. Pure. */
import { balancerRanges, iapRange } from './cloudInit.ts';
import { accountOf, names, type Place, ports, tag, tags } from './layout.ts';
import { gcloudOf } from './planProject.ts';
import { asArray, asObject, type Expectation, lastPart, type Step } from './step.ts';

const of = (name: string) => (found: unknown) => asObject(found)[name];
const lastOf = (name: string) => (found: unknown) => lastPart(asObject(found)[name]);

export interface Machines {
  readonly project: string;
  readonly places: readonly Place[];
  readonly machineType: string;
  readonly diskGb: number;
  readonly diskType: string;
  /** By digest. */
  readonly image: string;
  /** Path and content of each VM's cloud-init. */
  readonly userData: (place: Place) => { readonly path: string; readonly content: string };
}

/** They outlive VMs, and are made first and removed last: where they are says where the nodes belong. */
export function diskSteps({ project, places, diskGb, diskType }: Machines): readonly Step[] {
  const { ask, run } = gcloudOf(project);
  return places.map(({ disk, zone, id }) => ({
    title: `data disk ${disk} in ${zone}`,
    look: {
      argv: ask('compute', 'disks', 'describe', disk, `--zone=${zone}`),
      expects: [
        {
          what: 'size in GB, at least',
          wanted: true,
          of: (found) => Number(asObject(found).sizeGb) >= diskGb,
          fix: run('compute', 'disks', 'resize', disk, `--zone=${zone}`, `--size=${diskGb}GB`),
        },
      ],
    },
    make: [
      run(
        'compute',
        'disks',
        'create',
        disk,
        `--zone=${zone}`,
        `--type=${diskType}`,
        `--size=${diskGb}GB`,
        `--labels=app=${names.app},node-id=${id}`,
      ),
    ],
    remove: [run('compute', 'disks', 'delete', disk, `--zone=${zone}`)],
    keep: 'data',
  }));
}

export function networkSteps({ project, places }: Machines): readonly Step[] {
  const { ask, run } = gcloudOf(project);
  const network = `--network=${names.network}`;
  const firewall = (name: string, title: string, allowed: string, from: readonly string[], fromTags = false): Step => {
    const sources = fromTags ? `--source-tags=${from.join(',')}` : `--source-ranges=${from.join(',')}`;
    return {
      title: `firewall: ${title}`,
      look: {
        argv: ask('compute', 'firewall-rules', 'describe', name),
        expects: [
          {
            what: 'what it lets in',
            wanted: { ports: ruleText(allowed).split(','), from },
            of: (found) => {
              const { allowed: rules, sourceRanges, sourceTags } = asObject(found);
              return { ports: rulesOf(rules), from: fromTags ? sourceTags : sourceRanges };
            },
            fix: run('compute', 'firewall-rules', 'update', name, `--rules=${ruleText(allowed)}`, sources),
          },
        ],
      },
      make: [
        run(
          'compute',
          'firewall-rules',
          'create',
          name,
          network,
          '--direction=INGRESS',
          '--action=ALLOW',
          `--rules=${ruleText(allowed)}`,
          sources,
          `--target-tags=${tag}`,
        ),
      ],
      remove: [run('compute', 'firewall-rules', 'delete', name)],
    };
  };
  return [
    {
      title: `network ${names.network}`,
      look: { argv: ask('compute', 'networks', 'describe', names.network) },
      make: [
        run(
          'compute',
          'networks',
          'create',
          names.network,
          '--subnet-mode=custom',
          '--bgp-routing-mode=regional',
          '--mtu=1460',
        ),
      ],
      remove: [run('compute', 'networks', 'delete', names.network)],
    },
    ...places.map(
      ({ subnet, subnetRange, region }): Step => ({
        title: `subnet ${subnet} in ${region}`,
        look: {
          argv: ask('compute', 'networks', 'subnets', 'describe', subnet, `--region=${region}`),
          expects: [{ what: 'range', wanted: subnetRange, of: of('ipCidrRange') }],
        },
        make: [
          run(
            'compute',
            'networks',
            'subnets',
            'create',
            subnet,
            network,
            `--region=${region}`,
            `--range=${subnetRange}`,
            // To Google's APIs and registry without an address on the internet.
            '--enable-private-ip-google-access',
          ),
        ],
        remove: [run('compute', 'networks', 'subnets', 'delete', subnet, `--region=${region}`)],
      }),
    ),
    ...places.map(
      ({ address, subnet, ip, region }): Step => ({
        title: `internal address ${ip} in ${region}`,
        look: {
          argv: ask('compute', 'addresses', 'describe', address, `--region=${region}`),
          expects: [{ what: 'address', wanted: ip, of: of('address') }],
        },
        make: [
          run(
            'compute',
            'addresses',
            'create',
            address,
            `--region=${region}`,
            `--subnet=${subnet}`,
            `--addresses=${ip}`,
          ),
        ],
        remove: [run('compute', 'addresses', 'delete', address, `--region=${region}`)],
      }),
    ),
    firewall(names.allowChecks, 'load balancer and its health checks', `tcp:${ports.node}`, balancerRanges),
    firewall(names.allowPeers, 'the nodes among themselves', `tcp:${ports.peers}`, [tag], true),
    firewall(names.allowIap, 'ssh and tunnels through IAP', `tcp:22,${ports.node}`, [iapRange]),
  ];
}

/** `tcp:22,8080` -> `tcp:22,tcp:8080` */
const ruleText = (allowed: string): string => {
  const [protocol = '', list = ''] = allowed.split(':');
  return list
    .split(',')
    .map((port) => `${protocol}:${port}`)
    .join(',');
};

/** Back again, however Google has joined them. */
const rulesOf = (rules: unknown): readonly string[] =>
  asArray(rules).flatMap(({ IPProtocol, ports: list }) =>
    Array.isArray(list) ? list.map((port) => `${IPProtocol}:${port}`) : [`${IPProtocol}`],
  );

const whenRestarted = 'takes effect when the node starts again: npm run cloud -- update';

const metadataOf = (name: string) => (found: unknown) =>
  asArray(asObject(asObject(found).metadata).items).find(({ key }) => key === name)?.value;

export function machineSteps(machines: Machines): readonly Step[] {
  const { project, places, machineType, image, userData } = machines;
  const { ask, run } = gcloudOf(project);
  return places.map((place): Step => {
    const { name, zone, subnet, ip, disk, id } = place;
    const at = `--zone=${zone}`;
    const { path, content } = userData(place);
    const setting = (what: string, key: string, wanted: string, flag: string): Expectation => ({
      what,
      wanted,
      of: metadataOf(key),
      fix: run('compute', 'instances', 'add-metadata', name, at, flag),
      note: whenRestarted,
    });
    return {
      title: `VM ${name} in ${zone}`,
      look: {
        argv: ask('compute', 'instances', 'describe', name, at),
        expects: [
          { what: 'machine type', wanted: machineType, of: lastOf('machineType') },
          {
            what: 'internal address',
            wanted: ip,
            of: (found) => asArray(asObject(found).networkInterfaces)[0]?.networkIP,
          },
          setting('settings', 'user-data', content, `--metadata-from-file=user-data=${path}`),
          setting('image', 'distributed-log-image', image, `--metadata=distributed-log-image=${image}`),
          {
            what: 'state',
            wanted: 'RUNNING',
            of: of('status'),
            fix: run('compute', 'instances', 'start', name, at),
          },
        ],
      },
      make: [
        {
          ...run(
            ...['compute', 'instances', 'create', name, at, `--machine-type=${machineType}`],
            '--image-family=cos-129-lts',
            '--image-project=cos-cloud',
            '--boot-disk-size=10GB',
            '--boot-disk-type=pd-standard',
            `--disk=name=${disk},device-name=data,mode=rw,boot=no,auto-delete=no`,
            `--network-interface=subnet=${subnet},private-network-ip=${ip},no-address`,
            `--tags=${tags.join(',')}`,
            `--service-account=${accountOf(project)}`,
            '--scopes=cloud-platform',
            `--metadata=distributed-log-image=${image},google-logging-enabled=true,google-monitoring-enabled=true,enable-oslogin=TRUE,block-project-ssh-keys=TRUE`,
            `--metadata-from-file=user-data=${path}`,
            '--shielded-secure-boot',
            '--shielded-vtpm',
            '--shielded-integrity-monitoring',
            `--labels=app=${names.app},node-id=${id}`,
          ),
          // Those it was just given take a moment to be known everywhere.
          retryOn: /service ?account.*(?:does not exist|was not found)|resourceNotReady|is not ready/i,
        },
      ],
      remove: [run('compute', 'instances', 'delete', name, at)],
    };
  });
}

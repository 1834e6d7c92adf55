/**
 * Steps for the one address in front: the global load balancer, who may come through it, and HTTPS. Pure.
 *
 * B1. Nobody comes through before it is decided who may: the rule for port 80 or 443 is made last, and removed first.
 */
import { names, type Place, ports } from './layout.ts';
import { policyStep } from './planPolicy.ts';
import { gcloudOf } from './planProject.ts';
import { asArray, asObject, isAsWanted, lastPart, type Step } from './step.ts';

export interface Balancer {
  readonly project: string;
  readonly places: readonly Place[];
  readonly cidrs: readonly string[];
  readonly domain: string | null;
  readonly files: { readonly policy: string; readonly redirect: string };
}

const lastOf = (name: string) => (found: unknown) => lastPart(asObject(found)[name]) ?? null;

/** Of the whole request or stream. Longer ones end at Google's own pleasure; clients of streams take up again where they were. */
const timeoutSeconds = 3600;
export const redirectFile = `${JSON.stringify(
  {
    name: names.redirect,
    defaultUrlRedirect: { httpsRedirect: true, redirectResponseCode: 'PERMANENT_REDIRECT' },
  },
  null,
  2,
)}\n`;

function groupSteps({ project, places }: Balancer): readonly Step[] {
  const { ask, run } = gcloudOf(project);
  const port = `http:${ports.node}`;
  return places.flatMap(({ group, zone, name }): readonly Step[] => {
    const at = `--zone=${zone}`;
    const title = `instance group ${group} in ${zone}`;
    return [
      {
        title,
        look: { argv: ask('compute', 'instance-groups', 'describe', group, at) },
        make: [run('compute', 'instance-groups', 'unmanaged', 'create', group, at)],
        remove: [run('compute', 'instance-groups', 'unmanaged', 'delete', group, at)],
      },
      {
        title: `${name} in ${group}`,
        look: {
          argv: ask('compute', 'instance-groups', 'unmanaged', 'list-instances', group, at),
          isThere: (found) => asArray(found).some(({ instance }) => lastPart(instance) === name),
        },
        make: [run('compute', 'instance-groups', 'unmanaged', 'add-instances', group, at, `--instances=${name}`)],
        goesWith: title,
      },
      {
        title: `port of ${group}`,
        look: {
          argv: ask('compute', 'instance-groups', 'unmanaged', 'get-named-ports', group, at),
          isThere: (found) => isAsWanted(asArray(found), [{ name: 'http', port: ports.node }]),
        },
        make: [run('compute', 'instance-groups', 'set-named-ports', group, at, `--named-ports=${port}`)],
        goesWith: title,
      },
    ];
  });
}

function backendSteps(balancer: Balancer): readonly Step[] {
  const { project, places, cidrs } = balancer;
  const { ask, run } = gcloudOf(project);
  const title = `backend service ${names.backend}`;
  const look = ask('compute', 'backend-services', 'describe', names.backend, '--global');
  const policy = cidrs.length > 0 ? names.policy : null;
  return [
    {
      title,
      look: {
        argv: look,
        expects: [
          {
            what: 'timeout in seconds',
            wanted: timeoutSeconds,
            of: (found) => asObject(found).timeoutSec,
            fix: run(
              'compute',
              'backend-services',
              'update',
              names.backend,
              '--global',
              `--timeout=${timeoutSeconds}s`,
            ),
          },
          { what: 'kind', wanted: 'EXTERNAL_MANAGED', of: (found) => asObject(found).loadBalancingScheme },
        ],
      },
      make: [
        run(
          'compute',
          'backend-services',
          'create',
          names.backend,
          '--global',
          '--load-balancing-scheme=EXTERNAL_MANAGED',
          '--protocol=HTTP',
          '--port-name=http',
          `--health-checks=${names.healthCheck}`,
          '--global-health-checks',
          `--timeout=${timeoutSeconds}s`,
          '--connection-draining-timeout=30s',
          // A line a request would hold the messages of `POST /?message=`.
          '--no-enable-logging',
        ),
      ],
      remove: [run('compute', 'backend-services', 'delete', names.backend, '--global')],
    },
    {
      title: policy === null ? 'any address may come' : 'only known addresses may come',
      look: { argv: look, isThere: (found) => (lastOf('securityPolicy')(found) ?? null) === policy },
      make: [
        run('compute', 'backend-services', 'update', names.backend, '--global', `--security-policy=${policy ?? ''}`),
      ],
      goesWith: title,
    },
    ...places.map(
      ({ group, zone }): Step => ({
        title: `${group} behind the load balancer`,
        look: {
          argv: look,
          isThere: (found) => asArray(asObject(found).backends).some((one) => lastPart(one.group) === group),
        },
        make: [
          run(
            'compute',
            'backend-services',
            'add-backend',
            names.backend,
            '--global',
            `--instance-group=${group}`,
            `--instance-group-zone=${zone}`,
            '--balancing-mode=RATE',
            '--max-rate-per-instance=1000',
          ),
        ],
        goesWith: title,
      }),
    ),
  ];
}

function frontSteps({ project, domain, files }: Balancer): readonly Step[] {
  const { ask, run } = gcloudOf(project);
  const compute = (kind: string, name: string): readonly string[] => ask('compute', kind, 'describe', name, '--global');
  const webMap = domain === null ? names.urlMap : names.redirect;
  const rule = (name: string, proxy: string, flag: string, port: number): Step => ({
    title: `port ${port} of the address`,
    look: {
      argv: compute('forwarding-rules', name),
      expects: [{ what: 'proxy', wanted: proxy, of: lastOf('target') }],
    },
    make: [
      run(
        'compute',
        'forwarding-rules',
        'create',
        name,
        '--global',
        '--load-balancing-scheme=EXTERNAL_MANAGED',
        '--network-tier=PREMIUM',
        `--address=${names.address}`,
        `${flag}=${proxy}`,
        `--ports=${port}`,
      ),
    ],
    remove: [run('compute', 'forwarding-rules', 'delete', name, '--global')],
  });
  const map: Step = {
    title: `URL map ${names.urlMap}`,
    look: {
      argv: compute('url-maps', names.urlMap),
      expects: [{ what: 'backend', wanted: names.backend, of: lastOf('defaultService') }],
    },
    make: [run('compute', 'url-maps', 'create', names.urlMap, '--global', `--default-service=${names.backend}`)],
    remove: [run('compute', 'url-maps', 'delete', names.urlMap, '--global')],
  };
  const secure: readonly Step[] =
    domain === null
      ? []
      : [
          {
            title: `certificate for ${domain}`,
            look: {
              argv: compute('ssl-certificates', names.certificate),
              expects: [
                { what: 'domains', wanted: [domain], of: (found) => asObject(asObject(found).managed).domains },
              ],
            },
            make: [run('compute', 'ssl-certificates', 'create', names.certificate, '--global', `--domains=${domain}`)],
            remove: [run('compute', 'ssl-certificates', 'delete', names.certificate, '--global')],
          },
          {
            title: `HTTPS proxy ${names.proxyTls}`,
            look: { argv: compute('target-https-proxies', names.proxyTls) },
            make: [
              run(
                'compute',
                'target-https-proxies',
                'create',
                names.proxyTls,
                '--global',
                `--url-map=${names.urlMap}`,
                `--ssl-certificates=${names.certificate}`,
                '--global-ssl-certificates',
                '--global-url-map',
              ),
            ],
            remove: [run('compute', 'target-https-proxies', 'delete', names.proxyTls, '--global')],
          },
          {
            title: `redirect to https ${names.redirect}`,
            look: { argv: compute('url-maps', names.redirect) },
            make: [run('compute', 'url-maps', 'import', names.redirect, '--global', `--source=${files.redirect}`)],
            remove: [run('compute', 'url-maps', 'delete', names.redirect, '--global')],
          },
        ];
  return [
    map,
    ...secure,
    {
      title: `HTTP proxy ${names.proxy}`,
      look: {
        argv: compute('target-http-proxies', names.proxy),
        expects: [
          {
            what: 'URL map',
            wanted: webMap,
            of: lastOf('urlMap'),
            fix: run(
              'compute',
              'target-http-proxies',
              'update',
              names.proxy,
              '--global',
              `--url-map=${webMap}`,
              '--global-url-map',
            ),
          },
        ],
      },
      make: [
        run(
          'compute',
          'target-http-proxies',
          'create',
          names.proxy,
          '--global',
          `--url-map=${webMap}`,
          '--global-url-map',
        ),
      ],
      remove: [run('compute', 'target-http-proxies', 'delete', names.proxy, '--global')],
    },
    ...(domain === null ? [] : [rule(names.ruleTls, names.proxyTls, '--target-https-proxy', ports.frontTls)]),
    rule(names.rule, names.proxy, '--target-http-proxy', ports.front),
  ];
}

export function balancerSteps(balancer: Balancer): readonly Step[] {
  const { project, cidrs } = balancer;
  const { ask, run } = gcloudOf(project);
  const check = [
    '--use-serving-port',
    '--request-path=/health/live',
    '--check-interval=10s',
    '--timeout=5s',
    '--healthy-threshold=2',
    '--unhealthy-threshold=3',
  ];
  return [
    {
      title: `address ${names.address} on the internet`,
      look: { argv: ask('compute', 'addresses', 'describe', names.address, '--global') },
      make: [run('compute', 'addresses', 'create', names.address, '--global', '--ip-version=IPV4')],
      remove: [run('compute', 'addresses', 'delete', names.address, '--global')],
    },
    {
      title: `health check ${names.healthCheck}`,
      look: {
        argv: ask('compute', 'health-checks', 'describe', names.healthCheck, '--global'),
        expects: [
          {
            what: 'how it asks',
            wanted: { checkIntervalSec: 10, timeoutSec: 5, healthyThreshold: 2, unhealthyThreshold: 3 },
            of: (found) => found,
            fix: run('compute', 'health-checks', 'update', 'http', names.healthCheck, '--global', ...check),
          },
          {
            what: 'what it asks',
            wanted: '/health/live',
            of: (found) => asObject(asObject(found).httpHealthCheck).requestPath,
            fix: run('compute', 'health-checks', 'update', 'http', names.healthCheck, '--global', ...check),
          },
        ],
      },
      make: [run('compute', 'health-checks', 'create', 'http', names.healthCheck, '--global', ...check)],
      remove: [run('compute', 'health-checks', 'delete', names.healthCheck, '--global')],
    },
    ...groupSteps(balancer),
    ...(cidrs.length > 0 ? [policyStep(project, cidrs, balancer.files.policy)] : []),
    ...backendSteps(balancer),
    ...frontSteps(balancer),
  ];
}

/**
 * Who may come through the load balancer, by address: a security policy of Cloud Armor. Pure.
 *
 * A firewall rule cannot say it: behind the load balancer every client has an address of Google's.
 */
import { names } from './layout.ts';
import { gcloudOf } from './planProject.ts';
import { asArray, asObject, type Step } from './step.ts';

/** Of one rule. */
const rangesMax = 10;
const lastPriority = 2_147_483_647;

interface PolicyRule {
  readonly priority: number;
  readonly action: string;
  readonly ranges: readonly string[];
}
function policyRules(cidrs: readonly string[]): readonly PolicyRule[] {
  const chunks = Array.from({ length: Math.ceil(cidrs.length / rangesMax) }, (_, i) =>
    cidrs.slice(i * rangesMax, (i + 1) * rangesMax),
  );
  return [
    ...chunks.map((ranges, i) => ({ priority: 1000 + i, action: 'allow', ranges })),
    { priority: lastPriority, action: 'deny(403)', ranges: ['*'] },
  ];
}

/** As `gcloud compute security-policies import` reads it; JSON is YAML. */
export const policyFile = (cidrs: readonly string[]): string =>
  `${JSON.stringify(
    {
      name: names.policy,
      description: 'distributed-log: who may come through the load balancer',
      type: 'CLOUD_ARMOR',
      rules: policyRules(cidrs).map(({ priority, action, ranges }) => ({
        priority,
        action,
        preview: false,
        match: { versionedExpr: 'SRC_IPS_V1', config: { srcIpRanges: ranges } },
      })),
    },
    null,
    2,
  )}\n`;

export function policyStep(project: string, cidrs: readonly string[], file: string): Step {
  const { ask, run } = gcloudOf(project);
  const flags = [`--file-name=${file}`, '--file-format=yaml'];
  return {
    title: `security policy ${names.policy}`,
    look: {
      argv: ask('compute', 'security-policies', 'describe', names.policy),
      expects: [
        {
          what: 'addresses',
          wanted: policyRules(cidrs),
          of: (found) =>
            // gcloud gives a list of one.
            asArray(asObject(asArray(found)[0] ?? found).rules).map(({ priority, action, match }) => ({
              priority: Number(priority),
              action,
              ranges: asObject(asObject(match).config).srcIpRanges,
            })),
          fix: run('compute', 'security-policies', 'import', names.policy, ...flags),
        },
      ],
    },
    make: [run('compute', 'security-policies', 'create', names.policy, ...flags)],
    remove: [run('compute', 'security-policies', 'delete', names.policy)],
  };
}

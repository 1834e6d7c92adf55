/** What to do about a command that failed, by what it said. Pure. */

const advices: readonly (readonly [said: RegExp, advice: string])[] = [
  [
    /ZONE_RESOURCE_POOL_EXHAUSTED|does not have enough resources|resource_availability/i,
    'This zone has no such machine free now. Try again later, or take another zone of the region with --zones: the empty data ' +
      'disk that was made for this node must go first (gcloud compute disks delete).',
  ],
  [
    /billing.*(?:disabled|not enabled|must be enabled)|BILLING_DISABLED|UREQ_PROJECT_BILLING/i,
    'The project has no billing account: https://console.cloud.google.com/billing/linkedaccount',
  ],
  [
    /QUOTA_EXCEEDED|Quota '.*' exceeded/i,
    'Ask for more of that quota: https://console.cloud.google.com/iam-admin/quotas',
  ],
  [/reauth|invalid_grant|not currently have an active account|gcloud auth login/i, 'Log in again: gcloud auth login'],
  [
    /PERMISSION_DENIED|does not have .*permission|Required '.*' permission|403/i,
    'Your account lacks a right in this project. An owner has all that is needed; gcp/README.md lists the roles for others.',
  ],
  [
    /constraints\//,
    'A policy of your organization forbids it; its administrator can make an exception for this project.',
  ],
  [
    /resourceInUseByAnotherResource|is already being used by/i,
    'Something outside this script uses it: remove that first, it is named above.',
  ],
  [
    /Could not resolve host|Unable to find the server|Network is unreachable|Connection (?:refused|reset)|timed out/i,
    'Google was not reached: look at the network of this machine.',
  ],
  [
    /command not found|No such file or directory: 'gcloud'/i,
    'Install gcloud: https://cloud.google.com/sdk/docs/install',
  ],
];

export const adviceFor = (said: string): string | undefined => advices.find(([pattern]) => pattern.test(said))?.[1];

/** gcloud ends with 1 whatever happened: only its words tell a thing that is missing from a question that failed. */
export const isMissing = (stderr: string): boolean =>
  /\bNOT_FOUND\b|was not found|[Cc]ould not fetch resource[\s\S]*not found|HTTPError 404|does not exist/.test(stderr) &&
  !/PERMISSION_DENIED|SERVICE_DISABLED/.test(stderr);
/** No API, nothing made by it. */
export const isDisabled = (stderr: string): boolean =>
  /SERVICE_DISABLED|has not been used in project|API \[[^\]]+\] not enabled/.test(stderr);
export const isThereAlready = (stderr: string): boolean => /already exists|ALREADY_EXISTS/.test(stderr);

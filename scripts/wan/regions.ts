/**
 * Three regions, and how far they are from each other: the round trips between virtual machines of Google Cloud in
 * us-central1, europe-west1 and asia-east1, as they were published (Aviatrix, 2018).
 */
export const regions = ['us', 'eu', 'asia'] as const;
export type Region = (typeof regions)[number];

export interface Link {
  readonly from: Region;
  readonly to: Region;
  readonly rttMs: number;
}
export const publishedLinks: readonly Link[] = [
  { from: 'us', to: 'eu', rttMs: 100 },
  { from: 'us', to: 'asia', rttMs: 154 },
  { from: 'eu', to: 'asia', rttMs: 252 },
];

export const isRegion = (word: string): word is Region => (regions as readonly string[]).includes(word);

export function rttMs(links: readonly Link[], a: Region, b: Region): number {
  if (a === b) return 0;
  const link = links.find(({ from, to }) => (from === a && to === b) || (from === b && to === a));
  if (!link) throw new Error(`there is no link ${a}-${b}`);
  return link.rttMs;
}

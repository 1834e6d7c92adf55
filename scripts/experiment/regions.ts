/**
 * Where the nodes stand, and how long light in glass takes there and back: no network and no protocol is quicker. Pure.
 *
 * The places are the data centres of the three regions that the nodes are deployed to: Council Bluffs (Iowa),
 * Saint-Ghislain (Belgium), Changhua County (Taiwan).
 */
import { isRegion, type Region, regions } from '../wan/regions.ts';
import type { Label } from './results.ts';

interface Place {
  readonly latitude: number;
  readonly longitude: number;
}
const places: Readonly<Record<Region, Place>> = {
  us: { latitude: 41.26, longitude: -95.86 },
  eu: { latitude: 50.45, longitude: 3.82 },
  asia: { latitude: 24.05, longitude: 120.52 },
};

/** Of a sphere with the Earth's mean radius. */
const earthKm = 6_371;
/** 299,792 km/s divided by the refractive index of fibre, 1.468. */
const lightKmPerMs = 299.792 / 1.468;

/** The first node stands in the first region and so on; nodes of one machine in none. */
export function regionsOf(label: Label, ids: readonly number[]): ReadonlyMap<number, string> {
  if (label === 'local' || ids.length !== regions.length) return new Map();
  return new Map(ids.map((id, i) => [id, regions[i] ?? '']));
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Haversine formula. */
function kilometresBetween(a: string, b: string): number | null {
  if (!isRegion(a) || !isRegion(b)) return null;
  const [from, to] = [places[a], places[b]];
  const latitudes = radians(to.latitude - from.latitude);
  const longitudes = radians(to.longitude - from.longitude);
  const h =
    Math.sin(latitudes / 2) ** 2 +
    Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * Math.sin(longitudes / 2) ** 2;
  return 2 * earthKm * Math.asin(Math.sqrt(h));
}

export function lightRoundTripMs(a: string, b: string): number | null {
  const kilometres = kilometresBetween(a, b);
  return kilometres === null ? null : Math.round((20 * kilometres) / lightKmPerMs) / 10;
}

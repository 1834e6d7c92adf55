/** A small line of the last minute, beside a figure. Pure. */
export const keptSeconds = 60;

/** Points of a line in a box of this size, the newest at the right edge; none while nothing was ever behind. */
export function sparkline(values: readonly number[], width: number, height: number): string | null {
  const most = Math.max(...values, 0);
  if (most === 0) return null;
  const step = width / (keptSeconds - 1);
  return values
    .map((value, at) => {
      const x = width - (values.length - 1 - at) * step;
      return `${x.toFixed(1)},${(height - 1 - (value / most) * (height - 2)).toFixed(1)}`;
    })
    .join(' ');
}

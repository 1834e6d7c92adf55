/** Waits of tests with real time: for a while, or until something is so. */

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Lets this whole process stand still, as it does where nobody gives it a processor. */
export function standStill(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

/** Asks until the answer is not undefined; throws after `withinMs`, with what was waited for. */
export async function until<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  withinMs = 30_000,
  everyMs = 10,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms for ${what}`);
    await pause(everyMs);
  }
}

/** For a condition that is either true or not. */
export const untilTrue = async (
  what: string,
  look: () => boolean | Promise<boolean>,
  withinMs?: number,
): Promise<void> => {
  await until(what, async () => ((await look()) ? true : undefined), withinMs);
};

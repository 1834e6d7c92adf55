/** What a run tells while it goes on: lines for good, and on a terminal one line that changes. */
const everyMs = 2_000;

export interface Say {
  line(text: string): void;
  /** How far it is: shown at once on a terminal, now and then elsewhere. */
  progress(text: string): void;
}

export function sayOn(output: NodeJS.WriteStream, isQuiet = false): Say {
  let told = 0;
  let isOpen = false;
  const clear = (): void => {
    if (isOpen) output.write('\r\u001b[K');
    isOpen = false;
  };
  return {
    line(text) {
      clear();
      output.write(`${text}\n`);
    },
    progress(text) {
      if (isQuiet) return;
      if (output.isTTY) {
        clear();
        output.write(`  ${text}`.slice(0, output.columns - 1));
        isOpen = true;
      } else if (performance.now() - told >= everyMs) {
        told = performance.now();
        output.write(`  ${text}\n`);
      }
    },
  };
}

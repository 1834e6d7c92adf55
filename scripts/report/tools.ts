/** The programs that make the PDF: what is missing of them, and running them. */
import { spawnSync } from 'node:child_process';

interface Tool {
  readonly name: string;
  readonly debian: string;
  /** Where only a file of TeX can tell. */
  readonly file?: string;
}
const tools: readonly Tool[] = [
  { name: 'rsvg-convert', debian: 'librsvg2-bin' },
  { name: 'pdflatex', debian: 'texlive-latex-base' },
  { name: 'listings', file: 'listings.sty', debian: 'texlive-latex-recommended' },
  { name: 'IEEEtran', file: 'IEEEtran.cls', debian: 'texlive-publishers' },
  { name: "babel's Spanish", file: 'spanish.ldf', debian: 'texlive-lang-spanish' },
  { name: 'the fonts Times and TXTT', file: 't1txtt.fd', debian: 'texlive-fonts-recommended' },
];
/** Helvetica's twin, for the letters in the figures. Any font does, so it is not looked for. */
const furtherPackages = ['fonts-liberation'];

const runs = (command: string, args: readonly string[]): boolean => {
  const { error, status } = spawnSync(command, args, { stdio: 'ignore' });
  return error === undefined && status === 0;
};
const isThere = ({ name, file }: Tool): boolean => (file ? runs('kpsewhich', [file]) : runs(name, ['--version']));

export const toolsMissing = (): readonly Tool[] => tools.filter((tool) => !isThere(tool));

/** What to do about it: names what is missing, and one command that brings everything. */
export function toolsWanted(missing: readonly Tool[]): string {
  const packages = [...tools.map(({ debian }) => debian), ...furtherPackages];
  return [
    ...missing.map(({ name, debian }) => `${name} is missing (Debian: ${debian})`),
    `On Debian and Ubuntu: apt-get install --no-install-recommends ${packages.join(' ')}`,
  ].join('\n');
}

export interface Ran {
  readonly ok: boolean;
  readonly output: string;
}

export function run(command: string, args: readonly string[], cwd: string, env: Record<string, string>): Ran {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
    timeout: 120_000,
  });
  return { ok: status === 0, output: `${stdout}${stderr}${error?.message ?? ''}` };
}

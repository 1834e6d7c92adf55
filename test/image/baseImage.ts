/**
 * A base image out of this machine's own node, npm and a handful of commands with the libraries that they need: no
 * registry of images is asked.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const commands = ['sh', 'env', 'cp', 'rm', 'mkdir', 'touch', 'find'];

const found = (command: string): string =>
  realpathSync(execFileSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).trim());

/** Writes root and build file into `folder`; returns the arguments of a build. */
export function writeBaseImage(folder: string): readonly string[] {
  const root = join(folder, 'root');
  for (const path of ['usr/bin', 'usr/lib/node_modules', 'usr/lib64', 'etc', 'root', 'tmp']) {
    mkdirSync(join(root, path), { recursive: true });
  }
  chmodSync(join(root, 'tmp'), 0o1777);
  for (const name of ['bin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));

  const put = (from: string, to: string): void => {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    if (!existsSync(join(root, to))) cpSync(realpathSync(from), join(root, to));
  };
  const programs = [['node', process.execPath] as const, ...commands.map((name) => [name, found(name)] as const)];
  for (const [name, path] of programs) {
    put(path, `usr/bin/${name}`);
    for (const [library] of execFileSync('ldd', [path], { encoding: 'utf8' }).matchAll(/\/\S+/g)) put(library, library);
  }

  // .../npm/bin/npm-cli.js
  const npm = dirname(dirname(found('npm')));
  cpSync(npm, join(root, 'usr/lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/bin/npm'));

  const settings = ['PATH=/usr/bin'];
  // A network that looks into TLS is known by a certificate.
  const certificates = process.env.NODE_EXTRA_CA_CERTS;
  if (certificates !== undefined && existsSync(certificates)) {
    put(certificates, '/etc/certificates.pem');
    settings.push('NODE_EXTRA_CA_CERTS=/etc/certificates.pem');
  }
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/tmp:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnode:x:1000:\n');
  writeFileSync(join(folder, 'Containerfile'), `FROM scratch\nCOPY . /\nENV ${settings.join(' ')}\n`);
  return [`--file=${join(folder, 'Containerfile')}`, root];
}

/**
 * Loaded into a node before its own code (`node --import`): a write reaches the page cache first, and the disk in a call
 * of its own, before the node hears that it is done.
 *
 * What a node promises is the same, but now a power cut can come between the two. A write with O_DSYNC does both inside
 * the kernel, where nothing stops it half done, although a real disk without power does.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type Done = (error: NodeJS.ErrnoException | null, bytes: number) => void;

const { open, writev, fdatasync } = fs;
const changed: { open: unknown; writev: unknown } = fs;

changed.open = (path: fs.PathLike, flags: fs.OpenMode, done: (error: Error | null, fd: number) => void) =>
  open(path, typeof flags === 'number' ? flags & ~fs.constants.O_DSYNC : flags, done);

changed.writev = (fd: number, parts: NodeJS.ArrayBufferView[], at: number, done: Done) =>
  writev(fd, parts, at, (error, bytes) => {
    if (error) done(error, bytes);
    else fdatasync(fd, (failure) => done(failure, bytes));
  });

syncBuiltinESMExports();

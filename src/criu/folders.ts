/** The folders that criu reads and writes, and the file with which it can be told more. */

import { inWords } from "../container/store.ts";
import { CriuError } from "../errors.ts";
import { O_PATH, O_RDONLY, RESOLVE_IN_ROOT, openFlags } from "../linux/open-flags.ts";
import { closeSync, existsSync, mkdirSync, openSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { CRIU_CONFIG } from "../spec/annotations.ts";
import type { Config } from "../spec/config.ts";
import type { CheckpointChoices, RestoreChoices } from "./choices.ts";

export interface Folders {
  /** Descriptors, which criu opens again by their numbers in this process. */
  readonly images: number;
  readonly work: number | undefined;
  /** Where the log is. */
  readonly logs: string;
  close(): void;
}

const { O_DIRECTORY } = openFlags(process.arch);
const MODE = 0o700;
/** Images can only be read by root, wherever they are. */
const SEARCHABLE = 0o011;
const OTHERS_MAY_SEARCH = 0o001;
const OWN_CONFIG = "/etc/criu/tsrun.conf";
const RUNC_CONFIG = "/etc/criu/runc.conf";

/** What a process of a restored container with a user namespace is while it reads images: somebody else than root. */
export function isOfUserNamespace({ linux }: Config): boolean {
  return (linux?.namespaces ?? []).some(({ type }) => type === "user");
}

/** Throws where such a process could not come to the images. */
export function refuseUnsearchable(purpose: string, images: number, imagePath: string): void {
  if ((native().fstat(images).mode & OTHERS_MAY_SEARCH) !== 0) return;
  throw new CriuError(`cannot ${purpose}: with a user namespace its processes read images as others than root, and "${imagePath}" is closed to them: chmod o+x`);
}

interface Opened {
  readonly make: boolean;
  /** Others may go through the folder of images that is made. */
  readonly searchable?: boolean;
  /** The process whose mount namespace they are to be of. */
  readonly within?: number;
}

/**
 * Opens them; what is written to is made where it is missing. criu mounts what it needs in its working folder, so they have
 * to be those of the mount namespace that it is in.
 */
export function openFolders({ imagePath, workPath }: CheckpointChoices | RestoreChoices, { make, searchable = false, within }: Opened): Folders {
  const root = openSync(within === undefined ? "/" : `/proc/${within}/root`, O_PATH | O_DIRECTORY);
  let images: number | undefined;
  try {
    images = openFolder(imagePath, { what: "the folder of the images", make, mode: searchable ? MODE | SEARCHABLE : MODE, root });
    const work = workPath === undefined ? undefined : openFolder(workPath, { what: "criu's working folder", make: true, mode: MODE, root });
    return foldersOf({ images, work, logs: workPath ?? imagePath });
  } catch (error) {
    if (images !== undefined) closeSync(images);
    throw error;
  } finally {
    closeSync(root);
  }
}

function foldersOf(opened: Omit<Folders, "close">): Folders {
  const { images, work } = opened;
  const close = (): void => {
    closeSync(images);
    if (work !== undefined) closeSync(work);
  };
  return { ...opened, close };
}

interface Opening {
  readonly what: string;
  readonly make: boolean;
  readonly mode: number;
  readonly root: number;
}

function openFolder(path: string, { what, make, mode, root }: Opening): number {
  try {
    if (make) mkdirSync(path, { recursive: true, mode });
    return native().openat2(root, path, { flags: O_RDONLY | O_DIRECTORY, resolve: RESOLVE_IN_ROOT });
  } catch (error) {
    throw inWords(`open ${what} "${path}"`, error);
  }
}

/** The container's own file of criu's options, or none (""); else that of this runtime, else runc's. */
export function configFile(annotations: Readonly<Record<string, string>> = {}): string | undefined {
  const own = annotations[CRIU_CONFIG];
  if (own !== undefined) return own === "" ? undefined : own;
  return existsSync(OWN_CONFIG) ? OWN_CONFIG : RUNC_CONFIG;
}

/** The files of a shim in a bundle, which belongs to containerd. */

import { join } from "node:path";
import { readFileSync, renameSync, rmSync, writeFileSync } from "../native/files.ts";

const ADDRESS = "address";
const RECORD = "tsrun.json";

/** What "delete" needs to know of a container whose shim is gone: nothing tells it. */
export interface BundleRecord {
  /** The state root of the runtime. */
  readonly root: string;
  /** The root file system was mounted by the shim. */
  readonly mounted: boolean;
  readonly pid: number;
  readonly socket: string;
}

/** The annotations of config.json; none where it cannot be read: that is for create to tell. */
export function readAnnotations(bundle: string): Readonly<Record<string, string>> {
  try {
    const config: unknown = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8"));
    const annotations = typeof config === "object" && config !== null && "annotations" in config ? config.annotations : undefined;
    return typeof annotations === "object" && annotations !== null ? (annotations as Readonly<Record<string, string>>) : {};
  } catch {
    return {};
  }
}

/** containerd 1.6 and 1.7 find the shim of a container again by this file. */
export function writeAddress(bundle: string, address: string): void {
  writeAtomically(join(bundle, ADDRESS), address);
}

export function writeRecord(bundle: string, record: BundleRecord): void {
  writeAtomically(join(bundle, RECORD), JSON.stringify(record));
}

/** Then "delete" has nothing to do, and the launcher answers it by itself. */
export function removeRecord(bundle: string): void {
  rmSync(join(bundle, RECORD), { force: true });
}

export function readRecord(bundle: string): BundleRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(bundle, RECORD), "utf8")) as BundleRecord;
  } catch {
    return undefined;
  }
}

function writeAtomically(path: string, text: string): void {
  // Several may write it at once: containerd's "delete" of each container that a shim had which is gone.
  const part = `${path}.${process.pid}`;
  writeFileSync(part, text);
  renameSync(part, path);
}

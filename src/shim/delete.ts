/** `delete`: removes what a shim that is gone has left of a container; mostly nothing. */

import { join } from "node:path";
import { deleteContainer } from "../container/delete.ts";
import { Store } from "../container/store.ts";
import { SIGKILL } from "../linux/signals.ts";
import { closeSync, existsSync, rmSync, writeSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { readRecord } from "./bundle.ts";
import { DeleteResponse } from "./generated/task.ts";
import type { Invocation } from "./invocation.ts";
import { encode } from "./messages.ts";
import { unmountRootfs } from "./rootfs.ts";
import { now } from "./time.ts";

const STDOUT = 1;
const STDERR = 2;
const SIGNALLED = 128;

/** containerd calls it after every delete, and when the connection to a shim broke. */
export async function deleteShim({ id, bundle: named }: Invocation, { bundle: current, environment }: { readonly bundle: string; readonly environment: readonly string[] }): Promise<number> {
  const bundle = named === "" ? current : named;
  const record = readRecord(bundle);
  if (record !== undefined) {
    const store = new Store(record.root);
    if (store.exists(id)) {
      await deleteContainer({ store, id, force: true, environment, warn: (message) => void writeSync(STDERR, `${message}\n`) });
    }
    if (record.mounted) unmountRootfs(join(bundle, "rootfs"));
    removeSocket(record.socket);
  }
  writeSync(STDOUT, encode(DeleteResponse, { pid: record?.pid ?? 0, exit_status: SIGNALLED + SIGKILL, exited_at: now() }));
  return 0;
}

/** A shim of a group serves the others on. */
function removeSocket(path: string): void {
  if (!existsSync(path)) return;
  try {
    closeSync(native().connectUnix(path));
  } catch {
    rmSync(path, { force: true });
  }
}

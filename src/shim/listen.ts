/** Where `start` finds the shim of a group: a new socket, or a shim that listens already and takes the container in. */

import { dirname } from "node:path";
import { inWords } from "../container/store.ts";
import { O_RDONLY } from "../linux/open-flags.ts";
import { closeSync, existsSync, mkdirSync, openSync, rmSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { CODES, RpcError } from "./rpc-error.ts";

const LOCK_EX = 2;
const JOIN_MILLISECONDS = 5000;
const RETRY_MILLISECONDS = 20;
/** A shim that ends has given its socket up long before. */
const MOST_TRIES = 250;

/** Our own service, beside containerd's. */
export const SHIM_SERVICE = "io.containerd.tsrun.v1.Shim";

/** `listener`: nobody listened, and now this process does; "full": the shim there takes no more. */
export type Place = { readonly listener: number } | "joined" | "full";

/** `most`: how many containers a shim may have with this one, 0 for any. */
export async function findPlace(path: string, directory: string, { id, most }: { readonly id: string; readonly most: number }): Promise<Place> {
  mkdirSync(directory, { mode: 0o700, recursive: true });
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const listener = listen(path, directory);
    if (listener !== undefined) return { listener };
    const answer = await join(path, { id, most });
    if (answer !== "ends") return answer;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
  }
  throw new RpcError("UNKNOWN", `cannot listen on "${path}": the shim that listens there does not end`);
}

/** One at a time: who finds a socket without a listener must not take away another's, who is about to listen. */
function listen(path: string, directory: string): number | undefined {
  const lock = openSync(directory, O_RDONLY);
  try {
    native().flock(lock, LOCK_EX);
    for (let isRetry = false; ; isRetry = true) {
      try {
        return native().listenUnix(path);
      } catch (error) {
        if (!isNativeError(error) || error.code !== "EADDRINUSE" || isRetry) throw inWords(`listen on "${path}"`, error);
      }
      if (isServed(path)) return undefined;
      // A shim that was killed left it.
      rmSync(path, { force: true });
    }
  } finally {
    closeSync(lock);
  }
}

/**
 * Removes a socket on which nobody listens. `look` is what is to be seen before the next shim listens there; returns what
 * it returns, undefined where somebody listens.
 */
export function removeUnserved<T>(path: string, look: () => T): T | undefined {
  if (!existsSync(dirname(path))) return look();
  const lock = openSync(dirname(path), O_RDONLY);
  try {
    // Another shim may be about to listen there.
    native().flock(lock, LOCK_EX);
    if (isServed(path)) return undefined;
    rmSync(path, { force: true });
    return look();
  } finally {
    closeSync(lock);
  }
}

/** Whether somebody listens on the socket; who cannot find out (no descriptor left, say) must not take it away. */
export function isServed(path: string): boolean {
  try {
    closeSync(native().connectUnix(path));
    return true;
  } catch (error) {
    return !isNativeError(error) || (error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
  }
}

async function join(path: string, request: { readonly id: string; readonly most: number }): Promise<"joined" | "full" | "ends"> {
  const { Client } = await import("./client.ts");
  const { JoinRequest } = await import("./generated/shim.ts");
  const { encode } = await import("../protobuf/messages.ts");
  const client = new Client(path);
  try {
    const payload = encode(JoinRequest, request);
    await client.call({ service: SHIM_SERVICE, method: "Join", payload, timeoutMilliseconds: JOIN_MILLISECONDS });
    return "joined";
  } catch (error) {
    if (error instanceof RpcError && error.status === CODES.RESOURCE_EXHAUSTED) return "full";
    // A shim of before an update knows no such call, and one that is stopped does not answer: containerd asks them itself.
    if (error instanceof RpcError && (error.status === CODES.UNIMPLEMENTED || error.status === CODES.DEADLINE_EXCEEDED)) return "joined";
    return "ends";
  } finally {
    client.close();
  }
}

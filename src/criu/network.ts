/** A restored container's network: the images hold none of it, so what `create` would do is done again. */

import type { Execution } from "../container/execution.ts";
import { bringUpLoopback, moveNetDevice } from "../container/net-devices.ts";
import { openSync } from "../native/files.ts";
import type { Config } from "../spec/config.ts";

/** The namespaces are there, and nothing runs in them yet; `pid` is the first process's. */
export function setUpNetwork({ linux }: Config, pid: number, execution: Execution): void {
  const namespace = (linux?.namespaces ?? []).find(({ type }) => type === "network");
  if (namespace === undefined || (namespace.path ?? "") !== "") return;
  const network = openSync(`/proc/${pid}/ns/net`);
  execution.hold("network namespace of the container", network);
  bringUpLoopback(network);
  for (const [device, { name = "" }] of Object.entries(linux?.netDevices ?? {})) {
    moveNetDevice({ device, name: name === "" ? device : name, network }, execution.cleanup);
  }
}

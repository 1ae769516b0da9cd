/** `linux.netDevices`: the host's network devices that the runtime moves into the container (config-linux.md#network-devices). */

import { pointerOf } from "../spec/pointer.ts";
import type { PlanContext } from "./context.ts";
import { init, runtime } from "./step.ts";
import type { Step } from "./step.ts";

/** The runtime moves them while init waits in its network namespace: from inside, the host's devices are out of reach. */
export function netDevices({ config }: PlanContext): Step[] {
  const devices = config.linux?.netDevices;
  if (devices === undefined) return [];
  const steps: Step[] = [];
  for (const device in devices) {
    const given = devices[device]?.name ?? "";
    const name = given === "" ? device : given;
    const renamed = name === device ? "" : ` as "${name}"`;
    const what = `move the network device "${device}" into the container${renamed}`;
    steps.push(runtime({ op: "net_device", device, name, at: pointerOf(["linux", "netDevices", device]), what }));
  }
  if (steps.length === 0) return [];
  const gate = init([{ op: "gate", name: "net-devices", count: 0 }], { at: "/linux/netDevices", what: "wait for the network devices" });
  return [...gate, ...steps];
}

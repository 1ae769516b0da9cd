/** Checks the network devices that move into the container (config-linux.md#network-devices). */

import type { Config } from "../config.ts";
import { hasNamespace, quoted, type Report } from "./report.ts";

/** IFNAMSIZ counts the zero byte at the end (netdevice(7)). */
const MAX_NAME_BYTES = 15;

export function checkNetDevices({ linux }: Config, report: Report): void {
  const devices = linux?.netDevices;
  if (devices === undefined) return;
  const names = Object.keys(devices);
  if (names.length === 0) return;
  if (!hasNamespace(linux, "network")) {
    report(["linux", "netDevices"], '"netDevices" needs a namespace of the type "network" in "linux.namespaces"');
  }
  const taken = new Set<string>();
  for (const name of names) {
    const path = ["linux", "netDevices", name];
    const given = devices[name]?.name ?? "";
    if (!isInterfaceName(name)) report(path, `${quoted(name)} cannot be the name of a network device`);
    if (given !== "" && !isInterfaceName(given)) {
      report([...path, "name"], `${quoted(given)} cannot be the name of a network device`);
    }
    const inside = given === "" ? name : given;
    if (inside.endsWith("%d")) continue; // the kernel counts up to a free name
    if (taken.has(inside)) report(path, `another network device has the name ${quoted(inside)} in the container already`);
    taken.add(inside);
  }
}

/** Whether a network device may be called so: the kernel's dev_valid_name. */
export function isInterfaceName(name: string): boolean {
  if (name === "" || name === "." || name === "..") return false;
  return new TextEncoder().encode(name).length <= MAX_NAME_BYTES && !/[/:\s]/.test(name);
}

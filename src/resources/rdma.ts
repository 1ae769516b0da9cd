/** The limits of RDMA devices as a file of cgroup v1 and v2, the same in both (config-linux.md#rdma). */

import type { Resources } from "../spec/config.ts";
import { pointerOf } from "../spec/pointer.ts";
import { Limits } from "./limits.ts";

const PATH = ["linux", "resources", "rdma"];

/** One write for each device (cgroup-v1/rdma.rst; cgroup-v2.rst, "RDMA"); what is not given stays unlimited. */
export function rdma(devices: NonNullable<Resources["rdma"]>, version: 1 | 2): Limits {
  const limits = new Limits("rdma", version, pointerOf(PATH));
  for (const name in devices) {
    const { hcaHandles, hcaObjects } = devices[name] ?? {};
    let value = name;
    if (hcaHandles !== undefined) value += ` hca_handle=${amount(hcaHandles)}`;
    if (hcaObjects !== undefined) value += ` hca_object=${amount(hcaObjects)}`;
    if (value !== name) limits.add(pointerOf([...PATH, name]), "rdma.max", value);
  }
  return limits;
}

/** The kernel counts with 31 bits, and takes more for an error. */
function amount(limit: number): string {
  return limit > 0x7fff_ffff ? "max" : `${limit}`;
}

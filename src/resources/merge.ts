/** What holds after an update: the limits that a container had, and those that are to change. */

import type { BlockIO, Cpu, Memory, Network, Resources } from "../spec/config.ts";

/**
 * The merged limits. In a change, as in a config, 0 and an empty text or list stand for what is not set, but for the
 * fields where they mean something. Lists are merged by what their entries are about; device rules are replaced whole.
 */
export function mergeResources(old: Resources, change: Resources): Resources {
  const { memory, cpu, blockIO, hugepageLimits, network, pids, rdma, unified, devices } = change;
  return {
    ...old,
    ...(memory === undefined ? {} : { memory: mergeMemory(old.memory, memory) }),
    ...(cpu === undefined ? {} : { cpu: { ...old.cpu, ...given<Cpu>(cpu, MEANS_ZERO) } }),
    ...(blockIO === undefined ? {} : { blockIO: mergeBlockIO(old.blockIO ?? {}, blockIO) }),
    ...(hugepageLimits === undefined ? {} : { hugepageLimits: mergeList(old.hugepageLimits, hugepageLimits, ({ pageSize }) => pageSize) }),
    ...(network === undefined ? {} : { network: mergeNetwork(old.network ?? {}, network) }),
    ...(pids?.limit === undefined ? {} : { pids }),
    ...(rdma === undefined ? {} : { rdma: mergeRdma(old.rdma, rdma) }),
    ...(unified === undefined ? {} : { unified: { ...old.unified, ...unified } }),
    ...(devices === undefined || devices.length === 0 ? {} : { devices }),
  };
}

/** Fields in which 0 is a value. */
const MEANS_ZERO: readonly string[] = ["burst", "idle", "swappiness"];

/** Without what counts as not set. */
function given<T extends object>(fields: T, meansZero: readonly string[] = []): Partial<T> {
  const kept: Partial<T> = {};
  for (const name in fields) {
    const value: unknown = fields[name];
    const unset = value === undefined || value === "" || ((value === 0 || value === 0n) && !meansZero.includes(name));
    if (!unset) kept[name] = fields[name];
  }
  return kept;
}

/** A container that may take all memory may take all swap, too, unless it is told otherwise (as runc). */
function mergeMemory(old: Memory | undefined, change: Memory): Memory {
  const fresh = given(change, MEANS_ZERO);
  const merged: Memory = { ...old, ...fresh };
  return fresh.limit === -1 && fresh.swap === undefined ? { ...merged, swap: -1 } : merged;
}

interface Numbered {
  readonly major: number;
  readonly minor: number;
}

function mergeBlockIO(old: BlockIO, change: BlockIO): BlockIO {
  const { weight, leafWeight, ...lists } = change;
  const merged: Record<string, unknown> = { ...old, ...given({ weight, leafWeight }) };
  for (const field of ["weightDevice", "throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice", "throttleWriteIOPSDevice"] as const) {
    const list: readonly Numbered[] | undefined = lists[field];
    if (list !== undefined) merged[field] = mergeList<Numbered>(old[field], list, ({ major, minor }) => `${major}:${minor}`);
  }
  return merged;
}

function mergeNetwork(old: Network, { classID, priorities }: Network): Network {
  return {
    ...old,
    ...(classID === undefined ? {} : { classID }),
    ...(priorities === undefined ? {} : { priorities: mergeList(old.priorities, priorities, ({ name }) => name) }),
  };
}

function mergeRdma(old: Resources["rdma"], change: NonNullable<Resources["rdma"]>): NonNullable<Resources["rdma"]> {
  const merged = { ...old };
  for (const device in change) merged[device] = { ...merged[device], ...change[device] };
  return merged;
}

function mergeList<T>(old: readonly T[] | undefined, change: readonly T[], keyOf: (entry: T) => string): T[] {
  const merged = new Map((old ?? []).map((entry) => [keyOf(entry), entry]));
  for (const entry of change) merged.set(keyOf(entry), { ...merged.get(keyOf(entry)), ...entry });
  return [...merged.values()];
}


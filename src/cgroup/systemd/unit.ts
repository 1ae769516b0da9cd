/** A container's scope: systemd makes its cgroup, for a process that is there already, and the container comes to live in it. */

import { Variant } from "../../dbus/marshal.ts";
import { parseVariant } from "../../dbus/variant-text.ts";
import { CgroupError, ConfigError, ProtocolError } from "../../errors.ts";
import type { Problem } from "../../errors.ts";
import { SIGKILL } from "../../linux/signals.ts";
import { closeSync } from "../../native/files.ts";
import { installedFile, native } from "../../native/native.ts";
import type { Spawned } from "../../native/native.ts";
import { forget, ready } from "../../native/waiter.ts";
import { unifiedHierarchy } from "../../resources/layout.ts";
import type { CgroupLayout } from "../../resources/layout.ts";
import type { FileWrite } from "../../resources/limits.ts";
import type { UnitName } from "../../resources/path.ts";
import { propertiesOf } from "../../resources/properties.ts";
import type { Property } from "../../resources/properties.ts";
import { UNIT_PROPERTY } from "../../spec/annotations.ts";
import type { Cgroup, Unit } from "../cgroup.ts";
import { enableControllers } from "../controllers.ts";
import { Manager } from "./manager.ts";

/** What init waits as, when it has this name alone and no plan (addon/init/main.cc). */
const WAITING = "/pause";

export interface UnitRequest {
  readonly unit: UnitName & { readonly manager: "system" | "user"; readonly limits: readonly FileWrite[]; readonly annotations: Readonly<Record<string, string>> };
  /** Where systemd is to put it. */
  readonly path: string;
  readonly layout: CgroupLayout;
  /** The controllers that its limits need, of which systemd does not know all. */
  readonly needed: readonly string[];
  readonly description: string;
  /** The caller's, which tells where his own manager listens. */
  readonly environment: readonly string[];
}

/** A scope, and the process that keeps it there: systemd removes one that is empty. */
export interface StartedUnit {
  readonly cgroup: Cgroup;
  readonly keeper: Spawned;
}

/** Starts the container's scope; a failure leaves nothing. */
export async function startUnit({ unit, path, layout, needed, description, environment }: UnitRequest): Promise<StartedUnit> {
  const unified = unifiedHierarchy(layout);
  if (unified === undefined) throw new CgroupError("cannot manage cgroups through systemd: cgroup v2 is not mounted");
  const given = propertiesOfAnnotations(unit.annotations);
  const manager = await Manager.connect(unit.manager, environment);
  const keeper = startKeeper();
  try {
    await manager.startScope({ ...unit, description, pids: [keeper.pid], properties: [...propertiesOf(unit.limits), ...given] });
    try {
      const found = await manager.controlGroup(unit.name);
      if (found !== path) throw new CgroupError(`cannot use unit "${unit.name}": systemd has made it at "${found}" instead of "${path}"`);
      enableControllers(unified, path, { needed, all: false });
    } catch (error) {
      await endKeeper(keeper);
      await manager.stopUnit(unit.name);
      throw error;
    }
  } catch (error) {
    await endKeeper(keeper);
    throw error;
  } finally {
    manager.close();
  }
  const directory = { version: unified.version, controllers: unified.controllers, path: unified.mountPoint + path, created: true };
  return { cgroup: { path, directories: [directory], parents: [], unit: { name: unit.name, manager: unit.manager } }, keeper };
}

/** `org.systemd.property.NAME`: a value in GVariant's text format, or seconds for what systemd has in microseconds. */
function propertiesOfAnnotations(annotations: Readonly<Record<string, string>>): Property[] {
  const properties: Property[] = [];
  const problems: Problem[] = [];
  for (const [key, text] of Object.entries(annotations)) {
    if (!key.startsWith(UNIT_PROPERTY)) continue;
    const name = key.slice(UNIT_PROPERTY.length);
    try {
      if (!/^[A-Za-z]{3,}$/.test(name)) throw new ProtocolError(`${JSON.stringify(name)} is no name of a property`);
      const variant = parseVariant(text);
      properties.push(name.endsWith("Sec") && !name.endsWith("USec") ? [`${name.slice(0, -"Sec".length)}USec`, micros(variant)] : [name, variant]);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      problems.push({ pointer: `/annotations/${key}`, message: error.message });
    }
  }
  if (problems.length > 0) throw new ConfigError("config.json", problems);
  return properties;
}

const MICROS_PER_SECOND = 1_000_000;

function micros({ signature, value }: Variant): Variant {
  if (typeof value !== "number" && typeof value !== "bigint") throw new ProtocolError(`a number of seconds is needed, not a value of the type "${signature}"`);
  if (value < 0) throw new ProtocolError("a number of seconds must not be negative");
  return new Variant("t", BigInt(Math.round(Number(value) * MICROS_PER_SECOND)));
}

function startKeeper(): Spawned {
  const program = native().sealedCopy("tsrun-init", installedFile("tsrun-init"));
  try {
    return native().spawn({ executable: program, argv: [WAITING], env: [], fds: [-1, -1, -1] });
  } finally {
    closeSync(program);
  }
}

const ended = new WeakSet<Spawned>();

/** Once: when the container's own process is there, or will not come. */
export async function endKeeper(keeper: Spawned): Promise<void> {
  if (ended.has(keeper)) return;
  ended.add(keeper);
  native().pidfdSendSignal(keeper.pidfd, SIGKILL);
  await ready(keeper.pidfd);
  native().waitPidfd(keeper.pidfd);
  forget(keeper.pidfd);
  closeSync(keeper.pidfd);
}

/** Has systemd move a process into the unit. */
export async function attachToUnit({ name, manager: scope }: Unit, pid: number, environment: readonly string[]): Promise<void> {
  const manager = await Manager.connect(scope, environment);
  try {
    await manager.attach(name, [pid]);
  } finally {
    manager.close();
  }
}

/** Has systemd forget the unit, with whatever still runs in it. */
export async function stopUnit({ name, manager: scope }: Unit, environment: readonly string[]): Promise<void> {
  const manager = await Manager.connect(scope, environment);
  try {
    await manager.stopUnit(name);
  } finally {
    manager.close();
  }
}

/** Tells systemd of limits that have changed, before they are written: it writes what it knows, rounded as it keeps it. */
export async function updateUnit({ name, manager: scope }: Unit, limits: readonly FileWrite[], environment: readonly string[]): Promise<void> {
  const properties = propertiesOf(limits);
  if (properties.length === 0) return;
  const manager = await Manager.connect(scope, environment);
  try {
    await manager.setProperties(name, properties);
  } finally {
    manager.close();
  }
}

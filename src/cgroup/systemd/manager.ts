/** systemd's manager, the system's or a user's own: what is asked of it for a container (org.freedesktop.systemd1(5)). */

import { Variant } from "../../dbus/marshal.ts";
import type { Value } from "../../dbus/marshal.ts";
import type { Message } from "../../dbus/message.ts";
import { CgroupError } from "../../errors.ts";
import type { Property } from "../../resources/properties.ts";
import { Bus, BusError } from "./bus.ts";

const NAME = "org.freedesktop.systemd1";
const MANAGER = { destination: NAME, path: "/org/freedesktop/systemd1", interface: `${NAME}.Manager` };
const PROPERTIES = "org.freedesktop.DBus.Properties";
/** Where the manager's own socket is, and that of the bus, in the order in which they are tried. */
const SYSTEM_SOCKETS: readonly Socket[] = [
  { path: "/run/systemd/private", isShared: false },
  { path: "/run/dbus/system_bus_socket", isShared: true },
];
const BUS_ADDRESS = /^unix:path=([^,;]+)/;

interface Socket {
  readonly path: string;
  readonly isShared: boolean;
}

/** Whose manager: the system's, or that of the user who runs the program. */
export type Scope = "system" | "user";

/** A unit that is to be: its processes, and where it hangs. */
export interface ScopeUnit {
  readonly name: string;
  readonly slice: string;
  readonly description: string;
  readonly pids: readonly number[];
  readonly properties: readonly Property[];
}

export class Manager {
  readonly #bus: Bus;
  readonly #isShared: boolean;

  private constructor(bus: Bus, isShared: boolean) {
    this.#bus = bus;
    this.#isShared = isShared;
  }

  /** `environment` tells a user's own sockets. */
  static async connect(scope: Scope, environment: readonly string[]): Promise<Manager> {
    const failures: string[] = [];
    for (const socket of scope === "system" ? SYSTEM_SOCKETS : userSockets(environment)) {
      try {
        return await Manager.#open(socket);
      } catch (error) {
        failures.push(`"${socket.path}": ${messageOf(error)}`);
      }
    }
    const where = failures.length > 0 ? failures.join("; ") : "neither XDG_RUNTIME_DIR nor DBUS_SESSION_BUS_ADDRESS is set: log in with a session of systemd's own";
    throw new CgroupError(`cannot connect to systemd: ${where}`);
  }

  static async #open({ path, isShared }: Socket): Promise<Manager> {
    const manager = new Manager(await Bus.open(path, { isShared }), isShared);
    if (!isShared) return manager;
    try {
      await manager.#bus.subscribe(NAME, MANAGER.interface);
      await manager.#call("Subscribe");
      return manager;
    } catch (error) {
      manager.close();
      throw error;
    }
  }

  #call(member: string, signature: string = "", body: readonly Value[] = []): Promise<Message> {
    return this.#bus.call({ ...MANAGER, destination: this.#isShared ? NAME : "", member, signature, body });
  }

  /** Starts a scope, and resolves when its cgroup is there. */
  async startScope({ name, slice, description, pids, properties }: ScopeUnit): Promise<void> {
    const own: readonly Property[] = [
      ["Description", new Variant("s", description)],
      ["Slice", new Variant("s", slice)],
      ["PIDs", new Variant("au", pids)],
      ["Delegate", new Variant("b", true)],
      ["DefaultDependencies", new Variant("b", false)],
      ["CPUAccounting", new Variant("b", true)],
      ["IOAccounting", new Variant("b", true)],
      ["MemoryAccounting", new Variant("b", true)],
      ["TasksAccounting", new Variant("b", true)],
    ];
    const start = (): Promise<Message> => this.#call("StartTransientUnit", "ssa(sv)a(sa(sv))", [name, "replace", [...own, ...properties] as unknown as Value, []]);
    let answer: Message;
    try {
      answer = await start();
    } catch (error) {
      if (!(error instanceof BusError) || error.errorName !== `${NAME}.UnitExists`) throw inWords(`start the unit "${name}"`, error);
      // One that has failed is there until it is forgotten.
      await this.resetFailed(name);
      answer = await start().catch((again: unknown) => Promise.reject(inWords(`start the unit "${name}"`, again)));
    }
    await this.#done(answer, `start the unit "${name}"`);
  }

  /** Stops a unit and what runs in it; nothing where there is none. */
  async stopUnit(name: string): Promise<void> {
    try {
      await this.#done(await this.#call("StopUnit", "ss", [name, "replace"]), `stop the unit "${name}"`);
    } catch (error) {
      if (!isNoSuchUnit(error)) throw inWords(`stop the unit "${name}"`, error);
    }
    await this.resetFailed(name);
  }

  async resetFailed(name: string): Promise<void> {
    try {
      await this.#call("ResetFailedUnit", "s", [name]);
    } catch (error) {
      if (!isNoSuchUnit(error)) throw inWords(`forget the unit "${name}"`, error);
    }
  }

  /** For as long as the unit lives. */
  async setProperties(name: string, properties: readonly Property[]): Promise<void> {
    try {
      await this.#call("SetUnitProperties", "sba(sv)", [name, true, properties as unknown as Value]);
    } catch (error) {
      throw inWords(`set the properties of the unit "${name}"`, error);
    }
  }

  /** Moves processes of the manager's user into the unit. */
  async attach(name: string, pids: readonly number[]): Promise<void> {
    try {
      await this.#call("AttachProcessesToUnit", "ssau", [name, "", pids]);
    } catch (error) {
      throw inWords(`move a process into the unit "${name}"`, error);
    }
  }

  /** The unit's cgroup, below each hierarchy's root. */
  async controlGroup(name: string): Promise<string> {
    const [path] = (await this.#call("GetUnit", "s", [name])).body;
    const call = { destination: this.#isShared ? NAME : "", path: String(path), interface: PROPERTIES, member: "Get", signature: "ss", body: [`${NAME}.Scope`, "ControlGroup"] };
    const [value] = (await this.#bus.call(call)).body;
    return value instanceof Variant ? String(value.value) : "";
  }

  async #done(answer: Message, verb: string): Promise<void> {
    const [job = ""] = answer.body;
    const { body } = await this.#bus.signal(({ member, body: [, removed] }) => member === "JobRemoved" && removed === job);
    const [, , , result] = body;
    if (result !== "done") throw new CgroupError(`cannot ${verb}: systemd's job for it is ${JSON.stringify(result)}`);
  }

  close(): void {
    this.#bus.close();
  }
}

function userSockets(environment: readonly string[]): Socket[] {
  const value = (name: string): string => environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  const sockets: Socket[] = [];
  const folder = value("XDG_RUNTIME_DIR");
  if (folder !== "") sockets.push({ path: `${folder}/systemd/private`, isShared: false });
  const address = BUS_ADDRESS.exec(value("DBUS_SESSION_BUS_ADDRESS"))?.[1] ?? (folder === "" ? "" : `${folder}/bus`);
  if (address !== "") sockets.push({ path: address, isShared: true });
  return sockets;
}

function isNoSuchUnit(error: unknown): boolean {
  return error instanceof BusError && error.errorName === `${NAME}.NoSuchUnit`;
}

function inWords(verb: string, error: unknown): unknown {
  return error instanceof BusError ? new CgroupError(`cannot ${verb}: ${error.message}`, { cause: error }) : error;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What every verb knows of its call: where the states are, where the caller stands, what he handed down. */

import { UnsupportedError, UsageError } from "../errors.ts";
import type { Inheritance } from "../container/execution.ts";
import { Store } from "../container/store.ts";
import { callerEnvironment } from "../linux/launch.ts";
import type { Launch } from "../linux/launch.ts";
import { O_RDWR } from "../linux/open-flags.ts";
import { openSync, readFileSync } from "../native/files.ts";
import { callerLaunch, callerPath } from "./caller.ts";
import type { Parsed } from "./parse.ts";
import { flag, readBoolean, text } from "./parse.ts";
import { SYSTEM_STATE_ROOT, defaultStateRoot } from "./state-root.ts";

const MOST_LISTEN_FDS = 1000;

export interface Invocation {
  readonly store: Store;
  readonly parsed: Parsed;
  readonly debug: boolean;
  /** New containers' cgroups are units of systemd's. */
  readonly systemdCgroup: boolean;
  readonly warn: (message: string) => void;
  /** Reports an error whose exit status is not the usual one. */
  readonly fail: (error: unknown) => void;
  readonly environment: readonly string[];
  readonly launch: Launch | undefined;
  /** A path as the caller means it: the engine itself stands in "/". */
  path(path: string): string;
}

export function invocation(
  globals: Parsed,
  { parsed, warn, fail }: Pick<Invocation, "parsed" | "warn" | "fail">,
): Invocation {
  const rootless = text(globals, "rootless") ?? "auto";
  if (rootless !== "auto" && rootless !== "" && readBoolean(rootless) === undefined) {
    throw new UsageError(`cannot use option "--rootless": ${JSON.stringify(rootless)} is not true, false or auto`);
  }
  const store = storeOf(globals);
  // Not every verb asks for the rest.
  return {
    store,
    parsed,
    debug: flag(globals, "debug"),
    systemdCgroup: flag(globals, "systemd-cgroup"),
    warn,
    fail,
    path: callerPath,
    get environment(): readonly string[] {
      return callerEnvironment(process.env);
    },
    get launch(): Launch | undefined {
      return callerLaunch();
    },
  };
}

function storeOf(globals: Parsed): Store {
  const given = text(globals, "root");
  if (given !== undefined) {
    const root = callerPath(given);
    if (given === "" || root === "/") throw new UsageError(`cannot use option "--root": it should not be set to ${JSON.stringify(given === "" ? "" : root)}`);
    return new Store(root);
  }
  const root = defaultStateRoot({ uid: process.geteuid?.() ?? 0, environment: process.env, uidMap: () => readFileSync("/proc/self/uid_map", "utf8") });
  return new Store(root, { isSticky: root !== SYSTEM_STATE_ROOT });
}

/** The only argument of a verb that takes exactly one. */
export function onlyArgument({ parsed }: Invocation, verb: string, what = "a container id"): string {
  const [first] = parsed.args;
  if (first === undefined) throw new UsageError(`cannot ${verb}: it needs ${what} (tsrun ${verb} --help)`);
  if (parsed.args.length > 1) throw new UsageError(`cannot ${verb}: too many arguments: ${parsed.args.slice(1).join(" ")}`);
  return first;
}

/** Standard streams, preserved descriptors, and the limits and signals as the caller had them before the engine began. */
export function inheritance({ parsed, launch }: Invocation, listenFds = 0): Inheritance {
  const preserved = preservedDescriptors(text(parsed, "preserve-fds"), launch, listenFds);
  if (launch === undefined) return { stdio: [0, 1, 2], preserved };
  const { nofile, ignoredSignals, blockedSignals } = launch;
  const standard = (fd: number): number => (launch.fds.includes(fd) ? fd : openSync("/dev/null", O_RDWR));
  return {
    // A place that is left empty goes to the next descriptor that anybody opens, and he may not expect that.
    stdio: [standard(0), standard(1), standard(2)],
    preserved,
    nofile: [nofile.soft, nofile.hard],
    ignored: ignoredSignals,
    blocked: blockedSignals,
  };
}

/** The option `--pidfd-socket`, which create, run and exec have. */
export function pidfdSocket({ parsed, path }: Invocation): { readonly pidfdSocket?: string } {
  const given = text(parsed, "pidfd-socket") ?? "";
  return given === "" ? {} : { pidfdSocket: path(given) };
}

/** Where the caller wants to hear that the program is ready (sd_notify(3)); "@name" is no path. */
export function notifySocket({ path }: Invocation): { readonly notifySocket?: string } {
  const given = process.env["NOTIFY_SOCKET"];
  if (given === undefined || given === "") return {};
  return { notifySocket: given.startsWith("@") ? given : path(given) };
}

/** How many sockets somebody opened for this very process, as sd_listen_fds(3) counts them. */
export function listenDescriptors(environment: Readonly<Record<string, string | undefined>>, pid: number): number {
  const given = environment["LISTEN_FDS"];
  if (given === undefined || environment["LISTEN_PID"] !== `${pid}`) return 0;
  const count = Number(given);
  if (!Number.isInteger(count) || count < 0 || count > MOST_LISTEN_FDS) throw new UsageError(`cannot use LISTEN_FDS: ${JSON.stringify(given)} is not a small number`);
  return count;
}

/** The sockets first, then those of --preserve-fds. */
function preservedDescriptors(given = "0", launch: Launch | undefined, listenFds: number): number[] {
  if (!/^\d{1,4}$/.test(given)) throw new UsageError(`cannot use option "--preserve-fds": ${JSON.stringify(given)} is not a small number`);
  const count = Number(given) + listenFds;
  if (count === 0) return [];
  // What the engine has opened by now cannot be told from what the caller gave.
  if (launch === undefined) throw new UnsupportedError("cannot preserve descriptors: only the installed tsrun knows what its caller gave");
  return Array.from({ length: count }, (_, index) => {
    const fd = 3 + index;
    if (!launch.fds.includes(fd)) throw new UsageError(`cannot preserve descriptor ${fd}: it is not open`);
    return fd;
  });
}

/**
 * The library: containers from TypeScript.
 *
 *     import { Container } from "@tsrun/tsrun";
 *
 *     const container = await Container.create({ id: "mine", bundle: "/bundles/mine" });
 *     await container.start();
 *     container.kill("SIGTERM");
 *     await container.delete({ force: true });
 */

import { resolve } from "node:path";
import { create } from "./container/create.ts";
import { deleteContainer } from "./container/delete.ts";
import { describeContainer } from "./container/describe.ts";
import type { Description } from "./container/describe.ts";
import { kill } from "./container/kill.ts";
import { pause } from "./container/pause.ts";
import { processesOf } from "./container/ps.ts";
import { resume } from "./container/resume.ts";
import { start } from "./container/start.ts";
import { Store } from "./container/store.ts";
import { currentResources, update } from "./container/update.ts";
import type { CheckpointChoices, RestoreChoices } from "./criu/choices.ts";
import { ConfigError, UsageError } from "./errors.ts";
import { parseSignal } from "./linux/signals.ts";
import { fstatSync } from "./native/files.ts";
import { native } from "./native/native.ts";
import { ended } from "./native/waiter.ts";
import { checkArgument, checkProperties } from "./spec/arguments.ts";
import type { Kinds } from "./spec/arguments.ts";
import { checkProcess } from "./spec/checks.ts";
import { changedProcess } from "./spec/exec-process.ts";
import type { ProcessChanges } from "./spec/exec-process.ts";
import type { Resources } from "./spec/config.ts";
import { checkResources } from "./spec/resources-document.ts";

export * from "./errors.ts";
export type { Description } from "./container/describe.ts";
export type { CheckpointChoices, RestoreChoices } from "./criu/choices.ts";
export type { Config, Resources } from "./spec/config.ts";
export { parseConfig, parseConfigBytes } from "./spec/parse.ts";
export { defaultConfig } from "./spec/default-config.ts";

/** Where containers are kept, and who hears of what could not be done and need not be. */
export interface Place {
  /** The state root; `/run/tsrun` by default. */
  readonly root?: string;
  readonly warn?: (message: string) => void;
}

export interface CreateRequest extends Place {
  readonly id: string;
  readonly bundle: string;
  /** The container's standard input, output and error; the caller's own by default. */
  readonly stdio?: readonly [stdin: number, stdout: number, stderr: number];
  readonly pidFile?: string;
  /** A unix socket that gets the terminal's master. */
  readonly consoleSocket?: string;
  readonly noPivot?: boolean;
  readonly noNewKeyring?: boolean;
}

export interface RestoreRequest extends Omit<CreateRequest, "noPivot" | "noNewKeyring">, RestoreChoices {}

/** A further process: the container's own with another program, and what else is to be different. */
export interface ExecRequest extends ProcessChanges {
  /** Its standard input, output and error; the caller's own by default. */
  readonly stdio?: readonly [stdin: number, stdout: number, stderr: number];
  readonly pidFile?: string;
  /** A unix socket that gets the terminal's master. */
  readonly consoleSocket?: string;
  /** Sub-cgroups to run in: `[controllers:]path`. */
  readonly cgroup?: readonly string[];
  readonly ignorePaused?: boolean;
}

/** A program that runs in a container besides its own. */
export interface ExecProcess {
  /** As the host has it. */
  readonly pid: number;
  /** Resolves with how it ended. */
  wait(): Promise<Ending>;
}

/** An exit status, or the signal that ended the process. */
export interface Ending {
  readonly code: number;
  readonly signal: number;
}

const DEFAULT_ROOT = "/run/tsrun";

const PLACE: Kinds<Required<Place>> = { root: "text", warn: "action" };
const STREAMS: Kinds<Pick<Required<CreateRequest>, "stdio" | "pidFile" | "consoleSocket">> = { stdio: "streams", pidFile: "text", consoleSocket: "text" };
const CREATE: Kinds<Required<CreateRequest>> = { id: "text", bundle: "text", ...PLACE, ...STREAMS, noPivot: "flag", noNewKeyring: "flag" };
const IMAGES: Kinds<Required<Omit<RestoreChoices, "lsmProfile" | "lsmMountContext">>> = {
  imagePath: "text",
  workPath: "text",
  tcpEstablished: "flag",
  extUnixSk: "flag",
  shellJob: "flag",
  fileLocks: "flag",
  manageCgroupsMode: "text",
  autoDedup: "flag",
  lazyPages: "flag",
};
const RESTORE: Kinds<Required<RestoreRequest>> = { id: "text", bundle: "text", ...PLACE, ...STREAMS, ...IMAGES, lsmProfile: "text", lsmMountContext: "text" };
const CHECKPOINT: Kinds<Required<CheckpointChoices>> = {
  ...IMAGES,
  parentPath: "text",
  leaveRunning: "flag",
  preDump: "flag",
  tcpSkipInFlight: "flag",
  linkRemap: "flag",
  pageServer: "object",
  statusFd: "descriptor",
};
const EXEC: Kinds<Required<ExecRequest>> = {
  args: "texts",
  cwd: "text",
  env: "texts",
  terminal: "flag",
  uid: "id",
  gid: "id",
  additionalGids: "ids",
  capabilities: "texts",
  noNewPrivileges: "flag",
  apparmorProfile: "text",
  selinuxLabel: "text",
  ...STREAMS,
  cgroup: "texts",
  ignorePaused: "flag",
};

/** One container of this host (runtime.md#lifecycle). Every method throws a TsrunError that says what and why. */
export class Container {
  readonly id: string;
  readonly #store: Store;
  readonly #warn: (message: string) => void;
  #ending: Promise<Ending> | undefined;

  private constructor(id: string, { root = DEFAULT_ROOT, warn = () => {} }: Place) {
    this.id = id;
    this.#store = new Store(resolve(root));
    this.#warn = warn;
  }

  /** Makes a container that waits for `start()`; on failure nothing of it is left. */
  static async create(request: CreateRequest): Promise<Container> {
    checkProperties("Container.create()", request, CREATE, ["id", "bundle"]);
    const { id, bundle, stdio = [0, 1, 2], pidFile, consoleSocket, noPivot = false, noNewKeyring = false } = request;
    checkOpen("Container.create()", stdio);
    const container = new Container(id, request);
    const { pidfd } = await create({
      store: container.#store,
      id,
      bundle: resolve(bundle),
      noPivot,
      noNewKeyring,
      ...(pidFile === undefined ? {} : { pidFile: resolve(pidFile) }),
      ...(consoleSocket === undefined ? {} : { consoleSocket: resolve(consoleSocket) }),
      inheritance: { stdio, preserved: [] },
      environment: environment(),
      warn: container.#warn,
    });
    container.#ending = reap(pidfd);
    return container;
  }

  /** Makes a container from a checkpoint, which runs then; on failure nothing of it is left. */
  static async restore(request: RestoreRequest): Promise<Container> {
    checkProperties("Container.restore()", request, RESTORE, ["id", "bundle", "imagePath"]);
    const { id, bundle, root: _, warn: __, stdio = [0, 1, 2], pidFile, consoleSocket, ...choices } = request;
    checkOpen("Container.restore()", stdio);
    const container = new Container(id, request);
    const { restore } = await import("./criu/restore.ts");
    const { pidfd } = await restore({
      store: container.#store,
      id,
      bundle: resolve(bundle),
      choices: absolute(choices),
      ...(pidFile === undefined ? {} : { pidFile: resolve(pidFile) }),
      ...(consoleSocket === undefined ? {} : { consoleSocket: resolve(consoleSocket) }),
      inheritance: { stdio, preserved: [] },
      environment: environment(),
      warn: container.#warn,
    });
    container.#ending = reap(pidfd);
    return container;
  }

  /** A container that exists. */
  static open(id: string, place: Place = {}): Container {
    checkArgument("Container.open()", "id", id, "text");
    checkProperties("Container.open()", place, PLACE);
    const container = new Container(id, place);
    container.#store.load(id, "open");
    return container;
  }

  /** The ids of all containers below a state root. */
  static list(place: Place = {}): string[] {
    checkProperties("Container.list()", place, PLACE);
    const { root = DEFAULT_ROOT } = place;
    return new Store(resolve(root)).ids();
  }

  /** Resolves when the program runs and its poststart hooks are done. */
  async start(): Promise<void> {
    await start({ store: this.#store, id: this.id, environment: environment(), warn: this.#warn });
  }

  /** Resolves with how the container's process ended. Only who created it is its parent, and can know. */
  async wait(): Promise<Ending> {
    if (this.#ending === undefined) throw new UsageError(`cannot wait for container "${this.id}": another process created it`);
    return awake(this.#ending);
  }

  /** The state of runtime.md#state, with runc's additions. */
  state(): Description {
    return describeContainer(this.#store, this.#store.load(this.id, "show"));
  }

  /** Runs a further program in the container; resolves when it runs. */
  async exec(request: ExecRequest): Promise<ExecProcess> {
    checkProperties("exec()", request, EXEC, ["args"]);
    const { stdio = [0, 1, 2], pidFile, consoleSocket, cgroup, ignorePaused = false, ...changes } = request;
    checkOpen("exec()", stdio);
    const problems = checkProcess(changedProcess(undefined, changes));
    if (problems.length > 0) throw new ConfigError("the process", problems);
    const { exec } = await import("./container/exec.ts");
    const { pid, pidfd } = await exec({
      store: this.#store,
      id: this.id,
      process: { changes },
      ignorePaused,
      ...(cgroup === undefined ? {} : { cgroup }),
      ...(pidFile === undefined ? {} : { pidFile: resolve(pidFile) }),
      ...(consoleSocket === undefined ? {} : { consoleSocket: resolve(consoleSocket) }),
      inheritance: { stdio, preserved: [] },
      warn: this.#warn,
    });
    const ending = reap(pidfd);
    return { pid, wait: () => awake(ending) };
  }

  /**
   * Sends a signal, by name or number, to the container's process, or with `all` to each of its processes; by default the
   * signal that its image wants to be ended with, else SIGTERM.
   */
  kill(signal?: string | number, options: { readonly all?: boolean } = {}): void {
    if (signal !== undefined) checkArgument("kill()", "signal", signal, "signal");
    checkProperties("kill()", options, { all: "flag" });
    const { all = false } = options;
    kill({ store: this.#store, id: this.id, ...(signal === undefined ? {} : { signal: parseSignal(`${signal}`) }), all });
  }

  /** Stops all of the container's processes where they are. */
  async pause(): Promise<void> {
    await pause({ store: this.#store, id: this.id });
  }

  /** Lets the processes of a paused container go on. */
  async resume(): Promise<void> {
    await resume({ store: this.#store, id: this.id });
  }

  /** Writes the container's processes into files; unless they run on, it is deleted then. */
  async checkpoint(choices: CheckpointChoices): Promise<void> {
    checkProperties("checkpoint()", choices, CHECKPOINT, ["imagePath"]);
    const { checkpoint } = await import("./criu/checkpoint.ts");
    await checkpoint({ store: this.#store, id: this.id, choices: absolute(choices), environment: environment(), remove: true, warn: this.#warn });
  }

  /** Changes limits: all that are given, as in config.json below `linux.resources`, or none. */
  async update(resources: Resources): Promise<void> {
    checkArgument("update()", "resources", resources, "object");
    await update({ store: this.#store, id: this.id, resources: checkResources(resources) });
  }

  /** The limits as they are now. */
  resources(): Resources {
    this.#store.load(this.id, "read the limits of");
    return currentResources(this.#store, this.id);
  }

  /** The pids of the container's processes, as the host has them. */
  processes(): number[] {
    return processesOf(this.#store, this.id);
  }

  /** Removes a container that has stopped; with `force` one that has not, too. */
  async delete(options: { readonly force?: boolean } = {}): Promise<void> {
    checkProperties("delete()", options, { force: "flag" });
    const { force = false } = options;
    await deleteContainer({ store: this.#store, id: this.id, force, environment: environment(), warn: this.#warn });
  }
}

/** The kernel would only say that one of many descriptors is a bad one. */
function checkOpen(call: string, stdio: readonly number[]): void {
  for (const fd of stdio) {
    try {
      fstatSync(fd);
    } catch (error) {
      throw new UsageError(`cannot call ${call}: "stdio" names descriptor ${fd}, which is not open`, { cause: error });
    }
  }
}

/** With paths that mean the same wherever they are read. */
function absolute<Choices extends RestoreChoices>(choices: Choices): Choices {
  const { imagePath, workPath } = choices;
  return { ...choices, imagePath: resolve(imagePath), ...(workPath === undefined ? {} : { workPath: resolve(workPath) }) };
}

/** Keeps the program alive for an end that it waits for. */
async function awake(ending: Promise<Ending>): Promise<Ending> {
  const timer = setInterval(() => {}, 1 << 30);
  try {
    return await ending;
  } finally {
    clearInterval(timer);
  }
}

/** Waits for a child's end, without keeping the program alive for it, so that no zombie stays. */
async function reap(pidfd: number): Promise<Ending> {
  const { code, signal } = await ended(pidfd, { keepAlive: false });
  native().close(pidfd);
  return { code, signal };
}

function environment(): string[] {
  return Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
}

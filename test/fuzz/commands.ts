/** Executes the runtime on one case, from `create` to `delete`, and judges every command by itself. */

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import type { Option } from "./cases.ts";
import { crashIn } from "./crash.ts";
import type { Documents } from "./documents.ts";

export const ID = "fuzz";
const RUNTIME = "/opt/tsrun/tsrun";
const LOG = "/tmp/log";
const PID_FILE = "/tmp/pid";
const PROCESS_FILE = "/tmp/process.json";
const RESOURCES_FILE = "/tmp/resources.json";
const CONSOLE_SOCKET = "/run/console.sock";
const TIMEOUT_MILLIS = 20_000;
/** runc's status of an exec that did not come to run its program. */
const EXEC_FAILED = 255;
const MOST_MESSAGE_BYTES = 64 * 1024;

interface Result {
  readonly status: number | null;
  readonly stdout: string;
}

/** What is wrong, each beginning with its kind: `create crash: ...`. */
export class Commands {
  readonly problems: string[] = [];
  readonly #options: readonly Option[];
  readonly #verbs: ReadonlySet<string>;
  created = false;
  started = false;
  /** The last error that was told. */
  said = "";

  constructor(options: readonly Option[], verbs: ReadonlySet<string>) {
    this.#options = options;
    this.#verbs = verbs;
  }

  async judge({ isJson }: { readonly isJson: boolean }): Promise<void> {
    if (this.#has("explain")) await this.#run("explain", ["/bundle"]);
    if (this.#has("detach")) {
      const { status } = await this.#run("run", ["--detach", ...this.#creation(), ID]);
      this.started = status === 0;
      return this.started ? this.#goOn() : undefined;
    }
    const { status } = await this.#run("create", [...this.#creation(), ID]);
    if (status !== 0) return;
    this.created = true;
    if (!isJson) this.problems.push("create accepts: this is no JSON");
    await this.#status("created");
    if (this.#has("pid-file") && !/^[1-9]\d*$/.test(read(PID_FILE))) this.problems.push(`create pid-file: ${JSON.stringify(read(PID_FILE))}`);
    const start = await this.#run("start", [ID]);
    this.started = start.status === 0;
    // A hook that failed has ended it.
    if (!this.started && (await this.#run("state", [ID])).status !== 0) return;
    await this.#goOn();
  }

  /** From here on nothing that a config says may stand in the way of the container's end. */
  async #goOn(): Promise<void> {
    this.created = true;
    await this.#run("ps", [ID]);
    if (this.started) for (const verb of ["exec", "pause", "resume", "update", "events"]) await this.#further(verb);
    if (this.#has("force")) {
      await this.#must("delete", ["--force", ID]);
    } else {
      const before = await this.#run("state", [ID]);
      const kill = await this.#run("kill", [ID, "KILL"]);
      await this.#stopped();
      if (kill.status !== 0 && !before.stdout.includes('"stopped"') && !(await this.#isStopped())) this.problems.push("kill fails");
      await this.#must("delete", [ID]);
    }
    const { status } = await this.#run("state", [ID]);
    if (status === 0) this.problems.push("delete leaves: the container is still there");
  }

  async #further(verb: string): Promise<void> {
    if (!this.#verbs.has(verb)) return;
    if (verb === "exec") await this.#exec();
    else if (verb === "update") await this.#update();
    else if (verb === "events") await this.#run(verb, ["--stats", ID]);
    else await this.#run(verb, [ID]);
  }

  async #exec(): Promise<void> {
    await this.#run("exec", [ID, "/bin/true"]);
    const terminal = /"terminal":\s*true/.test(read(PROCESS_FILE)) && !this.#has("no-console");
    // Detached, as the program need not end; it is judged like all else, as none of its statuses is seen.
    const { status } = await this.#run("exec", ["--detach", ...(terminal ? ["--console-socket", CONSOLE_SOCKET] : []), "--process", PROCESS_FILE, ID], EXEC_FAILED);
    if (status === 0 && !isJson(PROCESS_FILE)) this.problems.push("exec accepts: this is no JSON");
  }

  async #update(): Promise<void> {
    await this.#run("update", ["--pids-limit", "50", ID]);
    const { status } = await this.#run("update", ["--resources", RESOURCES_FILE, ID]);
    if (status === 0 && !isJson(RESOURCES_FILE)) this.problems.push("update accepts: this is no JSON");
  }

  #has(option: Option): boolean {
    return this.#options.includes(option);
  }

  #creation(): string[] {
    const flags = (["no-pivot", "no-new-keyring"] as const).filter((option) => this.#has(option)).map((option) => `--${option}`);
    const terminal = /"terminal":\s*true/.test(read("/bundle/config.json")) && !this.#has("no-console");
    return ["--bundle", "/bundle", ...flags, ...(this.#has("pid-file") ? ["--pid-file", PID_FILE] : []), ...(terminal ? ["--console-socket", CONSOLE_SOCKET] : [])];
  }

  async #status(wanted: string): Promise<void> {
    const { stdout } = await this.#must("state", [ID]);
    try {
      const { status } = JSON.parse(stdout);
      // A program that is not there to wait for `start` has ended by now, of its own fault.
      if (status !== wanted) this.problems.push(`state: ${status} and not ${wanted}`);
    } catch {
      this.problems.push(`state prints no JSON: ${stdout.slice(0, 200)}`);
    }
  }

  async #isStopped(): Promise<boolean> {
    return (await this.#run("state", [ID])).stdout.includes('"stopped"');
  }

  async #stopped(): Promise<void> {
    for (let attempt = 0; attempt < 500; attempt++) {
      if (await this.#isStopped()) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.problems.push("kill leaves: the container does not stop");
  }

  async #must(verb: string, args: readonly string[]): Promise<Result> {
    const result = await this.#run(verb, args);
    if (result.status !== 0) this.problems.push(`${verb} fails: ${logged()}`);
    return result;
  }

  /** Whatever a config says, a command ends, of itself, and where it fails it says why in one record. */
  async #run(verb: string, args: readonly string[], failed?: number): Promise<Result> {
    const { status, signal, stdout, stderr, timedOut } = await execute(["--root", "/state", "--log", LOG, "--log-format", "json", verb, ...args]);
    const said = `${verb === "state" ? "" : stdout}${stderr}`;
    const log = read(LOG);
    if (timedOut) this.problems.push(`${verb} hangs: ${stacks()}`);
    else if (signal !== null) this.problems.push(`${verb} dies: of ${signal}`);
    else if (status !== 0 && (verb !== "exec" || failed !== undefined)) this.#judgeFailure(verb, { status, log, failed });
    const crash = crashIn(`${said}\n${log}`, ["/bundle/config.json", PROCESS_FILE, RESOURCES_FILE].map(read));
    if (crash !== undefined) this.problems.push(`${verb} crashes: ${crash}`);
    return { status, stdout };
  }

  #judgeFailure(verb: string, { status, log, failed = 1 }: { readonly status: number | null; readonly log: string; readonly failed?: number | undefined }): void {
    // As runc's `run` has it for a program that cannot be executed.
    if (status !== failed && !(status === 255 && verb === "run")) this.problems.push(`${verb} status: ${status}`);
    const errors = log.split("\n").filter((line) => line.includes('"level":"error"'));
    if (errors.length !== 1) this.problems.push(`${verb} log: ${errors.length} errors: ${log.slice(0, 500)}`);
    if (log.length > MOST_MESSAGE_BYTES) this.problems.push(`${verb} message: ${log.length} bytes: ${log.slice(0, 500)}`);
    for (const line of errors) {
      try {
        const { msg } = JSON.parse(line);
        this.said = `${verb}: ${String(msg).slice(0, 5000)}`;
        if (typeof msg !== "string" || msg === "" || / {2}$|: $|:$/.test(msg)) this.problems.push(`${verb} message: ${JSON.stringify(msg).slice(0, 500)}`);
      } catch {
        this.problems.push(`${verb} log: no JSON: ${line.slice(0, 500)}`);
      }
    }
  }
}

function logged(): string {
  return read(LOG).slice(0, 1000);
}

/** The verbs that this runtime has, by its own help. */
export async function knownVerbs(): Promise<ReadonlySet<string>> {
  const { stdout } = await execute(["--help"]);
  return new Set([...stdout.matchAll(/^ {2}([a-z]+)\b/gm)].map(([, verb = ""]) => verb));
}

interface Ended extends Result {
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Output goes to files, as a container keeps its standard output open. */
async function execute(args: readonly string[]): Promise<Ended> {
  fs.rmSync(LOG, { force: true });
  const output = ["/tmp/out", "/tmp/err"];
  const stdio = ["ignore" as const, ...output.map((path) => fs.openSync(path, "w"))];
  const child = spawn(RUNTIME, args, { cwd: "/bundle", env: { PATH: "/bin", HOME: "/tmp" }, stdio, detached: true });
  for (const fd of stdio) if (typeof fd === "number") fs.closeSync(fd);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, TIMEOUT_MILLIS);
  const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.on("error", () => resolve([null, null]));
    child.on("exit", (code, by) => resolve([code, by]));
  });
  clearTimeout(timer);
  const [stdout = "", stderr = ""] = output.map(read);
  for (const path of output) fs.rmSync(path);
  return { status, signal, stdout, stderr, timedOut };
}

/** Where everybody in the sandbox stands in the kernel. */
function stacks(): string {
  const pids = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.map((pid) => `${pid} ${read(`/proc/${pid}/comm`).trim()} ${read(`/proc/${pid}/stack`).split("\n").slice(0, 4).join(" ")}`).join("; ");
}

function read(path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function isJson(path: string): boolean {
  try {
    // As strict as it is about the config: bytes that are no UTF-8 are no JSON.
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fs.readFileSync(path)));
    return true;
  } catch {
    return false;
  }
}

/** What comes after the config. */
export function writeDocuments({ process, resources }: Documents): void {
  fs.writeFileSync(PROCESS_FILE, process);
  fs.writeFileSync(RESOURCES_FILE, resources);
}

const FOLDERS: readonly string[] = ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "hooks"];

/** The bundle of a case: its config, and a root file system with links that lead nowhere, around, and out. */
export function writeBundle({ bytes, owner }: { readonly bytes: Buffer; readonly owner: number }): void {
  fs.rmSync("/bundle", { recursive: true, force: true });
  const root = "/bundle/rootfs";
  for (const folder of FOLDERS) fs.mkdirSync(`${root}/${folder}`, { recursive: true });
  for (const program of ["sleep", "true", "false"]) fs.copyFileSync("/fuzz/busybox", `${root}/bin/${program}`);
  for (const program of ["true", "false", "cat", "sleep"]) fs.linkSync(`${root}/bin/true`, `${root}/hooks/${program}`);
  for (const [name, text] of Object.entries({ script: "#!/bin/true\n", lost: "#!/none\n", text: "no program\n" })) {
    fs.writeFileSync(`${root}/bin/${name}`, text, { mode: 0o755 });
  }
  fs.writeFileSync(`${root}/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\n");
  fs.writeFileSync(`${root}/etc/group`, "root:x:0:\n");
  const links = { link: "etc", loop: "loop", up: "../../../..", out: "/src", abs: "/proc/1/root", dangling: "/none" };
  for (const [name, target] of Object.entries(links)) fs.symlinkSync(target, `${root}/${name}`);
  const folders = [...FOLDERS, ""];
  for (const folder of owner === 0 ? [] : folders) {
    for (const name of ["", ...fs.readdirSync(`${root}/${folder}`)]) fs.lchownSync(`${root}/${folder}/${name}`, owner, owner);
  }
  fs.writeFileSync("/bundle/config.json", bytes);
}

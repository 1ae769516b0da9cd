/** Where the fuzzer's containers live: makes the sandbox of enter.sh, and takes it away again. */

import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { attachDevices } from "../../src/cgroup/devices.ts";
import { native } from "../../src/native/native.ts";
import { deviceProgram } from "../../src/resources/device-program.ts";
import { PROJECT } from "../runtime.ts";

/** Devices that not even a container which may use all devices can open: [type, major, minor], -1 is any. */
const CLOSED: readonly (readonly ["b" | "c", number, number])[] = [
  ["b", -1, -1],
  // mem, kmem, port, kmsg; the consoles; rtc, loop-control, watchdogs, uinput, snapshot, hpet.
  ...[1, 2, 4, 11].map((minor) => ["c", 1, minor] as const),
  ["c", 4, -1],
  ...[130, 135, 223, 228, 231, 237].map((minor) => ["c", 10, minor] as const),
];

const LIMITS: Readonly<Record<string, string>> = {
  "memory.limit_in_bytes": "2147483648",
  "memory.max": "2147483648",
  "pids.max": "2000",
};

export interface Sandbox {
  readonly process: ChildProcess;
  /** Ends everything in it, and removes its cgroups. */
  end(): Promise<void>;
}

/** Starts the driver in a sandbox of its own; what it says goes to its standard output and error. */
export function openSandbox(name: string, folder: string, args: readonly string[]): Sandbox {
  const cgroups = makeCgroups(name);
  const root = join(folder, "sandbox");
  fs.mkdirSync(root);
  const env = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    SANDBOX: root,
    CGROUPS: cgroups.join(" "),
    FILES: copies().map(([source, target]) => `${source}:${target}`).join("\n"),
  };
  const engine = ["/fuzz/busybox", "env", "-i", "BUN_BE_BUN=1", "HOME=/tmp", "/opt/tsrun/tsrun-engine", "run", "/fuzz/js/test/fuzz/driver.js"];
  const command = [join(PROJECT, "test/fuzz/enter.sh"), "cgroups", ...engine, ...args];
  const child = spawn("sh", command, { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  return {
    process: child,
    end: async () => {
      child.kill("SIGKILL");
      await ended;
      await removeCgroups(cgroups);
      fs.rmSync(root, { recursive: true, force: true });
    },
  };
}

/** What is copied into the sandbox: the runtime, the driver and its data, and the libraries that these need. */
function copies(): [source: string, target: string][] {
  const programs = ["tsrun", "tsrun-engine", "tsrun-quick", "tsrun.node", "tsrun-init"]
    .map((name) => join(PROJECT, "dist", name))
    .filter((path) => fs.existsSync(path));
  const { stdout } = spawnSync("ldd", programs, { encoding: "utf8" });
  const libraries = new Set([...stdout.matchAll(/(\/[^\s():]+\.so[^\s():]*) \(0x/g)].map(([, path = ""]) => path));
  return [
    ...programs.map((path): [string, string] => [path, `/opt/tsrun/${path.slice(path.lastIndexOf("/") + 1)}`]),
    ...[...libraries].map((path): [string, string] => [path, path]),
    ["/bin/busybox", "/fuzz/busybox"],
    [join(PROJECT, "dist/js/test/fuzz"), "/fuzz/js/test/fuzz"],
    [join(PROJECT, "package.json"), "/fuzz/js/package.json"],
    [join(PROJECT, "schemas"), "/fuzz/schemas"],
    [join(PROJECT, "src/spec/testdata/engine-configs"), "/fuzz/configs"],
  ];
}

/** One in each hierarchy that is mounted, with limits and closed devices where it has the controller. */
function makeCgroups(name: string): string[] {
  const made: string[] = [];
  for (const [mountPoint, version] of hierarchies()) {
    if (version === 2) enableAll(mountPoint);
    const directory = join(mountPoint, name);
    fs.mkdirSync(directory);
    made.push(directory);
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      if (version === 1 && fs.existsSync(join(directory, file))) fs.writeFileSync(join(directory, file), fs.readFileSync(join(mountPoint, file)));
    }
    for (const [file, value] of Object.entries(LIMITS)) {
      if (fs.existsSync(join(directory, file))) fs.writeFileSync(join(directory, file), value);
    }
    closeDevices(directory, version);
  }
  return made;
}

function hierarchies(): [mountPoint: string, version: 1 | 2][] {
  const lines = fs.readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const found = new Map<string, [mountPoint: string, version: 1 | 2]>();
  for (const line of lines) {
    const [, , device = "", root, mountPoint = ""] = line.split(" ");
    const type = / - (cgroup2?) /.exec(line)?.[1];
    if (type !== undefined && root === "/" && !found.has(device)) found.set(device, [mountPoint, type === "cgroup" ? 1 : 2]);
  }
  return [...found.values()];
}

function enableAll(mountPoint: string): void {
  for (const controller of fs.readFileSync(join(mountPoint, "cgroup.controllers"), "utf8").trim().split(" ")) {
    try {
      fs.writeFileSync(join(mountPoint, "cgroup.subtree_control"), `+${controller}`);
    } catch {
      // Then the sandbox lacks it, as containers on this host do.
    }
  }
}

function closeDevices(directory: string, version: 1 | 2): void {
  if (version === 2) {
    const permissions = CLOSED.map(([type, major, minor]) => ({
      type,
      ...(major < 0 ? {} : { major }),
      ...(minor < 0 ? {} : { minor }),
      access: READ_WRITE,
      allow: false,
      pointer: "",
    }));
    const path = { version: 2, controllers: [], path: directory, created: true } as const;
    attachDevices([path], deviceProgram({ allow: true, permissions, pointer: "", problems: [] }), native());
  } else if (fs.existsSync(join(directory, "devices.deny"))) {
    for (const [type, major, minor] of CLOSED) fs.writeFileSync(join(directory, "devices.deny"), `${type} ${star(major)}:${star(minor)} rw`);
  }
}

const READ_WRITE = 6;

function star(number: number): string {
  return number < 0 ? "*" : String(number);
}

/** Whatever a container left there goes with them: their processes are all dead, or about to be. */
async function removeCgroups(directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    for (let attempt = 0; attempt < 100 && !tryRemove(directory); attempt++) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function tryRemove(directory: string): boolean {
  try {
    for (const entry of fs.readdirSync(directory, { withFileTypes: true })) if (entry.isDirectory()) tryRemove(join(directory, entry.name));
    fs.rmdirSync(directory);
    return true;
  } catch {
    return !fs.existsSync(directory);
  }
}

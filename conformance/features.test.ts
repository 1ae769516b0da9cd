/** `features`: the document, and that everything it lists works or is recognised (features.md, features-linux.md). */

import * as fs from "node:fs";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import { skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { withUserNamespace } from "../test/rich-configs.ts";
import { created, file, inside, output, read, refused, run, runBundle, running, script } from "./containers.ts";
import { isValid } from "./official.ts";
import { listen } from "./probe.ts";
import { isOurs, onlyOurs, suite } from "./suite.ts";

const test = suite("features");

interface Enabled {
  readonly enabled?: boolean;
}

/** As far as it is asked for here; every field but the versions may be absent. */
interface Features {
  readonly ociVersionMin: string;
  readonly ociVersionMax: string;
  readonly hooks: readonly string[];
  readonly mountOptions: readonly string[];
  readonly linux: {
    readonly namespaces: readonly string[];
    readonly capabilities: readonly string[];
    readonly cgroup: Readonly<Record<string, boolean>>;
    readonly seccomp: Enabled & { readonly [List in "actions" | "operators" | "archs" | "knownFlags" | "supportedFlags"]?: readonly string[] };
    readonly apparmor: Enabled;
    readonly selinux: Enabled;
    readonly intelRdt: Enabled & { readonly schemata?: boolean; readonly monitoring?: boolean };
    readonly memoryPolicy?: { readonly modes: readonly string[]; readonly flags: readonly string[] };
    readonly mountExtensions?: { readonly idmap: Enabled };
    readonly netDevices?: Enabled;
  };
  readonly annotations: Readonly<Record<string, string>>;
  readonly potentiallyUnsafeConfigAnnotations?: readonly string[];
}

async function features(t: Ground): Promise<Features> {
  return JSON.parse(output(await t.runtime(["features"]))) as Features;
}

/** What is absent is unknown, and nobody's promise (features.md). */
function present<T>(value: T | undefined): T {
  return value === undefined ? skip("this runtime does not say") : value;
}

/** The names of the objects, in the order in which they are printed. */
function keysOf(value: object): string[] {
  return Object.keys(value);
}

test("FE-01 to FE-29 every field is there, and in the order of the structure", async (t) => {
  onlyOurs("an older specification, or another order, is as good");
  const document = await features(t);
  assert.equal(keysOf(document), "ociVersionMin ociVersionMax hooks mountOptions linux annotations potentiallyUnsafeConfigAnnotations".split(" "));
  const { linux } = document;
  assert.equal(
    keysOf(linux),
    "namespaces capabilities cgroup seccomp apparmor selinux intelRdt memoryPolicy mountExtensions netDevices".split(" "),
  );
  assert.equal(keysOf(linux.cgroup), ["v1", "v2", "systemd", "systemdUser", "rdma"]);
  assert.equal(keysOf(linux.seccomp), ["enabled", "actions", "operators", "archs", "knownFlags", "supportedFlags"]);
  assert.equal(keysOf(linux.intelRdt), ["enabled", "schemata", "monitoring"]);
  assert.equal(keysOf(linux.memoryPolicy ?? {}), ["modes", "flags"]);
  assert.equal(keysOf(linux.mountExtensions ?? {}), ["idmap"]);
});

test("FE-01 to FE-29 it is valid against the official schema, prints four blanks for each level, and takes no arguments", async (t) => {
  const text = output(await t.runtime(["features"]));
  if (isOurs()) assert.is(text, `${JSON.stringify(JSON.parse(text), undefined, 4)}\n`);
  assert.is.not((await t.runtime(["features", "none"])).status, 0);
  isValid("features-schema.json", JSON.parse(text), "features");
});

test("FE-01 FE-02 the lowest and the highest version are taken from a config", async (t) => {
  const { ociVersionMin, ociVersionMax } = await features(t);
  for (const version of [ociVersionMin, ociVersionMax]) {
    assert.is(await inside(t, "echo ran", (config) => (config.ociVersion = version)), "ran\n");
  }
});

test("FE-03 every hook runs", async (t) => {
  const { hooks } = await features(t);
  const log = file(t, "hooks");
  const container = await running(t, (config) => {
    const write = (path: string, name: string): object => ({ path: "/bin/sh", args: ["sh", "-c", `echo ${name} >>${path}`] });
    config.mounts.push({ destination: "/log", source: t.folder, options: ["bind"] });
    config.hooks = Object.fromEntries(hooks.map((name) => [name, [write(name === "startContainer" ? "/log/hooks" : log, name)]])) as NonNullable<BundleConfig["hooks"]>;
  });
  await container.end();
  output(await container.verb("delete"));
  assert.equal(read(log).trimEnd().split("\n").sort(), [...hooks].sort());
});

/** What an option needs beside it, to make a mount. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  bind: [],
  rbind: [],
  remount: [],
  idmap: ["bind"],
  ridmap: ["rbind"],
};

test("FE-04 every mount option is recognised: none is passed to the file system", async (t) => {
  const { mountOptions } = await features(t);
  const source = file(t, "source");
  fs.mkdirSync(source);
  const ids = [{ containerID: 0, hostID: 1, size: 1 }];
  const found = await inside(t, "cut -d' ' -f5 /proc/self/mountinfo", (config) => {
    config.mounts.push({ destination: "/on/remount", type: "tmpfs", source: "tmpfs" });
    for (const option of mountOptions) {
      const more = BESIDE[option];
      const options = [option, ...(more ?? [])];
      const kind = more === undefined || option === "remount" ? { type: "tmpfs", source: "tmpfs" } : { source };
      config.mounts.push({ destination: `/on/${option}`, ...kind, options, ...(option.endsWith("idmap") ? { uidMappings: ids, gidMappings: ids } : {}) });
    }
  });
  const points = found.trimEnd().split("\n");
  for (const option of mountOptions) assert.ok(points.includes(`/on/${option}`), option);
});

test("FE-04 an option that is not listed is the file system's, which does not know it", async (t) => {
  const { mountOptions } = await features(t);
  assert.not(mountOptions.includes("rnosuchthing"));
  const result = await run(t, "true", (config) => config.mounts.push({ destination: "/on", type: "tmpfs", source: "tmpfs", options: ["rnosuchthing"] }));
  refused(result, /mount/);
});

test("FE-06 annotations that change the runtime are listed as text", async (t) => {
  const { potentiallyUnsafeConfigAnnotations: listed } = await features(t);
  assert.ok(listed === undefined || listed.every((key) => typeof key === "string" && key !== ""));
});

test("FE-05 annotations name the versions of the runtime and of libseccomp", async (t) => {
  const { annotations } = await features(t);
  const [, version = ""] = output(await t.runtime(["--version"])).split("\n")[0]?.split(" version ") ?? [];
  assert.ok(Object.entries(annotations).some(([key, value]) => key.endsWith(".version") && value === version), JSON.stringify(annotations));
  assert.match(annotations["io.github.seccomp.libseccomp.version"] ?? "", /^\d+\.\d+\.\d+$/);
  assert.equal(Object.keys(annotations), Object.keys(annotations).sort());
});

test("FE-08 every namespace can be made", async (t) => {
  const { linux } = await features(t);
  const bundle = withUserNamespace(t, (config) => {
    config.linux.namespaces = linux.namespaces.filter((type) => type !== "user").map((type) => ({ type }));
    // A sysfs needs the network namespace, a cgroup mount the cgroup namespace: neither is asked about here.
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/sys"));
    config.linux.maskedPaths = [];
    config.linux.readonlyPaths = [];
    script(config, "cd /proc/self/ns; for i in *; do readlink $i; done");
  });
  const own = new Set(fs.readdirSync("/proc/self/ns").map((name) => fs.readlinkSync(`/proc/self/ns/${name}`)));
  const found = output(await runBundle(t, bundle)).trimEnd().split("\n").filter((link) => !own.has(link));
  const types = new Set(found.map((link) => link.split(":")[0]));
  const kernel: Readonly<Record<string, string>> = { network: "net", mount: "mnt" };
  for (const type of linux.namespaces) assert.ok(types.has(kernel[type] ?? type), `${type} in ${[...types].join()}`);
});

test("FE-09 every capability is known: those that the caller has are granted", async (t) => {
  const { linux } = await features(t);
  const has = BigInt(`0x${/^CapBnd:\s*(\w+)$/m.exec(read("/proc/self/status"))?.[1] ?? "0"}`);
  // In the order of their numbers, as far as any runtime lists them.
  const held = linux.capabilities.filter((_, number) => ((has >> BigInt(number)) & 1n) === 1n);
  const text = await inside(t, "grep CapBnd /proc/self/status", (config) => {
    config.process["capabilities"] = { bounding: held, effective: held, permitted: held };
  });
  const mask = linux.capabilities.reduce((all, _, number) => all | (has & (1n << BigInt(number))), 0n);
  assert.is(text, `CapBnd:\t${mask.toString(16).padStart(16, "0")}\n`);
});

test("FE-10 FE-11 cgroups: a container is in one, of the kind that this machine has", async (t) => {
  const { linux } = await features(t);
  const isUnified = fs.existsSync("/sys/fs/cgroup/cgroup.controllers");
  assert.is(linux.cgroup[isUnified ? "v2" : "v1"], true);
  const container = await created(t);
  assert.match(await container.proc("cgroup"), container.id);
});

test("FE-12 cgroup.systemd says whether --systemd-cgroup is taken", async (t) => {
  onlyOurs("others have it at compile time");
  const { linux } = await features(t);
  const { stderr } = await t.runtime(["--systemd-cgroup", "list"]);
  assert.is(stderr.includes("not supported"), linux.cgroup["systemd"] === false);
});

/** Calls that neither a runtime nor a shell makes. */
const CALLS = ["acct", "quotactl", "mbind", "get_mempolicy", "migrate_pages", "move_pages", "kexec_load", "swapon", "swapoff"];

test("FE-16 every seccomp action is taken", async (t) => {
  const { linux } = await features(t);
  const listener = await listen(t, "notify", "1");
  const actions = present(linux.seccomp.actions);
  const text = await inside(t, "echo ran", (config) => {
    const syscalls = actions.map((action, at) => ({ names: [CALLS[at] ?? ""], action }));
    config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: listener.socket, syscalls };
  });
  assert.is(text, "ran\n");
  await listener.end();
});

test("FE-17 every seccomp operator is taken", async (t) => {
  const { linux } = await features(t);
  const operators = present(linux.seccomp.operators);
  const text = await inside(t, "echo ran", (config) => {
    const syscalls = operators.map((op, at) => ({ names: [CALLS[at] ?? ""], action: "SCMP_ACT_ERRNO", args: [{ index: 0, value: 1, op }] }));
    config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", syscalls };
  });
  assert.is(text, "ran\n");
});

/** A filter compares bytes in one order, which is this machine's. */
const BIG_ENDIAN = /^SCMP_ARCH_(MIPS|MIPS64|MIPS64N32|PARISC|PARISC64|PPC|PPC64|S390|S390X|M68K|SHEB)$/;

test("FE-18 every seccomp architecture is recognised", async (t) => {
  const { linux } = await features(t);
  const withArchitectures = (architectures: readonly string[]) => (config: BundleConfig): void => {
    const syscalls = [{ names: ["acct"], action: "SCMP_ACT_ERRNO" }];
    config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", architectures, syscalls };
  };
  const archs = present(linux.seccomp.archs);
  const little = archs.filter((arch) => !BIG_ENDIAN.test(arch));
  assert.is(await inside(t, "echo ran", withArchitectures(little)), "ran\n");
  const unknown = (await run(t, "true", withArchitectures(["SCMP_ARCH_ABACUS"]))).stderr;
  assert.match(unknown, "ABACUS");
  for (const arch of archs.filter((each) => BIG_ENDIAN.test(each))) {
    const { stderr } = await run(t, "true", withArchitectures([arch]));
    assert.is.not(stderr.replaceAll(arch, "SCMP_ARCH_ABACUS"), unknown, arch);
  }
});

test("FE-19 FE-20 every seccomp flag is recognised, and what is supported works", async (t) => {
  const { linux } = await features(t);
  const knownFlags = present(linux.seccomp.knownFlags);
  const supportedFlags = present(linux.seccomp.supportedFlags);
  for (const flag of supportedFlags) assert.ok(knownFlags.includes(flag), flag);
  const syscalls = [{ names: ["acct"], action: "SCMP_ACT_ERRNO" }];
  const withFlags = (flags: readonly string[]) => (config: BundleConfig): void => {
    config.linux["seccomp"] = { defaultAction: "SCMP_ACT_ALLOW", flags, syscalls };
  };
  for (const flag of supportedFlags) assert.is(await inside(t, "echo ran", withFlags([flag])), "ran\n", flag);
  assert.is.not((await run(t, "true", withFlags(["SECCOMP_FILTER_FLAG_NONE"]))).status, 0);
});

/** A part of a config for each field that the document speaks of, and what the document says. */
const FIELDS: readonly (readonly [id: string, said: (all: Features) => boolean | undefined, linux: object])[] = [
  ["FE-14", ({ linux }) => linux.cgroup["rdma"], { resources: { rdma: { mlx5_1: { hcaHandles: 1 } } } }],
  ["FE-23", ({ linux }) => (linux.memoryPolicy?.modes ?? []).length > 0, { memoryPolicy: { mode: "MPOL_LOCAL" } }],
  ["FE-25", ({ linux }) => linux.intelRdt.enabled, { intelRdt: { closID: "/" } }],
  ["FE-26", ({ linux }) => linux.intelRdt.schemata, { intelRdt: { closID: "/", schemata: ["L3:0=f"] } }],
  ["FE-27", ({ linux }) => linux.intelRdt.monitoring, { intelRdt: { closID: "/", enableMonitoring: true } }],
  ["FE-29", ({ linux }) => linux.netDevices?.enabled, { netDevices: { nosuchdevice: {} } }],
];

for (const [id, said, linux] of FIELDS) {
  test(`${id} what is said of ${JSON.stringify(linux)} is true`, async (t) => {
    onlyOurs("its words for what it does not support");
    const expected = said(await features(t));
    const { stderr } = await run(t, "true", (config) => Object.assign(config.linux, linux));
    assert.is(stderr.includes("is not supported yet"), expected === false, stderr);
  });
}

test("FE-28 an idmapped mount shows the owner that its map gives", async (t) => {
  const { linux } = await features(t);
  assert.is(present(linux.mountExtensions).idmap.enabled, true);
  const source = file(t, "source");
  fs.mkdirSync(source);
  fs.chownSync(source, 7, 9);
  const text = await inside(t, "stat -c %u:%g /mnt", (config) => {
    const idmapped = { uidMappings: [{ containerID: 7, hostID: 70, size: 1 }], gidMappings: [{ containerID: 9, hostID: 90, size: 1 }] };
    config.mounts.push({ destination: "/mnt", source, options: ["bind", "idmap"], ...idmapped });
  });
  assert.is(text, "70:90\n");
});

test.run();

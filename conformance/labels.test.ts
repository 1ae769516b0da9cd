/** `process.apparmorProfile`, `process.selinuxLabel` and `linux.mountLabel`, where the kernel has the module, and where not. */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Bundle, BundleConfig } from "../test/bundle.ts";
import { RUN_NAME, needs, skip } from "../test/harness.ts";
import type { Ground } from "../test/harness.ts";
import { withUserNamespace } from "../test/rich-configs.ts";
import { cannotCreate, inside, output, run, runBundle, running, script } from "./containers.ts";
import { mountAt, parseMountinfo } from "./mountinfo.ts";
import { probe } from "./probe.ts";
import { onlyOurs, suite } from "./suite.ts";

const test = suite("labels");

/** As container engines have them, with what the usual policies call a container's processes and files. */
const PROGRAM = "system_u:system_r:container_t:s0:c4,c5";
const FILES = "system_u:object_r:container_file_t:s0:c4,c5";
const KEY_SPEC_SESSION_KEYRING = "-3";

function hasAppArmor(): boolean {
  return isThere("/sys/module/apparmor/parameters/enabled") && fs.readFileSync("/sys/module/apparmor/parameters/enabled", "latin1").startsWith("Y");
}

function hasSelinux(): boolean {
  return isThere("/sys/fs/selinux/enforce");
}

function isThere(path: string): boolean {
  return fs.existsSync(path);
}

function needsSelinux(): void {
  if (!hasSelinux()) skip("this kernel has no SELinux");
  for (const label of [PROGRAM, FILES]) {
    try {
      fs.writeFileSync("/sys/fs/selinux/context", label);
    } catch {
      skip(`the policy of SELinux knows no ${label}`);
    }
  }
}

/** Loads a profile that forbids one thing, while the body runs. */
async function withProfile(body: (profile: string) => Promise<void>): Promise<void> {
  if (!hasAppArmor()) skip("this kernel has no AppArmor");
  needs("apparmor_parser");
  const profile = `${RUN_NAME}-profile`;
  const rules = "file, capability, network, unix, mount, umount, pivot_root, ptrace, signal, deny /tmp/forbidden w,";
  const text = `profile "${profile}" flags=(attach_disconnected,mediate_deleted) { ${rules} }`;
  const parser = (option: string): unknown => execFileSync("apparmor_parser", [option, "-K"], { input: text, stdio: ["pipe", "ignore", "inherit"] });
  parser("-r");
  try {
    await body(profile);
  } finally {
    parser("-R");
  }
}

const SHOW = "cat /proc/self/attr/apparmor/current";

test("PRC-20 the apparmorProfile is the program's, and holds it", async (t) => {
  await withProfile(async (profile) => {
    const text = await inside(t, `${SHOW}; for n in allowed forbidden; do (echo > /tmp/$n) 2>/dev/null && echo $n; done; true`, (config) => {
      config.process["apparmorProfile"] = profile;
      config.root.readonly = false;
    });
    const [current = "", ...written] = text.trim().split("\n");
    assert.match(current, profile);
    assert.equal(written, ["allowed"]);
  });
});

test("PRC-20 with and without no_new_privs, for root and others", async (t) => {
  await withProfile(async (profile) => {
    for (const noNewPrivileges of [true, false]) {
      for (const uid of [0, 1000]) {
        const change = (config: BundleConfig): void => void Object.assign(config.process, { apparmorProfile: profile, noNewPrivileges, user: { uid, gid: uid } });
        assert.match(await inside(t, SHOW, change), profile);
      }
    }
  });
});

test("PRC-20 in a user namespace, too", async (t) => {
  await withProfile(async (profile) => {
    const bundle = withUserNamespace(t, (config) => {
      config.process["apparmorProfile"] = profile;
      script(config, SHOW);
    });
    assert.match(output(await runBundle(t, bundle)), profile);
  });
});

test("PRC-20 a further process has the container's profile, or the one that is asked for", async (t) => {
  await withProfile(async (profile) => {
    const held = await running(t, (config) => (config.process["apparmorProfile"] = profile));
    assert.match(output(await t.runtime(["exec", held.id, "/bin/sh", "-c", SHOW])), profile);
    const free = await running(t);
    assert.match(output(await t.runtime(["exec", "--apparmor", profile, free.id, "/bin/sh", "-c", SHOW])), profile);
    const result = await t.runtime(["exec", "--apparmor", `${profile}-missing`, free.id, "/bin/true"]);
    assert.is.not(result.status, 0);
    assert.match(result.stderr, /apparmor/i);
  });
});

test("PRC-20 a profile that is not loaded is an error that says so", async (t) => {
  if (!hasAppArmor()) skip("this kernel has no AppArmor");
  await cannotCreate(t, (config) => (config.process["apparmorProfile"] = `${RUN_NAME}-missing`), /apparmor/i);
  onlyOurs("its wording");
  await cannotCreate(t, (config) => (config.process["apparmorProfile"] = `${RUN_NAME}-missing`), /no profile of this name is loaded/);
});

test("PRC-20 without a profile the program is not confined", async (t) => {
  if (!hasAppArmor()) skip("this kernel has no AppArmor");
  // A runtime may have one of its own, by the name of its file, which holds it to nothing.
  assert.match(await inside(t, SHOW), /^(\w+ \()?unconfined\)?$/m);
});

test("PRC-37 the selinuxLabel is the program's", async (t) => {
  needsSelinux();
  const text = await inside(t, "tr -d '\\0' < /proc/self/attr/current", (config) => (config.process["selinuxLabel"] = PROGRAM));
  assert.is(text.trim(), PROGRAM);
});

test("PRC-37 the selinuxLabel is that of the session keyring, too", async (t) => {
  needsSelinux();
  const bundle = withProbe(t, ["keylabel", KEY_SPEC_SESSION_KEYRING], (config) => (config.process["selinuxLabel"] = PROGRAM));
  assert.is(output(await runBundle(t, bundle)), `${PROGRAM}\n`);
});

test("PRC-37 a further process has the container's label, or the one that is asked for", async (t) => {
  needsSelinux();
  const show = "tr -d '\\0' < /proc/self/attr/current";
  const labelled = await running(t, (config) => (config.process["selinuxLabel"] = PROGRAM));
  assert.is(output(await t.runtime(["exec", labelled.id, "/bin/sh", "-c", show])).trim(), PROGRAM);
  const other = PROGRAM.replace("c4,c5", "c1,c2");
  assert.is(output(await t.runtime(["exec", "--process-label", other, labelled.id, "/bin/sh", "-c", show])).trim(), other);
});

test("PRC-37 in a user namespace, too", async (t) => {
  needsSelinux();
  const bundle = withUserNamespace(t, (config) => {
    config.process["selinuxLabel"] = PROGRAM;
    script(config, "tr -d '\\0' < /proc/self/attr/current");
  });
  assert.is(output(await runBundle(t, bundle)).trim(), PROGRAM);
});

test("PRC-37 a label that the policy does not know is an error", async (t) => {
  needsSelinux();
  await cannotCreate(t, (config) => (config.process["selinuxLabel"] = "no:such:label:s0"), /./);
});

test("LBL-01 the mountLabel is on the file systems that are made, and on no other", async (t) => {
  needsSelinux();
  const text = await inside(t, "cat /proc/self/mountinfo", (config) => {
    config.linux["mountLabel"] = FILES;
    config.mounts.push({ destination: "/bound", source: "/usr/share", options: ["bind"] });
  });
  const found = parseMountinfo(text);
  const labelOf = (point: string): string | undefined => /context="?([^" ]*)/.exec(mountAt(found, point).superblock.join(","))?.[1];
  for (const point of ["/dev", "/dev/pts", "/dev/shm"]) assert.is(labelOf(point), FILES, point);
  for (const point of ["/proc", "/sys", "/bound"]) assert.is(labelOf(point), undefined, point);
});

test("LBL-01 the mountLabel is on /dev/mqueue and on what hides a folder", async (t) => {
  needsSelinux();
  const container = await running(t, (config) => {
    config.linux["mountLabel"] = FILES;
    config.linux.maskedPaths = ["/sys/firmware"];
  });
  const { pid } = await container.state();
  for (const path of ["dev/mqueue", "sys/firmware"]) {
    const [label] = execFileSync("ls", ["-Zd", `/proc/${pid}/root/${path}`], { encoding: "utf8" }).split(" ");
    assert.is(label, FILES, path);
  }
});

test("LBL-01 a mountLabel that the policy does not know is an error", async (t) => {
  needsSelinux();
  await cannotCreate(t, (config) => (config.linux["mountLabel"] = "no:such:label:s0"), /./);
});

for (const [row, field, object, module] of [
  ["PRC-20", "apparmorProfile", "process", hasAppArmor],
  ["PRC-37", "selinuxLabel", "process", hasSelinux],
  ["LBL-01", "mountLabel", "linux", hasSelinux],
] as const) {
  test(`${row} where the kernel has no such module, the ${field} is a warning`, async (t) => {
    if (module()) skip("this kernel has it");
    const result = await run(t, "echo up", (config) => (config[object][field] = "label"));
    assert.equal([result.status, result.stdout], [0, "up\n"]);
    assert.match(result.stderr, /warning/);
    assert.match(result.stderr, field);
  });
}

function withProbe(t: Ground, words: readonly string[], change: (config: BundleConfig) => unknown): Bundle {
  const bundle = t.bundle((config) => {
    config.process.args = ["/bin/probe", ...words];
    change(config);
  });
  fs.copyFileSync(probe(), join(bundle.rootfs, "bin/probe"));
  return bundle;
}

test.run();

/** The mount options of config.md's table, each where it can be seen: in mountinfo (config.md#linux-mount-options). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import type { Ground } from "../test/harness.ts";
import { cannotCreate, inside, output, read, run, runBundle, running, script, waitFor } from "./containers.ts";
import { mountTmpfs, withHostMounts } from "./host-mounts.ts";
import { mountAt, mountsWith, parseMountinfo } from "./mountinfo.ts";
import type { MountLine } from "./mountinfo.ts";
import { isOurs, suite } from "./suite.ts";

const test = suite("mount options");

async function tmpfs(t: Ground, options: string[]): Promise<MountLine> {
  return mountAt(await mountsWith(t, [{ destination: "/mnt", type: "tmpfs", source: "tmpfs", options }]), "/mnt");
}

/** The options of a bind mount of a host's tmpfs, and those of the mount below it. */
async function bind(t: Ground, host: string, options: string[]): Promise<{ readonly top: readonly string[]; readonly below: readonly string[] }> {
  let found: MountLine[] = [];
  await withHostMounts(t, host, async (source) => {
    found = await mountsWith(t, [{ destination: "/mnt", type: "none", source, options }]);
  });
  return { top: mountAt(found, "/mnt").options, below: mountAt(found, "/mnt/sub").options };
}

/** Options, and which of mountinfo's words a new tmpfs then has and has not. */
const ATTRIBUTES: readonly (readonly [options: string, has: string, lacks: string])[] = [
  ["defaults", "rw relatime", "ro nosuid nodev noexec"],
  ["ro", "ro", "rw"],
  ["rw", "rw", "ro"],
  ["ro rw", "rw", "ro"],
  ["rw ro", "ro", "rw"],
  ["nosuid", "nosuid", "nodev noexec"],
  ["nosuid suid", "rw", "nosuid"],
  ["nodev", "nodev", "nosuid noexec"],
  ["nodev dev", "rw", "nodev"],
  ["noexec", "noexec", "nosuid nodev"],
  ["noexec exec", "rw", "noexec"],
  ["noatime", "noatime", "relatime"],
  ["noatime atime", "rw", "noatime"],
  ["nodiratime", "nodiratime", "noatime"],
  ["nodiratime diratime", "rw", "nodiratime"],
  ["relatime", "relatime", "noatime"],
  ["strictatime", "rw", "relatime noatime"],
  ["nosuid noexec nodev ro", "nosuid noexec nodev ro", "rw"],
];

for (const [options, has, lacks] of ATTRIBUTES) {
  test(`MNT-04 "${options}" on a new file system gives ${has}, not ${lacks}`, async (t) => {
    const mount = await tmpfs(t, options.split(" "));
    for (const word of has.split(" ")) assert.ok(mount.options.includes(word), `${word} in ${mount.options.join()}`);
    for (const word of lacks.split(" ")) assert.not(mount.options.includes(word), `${word} in ${mount.options.join()}`);
  });
}

test('MNT-04 "nosymfollow" makes links on the mount lead nowhere, "symfollow" undoes it', async (t) => {
  const nosymfollow = async (options: string[]): Promise<boolean> => (await tmpfs(t, options)).options.includes("nosymfollow");
  assert.ok(await nosymfollow(["nosymfollow"]));
  assert.not(await nosymfollow(["nosymfollow", "symfollow"]));
});

test('MNT-04 "sync", "dirsync" and "lazytime" are flags of the file system, and the later option counts', async (t) => {
  assert.ok((await tmpfs(t, ["sync"])).superblock.includes("sync"));
  assert.not((await tmpfs(t, ["sync", "async"])).superblock.includes("sync"));
  assert.ok((await tmpfs(t, ["dirsync"])).superblock.includes("dirsync"));
});

test('MNT-04 "lazytime" and "nolazytime" are flags of the file system', async (t) => {
  assert.ok((await tmpfs(t, ["lazytime"])).superblock.includes("lazytime"));
  assert.not((await tmpfs(t, ["lazytime", "nolazytime"])).superblock.includes("lazytime"));
});

for (const option of ["silent", "loud", "iversion", "noiversion", "nomand", "norelatime", "nostrictatime", "atime", "diratime", "exec", "dev", "suid"]) {
  test(`MNT-04 "${option}" on a new file system is taken`, async (t) => {
    assert.is((await tmpfs(t, [option])).type, "tmpfs");
  });
}

test("MNT-11 an option of the file system's own is passed on", async (t) => {
  const mount = await tmpfs(t, ["size=1024k", "mode=0700", "uid=5", "nosuid"]);
  for (const word of ["size=1024k", "mode=700", "uid=5"]) assert.ok(mount.superblock.includes(word), mount.superblock.join());
  assert.ok(mount.options.includes("nosuid"));
});

test("MNT-11 an option that nobody knows fails create", async (t) => {
  await cannotCreate(t, (config) => config.mounts.push({ destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["frobnicate"] }), /mount/);
});

test('MNT-04 "bind" shows a folder without what is mounted in it, "rbind" with it', async (t) => {
  const { top, below } = await bind(t, "rw", ["bind"]);
  assert.ok(top.includes("rw"));
  assert.equal(below, []);
  assert.ok((await bind(t, "rw", ["rbind"])).below.includes("rw"));
});

test('MNT-04 "bind" takes nothing from "rbind", in whichever order', async (t) => {
  assert.ok((await bind(t, "rw", ["rbind", "bind"])).below.includes("rw"));
  assert.ok((await bind(t, "rw", ["bind", "rbind"])).below.includes("rw"));
});

test('MNT-04 "ro" on a bind mount is for this mount only, and not for the host', async (t) => {
  await withHostMounts(t, "rw", async (source) => {
    const found = await mountsWith(t, [{ destination: "/mnt", source, options: ["rbind", "ro"] }]);
    assert.ok(mountAt(found, "/mnt").options.includes("ro"));
    assert.not(mountAt(found, "/mnt").superblock.includes("ro"));
    assert.ok(mountAt(found, "/mnt/sub").options.includes("rw"));
    assert.ok(mountAt(parseMountinfo(read("/proc/self/mountinfo")), source).options.includes("rw"));
    fs.writeFileSync(join(source, "writable"), "");
  });
});

/** As above, for a bind mount of a tmpfs that the host has mounted with these options. */
const BIND: readonly (readonly [host: string, options: string, has: string, lacks: string])[] = [
  ["rw", "ro", "ro", "rw"],
  ["rw", "nosuid nodev noexec", "nosuid nodev noexec rw", "ro"],
  ["rw", "noatime nodiratime", "noatime nodiratime", "relatime"],
  ["rw", "nosymfollow", "nosymfollow", "ro"],
  ["nosuid,nodev,noexec", "ro", "ro nosuid nodev noexec", "rw"],
  ["nosuid,nodev,noexec,noatime", "defaults", "nosuid nodev noexec noatime", "ro"],
  ["noatime", "ro", "ro noatime", "relatime"],
];
/** Options that take away what the host's mount has. */
const BIND_CLEARS: typeof BIND = [
  ["nosuid,nodev,noexec", "suid", "nodev noexec", "nosuid"],
  ["nosuid,nodev,noexec", "dev exec", "nosuid", "nodev noexec"],
  ["ro", "rw", "rw", "ro"],
  ["noatime", "strictatime", "rw", "noatime relatime"],
  ["noatime", "relatime", "relatime", "noatime"],
];

for (const [title, rows] of [["gives", BIND], ["clears:", BIND_CLEARS]] as const) {
  for (const [host, options, has, lacks] of rows) {
    test(`MNT-04 a bind mount with "${options}" of a mount with "${host}" ${title} ${has}, not ${lacks}`, async (t) => {
      const { top } = await bind(t, host, ["bind", ...options.split(" ")]);
      for (const word of has.split(" ")) assert.ok(top.includes(word), `${word} in ${top.join()}`);
      for (const word of lacks.split(" ")) assert.not(top.includes(word), `${word} in ${top.join()}`);
    });
  }
}

/** Recursive options: on the mount and on all below it. */
const RECURSIVE: readonly (readonly [host: string, option: string, has: string, lacks: string])[] = [
  ["rw", "rro", "ro", "rw"],
  ["rw", "rnosuid", "nosuid", "ro"],
  ["rw", "rnodev", "nodev", "ro"],
  ["rw", "rnoexec", "noexec", "ro"],
  ["rw", "rnodiratime", "nodiratime", "ro"],
  ["rw", "rnoatime", "noatime", "relatime"],
  ["rw", "rstrictatime", "rw", "relatime"],
  ["rw", "rnosymfollow", "nosymfollow", "ro"],
  ["noatime", "rrelatime", "relatime", "noatime"],
  ["ro", "rrw", "rw", "ro"],
  ["nosuid", "rsuid", "rw", "nosuid"],
  ["nodev", "rdev", "rw", "nodev"],
  ["noexec", "rexec", "rw", "noexec"],
  ["nodiratime", "rdiratime", "rw", "nodiratime"],
  ["noatime", "ratime", "rw", "noatime"],
  ["nosymfollow", "rsymfollow", "rw", "nosymfollow"],
];

for (const [host, option, has, lacks] of RECURSIVE) {
  test(`MNT-04 "${option}" holds for all of a recursive bind mount of mounts with "${host}"`, async (t) => {
    const { top, below } = await bind(t, host, ["rbind", option]);
    for (const options of [top, below]) {
      for (const word of has.split(" ")) assert.ok(options.includes(word), `${word} in ${options.join()}`);
      for (const word of lacks.split(" ")) assert.not(options.includes(word), `${word} in ${options.join()}`);
    }
  });
}

const PROPAGATION: readonly (readonly [option: string, pattern: RegExp])[] = [
  ["shared", /^shared:\d+$/],
  ["slave", /^$/],
  ["private", /^$/],
  ["unbindable", /^unbindable$/],
];

for (const [option, pattern] of PROPAGATION) {
  test(`MNT-04 "${option}" sets the propagation of a new mount`, async (t) => {
    assert.match((await tmpfs(t, [option])).propagation.join(" "), pattern);
  });
}

test("MNT-04 propagation of a bind mount of a shared mount: shared, slave or none, with and without what is below", async (t) => {
  await withHostMounts(
    t,
    "rw",
    async (source) => {
      const propagation = async (...options: string[]): Promise<readonly string[]> => {
        const found = await mountsWith(t, [{ destination: "/mnt", source, options: ["rbind", ...options] }]);
        return ["/mnt", "/mnt/sub"].map((point) => mountAt(found, point).propagation.join(" ").replace(/\d+/g, "N"));
      };
      assert.equal(await propagation("rprivate"), ["", ""]);
      assert.equal(await propagation("rslave"), ["master:N", "master:N"]);
      assert.equal(await propagation("runbindable"), ["unbindable", "unbindable"]);
      assert.equal((await propagation("private"))[0], "");
      assert.equal((await propagation("slave"))[0], "master:N");
      assert.match((await propagation("rshared")).join(" "), /^shared:N.* shared:N/);
    },
    "--make-shared",
  );
});

test("MNT-04 a mount of the host's reaches a slave in the container, and not a private one", async (t) => {
  await withHostMounts(
    t,
    "rw",
    async (source) => {
      const container = await running(t, (config) => {
        config.mounts.push({ destination: "/slave", source, options: ["rbind", "rslave"] });
        config.mounts.push({ destination: "/private", source, options: ["rbind", "rprivate"] });
      });
      mountTmpfs(join(source, "late"));
      const points = parseMountinfo(await container.proc("mountinfo")).map(({ point }) => point);
      assert.ok(points.includes("/slave/late"));
      assert.not(points.includes("/private/late"));
    },
    "--make-shared",
  );
});

test('MNT-04 a mount that the container makes below a "rshared" bind reaches the host where the root is shared', async (t) => {
  await withHostMounts(
    t,
    "rw",
    async (source) => {
      fs.mkdirSync(join(source, "made-inside"));
      const bundle = t.bundle((config) => {
        config.mounts.push({ destination: "/mnt", source, options: ["rbind", "rshared"] });
        config.linux["rootfsPropagation"] = "shared";
        const capabilities = ["CAP_SYS_ADMIN"];
        config.process["capabilities"] = { bounding: capabilities, effective: capabilities, permitted: capabilities };
        script(config, "touch /mnt/made && mount -t tmpfs tmpfs /mnt/made-inside && while [ -e /mnt/made ]; do sleep 0.01; done");
      });
      const ending = runBundle(t, bundle);
      await waitFor("the host sees the mount", () => read("/proc/self/mountinfo").includes(join(source, "made-inside")));
      fs.rmSync(join(source, "made"));
      output(await ending);
    },
    "--make-shared",
  );
});

/** Its root may be the host's: what it may mount is its own all the same. */
function withUserNamespace({ linux }: BundleConfig): void {
  linux.namespaces.push({ type: "user" });
  linux["uidMappings"] = linux["gidMappings"] = [{ containerID: 0, hostID: 0, size: 65_536 }];
}

const KEPT: readonly (readonly [title: string, options: string[], change: (config: BundleConfig) => void])[] = [
  ["", ["rbind"], () => {}],
  [" with a user namespace", ["rbind"], withUserNamespace],
  [" with a user namespace and a shared root", ["rbind", "rshared"], (config) => {
    withUserNamespace(config);
    config.linux["rootfsPropagation"] = "rshared";
  }],
];

for (const [title, options, change] of KEPT) {
  test(`MNT-04 a mount that the container makes does not reach the host otherwise${title}`, async (t) => {
    await withHostMounts(
      t,
      "rw",
      async (source) => {
        fs.mkdirSync(join(source, "made-inside"));
        const bundle = t.bundle((config) => {
          config.mounts.push({ destination: "/mnt", source, options });
          const capabilities = ["CAP_SYS_ADMIN"];
          config.process["capabilities"] = { bounding: capabilities, effective: capabilities, permitted: capabilities };
          script(config, "mount -t tmpfs tmpfs /mnt/made-inside && grep -c made-inside /proc/self/mountinfo; touch /mnt/made; while [ -e /mnt/made ]; do sleep 0.01; done");
          change(config);
        });
        const ending = runBundle(t, bundle);
        await waitFor("the container has mounted", () => fs.existsSync(join(source, "made")));
        const seen = read("/proc/self/mountinfo").includes("made-inside");
        fs.rmSync(join(source, "made"));
        assert.is(output(await ending), "1\n");
        assert.not(seen);
      },
      "--make-shared",
    );
  });
}

test('MNT-04 "tmpcopyup" fills the new tmpfs with what it covers, with owners, modes and links', async (t) => {
  const bundle = t.bundle((config) => {
    config.mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "nosuid"] });
    const capabilities = ["CAP_DAC_OVERRIDE"];
    config.process["capabilities"] = { bounding: capabilities, effective: capabilities, permitted: capabilities };
    script(config, "cd /data; find . | sort; stat -c '%n %a %u:%g %s' file sub sub/inner; readlink link; cat file; echo more >>file; grep ' /data ' /proc/self/mountinfo | cut -d' ' -f5,6");
  });
  const data = join(bundle.rootfs, "data");
  fs.mkdirSync(join(data, "sub"), { recursive: true });
  fs.writeFileSync(join(data, "file"), "content\n");
  fs.writeFileSync(join(data, "sub/inner"), "x");
  fs.symlinkSync("sub/inner", join(data, "link"));
  fs.chmodSync(join(data, "file"), 0o640);
  fs.chmodSync(join(data, "sub"), 0o751);
  fs.chownSync(join(data, "file"), 12, 34);
  fs.chownSync(join(data, "sub"), 56, 78);
  const lines = output(await runBundle(t, bundle)).trimEnd().split("\n");
  assert.equal(lines.slice(0, 5), [".", "./file", "./link", "./sub", "./sub/inner"]);
  assert.match(lines[5] ?? "", /^file 640 12:34 8$/);
  assert.match(lines[6] ?? "", /^sub 751 56:78 /);
  assert.equal(lines.slice(8, 10), ["sub/inner", "content"]);
  assert.match(lines[10] ?? "", /^\/data rw,nosuid/);
  assert.is(read(join(data, "file")), "content\n");
});

test("MNT-03 a tmpfs without a mode has that of the directory that it covers, else everybody may write to it", async (t) => {
  const bundle = t.bundle((config) => {
    for (const [destination, options] of [["/closed"], ["/shared", ["size=1m"]], ["/filled", ["tmpcopyup"]], ["/link"], ["/asked", ["mode=710"]], ["/new"]] as const) {
      config.mounts.push({ destination, type: "tmpfs", source: "tmpfs", ...(options === undefined ? {} : { options: [...options] }) });
    }
    script(config, "stat -c '%n %a %u:%g' /closed /shared /filled /link/ /asked /new");
  });
  for (const [name, mode] of [["closed", 0o700], ["shared", 0o3770], ["filled", 0o751], ["asked", 0o755], ["aim", 0o711]] as const) {
    fs.mkdirSync(join(bundle.rootfs, name));
    fs.chmodSync(join(bundle.rootfs, name), mode);
  }
  fs.symlinkSync("/aim", join(bundle.rootfs, "link"));
  const wanted = ["/closed 700", "/shared 3770", "/filled 751", "/link/ 711", "/asked 710", "/new 1777"];
  assert.equal(output(await runBundle(t, bundle)).trimEnd().split("\n"), wanted.map((line) => `${line} 0:0`));
});

test('MNT-04 "tmpcopyup" with "ro" is filled and read-only', async (t) => {
  const text = await inside(t, "cat /etc/group; touch /etc/x 2>&1; exit 0", (config) => {
    config.root.readonly = false;
    config.mounts.push({ destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "ro"] });
  });
  assert.match(text, /^root:x:0:\nnogroup:x:65534:\ntouch: .*Read-only/);
});

test('MNT-04 "tmpcopyup" fills a tmpfs with options that only mount(2) takes, too', async (t) => {
  const text = await inside(t, "cat /etc/group; grep -c ' /etc ' /proc/self/mountinfo", (config) => {
    config.mounts.push({ destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["silent", "tmpcopyup", "ro", `mode=${"0".repeat(300)}755`] });
  });
  assert.is(text, "root:x:0:\nnogroup:x:65534:\n1\n");
});

test("MNT-04 an entry with neither type nor source changes what is mounted: attributes, below, too, and propagation", async (t) => {
  const found = await mountsWith(t, [
    { destination: "/mnt", type: "tmpfs", source: "tmpfs" },
    { destination: "/mnt/sub", type: "tmpfs", source: "tmpfs" },
    { destination: "/mnt", options: ["noexec", "rro", "shared"] },
  ]);
  const [mnt, sub] = [mountAt(found, "/mnt"), mountAt(found, "/mnt/sub")];
  assert.ok(["noexec", "ro"].every((word) => mnt.options.includes(word)), mnt.options.join());
  assert.ok(sub.options.includes("ro") && !sub.options.includes("noexec"), sub.options.join());
  assert.match(mnt.propagation.join(" "), /^shared:\d+$/);
  assert.equal(sub.propagation, []);
});

test('MNT-04 "remount" changes what was mounted before', async (t) => {
  const found = await mountsWith(t, [
    { destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["nosuid"] },
    { destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["remount", "ro", "nosuid"] },
  ]);
  const lines = found.filter(({ point }) => point === "/mnt");
  assert.is(lines.length, 1);
  assert.ok(lines[0]?.options.includes("ro") && lines[0].options.includes("nosuid"));
});

test('MNT-04 "remount" with "bind" changes this mount only, not its file system', async (t) => {
  await withHostMounts(t, "rw", async (source) => {
    const found = await mountsWith(t, [
      { destination: "/mnt", source, options: ["bind"] },
      { destination: "/mnt", source, options: ["remount", "bind", "ro"] },
    ]);
    assert.ok(mountAt(found, "/mnt").options.includes("ro"));
    assert.not(mountAt(found, "/mnt").superblock.includes("ro"));
    fs.writeFileSync(join(source, "writable"), "");
  });
});

test("MNT-04 options of a file system on a bind mount change nothing of it, which is the host's, too", async (t) => {
  await withHostMounts(t, "rw,size=4m", async (source) => {
    const mount = { destination: "/mnt", source, options: ["bind", "ro", "size=1k", "mode=700"] };
    const result = await run(t, "grep ' /mnt ' /proc/self/mountinfo", (config) => config.mounts.push(mount));
    assert.is(result.status, 0, result.stderr);
    const seen = mountAt(parseMountinfo(result.stdout), "/mnt");
    assert.ok(seen.options.includes("ro") && seen.superblock.includes("size=4096k"), result.stdout);
    assert.ok(mountAt(parseMountinfo(read("/proc/self/mountinfo")), source).superblock.includes("size=4096k"));
    if (isOurs()) assert.match(result.stderr, /warning: the option "size=1k" is ignored: .*\n.*"mode=700"/);
  });
});

test.run();

/** Idmapped mounts: `uidMappings`, `gidMappings`, `idmap` and `ridmap` (config.md#posix-platform-mounts, mount_setattr(2)). */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { BundleConfig } from "../test/bundle.ts";
import type { Ground } from "../test/harness.ts";
import { cannotCreate, created, file, inside } from "./containers.ts";
import { withHostMounts } from "./host-mounts.ts";
import type { MountEntry } from "./mountinfo.ts";
import { refusesAll, wrong } from "./refusals.ts";
import type { Wrong } from "./refusals.ts";
import { suite } from "./suite.ts";

const test = suite("idmapped mounts");

interface Mapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

const BASE = 100_000;

function mapping(containerID: number, hostID: number, size: number): Mapping {
  return { containerID, hostID, size };
}

/** A folder with a file for each owner, called as he is: "7:9". */
function owned(t: Ground, ...owners: readonly string[]): string {
  const folder = file(t, "owned");
  fs.mkdirSync(folder, { recursive: true });
  fs.chmodSync(folder, 0o777);
  for (const owner of owners) writeOwned(folder, owner);
  return folder;
}

function writeOwned(folder: string, owner: string): void {
  const [uid = 0, gid = 0] = owner.split(":").map(Number);
  fs.writeFileSync(join(folder, owner), "");
  fs.chownSync(join(folder, owner), uid, gid);
}

/** A mount on /tmp, which the root of a user namespace cannot make. */
function idmapped(source: string, options: readonly string[], uids?: readonly Mapping[], gids = uids): MountEntry {
  const entry = { destination: "/tmp", source, options: [...options] };
  return Object.assign(entry, uids === undefined ? {} : { uidMappings: uids }, gids === undefined ? {} : { gidMappings: gids });
}

/** Which owner each file of the mount has in the container, by its name. */
async function seen(t: Ground, entry: MountEntry, change?: (config: BundleConfig) => void): Promise<Readonly<Record<string, string>>> {
  const text = await inside(t, "cd /tmp; find . -type f -exec stat -c '%n %u:%g' {} +", (config) => {
    config.mounts.push(entry);
    change?.(config);
  });
  return Object.fromEntries(text.trimEnd().split("\n").map((line) => line.replace("./", "").split(" ")));
}

function withUserNamespace(config: BundleConfig): void {
  config.linux.namespaces.push({ type: "user" });
  config.linux["uidMappings"] = [mapping(0, BASE, 65536)];
  config.linux["gidMappings"] = [mapping(0, BASE, 65536)];
}

test("MNT-06 MNT-07 uidMappings are for users, gidMappings for groups", async (t) => {
  const source = owned(t, "7:9", "0:0");
  const entry = idmapped(source, ["bind", "idmap"], [mapping(0, 10_000, 100)], [mapping(0, 20_000, 100)]);
  assert.equal(await seen(t, entry), { "7:9": "10007:20009", "0:0": "10000:20000" });
  assert.is(fs.statSync(join(source, "7:9")).uid, 7);
});

test("MNT-06 MNT-07 what the container makes belongs to the mapped ids on the host", async (t) => {
  const source = owned(t);
  fs.chownSync(source, 3, 4);
  await inside(t, "touch /tmp/made", (config) => {
    config.mounts.push(idmapped(source, ["bind", "idmap"], [mapping(3, 1000, 1)], [mapping(4, 2000, 1)]));
    config.process.user = { uid: 1000, gid: 2000 };
  });
  const { uid, gid } = fs.statSync(join(source, "made"));
  assert.equal([uid, gid], [3, 4]);
});

test("MNT-08 containerID is the first id in the files, hostID what it is seen as, size how many", async (t) => {
  const source = owned(t, "999:0", "1000:0", "1004:0", "1005:0", "0:5");
  const uids = [mapping(1000, 2000, 5)];
  const gids = [mapping(0, 0, 1), mapping(5, 70_000, 1)];
  assert.equal(await seen(t, idmapped(source, ["bind", "idmap"], uids, gids)), {
    "999:0": "65534:0",
    "1000:0": "2000:0",
    "1004:0": "2004:0",
    "1005:0": "65534:0",
    "0:5": "65534:70000",
  });
});

test("MNT-09 idmap is for this mount, ridmap for what is mounted below, too", async (t) => {
  for (const [option, below] of [["idmap", "7:7"], ["ridmap", "10007:10007"]] as const) {
    await withHostMounts(t, "rw", async (folder) => {
      for (const path of [folder, `${folder}/sub`]) writeOwned(path, "7:7");
      const entry = idmapped(folder, ["rbind", option], [mapping(0, 10_000, 100)]);
      assert.equal(await seen(t, entry), { "7:7": "10007:10007", "sub/7:7": below }, option);
    });
  }
});

test("MNT-09 mappings of the mount's own are used in a container with a user namespace, too", async (t) => {
  const source = owned(t, "7:9");
  const entry = idmapped(source, ["bind", "idmap"], [mapping(0, BASE + 500, 100)]);
  assert.equal(await seen(t, entry, withUserNamespace), { "7:9": "507:509" });
});

test("MNT-09 without mappings those of the user namespace are used, with ridmap below, too", async (t) => {
  for (const option of ["idmap", "ridmap"]) {
    await withHostMounts(t, "rw", async (folder) => {
      for (const path of [folder, `${folder}/sub`]) writeOwned(path, "7:9");
      const found = await seen(t, idmapped(folder, ["rbind", option]), withUserNamespace);
      assert.equal(found, { "7:9": "7:9", "sub/7:9": option === "idmap" ? "65534:65534" : "7:9" }, option);
    });
  }
});

test("MNT-09 empty mappings are as none", async (t) => {
  assert.equal(await seen(t, idmapped(owned(t, "7:9"), ["bind", "idmap"], []), withUserNamespace), { "7:9": "7:9" });
});

test("MNT-09 without mappings those of a user namespace by its path are used", async (t) => {
  const source = owned(t, "7:9");
  const holder = await created(t, withUserNamespace);
  const path = `/proc/${(await holder.state()).pid}/ns/user`;
  const found = await seen(t, idmapped(source, ["bind", "idmap"]), (config) => {
    config.linux.namespaces.push({ type: "user", path });
    // Those that are made belong to it, and so they can be configured.
    config.mounts = config.mounts.filter(({ type }) => type !== "sysfs" && type !== "cgroup");
  });
  assert.equal(found, { "7:9": "7:9" });
});

test("MNT-09 mappings without the option are applied all the same, to this mount alone", async (t) => {
  await withHostMounts(t, "rw", async (folder) => {
    for (const path of [folder, `${folder}/sub`]) writeOwned(path, "7:7");
    assert.equal(await seen(t, idmapped(folder, ["rbind"], [mapping(0, 10_000, 100)])), { "7:7": "10007:10007", "sub/7:7": "7:7" });
  });
});

test("MNT-09 without mappings and without a user namespace idmap and ridmap are an error", async (t) => {
  const cases = ["idmap", "ridmap"].flatMap((option) =>
    [undefined, []].map((none): Wrong => ["/mounts/7/options/1", (config) => config.mounts.push(idmapped(t.folder, ["rbind", option], none))]),
  );
  await refusesAll(t, cases);
});

test("MNT-06 MNT-07 one of uidMappings and gidMappings without the other is an error, with and without the option", async (t) => {
  const cases = ["uidMappings", "gidMappings"].flatMap((side) =>
    ["idmap", "nosuid"].map((option): Wrong => {
      const entry = Object.assign(idmapped(t.folder, ["bind", option]), { [side]: [mapping(0, 1000, 10)] });
      return [`/mounts/7/${side}`, (config) => config.mounts.push(entry)];
    }),
  );
  await refusesAll(t, cases);
});

test("MNT-08 mappings that the kernel does not take are an error: none long, over the end, overlapping, too many", async (t) => {
  const lists: readonly (readonly [place: string, list: readonly Mapping[]])[] = [
    ["/0/size", [mapping(0, 1000, 0)]],
    ["/0", [mapping(0, 4_294_967_290, 10)]],
    ["/1/hostID", [mapping(0, 1000, 10), mapping(10, 1005, 10)]],
    ["/1/containerID", [mapping(0, 1000, 10), mapping(5, 2000, 10)]],
    ["", Array.from({ length: 341 }, (_, index) => mapping(index, index, 1))],
  ];
  const cases = ["uidMappings", "gidMappings"].flatMap((side) =>
    lists.map(([place, list]): Wrong => {
      const entry = idmapped(t.folder, ["bind", "idmap"], [mapping(0, 1000, 10)]);
      return [`/mounts/7/${side}${place}`, (config) => config.mounts.push(Object.assign(entry, { [side]: list }))];
    }),
  );
  await refusesAll(t, cases);
});

test("MNT-08 as many mappings as the kernel takes are taken", async (t) => {
  const source = owned(t, "339:339");
  const mappings = Array.from({ length: 340 }, (_, index) => mapping(index, 5000 + 2 * index, 1));
  assert.equal(await seen(t, idmapped(source, ["bind", "idmap"], mappings)), { "339:339": "5678:5678" });
});

test("a file, a read-only mount and one of several with maps of their own are idmapped", async (t) => {
  const source = owned(t, "7:9");
  const text = await inside(t, "stat -c %u:%g /etc/file /second/7:9 /third/7:9; touch /second/x 2>&1; exit 0", (config) => {
    config.root.readonly = false;
    config.mounts.push(
      { ...idmapped(join(source, "7:9"), ["bind", "idmap"], [mapping(0, 1000, 100)]), destination: "/etc/file" },
      { ...idmapped(source, ["rbind", "ridmap", "ro", "nosuid", "rslave"], [mapping(0, 2000, 100)]), destination: "/second" },
      { ...idmapped(source, ["bind"]), destination: "/third" },
    );
  });
  assert.is(text, "1007:1009\n2007:2009\n7:9\ntouch: /second/x: Read-only file system\n");
});

test("MNT-06 MNT-07 a new file system is idmapped, too", async (t) => {
  const text = await inside(t, "touch /tmp/made && stat -c %u:%g /tmp /tmp/made", (config) => {
    const entry = { ...idmapped("tmpfs", ["idmap", "mode=777", "uid=3", "gid=4"], [mapping(0, 1000, 100)]), type: "tmpfs" };
    config.mounts.push(entry);
    config.process.user = { uid: 1050, gid: 1060 };
  });
  assert.is(text, "1003:1004\n1050:1060\n");
});

test("MNT-06 MNT-07 a new file system is idmapped with options that only mount(2) takes, too", async (t) => {
  const text = await inside(t, "touch /tmp/made && stat -c %u:%g /tmp /tmp/made", (config) => {
    const options = ["silent", "iversion", "idmap", "mode=777", "uid=3", "gid=4"];
    config.mounts.push({ ...idmapped("tmpfs", options, [mapping(0, 1000, 100)]), type: "tmpfs" });
    config.process.user = { uid: 1050, gid: 1060 };
  });
  assert.is(text, "1003:1004\n1050:1060\n");
});

test("MNT-09 a file system that cannot be idmapped is an error, and nothing stays", async (t) => {
  await cannotCreate(t, (config) => config.mounts.push(idmapped("/proc", ["rbind", "idmap"], [mapping(0, 1000, 10)])), /invalid argument/i);
});

test("MNT-06 MNT-07 MNT-08 what is no map is an error", async (t) => {
  const entry = idmapped(t.folder, ["bind", "idmap"], [mapping(0, 1000, 10)]);
  const at = (place: string, value: unknown): Wrong => {
    const [pointer, change] = wrong(`/mounts/7${place}`, value);
    return [pointer, (config) => {
      config.mounts.push(structuredClone(entry));
      change(config);
    }];
  };
  await refusesAll(t, [at("/uidMappings", {}), at("/gidMappings", "0:1000:10"), at("/uidMappings/0", [0, 1000, 10]), at("/gidMappings/0/size", "10")]);
});

test.run();

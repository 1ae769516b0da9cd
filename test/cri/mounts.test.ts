/** What Kubernetes mounts into containers: volumes, their propagation, devices, and user namespaces, whose mounts are mapped. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { skip } from "../harness.ts";
import { GrpcError } from "./grpc.ts";
import { kubernetes } from "./kubernetes.ts";
import type { Node } from "./node.ts";
import type { ContainerOptions } from "./pods.ts";

const test = kubernetes("mounts");

const SLEEP = ["/bin/sleep", "1000000"];

/** Lets the container mount; the usual profile of AppArmor would not. */
const MOUNTING = { security: { capabilities: { add_capabilities: ["SYS_ADMIN"] }, apparmor: { profile_type: "Unconfined" } } };

function volume(host_path: string, options: object = {}): ContainerOptions {
  return { config: { mounts: [{ host_path, container_path: "/mnt", ...options }] } };
}

let count = 0;

/** A folder whose mounts others see. */
function sharedFolder(node: Node): string {
  const folder = join(node.shared, `volume-${count++}`);
  fs.mkdirSync(folder);
  for (const name of ["node", "container"]) fs.mkdirSync(join(folder, name));
  return folder;
}

test("a volume is there, also where its path is a link, and read-only where it shall be", async ({ pod, t }) => {
  const made = await pod();
  const folder = join(t.folder, "volume");
  fs.mkdirSync(folder);
  fs.writeFileSync(join(folder, "file"), "content");
  fs.symlinkSync(folder, join(t.folder, "link"));
  const writable = await made.start(SLEEP, volume(join(t.folder, "link")));
  assert.is(await writable.print("cat /mnt/file; echo new > /mnt/new"), "content");
  assert.is(fs.readFileSync(join(folder, "new"), "utf8"), "new\n");
  const readOnly = await made.start(SLEEP, volume(folder, { readonly: true }));
  assert.match((await readOnly.exec(["/bin/touch", "/mnt/file"])).stderr, /Read-only file system/);
});

for (const [propagation, fromNode, fromContainer] of [["PROPAGATION_PRIVATE", false, false], ["PROPAGATION_HOST_TO_CONTAINER", true, false], ["PROPAGATION_BIDIRECTIONAL", true, true]] as const) {
  test(`${propagation}: mounts ${fromNode ? "come" : "do not come"} in and ${fromContainer ? "go" : "do not go"} out`, async ({ node, pod }) => {
    const folder = sharedFolder(node);
    const container = await (await pod()).start(SLEEP, { ...volume(folder, { propagation }), ...(fromContainer ? { security: { privileged: true } } : MOUNTING) }).catch(async (error: unknown) => {
      // A container may be privileged in such a pod only.
      if (!fromContainer) throw error;
      return (await pod({ security: { privileged: true } })).start(SLEEP, { ...volume(folder, { propagation }), security: { privileged: true } });
    });
    node.run(["mount", "-t", "tmpfs", "tmpfs", join(folder, "node")]);
    node.run(["touch", join(folder, "node/file")]);
    assert.is(await container.print("ls /mnt/node"), fromNode ? "file" : "");
    await container.print("mount -t tmpfs tmpfs /mnt/container && touch /mnt/container/file");
    assert.is(node.run(["ls", join(folder, "container")]), fromContainer ? "file\n" : "");
  });
}

test("mounts below a read-only volume are read-only, too, where that is asked for", async ({ node, pod, handler }) => {
  if (node.version < 2) skip("containerd 1 does not know it");
  const folder = sharedFolder(node);
  node.run(["mount", "-t", "tmpfs", "tmpfs", join(folder, "node")]);
  const made = await pod({}, node.featuring(handler));
  const touch = ["/bin/touch", "/mnt/node/file"];
  const shallow = await made.start(SLEEP, volume(folder, { readonly: true }));
  assert.is((await shallow.exec(touch)).status, 0);
  const deep = await made.start(SLEEP, volume(folder, { readonly: true, recursive_read_only: true }));
  assert.match((await deep.exec(touch)).stderr, /Read-only file system/);
});

test("a device of the node is there under the name, and with the rights, that are asked for", async ({ pod }) => {
  const made = await pod();
  const device = (permissions: string): ContainerOptions => ({ config: { devices: [{ container_path: "/dev/nothing", host_path: "/dev/kmsg", permissions }] } });
  const open = ["/bin/sh", "-c", ": > /dev/nothing"];
  const container = await made.start(SLEEP, device("w"));
  assert.is(await container.print("stat -c '%F %t:%T' /dev/nothing"), "character special file 1:b");
  assert.is((await container.exec(open)).status, 0);
  const deaf = await made.start(SLEEP, device("r"));
  assert.match((await deaf.exec(open)).stderr, /Operation not permitted/);
});

test("a pod has a user namespace, whose root is nobody on the node", async ({ node, pod, handler, t }) => {
  if (node.version < 2) skip("containerd 1 does not know it");
  const mapping = [{ container_id: 0, host_id: 200_000, length: 65_536 }];
  const folder = join(t.folder, "volume");
  fs.mkdirSync(folder);
  fs.chownSync(folder, 0, 0);
  const made = await pod({ namespaces: { userns_options: { mode: "POD", uids: mapping, gids: mapping } } }, node.featuring(handler));
  const container = await made.start(SLEEP, volume(folder, { uidMappings: mapping, gidMappings: mapping }));
  assert.match(await container.print("cat /proc/self/uid_map"), /^ *0 +200000 +65536$/);
  assert.is(await container.print("id -u; stat -c %u /bin/sh /mnt; touch /file /mnt/file && stat -c %u /mnt/file"), "0\n0\n0\n0");
  assert.is(fs.statSync(`/proc/${await container.pid()}`).uid, 200_000);
  // The mount maps it back.
  assert.is(fs.statSync(join(folder, "file")).uid, 0);
  const [same, own] = [await made.start(), await container.print("readlink /proc/self/ns/user")];
  assert.is(await same.print("readlink /proc/self/ns/user"), own);
  const wrong = [{ container_id: 1, host_id: 200_000, length: 65_536 }];
  const error = await pod({ namespaces: { userns_options: { mode: "POD", uids: wrong, gids: wrong } } }, node.featuring(handler)).then(() => undefined, (reason: unknown) => reason);
  assert.instance(error, GrpcError);
});

test.run();

/** Checkpoints under containerd: the shim writes a container into a folder or an image, and makes it from one. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { needsCriu } from "./criu.ts";
import { must } from "./engine.ts";
import { suite } from "./harness.ts";
import type { Ground } from "./harness.ts";
import { IMAGE, makeImage } from "./image.ts";
import { begin, exec, remove, statusOf, underShim, until } from "./shim.ts";
import type { Task } from "./shim.ts";

const shim = suite("shim-checkpoint");
const add = underShim(shim);

/** With sid's containerd, which has sid's criu beside it. */
function withShim(title: string, body: (t: Ground, task: Task) => Promise<void>): void {
  add(title, async (t, task) => {
    needsCriu();
    await body(t, task);
  }, { releases: ["sid"] });
}

const COUNT = "i=0; while true; do i=$((i+1)); echo $i >/data/new; mv /data/new /data/count; echo counted $i; sleep 0.05; done";

interface Counter {
  readonly mount: readonly string[];
  count(): number;
  goesOn(): Promise<void>;
}

function counter(t: Ground): Counter {
  const data = join(t.folder, "data");
  fs.mkdirSync(data);
  const count = (): number => (fs.existsSync(join(data, "count")) ? Number(fs.readFileSync(join(data, "count"), "utf8")) : 0);
  const goesOn = (): Promise<void> => {
    const before = count();
    return until(() => count() > before, () => `it stays at ${before}`);
  };
  return { mount: ["--mount", `type=bind,src=${data},dst=/data,options=rbind:rw`], count, goesOn };
}

withShim("a checkpoint into a folder lets the container run on, or ends it", async (t, task) => {
  const { mount, goesOn } = counter(t);
  const { containerd, id } = task;
  await begin(task, ["/bin/sh", "-c", COUNT], mount);
  await goesOn();
  await must(containerd.ctr(["tasks", "checkpoint", "--image-path", join(t.folder, "first"), id]));
  // containerd calls the image that it makes of it after the second.
  const second = new Date().getSeconds();
  await until(() => new Date().getSeconds() !== second, () => "the clock stands");
  assert.ok(fs.existsSync(join(t.folder, "first/pstree.img")));
  await goesOn();
  assert.is(await statusOf(task), "RUNNING");
  await must(containerd.ctr(["tasks", "checkpoint", "--exit", "--image-path", join(t.folder, "second"), id]));
  await until(async () => (await statusOf(task)) === "STOPPED", () => "it does not stop");
  assert.match((await containerd.ctr(["tasks", "delete", id])).stderr, "non-zero exit code 137");
  await must(containerd.ctr(["containers", "rm", id]));
});

withShim("a container that is restored from an image goes on where it was", async (t, task) => {
  const { mount, count, goesOn } = counter(t);
  const { containerd, id } = task;
  await must(containerd.ctr(["images", "import", makeImage(t.folder, t.bundle().rootfs)]));
  await begin({ ...task, rootfs: [IMAGE] }, ["/bin/sh", "-c", COUNT], [...mount, "--snapshotter", "native"]);
  await goesOn();
  await must(containerd.ctr(["containers", "checkpoint", "--image", "--rw", "--task", id, "counter"]));
  const seen = count();
  await remove(task);
  await must(containerd.ctr(["containers", "restore", "--rw", "--live", id, "counter"]));
  await until(() => count() > seen, () => `it stays at ${seen}`);
  assert.is(await statusOf(task), "RUNNING");
  assert.is((await exec(task, "x", ["/bin/cat", "/proc/1/comm"])).stdout, "sh\n");
  await remove(task);
});

withShim("what criu cannot do is told, with a log that stays", async (t, task) => {
  const { mount, goesOn } = counter(t);
  const { containerd, id } = task;
  const connect = "nc -l -p 5 -e sleep 100 & until nc 127.0.0.1 5 -e sleep 100; do sleep 0.01; done &";
  await begin(task, ["/bin/sh", "-c", `${connect} ${COUNT}`], mount);
  await goesOn();
  await until(async () => /: \w+:\w+ \w+:\w+ 01 /.test((await exec(task, "tcp", ["/bin/cat", "/proc/net/tcp"])).stdout), () => "nothing is connected");
  const { status, stderr } = await containerd.ctr(["tasks", "checkpoint", "--image-path", join(t.folder, "images"), id]);
  assert.is(status, 1);
  assert.match(stderr, /criu: .*TCP.* path= .*criu-dump\.log/);
  assert.ok(fs.existsSync(join(containerd.bundle(id), "criu-dump.log")));
  await goesOn();
  await remove(task);
});

shim.run();

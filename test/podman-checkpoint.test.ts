/** podman writes containers into checkpoints and makes them again, with runc and with tsrun: sid's, with sid's criu beside it. */

import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { needsCriu } from "./criu.ts";
import { must, until } from "./engine.ts";
import { suite } from "./harness.ts";
import { IMAGE } from "./image.ts";
import { driven } from "./podman.ts";

const test = suite("podman-checkpoint");

const COUNT = "i=0; while true; do i=$((i+1)); echo $i >/data/new; mv /data/new /data/count; echo counted $i; sleep 0.05; done";

driven(test, "a container is checkpointed, restored, and restored from an archive", async (podman, t) => {
  needsCriu();
  const data = join(t.folder, "data");
  fs.mkdirSync(data);
  const count = (): number => (fs.existsSync(join(data, "count")) ? Number(fs.readFileSync(join(data, "count"), "utf8")) : 0);
  const goesOn = (): Promise<void> => {
    const before = count();
    return until(() => count() > before, () => `it stays at ${before}`);
  };
  await must(podman.run(["--detach", "--name", "one", "--network", "none", "--volume", `${data}:/data`, IMAGE, "sh", "-c", COUNT]));
  await goesOn();
  await must(podman.podman(["container", "checkpoint", "one"]));
  assert.is(await must(podman.podman(["inspect", "--format", "{{.State.Status}}", "one"])), "exited");
  const first = count();
  await must(podman.podman(["container", "restore", "one"]));
  await goesOn();
  assert.ok(count() > first);
  await must(podman.podman(["container", "checkpoint", "--leave-running", "--export", join(t.folder, "one.tar"), "one"]));
  await goesOn();
  await must(podman.podman(["rm", "--force", "--time", "0", "one"]));
  const second = count();
  await must(podman.podman(["container", "restore", "--import", join(t.folder, "one.tar")]));
  await goesOn();
  assert.ok(count() > first && count() < second + 1000);
  assert.is(await must(podman.podman(["exec", "one", "cat", "/proc/1/comm"])), "sh");
}, { releases: ["sid"] });

test.run();

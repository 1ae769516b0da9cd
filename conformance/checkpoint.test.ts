/** `checkpoint` and `restore`: runc's options, and a program that goes on. */

import { join } from "node:path";
import * as assert from "uvu/assert";
import { needsCriu } from "../test/criu.ts";
import type { Ground } from "../test/harness.ts";
import { output, read, refused, running, script, silent, waitFor } from "./containers.ts";
import type { Container } from "./containers.ts";
import { suite } from "./suite.ts";

const test = suite("checkpoint");

/** runc 1.3's (`checkpoint --help`), but for those of `restore` alone and of `checkpoint` alone. */
const OF_BOTH = "image-path work-path tcp-established ext-unix-sk shell-job lazy-pages file-locks manage-cgroups-mode empty-ns auto-dedup".split(" ");
const OF_CHECKPOINT = "parent-path leave-running tcp-skip-in-flight link-remap status-fd page-server pre-dump".split(" ");
const OF_RESTORE = "console-socket bundle detach pid-file lsm-profile lsm-mount-context".split(" ");

for (const [verb, own] of Object.entries({ checkpoint: OF_CHECKPOINT, restore: OF_RESTORE })) {
  test(`${verb} has runc's options`, async (t) => {
    const help = output(await t.runtime([verb, "--help"]));
    for (const name of [...OF_BOTH, ...own]) assert.match(help, `--${name}`);
  });
}

interface Counter {
  readonly container: Container;
  readonly images: string;
  count(): number;
  goesOn(): Promise<void>;
}

/** Its streams are files of its own: those of the test are the test's, and not every runtime can leave them out. */
async function counter(t: Ground): Promise<Counter> {
  const container = await running(t, (config) => {
    config.mounts.push({ destination: "/tell", type: "bind", source: t.folder, options: ["bind", "rw"] });
    script(config, "exec </dev/null >/dev/null 2>&1; i=0; while :; do i=$((i+1)); echo $i > /tell/new; mv /tell/new /tell/count; sleep 0.02; done");
  });
  const count = (): number => Number(read(join(t.folder, "count")));
  const goesOn = (): Promise<void> => {
    const before = count();
    return waitFor("it counts on", () => count() > before);
  };
  await goesOn();
  return { container, images: join(t.folder, "images"), count, goesOn };
}

test("checkpoint ends a container, and restore makes it again where it was", async (t) => {
  needsCriu();
  const { container, images, count, goesOn } = await counter(t);
  silent(await container.verb("checkpoint", `--image-path=${images}`));
  refused(await container.verb("state"), /does not exist/);
  const seen = count();
  const pidFile = join(t.folder, "pid");
  const options = ["--detach", `--image-path=${images}`, `--pid-file=${pidFile}`, `--bundle=${container.bundle.path}`];
  silent(await container.verb("restore", ...options));
  await goesOn();
  assert.ok(count() > seen);
  const { status, pid } = await container.state();
  assert.equal([status, `${pid}`], ["running", read(pidFile)]);
});

test("checkpoint --leave-running lets a container run on", async (t) => {
  needsCriu();
  const { container, images, goesOn } = await counter(t);
  silent(await container.verb("checkpoint", "--leave-running", `--image-path=${images}`));
  await goesOn();
  assert.is(await container.status(), "running");
});

test("checkpoint of a container that does not run, or does not exist, is an error", async (t) => {
  needsCriu();
  const container = await running(t);
  await container.end();
  refused(await container.verb("checkpoint"), /\w/);
  refused(await t.runtime(["checkpoint", "none"]), /does not exist/);
});

test("what no option can mean is refused", async (t) => {
  needsCriu();
  const container = await running(t);
  const images = `--image-path=${join(t.folder, "images")}`;
  const wrong = ["--manage-cgroups-mode=none", "--empty-ns=pid", "--page-server=nowhere", `--parent-path=${t.folder}`, "--no-such-option"];
  for (const option of wrong) {
    const { status } = await container.verb("checkpoint", images, option);
    assert.is.not(status, 0, option);
    assert.is(await container.status(), "running");
  }
});

test.run();

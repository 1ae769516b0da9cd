/**
 * Runs a command where every controller of cgroup v1 is mounted, as crun wants it on a hybrid host:
 * unshare --mount --propagation private node with-all-controllers.js COMMAND...
 */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountLeftControllers, unmountControllers } from "./cgroup-mounts.ts";

const [command = "", ...args] = process.argv.slice(2);
const folder = fs.mkdtempSync(join(tmpdir(), "tsrun-controllers-"));
const mounted = await mountLeftControllers(folder);
const { status } = spawnSync(command, args, { stdio: "inherit" });
await unmountControllers(mounted);
fs.rmdirSync(folder);
process.exitCode = status ?? 1;

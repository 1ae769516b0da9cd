/** Mounts that a test makes on the host; they end with the test's own step, whatever happens. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import type { Ground } from "../test/harness.ts";
import { file } from "./containers.ts";

class Unmountable extends Error {}

function call(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Unmountable(`${program} ${args.join(" ")}: ${stderr}`);
}

/** A folder of the test's on which a tmpfs with these options is mounted, with another one in its folder "sub". */
export async function withHostMounts(t: Ground, options: string, body: (folder: string) => Promise<void>, ...propagation: readonly string[]): Promise<void> {
  const folder = file(t, "host-mount");
  fs.mkdirSync(folder, { recursive: true });
  call("mount", "-t", "tmpfs", "tmpfs", folder);
  try {
    for (const flag of propagation) call("mount", flag, folder);
    fs.mkdirSync(`${folder}/sub`);
    call("mount", "-t", "tmpfs", "tmpfs", `${folder}/sub`);
    // Only now, as options may say "ro".
    for (const path of [folder, `${folder}/sub`]) call("mount", "-o", `remount,${options}`, path);
    await body(folder);
  } finally {
    call("umount", "-R", "--lazy", folder);
  }
}

/** Mounts another tmpfs, below what withHostMounts() made. */
export function mountTmpfs(path: string): void {
  fs.mkdirSync(path, { recursive: true });
  call("mount", "-t", "tmpfs", "tmpfs", path);
}

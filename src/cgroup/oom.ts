/** Tells when the kernel killed a process of a cgroup for want of memory (memory.rst 10, cgroup-v2.rst "memory.events"). */

import { O_RDONLY } from "../linux/open-flags.ts";
import { closeSync, openSync, readSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { EPOLLIN, EPOLLPRI, forget, ready } from "../native/waiter.ts";
import type { CgroupDirectory } from "./cgroup.ts";
import { directoryOf } from "./cgroup.ts";
import { writeText } from "./files.ts";
import { countersIn } from "./statistics.ts";

const FILES: Readonly<Record<1 | 2, string>> = { 1: "memory.oom_control", 2: "memory.events" };

/** One watch of one container; it keeps no program alive. */
export class OomWatch {
  readonly #directory: CgroupDirectory | undefined;
  readonly #onKill: () => void;
  readonly #fds: number[] = [];
  #kills = 0n;

  /** `onKill` is called once for each look that finds more kills than the last. */
  constructor(directories: readonly CgroupDirectory[], onKill: () => void) {
    this.#directory = directoryOf(directories, "memory");
    this.#onKill = onKill;
    this.#kills = this.#count();
    if (this.#directory !== undefined) this.#watch(this.#directory);
  }

  #watch({ version, path }: CgroupDirectory): void {
    try {
      const file = openSync(`${path}/${FILES[version]}`, O_RDONLY);
      this.#fds.push(file);
      if (version === 2) {
        void this.#loop(file, EPOLLPRI);
        return;
      }
      const counter = native().eventCounter();
      this.#fds.push(counter);
      writeText(`${path}/cgroup.event_control`, `${counter} ${file}`);
      void this.#loop(counter, EPOLLIN);
    } catch {
      // A kernel without these events, or a cgroup that is gone: the count is still looked at in the end.
    }
  }

  async #loop(fd: number, events: number): Promise<void> {
    const buffer = new Uint8Array(8);
    while (this.#fds.includes(fd)) {
      await ready(fd, events, { keepAlive: false });
      // The counter is emptied; of the other file nothing need be read by this descriptor but its beginning.
      try {
        readSync(fd, buffer);
      } catch {
        return;
      }
      this.check();
      if (events === EPOLLPRI && this.#isGone()) return;
    }
  }

  #isGone(): boolean {
    return Object.keys(countersIn(this.#directory?.path, FILES[2])).length === 0;
  }

  #count(): bigint {
    if (this.#directory === undefined) return 0n;
    return countersIn(this.#directory.path, FILES[this.#directory.version])["oom_kill"] ?? 0n;
  }

  /** Looks at once; to be called before the end of a container is told. */
  check(): void {
    const kills = this.#count();
    if (kills <= this.#kills) return;
    this.#kills = kills;
    this.#onKill();
  }

  close(): void {
    for (const fd of this.#fds.splice(0)) {
      forget(fd);
      closeSync(fd);
    }
  }
}

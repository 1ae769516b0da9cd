/** What a controller's limits become: files to write, problems with the config, and notes for the debug log. */

import type { Problem } from "../errors.ts";

/** One value that goes into one file of the container's cgroup. */
export interface FileWrite {
  readonly controller: string;
  readonly version: 1 | 2;
  /** The file's name inside the cgroup's directory. */
  readonly file: string;
  readonly value: string;
  /** The place in config.json that asks for it. */
  readonly pointer: string;
  /** A file that the kernel does not have is no error: the value is what holds without it. */
  readonly optional?: true;
  /** The file that must not hold more than `value` (`memory.checkBeforeUpdate`). */
  readonly notBelow?: string;
}

/** Something that was left out on purpose, for the debug log. */
export interface Note {
  readonly pointer: string;
  readonly message: string;
}

/** How a write differs from a plain one. */
export type WriteOptions = Pick<FileWrite, "optional" | "notBelow">;

/** Collects what one controller yields; files keep the order in which they have to be written. */
export class Limits {
  readonly writes: FileWrite[] = [];
  readonly problems: Problem[] = [];
  readonly notes: Note[] = [];
  readonly #controller: string;
  readonly #version: 1 | 2;
  readonly #pointer: string;

  /** `pointer` is the object in config.json whose fields the other calls name. */
  constructor(controller: string, version: 1 | 2, pointer: string) {
    this.#controller = controller;
    this.#version = version;
    this.#pointer = pointer;
  }

  get version(): 1 | 2 {
    return this.#version;
  }

  write(field: string, file: string, value: string, options?: WriteOptions): void {
    const pointer = `${this.#pointer}/${field}`;
    this.writes.push({ controller: this.#controller, version: this.#version, file, value, pointer, ...options });
  }

  refuse(field: string, message: string, hint?: string): void {
    const pointer = `${this.#pointer}/${field}`;
    this.problems.push(hint === undefined ? { pointer, message } : { pointer, message, hint });
  }

  /** The error of a field that cgroup v2 has nothing for (config-linux.md#unified). */
  refuseOnV2(field: string, hint?: string): void {
    this.refuse(field, `"${field}" cannot be converted to cgroup v2`, hint);
  }

  note(field: string, message: string): void {
    this.notes.push({ pointer: `${this.#pointer}/${field}`, message });
  }
}

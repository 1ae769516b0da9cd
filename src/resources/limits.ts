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
  /** The same limit where the kernel has no such file, because it knows it by another name. */
  readonly instead?: NamedValue;
}

/** A file of a cgroup, and what goes into it. */
export interface NamedValue {
  readonly file: string;
  readonly value: string;
}

/** Something that was left out on purpose, for the debug log. */
export interface Note {
  readonly pointer: string;
  readonly message: string;
}

/** Collects what one controller yields; files keep the order in which they have to be written. */
export class Limits {
  readonly writes: FileWrite[] = [];
  readonly problems: Problem[] = [];
  readonly notes: Note[] = [];
  readonly controller: string;
  readonly version: 1 | 2;
  /** The object in config.json whose fields the calls below name. */
  readonly pointer: string;

  constructor(controller: string, version: 1 | 2, pointer: string) {
    this.controller = controller;
    this.version = version;
    this.pointer = pointer;
  }

  write(field: string, file: string, value: string): void {
    this.add(`${this.pointer}/${field}`, file, value);
  }

  /** A write whose file may be missing, because the value is what holds without it. */
  writeOptional(field: string, file: string, value: string): void {
    this.addOptional(`${this.pointer}/${field}`, file, value);
  }

  /** A write that must not be made while the file `notBelow` holds more than the value. */
  writeChecked(field: string, file: string, value: string, notBelow: string): void {
    const { controller, version } = this;
    this.writes.push({ controller, version, file, value, pointer: `${this.pointer}/${field}`, notBelow });
  }

  /** A write to the first of two files that the kernel has. */
  writeEither(field: string, { file, value }: NamedValue, instead: NamedValue): void {
    const { controller, version } = this;
    this.writes.push({ controller, version, file, value, pointer: `${this.pointer}/${field}`, instead });
  }

  /** As write(), for a place that is known whole. */
  add(pointer: string, file: string, value: string): void {
    const { controller, version } = this;
    this.writes.push({ controller, version, file, value, pointer });
  }

  /** As writeOptional(), for a place that is known whole. */
  addOptional(pointer: string, file: string, value: string): void {
    const { controller, version } = this;
    this.writes.push({ controller, version, file, value, pointer, optional: true });
  }

  refuse(field: string, message: string, hint?: string): void {
    const pointer = `${this.pointer}/${field}`;
    this.problems.push(hint === undefined ? { pointer, message } : { pointer, message, hint });
  }

  /** The error of a field that cgroup v2 has nothing for (config-linux.md#unified). */
  refuseOnV2(field: string, hint?: string): void {
    this.refuse(field, `"${field}" cannot be converted to cgroup v2`, hint);
  }

  note(field: string, message: string): void {
    this.notes.push({ pointer: `${this.pointer}/${field}`, message });
  }
}

/** Where containers' states live: ROOT/ID, one directory each, whose lock dies with its holder. */

import { ContainerExistsError, NoSuchContainerError, StateError, SystemError, UsageError } from "../errors.ts";
import { formatErrno } from "../linux/errno.ts";
import { closeSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, rmdirSync, unlinkSync, writeFileSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { parseState } from "./state.ts";
import type { StoredState } from "./state.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;
const ROOT_MODE = 0o700;
/** In a user's runtime directory old files may be cleaned away, but not those that are sticky (XDG Base Directory Specification). */
const STICKY = 0o1000;
/** Init opens the exec fifo in it with a user namespace's rights, so it may be entered; nothing in it is readable. */
const DIRECTORY_MODE = 0o711;
const ID = /^[A-Za-z0-9_+.-]+$/;
const NAME_MAX = 255;

/** A lock on one container; while it is held no other command changes that container. */
export interface Lock {
  readonly fd: number;
  release(): void;
}

export class Store {
  readonly root: string;
  readonly #mode: number;

  constructor(root: string, { isSticky = false }: { readonly isSticky?: boolean } = {}) {
    this.root = root;
    this.#mode = isSticky ? ROOT_MODE | STICKY : ROOT_MODE;
  }

  directory(id: string): string {
    return `${this.root}/${id}`;
  }

  fifo(id: string): string {
    return `${this.root}/${id}/exec.fifo`;
  }

  /** Takes an id. Of several that want it one wins: the first to lock a directory without a state. */
  claim(id: string): Lock {
    checkId(id);
    for (;;) {
      try {
        mkdirSync(this.directory(id), { mode: DIRECTORY_MODE });
      } catch (error) {
        if (isNativeError(error) && error.code === "ENOENT") {
          makeRoot(this.root, this.#mode);
          continue;
        }
        if (!isNativeError(error) || error.code !== "EEXIST") throw inWords(`make "${this.directory(id)}"`, error);
        if (this.#reclaim(id)) continue;
        throw new ContainerExistsError(id);
      }
      // Between the two calls a `delete --force` may have taken the empty directory away again.
      const lock = this.#lock(id, LOCK_EX);
      if (lock === undefined) continue;
      // Or another `create` took it for one that a killed command had left, and was first to lock its own.
      if (!existsSync(`${this.directory(id)}/state.json`)) return lock;
      lock.release();
      throw new ContainerExistsError(id);
    }
  }

  /** Locks a container that exists; `wait: false` gives up at once when another command holds it. */
  lock(id: string, verb: string, { wait = true }: { wait?: boolean } = {}): Lock {
    checkId(id);
    const lock = this.#lock(id, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
    if (lock === undefined) throw new NoSuchContainerError(id, verb);
    return lock;
  }

  /** The same for who does not mind that the container is gone: undefined then. */
  tryLock(id: string): Lock | undefined {
    return this.#lock(id, LOCK_EX);
  }

  /** Whether a command works on the container at this moment. */
  isLocked(id: string): boolean {
    const fd = native().lockDirectory(this.directory(id), LOCK_EX | LOCK_NB);
    if (typeof fd === "number") closeSync(fd);
    return fd === null;
  }

  load(id: string, verb: string): StoredState {
    const state = this.tryLoad(id);
    if (state === undefined) throw new NoSuchContainerError(id, verb);
    return state;
  }

  /** The state, or undefined where there is no such container, or nothing was written yet. */
  tryLoad(id: string): StoredState | undefined {
    const text = this.tryRead(id);
    return text === undefined ? undefined : parseState(text, id);
  }

  /** The state's text. */
  tryRead(id: string): string | undefined {
    checkId(id);
    try {
      return readFileSync(`${this.directory(id)}/state.json`, "utf8");
    } catch (error) {
      if (isNativeError(error) && (error.code === "ENOENT" || error.code === "ENOTDIR")) return undefined;
      throw inWords(`read the state of container "${id}"`, error);
    }
  }

  /** Replaces the state in one step: a reader sees the old one or the new one. */
  save(state: StoredState): void {
    const path = `${this.directory(state.id)}/state.json`;
    try {
      writeFileSync(`${path}.new`, JSON.stringify(state), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch (error) {
      throw inWords(`write the state of container "${state.id}"`, error);
    }
  }

  /** The config as it was at create: later changes in the bundle mean nothing (runtime.md#lifecycle). */
  saveConfig(id: string, bytes: Uint8Array): void {
    try {
      writeFileSync(`${this.directory(id)}/config.json`, bytes, { mode: 0o600 });
    } catch (error) {
      throw inWords(`keep the config of container "${id}"`, error);
    }
  }

  /** What updates made of the config's limits, and undefined while there was none. */
  tryLoadResources(id: string): string | undefined {
    try {
      return readFileSync(`${this.directory(id)}/resources.json`, "utf8");
    } catch (error) {
      if (isNativeError(error) && error.code === "ENOENT") return undefined;
      throw inWords(`read the limits of container "${id}"`, error);
    }
  }

  saveResources(id: string, text: string): void {
    const path = `${this.directory(id)}/resources.json`;
    try {
      writeFileSync(`${path}.new`, text, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch (error) {
      throw inWords(`keep the limits of container "${id}"`, error);
    }
  }

  /** The config as saveConfig() kept it. */
  loadConfig(id: string): Uint8Array {
    try {
      return readFileSync(`${this.directory(id)}/config.json`);
    } catch (error) {
      throw inWords(`read the config of container "${id}"`, error);
    }
  }

  remove(id: string): void {
    const directory = this.directory(id);
    // What is always there first: node:fs's own walk costs more than all of it.
    try {
      unlinkSync(`${directory}/state.json`);
      unlinkSync(`${directory}/config.json`);
      rmdirSync(directory);
    } catch {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  exists(id: string): boolean {
    checkId(id);
    return existsSync(this.directory(id));
  }

  /** Whether there is a container of that id, and not only its directory, which comes first and goes last. */
  hasState(id: string): boolean {
    return existsSync(`${this.directory(id)}/state.json`);
  }

  ids(): string[] {
    try {
      return readdirSync(this.root).filter((name) => ID.test(name) && name !== "." && name !== "..").sort();
    } catch (error) {
      if (isNativeError(error) && error.code === "ENOENT") return [];
      throw inWords(`list "${this.root}"`, error);
    }
  }

  /** A state of another boot, or one whose creator died before it wrote anything, holds the id for nobody. */
  #reclaim(id: string): boolean {
    let lock: Lock | undefined;
    try {
      lock = this.#lock(id, LOCK_EX | LOCK_NB);
    } catch (error) {
      if (error instanceof BusyError) return false;
      throw error;
    }
    if (lock === undefined) return !this.exists(id);
    try {
      const state = this.tryLoad(id);
      if (state !== undefined && state.bootId === bootId()) return false;
      this.remove(id);
      return true;
    } catch (error) {
      if (error instanceof SystemError || error instanceof StateError) return false;
      throw error;
    } finally {
      lock.release();
    }
  }

  #lock(id: string, operation: number): Lock | undefined {
    const path = this.directory(id);
    let fd: number | null | undefined;
    try {
      fd = native().lockDirectory(path, operation);
    } catch (error) {
      throw inWords(`lock "${path}"`, error);
    }
    if (fd === null) throw new BusyError(id);
    if (fd === undefined) return undefined;
    const held = fd;
    return { fd: held, release: () => closeSync(held) };
  }
}

function makeRoot(root: string, mode: number): void {
  try {
    mkdirSync(root, { recursive: true, mode });
  } catch (error) {
    throw inWords(`make the state root "${root}"`, error);
  }
}

/** Another command holds the container's lock. */
export class BusyError extends UsageError {
  constructor(id: string) {
    super(`cannot lock container "${id}": another command works on it`);
  }
}

/** The ids that runc takes: they become names of directories, and of cgroups. */
export function checkId(id: string): void {
  if (id === "") throw new UsageError("cannot use container id \"\": it is empty");
  if (!ID.test(id) || id === "." || id === "..") {
    throw new UsageError(`cannot use container id ${JSON.stringify(id)}: only letters, digits and "_+.-" are allowed`);
  }
  if (id.length > NAME_MAX) throw new UsageError(`cannot use container id "${id.slice(0, 20)}…": it is longer than ${NAME_MAX} characters`);
}

let boot: string | undefined;

export function bootId(): string {
  boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return boot;
}

/** An error of node:fs or the addon in our words. */
export function inWords(action: string, error: unknown): unknown {
  if (!isNativeError(error)) return error;
  return new SystemError(action, error.code, formatErrno(Math.abs(error.errno)), { cause: error });
}

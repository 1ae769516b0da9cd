/**
 * Every error that tsrun raises on purpose: a class, a stable code, the facts; the text is made here and nowhere else.
 *
 * Messages read `cannot <verb> <object>: <reason>`, in lower case and without a full stop, because callers prefix them.
 */

/** A place in config.json: the JSON Pointer (RFC 6901), and line and column (from 1) where the text is known. */
export interface Place {
  readonly pointer: string;
  readonly line?: number;
  readonly column?: number;
  /** Where it is not in the document that is spoken of. */
  readonly file?: string;
}

/** One thing that is wrong with a document. */
export interface Problem extends Place {
  /** What is wrong, without the place: `must be an integer, got "3"`. */
  readonly message: string;
  /** What to do about it, where that is known: `did you mean "noNewPrivileges"?`. */
  readonly hint?: string;
}

/** The base of all of them: `code` is the contract with programs, `message` is for people. */
export abstract class TsrunError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(shorten(message), options);
  }

  /** The exit status of the command line. */
  get exitCode(): number {
    return 1;
  }
}

/** A document (config.json, process.json, state.json) that is not valid; all its problems at once. */
export class ConfigError extends TsrunError {
  readonly code = "ERR_CONFIG";
  /** The file's name as the user would say it, for example `config.json`. */
  readonly file: string;
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[], options?: ErrorOptions) {
    super(configMessage(file, problems), options);
    this.file = file;
    this.problems = problems;
  }
}

/** A system call that failed: the addon's error with what was attempted, in words. */
export class SystemError extends TsrunError {
  readonly code = "ERR_SYSTEM";
  /** The errno's name, for example `ENOENT`. */
  readonly errno: string;
  readonly action: string;
  readonly reason: string;

  /** `action` is the `verb object` of `cannot <verb> <object>`; `reason` is `ENOENT: no such file or directory`. */
  constructor(action: string, errno: string, reason: string, options?: ErrorOptions) {
    super(`cannot ${action}: ${reason}`, options);
    this.errno = errno;
    this.action = action;
    this.reason = reason;
  }
}

/** A cgroup that is not fit for a container, or cannot be made so. */
export class CgroupError extends TsrunError {
  readonly code = "ERR_CGROUP";
  /** The controller that could not be had, where it was one. */
  readonly controller: string | undefined;

  constructor(message: string, { controller, ...options }: ErrorOptions & { readonly controller?: string | undefined } = {}) {
    super(message, options);
    this.controller = controller;
  }
}

/** A step of the plan that failed. */
export class StepError extends TsrunError {
  readonly code = "ERR_STEP";
  readonly step: number;
  readonly op: string;
  readonly errno: string;
  readonly place: Place | undefined;

  constructor(facts: StepFailure, options?: ErrorOptions) {
    super(stepMessage(facts), options);
    this.step = facts.step;
    this.op = facts.op;
    this.errno = facts.errno;
    this.place = facts.place;
  }
}

export interface StepFailure {
  readonly step: number;
  readonly op: string;
  /** `mount "tmpfs" on "/dev/shm"`: what follows `cannot`. */
  readonly action: string;
  /** The errno's name, for example `EPERM`. */
  readonly errno: string;
  /** The full reason, for example `EPERM: operation not permitted`. */
  readonly reason: string;
  readonly place?: Place | undefined;
  /** What usually causes this, and the remedy. */
  readonly hint?: string | undefined;
}

/** A state file that nobody of this version wrote, or that was damaged since. */
export class StateError extends TsrunError {
  readonly code = "ERR_STATE";

  constructor(id: string, reason: string, options?: ErrorOptions) {
    super(`cannot read the state of container "${id}": ${reason}`, options);
  }
}

/** The container's init failed in a way that is no step's. */
export class InitError extends TsrunError {
  readonly code = "ERR_INIT";
}

/** A hook that failed; the specification decides what follows from it. */
export class HookError extends TsrunError {
  readonly code = "ERR_HOOK";
}

/** A program of the host that could not be run for what it prints, or did not print it. */
export class ProgramError extends TsrunError {
  readonly code = "ERR_PROGRAM";
}

/** criu could not do what was asked of it. */
export class CriuError extends TsrunError {
  readonly code = "ERR_CRIU";
}

/** A signal that asked the runtime to give up before there was a program to send it to. */
export class InterruptedError extends TsrunError {
  readonly code = "ERR_INTERRUPTED";
  readonly signal: number;

  /** `action` is what was under way: `create container "web"`. */
  constructor(action: string, { number, name }: { readonly number: number; readonly name: string }) {
    super(`cannot ${action}: interrupted by ${name}`);
    this.signal = number;
  }

  override get exitCode(): number {
    return 128 + this.signal;
  }
}

/** An operation that the container's status does not allow. */
export class StatusError extends TsrunError {
  readonly code = "ERR_STATUS";
  readonly id: string;
  readonly status: string;

  constructor(id: string, status: string, message: string) {
    super(message);
    this.id = id;
    this.status = status;
  }
}

export class ContainerExistsError extends TsrunError {
  readonly code = "ERR_CONTAINER_EXISTS";
  readonly id: string;

  constructor(id: string) {
    super(`cannot create container "${id}": container with given ID already exists`);
    this.id = id;
  }
}

export class NoSuchContainerError extends TsrunError {
  readonly code = "ERR_NO_SUCH_CONTAINER";
  readonly id: string;

  constructor(id: string, verb: string) {
    super(`cannot ${verb} container "${id}": container does not exist`);
    this.id = id;
  }
}

/** Bytes of another program that are not what its protocol says. */
export class ProtocolError extends TsrunError {
  readonly code = "ERR_PROTOCOL";
}

/** A value that came from the command line or the caller, and is not valid. */
export class UsageError extends TsrunError {
  readonly code = "ERR_USAGE";
}

/** Something that the specification knows and tsrun does not do yet, or that this host cannot do. */
export class UnsupportedError extends TsrunError {
  readonly code = "ERR_UNSUPPORTED";
}

/** `config.json:41:7 /mounts/3`, as far as it is known. */
export function formatPlace(file: string, place: Place): string {
  const line = place.line === undefined ? "" : `:${place.line}`;
  const column = place.line === undefined || place.column === undefined ? "" : `:${place.column}`;
  return `${place.file ?? file}${line}${column} ${place.pointer === "" ? "/" : place.pointer}`;
}

const MOST_CHARACTERS = 16 * 1024;

/** Values of the config are told as they are, and a config may hold megabytes: who logs a message has limits, too. */
export function shorten(message: string): string {
  const rest = message.length - MOST_CHARACTERS;
  return rest <= 0 ? message : `${message.slice(0, MOST_CHARACTERS)}... and ${rest} more characters`;
}

/** `must be an integer (config.json:41:7 /mounts/3)`, and what to do about it. */
export function formatProblem(file: string, problem: Problem): string {
  const hint = problem.hint === undefined ? "" : `; ${problem.hint}`;
  return `${problem.message}${hint} (${formatPlace(file, problem)})`;
}

function configMessage(file: string, problems: readonly Problem[]): string {
  const [first] = problems;
  if (problems.length === 1 && first !== undefined) return `cannot use ${file}: ${formatProblem(file, first)}`;
  const lines = problems.map((problem) => `\n  ${formatProblem(file, problem)}`);
  return `cannot use ${file}: ${problems.length} problems:${lines.join("")}`;
}

function stepMessage(facts: StepFailure): string {
  const place = facts.place === undefined ? "" : ` (${formatPlace("config.json", facts.place)})`;
  const hint = facts.hint === undefined ? "" : `; ${facts.hint}`;
  return `cannot ${facts.action}: ${facts.reason}${place}${hint}`;
}

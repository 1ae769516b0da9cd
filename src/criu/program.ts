/** criu itself: where it is, whether it is new enough, what it and the kernel can do. */

import type { Inherited } from "../container/hooks.ts";
import { findProgram } from "../container/program.ts";
import { inWords } from "../container/store.ts";
import { CriuError, ProgramError, UnsupportedError } from "../errors.ts";
import { O_RDWR } from "../linux/open-flags.ts";
import { closeSync, openSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { RequestType } from "./generated/rpc.ts";
import type { Features, Request, Response } from "./generated/rpc.ts";
import { converse } from "./worker.ts";
import type { Conversation, Worker } from "./worker.ts";

export interface Criu {
  /** What it is called for: what follows `cannot` in errors. */
  readonly purpose: string;
  readonly path: string;
  readonly environment: readonly string[];
  readonly inherited?: Inherited | undefined;
}

/** The descriptor of the socket in criu. */
export const SOCKET = 3;
/** The first in which all works that is asked of it: security labels were restored wrongly before. */
const LEAST_VERSION = [3, 16] as const;
const IN_WORDS = LEAST_VERSION.join(".");

/** Finds criu, and refuses one that is too old. */
export async function findCriu(given: Omit<Criu, "path">): Promise<Criu> {
  const { purpose } = given;
  if ((process.geteuid?.() ?? 0) !== 0) throw new UnsupportedError(`cannot ${purpose}: criu needs root's rights`);
  let path: string;
  try {
    path = findProgram("criu", given.environment);
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    throw new CriuError(`cannot ${purpose}: executable "criu" not found in $PATH; install criu ${IN_WORDS} or later (https://criu.org)`, { cause: error });
  }
  const criu = { ...given, path };
  const { success, version } = await callCriu(criu, { type: RequestType.VERSION });
  const { major_number: major = 0, minor_number: minor = 0 } = version ?? {};
  if (!success || major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1])) {
    throw new CriuError(`cannot ${purpose}: "${path}" has version ${major}.${minor}, and ${IN_WORDS} or later is needed`);
  }
  return criu;
}

const FEATURES: Readonly<Record<keyof Features, string>> = {
  mem_track: "to tell which memory was written to (soft-dirty bits; CONFIG_MEM_SOFT_DIRTY)",
  lazy_pages: "to fetch memory when it is needed (userfaultfd)",
};

/** Throws where criu, or the kernel, lacks the feature. */
export async function requireFeature(criu: Criu, feature: keyof Features): Promise<void> {
  const { features } = await callCriu(criu, { type: RequestType.FEATURE_CHECK, features: { [feature]: true } });
  if (features?.[feature] !== true) throw new CriuError(`cannot ${criu.purpose}: criu, or this kernel, has no way ${FEATURES[feature]}`);
}

/** A request to a criu of its own. */
export async function callCriu(criu: Criu, request: Partial<Request>, notified: Conversation["notified"] = () => {}): Promise<Response> {
  const worker = startCriu(criu);
  try {
    return await converse(worker, request, { purpose: criu.purpose, notified });
  } finally {
    closeSync(worker.pidfd);
  }
}

function startCriu({ path: file, environment: env, inherited: { nofile, ignored, blocked } = {} }: Criu): Worker {
  const [socket, theirs] = native().socketpair();
  const nothing = openSync("/dev/null", O_RDWR);
  try {
    const { pidfd } = native().spawn({
      file,
      argv: ["criu", "swrk", `${SOCKET}`],
      env,
      fds: [nothing, nothing, nothing, theirs],
      ...(nofile === undefined ? {} : { nofile }),
      ...(ignored === undefined ? {} : { ignored }),
      ...(blocked === undefined ? {} : { blocked }),
    });
    return { socket, pidfd };
  } catch (error) {
    closeSync(socket);
    throw inWords(`execute "${file}"`, error);
  } finally {
    closeSync(nothing);
    closeSync(theirs);
  }
}

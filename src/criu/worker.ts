/**
 * One conversation with criu: `criu swrk FD` reads one request from a socket and answers it (criu.org/RPC).
 *
 *     runtime                      criu
 *        │ ── Request ─────────────► │
 *        │ ◄── Response, NOTIFY ──── │  again and again: "network-lock", "setup-namespaces", ...; it waits for the answer
 *        │ ── Request, NOTIFY ─────► │
 *        │ ◄── Response ──────────── │
 */

import { CriuError, ProtocolError } from "../errors.ts";
import { signalName, SIGKILL } from "../linux/signals.ts";
import { closeSync } from "../native/files.ts";
import { isNativeError, native } from "../native/native.ts";
import { ended, forget, ready } from "../native/waiter.ts";
import { decode, encode } from "../protobuf/messages.ts";
import { Request, RequestType, Response } from "./generated/rpc.ts";

/** A running criu. */
export interface Worker {
  readonly socket: number;
  readonly pidfd: number;
}

/** At which point criu is; who takes the descriptors closes them. */
export interface Notice {
  readonly script: string;
  /** Of the container's first process, at the points where there is one. */
  readonly pid: number;
  readonly fds: readonly number[];
}

export interface Conversation {
  /** What follows `cannot` in errors. */
  readonly purpose: string;
  notified(notice: Notice): Promise<void> | void;
  /** Ends criu. */
  readonly abort?: AbortSignal | undefined;
}

/** Asks, and resolves with the answer, which may be a refusal; criu has ended then, and was waited for. */
export async function converse(worker: Worker, request: Partial<Request>, { purpose, notified, abort }: Conversation): Promise<Response> {
  const kill = (): void => endWorker(worker.pidfd);
  abort?.addEventListener("abort", kill);
  let response: Response | undefined;
  let end = "";
  try {
    if (abort?.aborted === true) kill();
    response = await ask(worker, encode(Request, request), { purpose, notified });
  } finally {
    end = await endOf(worker);
    abort?.removeEventListener("abort", kill);
  }
  abort?.throwIfAborted();
  // After a pre-dump criu waits for the next one, and takes it for a failure that there is none.
  const isOver = end === "" || response?.success === false || response?.type === RequestType.PRE_DUMP;
  if (response !== undefined && isOver) return response;
  const what = response === undefined ? "criu ended without an answer" : "criu failed";
  throw new CriuError(`cannot ${purpose}: ${what}: ${end === "" ? "exit status 0" : end}`);
}

/** Undefined where criu ended instead. */
async function ask({ socket, pidfd }: Worker, request: Uint8Array, { purpose, notified }: Conversation): Promise<Response | undefined> {
  let failure: { readonly error: unknown } | undefined;
  let isGone = false;
  // Processes that it made hold the socket, too: without it nobody answers, and nobody ends the silence.
  const gone = ready(pidfd).then(() => {
    isGone = true;
  });
  if (!tell(socket, request)) return undefined;
  for (;;) {
    const received = native().receive(socket);
    if (received === null && !isGone) {
      await Promise.race([ready(socket), gone]);
      continue;
    }
    // What went wrong here is the cause of what criu says then.
    if (received === null || received.bytes.length === 0) {
      if (failure !== undefined) throw failure.error;
      return undefined;
    }
    const response = read(received.bytes, purpose);
    if (response.type !== RequestType.NOTIFY) {
      for (const fd of received.fds) closeSync(fd);
      if (failure !== undefined) throw failure.error;
      return response;
    }
    try {
      await notified(noticeOf(response, received.fds));
    } catch (error) {
      failure ??= { error };
    }
    tell(socket, encode(Request, { type: RequestType.NOTIFY, notify_success: failure === undefined }));
  }
}

function read(bytes: Uint8Array, purpose: string): Response {
  try {
    return decode(Response, bytes);
  } catch (error) {
    throw new CriuError(`cannot ${purpose}: criu gives an answer that cannot be read`, { cause: error });
  }
}

function noticeOf({ notify }: Response, fds: readonly number[]): Notice {
  if (notify === undefined) throw new ProtocolError("cannot understand criu: it tells of something, and not of what");
  return { script: notify.script ?? "", pid: notify.pid ?? 0, fds };
}

/** False where nobody is there any more. */
function tell(socket: number, bytes: Uint8Array): boolean {
  try {
    native().send(socket, bytes);
    return true;
  } catch (error) {
    if (isNativeError(error) && (error.code === "EPIPE" || error.code === "ECONNRESET")) return false;
    throw error;
  }
}

/** Waits until criu is gone; how it ended, if not well. */
async function endOf({ socket, pidfd }: Worker): Promise<string> {
  forget(socket);
  closeSync(socket);
  const { code, signal } = await ended(pidfd);
  if (signal !== 0) return `it died of ${signalName(signal)}`;
  return code === 0 ? "" : `exit status ${code}`;
}

export function endWorker(pidfd: number): void {
  try {
    native().pidfdSendSignal(pidfd, SIGKILL);
  } catch {
    // It ended by itself.
  }
}

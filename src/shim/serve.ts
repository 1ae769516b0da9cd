/** The shim itself: one process for a group of containers, from the first Create to the last Shutdown. */

import { callerEnvironment } from "../linux/launch.ts";
import { SIGCHLD, SIGINT, SIGTERM } from "../linux/signals.ts";
import { existsSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { onSignals } from "../native/waiter.ts";
import { EventQueue } from "./events.ts";
import { log } from "./log.ts";
import { Server } from "./server.ts";
import { Orphans } from "./orphans.ts";
import { TaskService } from "./tasks.ts";

const FLUSH_MILLISECONDS = 5000;
/**
 * Between a container's `start` and its Create containerd may fail, or be killed, and after its end it may never ask the
 * shim to end; then nobody will ever come, though the next one connects.
 */
const LOOK_MILLISECONDS = 2000;
const MOST_LOOKS = 15;

interface Beginning {
  readonly namespace: string;
  /** The container that it is started for. */
  readonly id: string;
  readonly bundle: string;
  readonly socket: string;
  readonly listener: number;
}

/** Serves until containerd shuts it down; resolves with the exit status. */
export async function serve({ namespace, id, bundle, socket, listener }: Beginning): Promise<number> {
  native().becomeSubreaper();
  surviveDefects();
  const events = new EventQueue(process.env["TTRPC_ADDRESS"] ?? "", namespace);
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const environment = callerEnvironment(process.env);
  const service = new TaskService({ namespace, socket, environment, publisher: events }, { shutDown: end, idle: () => look() });
  service.members.promise(id, 0);
  const server = new Server(service.services, (error) => logDefect(error));
  const isWanted = (): boolean => server.hasConnections || existsSync(bundle) || service.members.expectsOthers(id);
  const look = endingWhenForgotten(() => service.isUsed, isWanted, () => service.end());
  look();
  const orphans = new Orphans((pid) => service.knows(pid));
  onSignals([SIGTERM, SIGINT, SIGCHLD], (signal) => {
    if (signal === SIGCHLD) orphans.reap();
    else service.end();
  });
  void server.listen(listener);
  await ended;
  // The answer to Shutdown is written before this goes on.
  await new Promise((resolve) => setTimeout(resolve, 0));
  await events.flushed(FLUSH_MILLISECONDS);
  await server.close();
  return 0;
}

/** What nobody waits for may fail, too. containerd would kill all containers of a shim that is gone. */
function surviveDefects(): void {
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    process.removeAllListeners(event);
    process.on(event, logDefect);
  }
}

function logDefect(error: unknown): void {
  // The small engine's stack does not begin with the message.
  log("error", error instanceof Error ? `${error.name}: ${error.message}\n${error.stack ?? ""}` : String(error));
}

/**
 * Mostly it is containerd that ends the shim. What is returned is to be called whenever nobody is there any more, or somebody
 * new is expected: then it looks from time to time until a container is there. `isWanted`: somebody may still come.
 */
function endingWhenForgotten(isUsed: () => boolean, isWanted: () => boolean, end: () => void): () => void {
  let looks = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const look = (): void => {
    const used = isUsed();
    if (!used && isWanted() && ++looks < MOST_LOOKS) return;
    clearInterval(timer);
    timer = undefined;
    if (!used) end();
  };
  return () => {
    looks = 0;
    timer ??= setInterval(look, LOOK_MILLISECONDS);
    timer.unref?.();
  };
}

/** The shim itself: one process for a group of containers, from the first Create to the last Shutdown. */

import { callerEnvironment } from "../linux/launch.ts";
import { SIGCHLD, SIGINT, SIGTERM } from "../linux/signals.ts";
import { rmSync } from "../native/files.ts";
import { native } from "../native/native.ts";
import { onSignals } from "../native/waiter.ts";
import { EventQueue } from "./events.ts";
import { log } from "./log.ts";
import { Server } from "./server.ts";
import { TaskService } from "./tasks.ts";

const FLUSH_MILLISECONDS = 5000;

/** Serves until containerd shuts it down; resolves with the exit status. */
export async function serve({ namespace, socket, listener }: { readonly namespace: string; readonly socket: string; readonly listener: number }): Promise<number> {
  native().becomeSubreaper();
  const events = new EventQueue(process.env["TTRPC_ADDRESS"] ?? "", namespace);
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const environment = callerEnvironment(process.env);
  const service = new TaskService({ namespace, socket, environment, publisher: events }, end);
  const server = new Server(service.services, (error) => log("error", error instanceof Error ? (error.stack ?? error.message) : String(error)));
  onSignals([SIGTERM, SIGINT, SIGCHLD], (signal) => {
    if (signal === SIGCHLD) reapOrphans(service);
    else end();
  });
  void server.listen(listener);
  await ended;
  // The answer to Shutdown is written before this goes on.
  await new Promise((resolve) => setTimeout(resolve, 0));
  rmSync(socket, { force: true });
  await events.flushed(FLUSH_MILLISECONDS);
  await server.close();
  return 0;
}

/** Processes whose parents ended in the container's cgroup come to the subreaper; those it knows have their own watch. */
function reapOrphans(service: TaskService): void {
  for (let pid = native().endedChild(); pid !== null && !service.knows(pid); pid = native().endedChild()) native().reap(pid);
}

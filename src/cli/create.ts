/** `tsrun create`. */

import { create } from "../container/create.ts";
import type { CreateOptions } from "../container/create.ts";
import { interruption } from "./interruption.ts";
import { inheritance, listenDescriptors, notifySocket, onlyArgument, pidfdSocket } from "./invocation.ts";
import type { Invocation } from "./invocation.ts";
import { flag, text } from "./parse.ts";

export async function createVerb(invocation: Invocation): Promise<number> {
  const id = onlyArgument(invocation, "create");
  const bundle = invocation.path(text(invocation.parsed, "bundle") ?? ".");
  await create(interruptible(creation(invocation, { id, bundle })));
  return 0;
}

/** Control-C and its like undo a create that is under way. */
export function interruptible(options: CreateOptions): CreateOptions {
  return { ...options, abort: interruption({ action: `create container "${options.id}"`, ignored: options.inheritance.ignored }) };
}

/** What `create` and `run` read alike. */
export function creation(
  invocation: Invocation,
  { id, bundle }: { readonly id: string; readonly bundle: string },
): CreateOptions {
  const { parsed, store, environment, warn, path, systemdCgroup } = invocation;
  const pidFile = text(parsed, "pid-file");
  const consoleSocket = text(parsed, "console-socket");
  const listenFds = listenDescriptors(process.env, process.pid);
  return {
    store,
    id,
    bundle,
    noPivot: flag(parsed, "no-pivot"),
    noNewKeyring: flag(parsed, "no-new-keyring"),
    systemdCgroup,
    ...(pidFile === undefined || pidFile === "" ? {} : { pidFile: path(pidFile) }),
    ...(consoleSocket === undefined || consoleSocket === "" ? {} : { consoleSocket: path(consoleSocket) }),
    ...pidfdSocket(invocation),
    ...notifySocket(invocation),
    inheritance: inheritance(invocation, listenFds),
    listenFds,
    environment,
    warn,
  };
}

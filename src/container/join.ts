/** The runtime's own steps of whatever joins a container: to find its process, and its root. */

import { InitError, StatusError } from "../errors.ts";
import { O_PATH, openFlags } from "../linux/open-flags.ts";
import { openSync } from "../native/files.ts";
import type { Runners } from "./execution.ts";
import { openInit } from "./processes.ts";
import type { StoredState } from "./state.ts";
import { isAlive } from "./status.ts";

const { O_DIRECTORY } = openFlags(process.arch);

/** `action` is what is done, in the words that follow `cannot`, and `stopped` why it is not in a stopped container. */
export function joinRunners(state: StoredState, { action, stopped }: { readonly action: string; readonly stopped: string }): Pick<Runners, "open_init" | "open_root"> {
  return {
    open_init: ({ to }, execution) => {
      const init = openInit(state);
      if (init === undefined) throw new StatusError(state.id, "stopped", `cannot ${action}: ${stopped}`);
      execution.hold(to, init);
    },
    open_root: ({ to }, execution) => {
      execution.hold(to, openSync(`/proc/${state.pid}/root`, O_PATH | O_DIRECTORY));
      // Its number may have had another owner before that; if it is there now, it was then.
      if (!isAlive(state)) throw new InitError(`cannot ${action}: its process has ended`);
    },
  };
}

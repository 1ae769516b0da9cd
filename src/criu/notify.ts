/** The mount of a container's notify socket, which is in no config: it was made for a caller that wanted to be told. */

import { FOLDER_IN_CONTAINER, notifyFolder } from "../container/notify.ts";
import type { Store } from "../container/store.ts";
import type { ExternalMount } from "../plan/external-mounts.ts";

/** Whether the container has it or not: criu does not mind what it does not find. */
export function notifyMount(store: Store, id: string): ExternalMount {
  return { destination: FOLDER_IN_CONTAINER, name: FOLDER_IN_CONTAINER, source: notifyFolder(store, id) };
}

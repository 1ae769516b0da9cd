/** Execs: who deletes one, and another of the same id that comes meanwhile. */

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Store } from "../container/store.ts";
import { Execs } from "./execs.ts";

const test = suite("execs");

test("of two that delete an exec the second does not take the next one of its id", async () => {
  const execs = new Execs({ id: "c", namespace: "n", store: new Store("/none"), publisher: { publish: () => {} }, owner: { uid: 0, gid: 0 } });
  const add = (): void => {
    const spec = { type_url: "", value: new TextEncoder().encode("{}") };
    execs.add({ id: "c", exec_id: "e", terminal: false, stdin: "", stdout: "", stderr: "", spec });
  };
  add();
  const first = execs.delete("e").then(add);
  await Promise.resolve();
  await Promise.resolve();
  const second = execs.delete("e").then(() => "", (error: Error) => error.message);
  await first;
  assert.is(await second, "process does not exist e");
  assert.is(execs.find("e").id, "e");
});

test.run();

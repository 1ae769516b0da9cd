/** defaultStateRoot() knows an ordinary user, also as root of his own user namespace. */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { defaultStateRoot } from "./state-root.ts";

const INITIAL = "         0          0 4294967295\n";
const OWN = "         0       1000          1\n         1     100000      65536\n";
const OF_USER = { XDG_RUNTIME_DIR: "/run/user/1000", USER: "somebody" };

const rows: readonly [title: string, uid: number, environment: Record<string, string>, uidMap: string, expected: string][] = [
  ["root", 0, {}, INITIAL, "/run/tsrun"],
  ["root by sudo, with the variables of who he was", 0, OF_USER, INITIAL, "/run/tsrun"],
  ["an ordinary user", 1000, OF_USER, INITIAL, "/run/user/1000/tsrun"],
  ["an ordinary user without a runtime directory", 1000, { XDG_RUNTIME_DIR: "" }, INITIAL, "/run/tsrun"],
  ["an ordinary user as root of a namespace", 0, OF_USER, OWN, "/run/user/1000/tsrun"],
  ["root of a namespace whose name is not told", 0, { XDG_RUNTIME_DIR: "/run/user/1000" }, OWN, "/run/user/1000/tsrun"],
  ["the root of a container", 0, { XDG_RUNTIME_DIR: "/run/user/0", USER: "root" }, OWN, "/run/tsrun"],
];

for (const [title, uid, environment, uidMap, expected] of rows) {
  test(`defaultStateRoot() of ${title} is ${expected}`, () => {
    assert.is(defaultStateRoot({ uid, environment, uidMap: () => uidMap }), expected);
  });
}

test("defaultStateRoot() does not read the map where it does not matter", () => {
  const uidMap = (): string => {
    throw new TypeError("it was read");
  };
  assert.is(defaultStateRoot({ uid: 0, environment: {}, uidMap }), "/run/tsrun");
});

test.run();

/** isInitialUidMap() knows the first user namespace by its map. */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { isInitialUidMap } from "./uid-map.ts";

const rows: readonly [title: string, text: string, expected: boolean][] = [
  ["all ids as they are", "         0          0 4294967295\n", true],
  ["one id", "         0       1000          1\n", false],
  ["ranges", "         0       1000          1\n         1     100000      65536\n", false],
  ["all ids but shifted", "         0     100000 4294867295\n", false],
  ["all ids in two lines", "0 0 2147483648\n2147483648 2147483648 2147483647\n", false],
  ["none yet", "", false],
];

for (const [title, text, expected] of rows) {
  test(`isInitialUidMap() of ${title} is ${expected}`, () => {
    assert.is(isInitialUidMap(text), expected);
  });
}

test.run();

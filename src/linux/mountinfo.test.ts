import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseMountPlaces } from "./mountinfo.ts";

const test = suite("linux/mountinfo");

test("parseMountPlaces() reads ids and places, whatever is in a path", () => {
  const text = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
28 22 0:25 / /with\\040space\\134and\\012more rw - tmpfs tmpfs rw
`;
  assert.equal(parseMountPlaces(text), [
    { id: 22, point: "/" },
    { id: 28, point: "/with space\\and\nmore" },
  ]);
  assert.equal(parseMountPlaces(""), []);
});

test.run();

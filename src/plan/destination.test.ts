import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isDestination } from "./destination.ts";

const test = suite("plan/destination");

for (const destination of ["/dev", "dev", "/dev/", "dev/", "//dev", "/./dev", "./dev", "/proc/../dev", "../dev", "/dev/.", "/dev//"]) {
  test(`isDestination() takes "${destination}" for "/dev"`, () => assert.is(isDestination(destination, "/dev"), true));
}
for (const destination of ["/dev/pts", "/devil", "/", "", "/dev/..", "/a/dev", "/.dev", "/dev/./pts"]) {
  test(`isDestination() does not take "${destination}" for "/dev"`, () => assert.is(isDestination(destination, "/dev"), false));
}
for (const destination of ["/", "", ".", "/.", "..", "//", "/a/.."]) {
  test(`isDestination() takes "${destination}" for "/"`, () => assert.is(isDestination(destination, "/"), true));
}

test.run();

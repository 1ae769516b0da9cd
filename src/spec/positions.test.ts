import { suite } from "uvu";
import * as assert from "uvu/assert";
import { placeAt, placeOf, placesAt, placesOf } from "./positions.ts";

const test = suite("spec/positions");

const TEXT = `{
  "a": [1, {"b": "x"}],
  "c/d~": {
    "é": null, "f": [[], {}, true]
  },
  "a:,}]": -1.5e3
}
`;

const places: readonly (readonly [pointer: string, line: number, column: number])[] = [
  ["", 1, 1],
  ["/a", 2, 8],
  ["/a/0", 2, 9],
  ["/a/1", 2, 12],
  ["/a/1/b", 2, 18],
  ["/c~1d~0", 3, 11],
  ["/c~1d~0/é", 4, 10],
  ["/c~1d~0/f/0", 4, 22],
  ["/c~1d~0/f/1", 4, 26],
  ["/c~1d~0/f/2", 4, 30],
  ["/a:,}]", 6, 12],
];
for (const [pointer, line, column] of places) {
  test(`placeOf() finds "${pointer}"`, () => {
    assert.equal(placeOf(TEXT, pointer), { pointer, line, column });
  });
}

test("placeOf() gives the nearest value around one that does not exist", () => {
  assert.equal(placeOf(TEXT, "/a/1/x/y"), { pointer: "/a/1/x/y", line: 2, column: 12 });
  assert.equal(placeOf(TEXT, "/a/7"), { pointer: "/a/7", line: 2, column: 8 });
});

test("placeOf() takes the last of a key given twice, as JSON.parse does", () => {
  assert.is(placeOf('{"a":1,"a":2}', "/a").column, 12);
});

test("placesOf() keeps the order of the pointers", () => {
  assert.equal(placesOf(TEXT, ["/a:,}]", "", "/a"]).map((place) => place.line), [6, 1, 2]);
});

test("placesOf() survives 200,000 levels", () => {
  const depth = 200_000;
  assert.is(placeOf("[".repeat(depth) + "]".repeat(depth), "/0/0/0").column, 4);
});

test("placeAt() and placesAt() count from 1, and lines by their line feeds", () => {
  assert.equal(placeAt("a\r\nb", "", 3), { pointer: "", line: 2, column: 1 });
  assert.equal(placesAt("a\n\nb", [{ pointer: "/x", offset: 3 }]), [{ pointer: "/x", line: 3, column: 1 }]);
});

test.run();

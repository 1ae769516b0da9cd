import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../errors.ts";
import { parseLogUri } from "./uri.ts";

const uri = suite("parseLogUri");

for (const text of [
  "binary:///usr/bin/logger?id=1&name=a%20b&plus=a+b&flag&id=2",
  "file:///var/log/a%C3%A4b.log",
  "binary://host/path?x=y=z#part",
  "binary:///p?",
  "binary:///p?&&a=",
]) {
  uri(`takes ${text} apart as the URL Standard does`, () => {
    const url = new URL(text);
    assert.equal(parseLogUri(text), { path: decodeURIComponent(url.pathname), query: [...url.searchParams] });
  });
}

uri("refuses what names no path, or is not encoded", () => {
  for (const text of ["", "binary:/path", "binary://", "binary://host?a=b", "file:///a%zz", "binary:///p?a=%ff"]) {
    assert.throws(() => parseLogUri(text), (error: unknown) => error instanceof UsageError && error.message.includes(`cannot log to "${text}"`));
  }
});

uri.run();

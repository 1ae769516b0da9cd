/** `--version`, in the form of runc's, which engines parse. */

import { native } from "../native/native.ts";
import { OCI_VERSION } from "../spec/default-config.ts";
import { PROGRAM } from "./program.ts";
import { print } from "./output.ts";

export function printVersion(): number {
  const engine = process.versions["bun"] === undefined ? `node: ${process.versions.node}` : `bun: ${process.versions["bun"]}`;
  const commit = PROGRAM.commit === undefined ? [] : [`commit: ${PROGRAM.commit}`];
  const lines = [`tsrun version ${PROGRAM.version}`, ...commit, `spec: ${OCI_VERSION}`, engine, `libseccomp: ${native().seccompLibrary()}`];
  print(`${lines.join("\n")}\n`);
  return 0;
}

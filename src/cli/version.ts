/** `--version`, in the form of runc's, which engines parse. */

import { native } from "../native/native.ts";
import { OCI_VERSION } from "../spec/default-config.ts";
import { PROGRAM } from "./program.ts";
import { print } from "./output.ts";

export function printVersion(): number {
  const { bun, quickjs, node } = process.versions as Readonly<Record<string, string | undefined>>;
  const engine = quickjs !== undefined ? `quickjs: ${quickjs}` : bun !== undefined ? `bun: ${bun}` : `node: ${node}`;
  const commit = PROGRAM.commit === undefined ? [] : [`commit: ${PROGRAM.commit}`];
  const lines = [`tsrun version ${PROGRAM.version}`, ...commit, `spec: ${OCI_VERSION}`, engine, `libseccomp: ${native().seccompLibrary()}`];
  print(`${lines.join("\n")}\n`);
  return 0;
}

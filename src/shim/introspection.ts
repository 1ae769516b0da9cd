/** `-info`: what this runtime is and can do, for containerd 2 (introspection.RuntimeInfo). */

import { writeSync } from "../native/files.ts";
import { RuntimeInfo } from "./generated/bootstrap.ts";
import { Any } from "./generated/types.ts";
import { decode, encode } from "../protobuf/messages.ts";
import { readStandardInput } from "./standard-input.ts";

const STDOUT = 1;
const NAME = "io.containerd.tsrun.v1";
const FEATURES = "types.containerd.io/opencontainers/runtime-spec/1/features/Features";

/** Prints it; the options that were asked about are repeated. */
export function printInfo(facts: { readonly version: string; readonly features: object }): number {
  const input = readStandardInput();
  const options = input.length === 0 ? undefined : tryDecode(input);
  const features = { type_url: FEATURES, value: new TextEncoder().encode(JSON.stringify(facts.features)) };
  writeSync(STDOUT, encode(RuntimeInfo, { name: NAME, version: { version: facts.version }, features, ...(options === undefined ? {} : { options }) }));
  return 0;
}

function tryDecode(bytes: Uint8Array): Any | undefined {
  try {
    return decode(Any, bytes);
  } catch {
    return undefined;
  }
}

/** Which build of the program this is. */

import metadata from "../../package.json" with { type: "json" };

/** The build puts it in; what runs from its sources has none. */
declare const TSRUN_COMMIT: string | undefined;

export const PROGRAM: { readonly version: string; readonly commit: string | undefined } = {
  version: metadata.version,
  commit: typeof TSRUN_COMMIT === "string" ? TSRUN_COMMIT : undefined,
};

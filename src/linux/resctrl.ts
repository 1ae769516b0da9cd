/** Lines of a `schemata` file of resctrl, and whether two say the same (Documentation/filesystems/resctrl.rst). */

/** The values of a resource by the ids of its domains, in the form in which equal ones are equal texts. */
type Domains = ReadonlyMap<string, string>;

/** Returns what of the line is not so in a group's schemata, undefined where all of it is. */
export function schemaDifference(line: string, schemata: string): string | undefined {
  const asked = parseLine(line);
  if (asked === undefined) return `"${line}" is no line of a schemata file`;
  const found = schemata.split("\n").map(parseLine).find((other) => other?.resource === asked.resource);
  if (found === undefined) return `it has no "${asked.resource}"`;
  for (const [id, value] of asked.domains) {
    if (found.domains.get(id) !== value) return `it has "${found.line}"`;
  }
  return undefined;
}

/** `L3:0=7f0;1=1f`: the kernel pads with blanks, and leaves zeros out. */
function parseLine(text: string): { readonly line: string; readonly resource: string; readonly domains: Domains } | undefined {
  const line = text.trim();
  const colon = line.indexOf(":");
  if (colon <= 0) return undefined;
  const domains = new Map<string, string>();
  for (const part of line.slice(colon + 1).split(";")) {
    const [id = "", value] = part.split("=");
    if (value !== undefined) domains.set(plain(id), plain(value));
  }
  return { line, resource: line.slice(0, colon).trim(), domains };
}

/** Bit masks are hexadecimal, percentages decimal: leading zeros mean nothing in either. */
function plain(number: string): string {
  return number.trim().toLowerCase().replace(/^0x/, "").replace(/^0+(?=.)/, "");
}

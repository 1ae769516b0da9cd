/** JSON Pointers (RFC 6901) as text, and as the path of keys and indexes that they stand for. */

export type Path = readonly (string | number)[];

export function pointerOf(path: Path): string {
  let pointer = "";
  for (const part of path) pointer += `/${escapePart(String(part))}`;
  return pointer;
}

/** Returns the parts of a pointer; indexes stay text, as the pointer alone does not tell them from keys. */
export function partsOf(pointer: string): string[] {
  if (pointer === "") return [];
  return pointer.slice(1).split("/").map(unescapePart);
}

function escapePart(part: string): string {
  return part.replaceAll("~", "~0").replaceAll("/", "~1");
}

function unescapePart(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}

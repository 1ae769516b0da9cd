/** What this program uses of node:path, for the small engine, which has no modules of Node.js. */

/** Without ".", "..", and empty parts; a ".." at the root leads to the root. */
function normalizeParts(path: string, isAbsolute: boolean): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts[parts.length - 1] !== "..") parts.pop();
    else if (!isAbsolute) parts.push(part);
  }
  return parts.join("/");
}

export function normalize(path: string): string {
  if (path === "") return ".";
  const isAbsolute = path[0] === "/";
  const parts = normalizeParts(path, isAbsolute);
  const slash = path[path.length - 1] === "/" ? "/" : "";
  if (isAbsolute) return parts === "" ? "/" : `/${parts}${slash}`;
  return parts === "" ? `.${slash}` : `${parts}${slash}`;
}

export function join(...paths: readonly string[]): string {
  let joined = "";
  for (const path of paths) if (path !== "") joined = joined === "" ? path : `${joined}/${path}`;
  return normalize(joined);
}

export function resolve(...paths: readonly string[]): string {
  let resolved = "";
  for (let at = paths.length - 1; at >= 0 && resolved[0] !== "/"; at--) {
    const path = paths[at] ?? "";
    if (path !== "") resolved = resolved === "" ? path : `${path}/${resolved}`;
  }
  if (resolved[0] !== "/") resolved = resolved === "" ? process.cwd() : `${process.cwd()}/${resolved}`;
  return `/${normalizeParts(resolved, true)}`;
}

export function dirname(path: string): string {
  let end = path.length;
  while (end > 1 && path[end - 1] === "/") end--;
  const slash = path.lastIndexOf("/", end - 1);
  if (slash < 0) return ".";
  // Two slashes at the beginning may mean something else than one (POSIX.1, 4.16).
  if (slash === 1 && path[0] === "/") return "//";
  return slash === 0 ? "/" : path.slice(0, slash);
}

export function basename(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") end--;
  return path.slice(path.lastIndexOf("/", end - 1) + 1, end);
}

/** The URIs that stand where a fifo's path may: `binary:///path?key=value` and `file:///path` (RFC 3986, section 3). */

import { UsageError } from "../errors.ts";

export interface LogUri {
  /** Decoded. */
  readonly path: string;
  /** In their order; a key may come twice. */
  readonly query: readonly (readonly [key: string, value: string])[];
}

/** Takes a URI apart; throws UsageError. */
export function parseLogUri(uri: string): LogUri {
  const colon = uri.indexOf("://");
  const rest = colon < 0 ? "" : withoutFragment(uri.slice(colon + 3));
  const question = rest.indexOf("?");
  const location = question < 0 ? rest : rest.slice(0, question);
  const slash = location.indexOf("/");
  if (slash < 0) throw new UsageError(`cannot log to "${uri}": it names no absolute path`);
  const query: [string, string][] = [];
  for (const pair of question < 0 ? [] : rest.slice(question + 1).split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const [key, value] = equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
    query.push([decode(key.replaceAll("+", " "), uri), decode(value.replaceAll("+", " "), uri)]);
  }
  return { path: decode(location.slice(slash), uri), query };
}

function withoutFragment(text: string): string {
  const hash = text.indexOf("#");
  return hash < 0 ? text : text.slice(0, hash);
}

function decode(text: string, uri: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new UsageError(`cannot log to "${uri}": "${text}" is not encoded as a URI`, { cause: error });
  }
}

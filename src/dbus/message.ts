/** Messages of D-Bus as bytes (D-Bus specification, "Message Protocol"). */

import { ProtocolError } from "../errors.ts";
import { Reader, Variant, Writer } from "./marshal.ts";
import type { Value } from "./marshal.ts";

export const METHOD_CALL = 1;
export const METHOD_RETURN = 2;
export const ERROR = 3;
export const SIGNAL = 4;

const LITTLE = 0x6c;
const BIG = 0x42;
const VERSION = 1;
/** The first fields, which tell how long the whole is. */
const FIXED_BYTES = 16;
const MOST_BYTES = 128 * 1024 * 1024;

/** The header's fields: their numbers and types. */
const FIELDS = { path: [1, "o"], interface: [2, "s"], member: [3, "s"], errorName: [4, "s"], destination: [6, "s"], sender: [7, "s"], signature: [8, "g"] } as const;
const REPLY_SERIAL = 5;

type Fields = { readonly [name in keyof typeof FIELDS]: string };

/** A field that a message does not have is an empty text; a signal has the reply serial 0. */
export interface Message extends Fields {
  readonly type: number;
  readonly serial: number;
  readonly replySerial: number;
  readonly body: readonly Value[];
}

/** A call of a method. */
export interface Call {
  /** Empty on a connection without a bus between. */
  readonly destination?: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly Value[];
}

export function encodeCall(serial: number, call: Call): Uint8Array {
  const { signature = "", body = [] } = call;
  const content = new Writer();
  content.writeAll(signature, body);
  const fields: Value[] = [];
  const values: Partial<Fields> = { ...call, signature };
  for (const [name, [number, type]] of Object.entries(FIELDS)) {
    const value = values[name as keyof Fields] ?? "";
    if (value !== "") fields.push([number, new Variant(type, value)]);
  }
  const message = new Writer();
  message.writeAll("yyyyuua(yv)", [LITTLE, METHOD_CALL, 0, VERSION, content.bytes.length, serial, fields]);
  message.align(8);
  const header = message.bytes;
  const bytes = new Uint8Array(header.length + content.bytes.length);
  bytes.set(header);
  bytes.set(content.bytes, header.length);
  return bytes;
}

/** Takes messages out of what comes in, however that is cut. */
export class MessageReader {
  #bytes: Uint8Array = new Uint8Array();

  push(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#bytes.length + bytes.length);
    all.set(this.#bytes);
    all.set(bytes, this.#bytes.length);
    this.#bytes = all;
  }

  /** The next whole message, if there is one. */
  next(): Message | undefined {
    if (this.#bytes.length < FIXED_BYTES) return undefined;
    const [endian] = this.#bytes;
    if (endian !== LITTLE && endian !== BIG) throw new ProtocolError("cannot read a message: it has no byte order");
    const isLittle = endian === LITTLE;
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset);
    const bodyBytes = view.getUint32(4, isLittle);
    const bodyAt = Math.ceil((FIXED_BYTES + view.getUint32(12, isLittle)) / 8) * 8;
    const size = bodyAt + bodyBytes;
    if (size > MOST_BYTES) throw new ProtocolError("cannot read a message: it is too long");
    if (this.#bytes.length < size) return undefined;
    const bytes = this.#bytes.slice(0, size);
    this.#bytes = this.#bytes.slice(size);
    return decode(bytes, { isLittle, bodyAt });
  }
}

function decode(bytes: Uint8Array, { isLittle, bodyAt }: { readonly isLittle: boolean; readonly bodyAt: number }): Message {
  const reader = new Reader(bytes, { isLittle });
  const [, type, , version, , serial, list] = reader.readAll("yyyyuua(yv)");
  if (version !== VERSION) throw new ProtocolError(`cannot read a message: it is of version ${String(version)}`);
  const found = new Map<Value, Value>();
  for (const field of list as readonly (readonly [number, Variant])[]) found.set(field[0], field[1].value);
  const text = (name: keyof typeof FIELDS): string => {
    const value = found.get(FIELDS[name][0]) ?? "";
    if (typeof value !== "string") throw new ProtocolError(`cannot read a message: its ${name} is no text`);
    return value;
  };
  const signature = text("signature");
  return {
    type: type as number,
    serial: serial as number,
    replySerial: Number(found.get(REPLY_SERIAL) ?? 0),
    path: text("path"),
    interface: text("interface"),
    member: text("member"),
    errorName: text("errorName"),
    destination: text("destination"),
    sender: text("sender"),
    signature,
    body: new Reader(bytes, { isLittle, at: bodyAt }).readAll(signature),
  };
}

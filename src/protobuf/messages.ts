/** Protocol buffers: messages to bytes and back, by the tables that the build makes of schemas/. */

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ProtocolError } from "../errors.ts";

type Scalar = "bool" | "bytes" | "double" | "int32" | "int64" | "string" | "uint32" | "uint64";
type Row = readonly [
  id: number,
  name: string,
  kind: Scalar | "message",
  form: "one" | "optional" | "list" | "map",
  of?: () => MessageType<object>,
];

/** A message's fields, in the order of their numbers. */
export interface MessageType<T> {
  readonly fields: readonly Row[];
  /** Never there: it ties the table to its interface. */
  readonly message?: T;
}

const WIRE: Readonly<Record<Scalar, WireType>> = {
  bool: WireType.Varint,
  bytes: WireType.LengthDelimited,
  double: WireType.Bit64,
  int32: WireType.Varint,
  int64: WireType.Varint,
  string: WireType.LengthDelimited,
  uint32: WireType.Varint,
  uint64: WireType.Varint,
};
const KEY = 1;
const VALUE = 2;

/** The bytes of a message; what is unset takes none, and no more does its type's zero but in proto2. */
export function encode<T extends object>(type: MessageType<T>, message: Partial<T>): Uint8Array {
  const writer = new BinaryWriter();
  write(writer, type, message);
  return writer.finish();
}

/** A message from bytes: what they do not name has its type's zero, or in proto2 is undefined; what is not known is left out. */
export function decode<T extends object>(type: MessageType<T>, bytes: Uint8Array): T {
  try {
    return read(new BinaryReader(bytes), type, bytes.length) as T;
  } catch (error) {
    throw new ProtocolError("cannot read a message: it is no valid protocol buffer", { cause: error });
  }
}

function write(writer: BinaryWriter, { fields }: MessageType<object>, message: object): void {
  const values = message as Readonly<Record<string, unknown>>;
  for (const row of fields) {
    const value = values[row[1]];
    if (value === undefined) continue;
    if (row[3] === "list") writeList(writer, row, value as readonly unknown[]);
    else if (row[3] === "map") writeMap(writer, row, value as Readonly<Record<string, string>>);
    else if (row[3] === "optional" || !isZero(value)) writeOne(writer, row, value);
  }
}

function isZero(value: unknown): boolean {
  return value === "" || value === 0 || value === 0n || value === false || (value instanceof Uint8Array && value.length === 0);
}

function writeOne(writer: BinaryWriter, [id, , kind, , of]: Row, value: unknown): void {
  if (kind !== "message") {
    writeScalar(writer.tag(id, WIRE[kind]), kind, value);
    return;
  }
  writer.tag(id, WireType.LengthDelimited).fork();
  if (of !== undefined) write(writer, of(), value as object);
  writer.join();
}

function writeScalar(writer: BinaryWriter, kind: Scalar, value: unknown): void {
  (writer[kind] as (value: unknown) => BinaryWriter).call(writer, value);
}

function writeList(writer: BinaryWriter, row: Row, values: readonly unknown[]): void {
  const [id, , kind] = row;
  if (values.length === 0) return;
  if (kind === "message" || WIRE[kind] === WireType.LengthDelimited) {
    for (const value of values) writeOne(writer, row, value);
    return;
  }
  // Numbers are packed in proto3.
  writer.tag(id, WireType.LengthDelimited).fork();
  for (const value of values) writeScalar(writer, kind, value);
  writer.join();
}

function writeMap(writer: BinaryWriter, [id]: Row, map: Readonly<Record<string, string>>): void {
  for (const key of Object.keys(map)) {
    writer.tag(id, WireType.LengthDelimited).fork();
    writer.tag(KEY, WireType.LengthDelimited).string(key);
    writer.tag(VALUE, WireType.LengthDelimited).string(map[key] ?? "");
    writer.join();
  }
}

const ZEROS: Readonly<Record<Exclude<Scalar, "bytes">, unknown>> = {
  bool: false,
  double: 0,
  int32: 0,
  int64: 0n,
  string: "",
  uint32: 0,
  uint64: 0n,
};

function zeroOf([, , kind, form]: Row): unknown {
  if (form === "list") return [];
  if (form === "map") return {};
  if (kind === "message" || form === "optional") return undefined;
  return kind === "bytes" ? new Uint8Array() : ZEROS[kind];
}

function read(reader: BinaryReader, { fields }: MessageType<object>, end: number): object {
  const message: Record<string, unknown> = {};
  for (const row of fields) message[row[1]] = zeroOf(row);
  while (reader.pos < end) {
    const [id, wire] = reader.tag();
    const row = find(fields, id);
    if (row === undefined || !fits(row, wire)) reader.skip(wire, id);
    else readField(reader, row, { wire, message });
  }
  return message;
}

function find(fields: readonly Row[], id: number): Row | undefined {
  for (const row of fields) if (row[0] === id) return row;
  return undefined;
}

function fits([, , kind, form]: Row, wire: WireType): boolean {
  if (kind === "message" || form === "map") return wire === WireType.LengthDelimited;
  return wire === WIRE[kind] || (form === "list" && wire === WireType.LengthDelimited);
}

function readField(reader: BinaryReader, row: Row, { wire, message }: { readonly wire: WireType; readonly message: Record<string, unknown> }): void {
  const [, name, kind, form] = row;
  if (form === "map") {
    const entry = read(reader, MAP_ENTRY, endOf(reader)) as { readonly key: string; readonly value: string };
    (message[name] as Record<string, string>)[entry.key] = entry.value;
  } else if (form !== "list") {
    message[name] = readOne(reader, row);
  } else {
    const list = message[name] as unknown[];
    const isPacked = kind !== "message" && wire !== WIRE[kind];
    if (!isPacked) list.push(readOne(reader, row));
    else for (const end = endOf(reader); reader.pos < end; ) list.push(readOne(reader, row));
  }
}

const MAP_ENTRY: MessageType<object> = { fields: [[KEY, "key", "string", "one"], [VALUE, "value", "string", "one"]] };

function readOne(reader: BinaryReader, [, , kind, , of]: Row): unknown {
  if (kind === "message") return of === undefined ? undefined : read(reader, of(), endOf(reader));
  const value = reader[kind]();
  // The library gives 64 bits as text where the engine has no BigInt.
  return typeof value === "string" && kind !== "string" ? BigInt(value) : value;
}

/** Where the length that comes next says that what follows ends. */
function endOf(reader: BinaryReader): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > reader.len) throw new ProtocolError("cannot read a message: it ends within a field");
  return end;
}

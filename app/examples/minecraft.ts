// Asks a Minecraft server for its status, as the list of servers in the game does.
//
//   deno run --allow-net app/examples/minecraft.ts
import {
  Decoder,
  encodeVarint,
  pack,
  type ParserInput,
  type ParserPart,
  type ParserStep,
} from "../../mod.ts";

const USAGE = "Usage: deno run --allow-net app/examples/minecraft.ts [host] [port]";
const TIMEOUT = 10_000; // milliseconds, from connecting to the answer to the ping

const PROTOCOL_VERSION = 774; // of Minecraft 1.21.11; a status is told to all versions
const STATUS = 1; // what the client wants next; 2 would be to play
const MAX_LENGTH_SIZE = 3; // bytes of the length of a packet
const MAX_KIND_SIZE = 5;

/** A packet of Minecraft. */
export interface Packet {
  kind: number;
  body: Uint8Array;
}

/** Reads one packet: a length of variable size, and that many bytes. */
export function* packet(bytes: ParserInput): ParserStep<Packet> {
  return yield* bytes.takePart(yield* bytes.takeVarint({ maxSize: MAX_LENGTH_SIZE }), kindAndBody);
}

function* kindAndBody(part: ParserPart): ParserStep<Packet> {
  const kind = yield* part.takeVarint({ maxSize: MAX_KIND_SIZE });
  return { kind, body: yield* part.take(part.left) };
}

/** Reads one text, as it stands in the body of a packet. */
export function* text(bytes: ParserInput): ParserStep<string> {
  const length = yield* bytes.takeVarint({ maxSize: MAX_LENGTH_SIZE });
  return yield* bytes.takeText(length, { fatal: true });
}

/** Encodes a packet. */
export function encodePacket(kind: number, ...parts: Uint8Array[]): Uint8Array {
  const bytes = [...encodeVarint(kind), ...parts.flatMap((part) => [...part])];
  return new Uint8Array([...encodeVarint(bytes.length), ...bytes]);
}

/** Encodes what a client says first: its version, the address it has connected to, and what it wants. */
export function encodeHandshake(hostname: string, port: number): Uint8Array {
  const name = new TextEncoder().encode(hostname);
  const version = encodeVarint(PROTOCOL_VERSION);
  const address = [encodeVarint(name.length), name, pack(">H", port)];
  return encodePacket(0, version, ...address, encodeVarint(STATUS));
}

/** Asks for the status, prints it, and measures how long a ping takes. */
async function ask(conn: Deno.Conn, hostname: string, port: number): Promise<void> {
  const packets = receive(conn);
  await write(conn, new Uint8Array([...encodeHandshake(hostname, port), ...encodePacket(0)]));
  const body = await expectPacket(packets, 0);
  const texts = new Decoder(text);
  texts.push(body);
  const [json = ""] = texts;
  texts.end(); // throws if the text is cut short
  const status = Object(JSON.parse(json));
  for (const key of ["description", "version", "players"]) { // and not the icon, which is long
    console.log(`${key}: ${escape(JSON.stringify(status[key] ?? null))}`);
  }

  const token = crypto.getRandomValues(new Uint8Array(8));
  const begin = performance.now();
  await write(conn, encodePacket(1, token));
  const answer = await expectPacket(packets, 1);
  const time = performance.now() - begin;
  if (token.toHex() !== new Uint8Array(answer).toHex()) {
    throw new Error("The ping came back changed");
  }
  console.log(`ping: ${time.toFixed(1)} ms`);
}

async function expectPacket(packets: AsyncIterator<Packet>, kind: number): Promise<Uint8Array> {
  const { done, value } = await packets.next();
  if (done) throw new Error("The server closed the connection before it had answered");
  if (value.kind === kind) return value.body;
  throw new Error(`A packet of kind ${value.kind} came, and not of kind ${kind}`);
}

async function* receive(conn: Deno.Conn): AsyncGenerator<Packet> {
  const packets = new Decoder(packet, { copy: true }); // copies, because the buffer is used again
  const buffer = new Uint8Array(64 * 1024);
  while (true) {
    const n = await conn.read(buffer);
    if (n === null) break;
    packets.push(buffer.subarray(0, n));
    yield* packets;
  }
  packets.end(); // throws if a packet is cut short
}

async function write(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

/** Makes characters visible that could change how a terminal shows the others. */
function escape(text: string): string {
  return text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

async function main([hostname = "127.0.0.1", port = "25565", unexpected]: string[]): Promise<void> {
  if (hostname === "--help") return console.log(USAGE);
  if (hostname.startsWith("-") || !/^\d{1,5}$/.test(port) || unexpected !== undefined) {
    console.error(USAGE);
    Deno.exit(2);
  }
  const fail = (reason: string): never => {
    console.error(`No status from ${hostname}, port ${port}: ${escape(reason)}`);
    Deno.exit(1);
  };
  Deno.unrefTimer(setTimeout(() => fail(`Nothing within ${TIMEOUT / 1000} s`), TIMEOUT));
  try {
    using conn = await Deno.connect({ hostname, port: Number(port) });
    await ask(conn, hostname, Number(port));
  } catch (error) {
    fail((error as Error).message);
  }
}

if (import.meta.main) await main(Deno.args);

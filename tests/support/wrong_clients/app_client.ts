// An application client with the mistake that is named:
//
//   deno run --allow-net tests/support/wrong_clients/app_client.ts MISTAKE HOST PORT
import { concat } from "@std/bytes/concat";
import { createRequest } from "../../../app/libclient.ts";
import { readUint16 } from "../../../mod.ts";

const [mistake, hostname, port] = Deno.args as [string, string, string];
const TIMEOUT = 3000; // milliseconds
const MAX_LENGTH = 1024 * 1024; // bytes
const KEYS = ["byteorder", "content-type", "content-encoding", "content-length"];

const timer = setTimeout(() => fail("Silent"), TIMEOUT);
if (mistake === "hangs") clearTimeout(timer);
try {
  using conn = await Deno.connect({ hostname, port: Number(port) });
  const request = createRequest("search", "morpheus");
  await conn.write(mistake === "sends-no-header" ? contentOf(request) : request);
  show(await receive(conn));
} catch (error) {
  fail((error as Error).message);
}
Deno.exit(0);

function contentOf(message: Uint8Array): Uint8Array {
  return message.subarray(2 + readUint16(message));
}

async function receive(conn: Deno.Conn): Promise<string> {
  let bytes: Uint8Array = new Uint8Array();
  const buffer = new Uint8Array(4096);
  for (let n; (n = await conn.read(buffer)) !== null;) {
    bytes = concat([bytes, buffer.subarray(0, n)]);
    const content = parse(bytes);
    if (content !== undefined) return content;
    if (mistake === "reads-once") throw new Error("No response in one read");
  }
  if (mistake === "takes-the-end" && bytes.length > 0) return '{"result":"the end"}';
  throw new Error("The connection ended");
}

/** The content of a response, when all of it is here. */
function parse(bytes: Uint8Array): string | undefined {
  if (bytes.length < 2) return undefined;
  const headerLength = readUint16(bytes);
  if (headerLength === 0) throw new Error("No header");
  if (bytes.length < 2 + headerLength) return undefined;
  const text = new TextDecoder("utf-8", { fatal: true });
  const length = readLength(JSON.parse(text.decode(bytes.subarray(2, 2 + headerLength))));
  const rest = contentOf(bytes);
  if (mistake === "counts-characters") {
    const characters = new TextDecoder().decode(rest);
    return characters.length < length ? undefined : characters.slice(0, length);
  }
  if (rest.length < length) return undefined;
  return text.decode(mistake === "takes-all" ? rest : rest.subarray(0, length));
}

function readLength(header: Record<string, unknown>): number {
  const keys = Object.keys(Object(header));
  if (mistake === "knows-four-keys" && keys.length !== 4) throw new Error("Not four keys");
  if (!KEYS.every((key) => keys.includes(key)) && mistake !== "misses-no-key") {
    throw new Error("A key is missing");
  }
  const length = Object(header)["content-length"];
  if (!Number.isInteger(length) || length < 0) {
    if (mistake === "takes-any-length") return '{"result":"wrong"}'.length;
    throw new Error("Wrong length");
  }
  if (mistake === "has-no-limit") clearTimeout(timer); // it has begun
  else if (length > MAX_LENGTH) throw new Error("Too long");
  return length;
}

function show(content: string): void {
  const { result } = JSON.parse(content);
  console.log(`Got result: ${String(result).replaceAll(/\p{Cc}/gu, encodeURIComponent)}`);
}

function fail(reason: string): never {
  console.error(`No response: ${reason}`);
  Deno.exit(mistake === "succeeds-always" ? 0 : 1);
}

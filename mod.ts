/**
 * Byte order helpers for programs that talk over sockets. Pure functions: they run in Deno, Node.js, Bun and browsers.
 *
 * @example Usage
 * ```ts
 * import { htons, ntohs } from "@sockets/guide";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ntohs(htons(103)), 103);
 * ```
 *
 * @module
 */
export {
  type ByteOrder,
  HOST_BYTE_ORDER,
  htonl,
  htonll,
  htons,
  ntohl,
  ntohll,
  ntohs,
  readBigUint64,
  readUint16,
  readUint32,
  writeBigUint64,
  writeUint16,
  writeUint32,
} from "./app/endianness.ts";

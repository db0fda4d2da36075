// What happens on a relayed connection, as the terminal and the page show it.

/** Who sent something: `"relay"` only when it cuts a connection. */
export type Side = "client" | "server" | "relay";

/** Bytes of a chunk that mean one thing. */
export interface Part {
  /**
   * What they are. An `"error"` and a `"guess"`, that the bytes are something else than they seemed, have
   * no bytes. `"more"` stands for parts that are not told.
   */
  kind: "prefix" | "header" | "payload" | "content" | "text" | "raw" | "error" | "guess" | "more";
  /** What they belong to, if that is numbered. */
  unit?: "message" | "frame";
  /** The number of the message or frame they belong to, from 1; 0 if to none. */
  frame: number;
  /** Of `"more"`: the number of the last message or frame in it. */
  lastFrame?: number;
  /** Where they begin and end in the chunk. */
  start: number;
  end: number;
  /** What they say, on one line that is safe to print. */
  label: string;
}

/** A part with its bytes as lines, in hexadecimal or as text; not all of them if there are many. */
export interface ShownPart extends Part {
  dump: string[];
}

/** Something that happened on a connection. */
export interface RelayEvent {
  /** Which connection, counted from 1. */
  connection: number;
  /** When, in milliseconds since the connection was accepted. */
  time: number;
  /** `"note"`: anything else that is worth a line. */
  type: "open" | "chunk" | "end" | "reset" | "close" | "note";
  /** Whose bytes, end or reset it is. */
  from?: Side;
  /** What happened, on one line that is safe to print. */
  text: string;
  /** Of an open connection: the client's address. */
  peer?: string;
  /** Of a chunk: its length in bytes. */
  size?: number;
  /** Of a chunk: what is in it. */
  parts?: ShownPart[];
}

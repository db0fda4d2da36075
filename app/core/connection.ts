import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { type Message, MessageDecoder, type MessageOptions } from "../wire/message.ts";
import { deadlineClock } from "./deadlines.ts";
import type { TimedConn, Wait } from "./timed_conn.ts";

const MAX_QUEUE_LENGTH = 64 * 1024; // bytes of replies; with more, they are sent first

/** The maximum times for a message, in milliseconds, and its maximum lengths, in bytes. */
export interface MessageConnectionOptions extends Omit<MessageOptions, "copy"> {
  /** To receive a header, from connecting or from the first byte of its message. The default is 10 s. */
  headerTimeout?: number;
  /** To receive a message, from its first byte. The default is 30 s. */
  messageTimeout?: number;
}

/** Receives and sends messages over a `TimedConn`. One caller at a time may receive, and one may send. */
export class MessageConnection implements Disposable {
  readonly #conn: TimedConn;
  readonly #decoder: MessageDecoder;
  readonly #headerTimeout: number;
  readonly #messageTimeout: number;
  #headerDue: number; // of the message on its way, or of the first one
  #messageDue = Infinity;
  #replies: Uint8Array[] = [];
  #repliesLength = 0; // bytes

  constructor(conn: TimedConn, options: MessageConnectionOptions = {}) {
    const { headerTimeout = 10_000, messageTimeout = 30_000, ...limits } = options;
    this.#conn = conn;
    this.#decoder = new MessageDecoder(limits);
    this.#headerTimeout = headerTimeout;
    this.#messageTimeout = messageTimeout;
    this.#headerDue = deadlineClock.after(headerTimeout);
  }

  /**
   * Receives the next message. Its content is valid until the next call, which may overwrite it.
   * Before this method waits for the peer, it sends the replies that are queued.
   *
   * @returns The message, or `undefined` if no more will come: the peer has said so, or the
   * connection was asked to stop and no message has begun.
   * @throws {DeadlineError} If it does not come in time.
   * @throws As `MessageDecoder.take` and `MessageDecoder.end` for what is not a message.
   */
  async receive(): Promise<Message | undefined> {
    if (this.#repliesLength >= MAX_QUEUE_LENGTH) await this.flush();
    while (true) {
      const message = this.#decoder.take();
      if (message) {
        this.#headerDue = this.#messageDue = Infinity;
        return message;
      }
      if (this.#repliesLength > 0) await this.flush();
      const bytes = await this.#conn.read(this.#wait());
      if (bytes === null) {
        this.#decoder.end();
        return undefined;
      }
      this.#decoder.push(bytes);
    }
  }

  /** Queues the reply to the last message. Replies to pipelined messages share one write. */
  reply(bytes: Uint8Array): void {
    this.#replies.push(bytes);
    this.#repliesLength += bytes.length;
  }

  /**
   * Sends the replies that are queued.
   *
   * @throws {DeadlineError} If the peer does not read them. The connection is then closed.
   */
  flush(): Promise<void> {
    const bytes = this.#replies.length === 1 ? this.#replies[0]! : concat(this.#replies);
    this.#replies = [];
    this.#repliesLength = 0;
    return this.#conn.writeAll(bytes);
  }

  /**
   * Sends the replies that are queued, and then these bytes.
   *
   * @throws {DeadlineError} If the peer does not read them. The connection is then closed.
   */
  send(bytes: Uint8Array): Promise<void> {
    this.reply(bytes);
    return this.flush();
  }

  /** Half-closes, and gives the peer a moment to read the last bytes. */
  linger(): Promise<void> {
    return this.#conn.linger();
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }

  /** The part that must arrive next, and its deadline. Single bytes that trickle in do not move it. */
  #wait(): Wait | undefined {
    if (this.#decoder.bufferedLength === 0) {
      if (this.#headerDue === Infinity) return undefined; // anything, for the idle timeout
      return { phase: "idle", due: this.#headerDue, timeout: this.#headerTimeout };
    }
    if (this.#messageDue === Infinity) { // it has just begun
      this.#headerDue = Math.min(this.#headerDue, deadlineClock.after(this.#headerTimeout));
      this.#messageDue = deadlineClock.after(this.#messageTimeout);
    }
    return this.#decoder.awaited?.what === "content" || this.#messageDue < this.#headerDue
      ? { phase: "content", due: this.#messageDue, timeout: this.#messageTimeout }
      : { phase: "header", due: this.#headerDue, timeout: this.#headerTimeout };
  }
}

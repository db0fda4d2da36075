import { concat } from "jsr:@std/bytes@^1.0.6/concat";
import { HEADER_TIMEOUT, MAX_REPLIES_LENGTH, MESSAGE_TIMEOUT } from "../wire/limits.ts";
import { type Message, MessageDecoder, type MessageOptions } from "../wire/message.ts";
import { type Deadline, deadlineClock } from "./deadlines.ts";
import type { DeadlineConn } from "./deadline_conn.ts";

/** The maximum times for a message, in milliseconds, and its maximum lengths, in bytes. */
export interface MessageConnectionOptions extends Omit<MessageOptions, "copy"> {
  /** To receive a header, from connecting or from the first byte of its message. The default is 10 s. */
  headerTimeout?: number;
  /** To receive a message, from its first byte. The default is 30 s. */
  messageTimeout?: number;
}

/** Receives and sends messages over a `DeadlineConn`. One caller at a time may receive, and one may send. */
export class MessageConnection implements Disposable {
  readonly #conn: DeadlineConn;
  readonly #decoder: MessageDecoder;
  readonly #headerTimeout: number;
  readonly #messageTimeout: number;
  #headerDeadline: Deadline | undefined; // of the message on its way, or of the first one
  #messageDeadline: Deadline | undefined; // of the message on its way
  #replies: Uint8Array[] = [];
  #repliesLength = 0; // bytes

  constructor(conn: DeadlineConn, options: MessageConnectionOptions = {}) {
    const { headerTimeout = HEADER_TIMEOUT, messageTimeout = MESSAGE_TIMEOUT, ...limits } = options;
    this.#conn = conn;
    this.#decoder = new MessageDecoder(limits);
    this.#headerTimeout = headerTimeout;
    this.#messageTimeout = messageTimeout;
    this.#headerDeadline = deadlineClock.deadline("header", headerTimeout);
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
    if (this.#repliesLength >= MAX_REPLIES_LENGTH) await this.flush();
    while (true) {
      const message = this.#decoder.take();
      if (message) {
        this.#headerDeadline = undefined;
        this.#messageDeadline = undefined;
        return message;
      }
      if (this.#repliesLength > 0) await this.flush();
      const bytes = await this.#conn.read(this.#deadline());
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

  /** When the next part must have arrived. Single bytes that trickle in do not move that. */
  #deadline(): Deadline | undefined {
    if (this.#decoder.bufferedLength === 0) { // nothing has begun
      return this.#headerDeadline && { ...this.#headerDeadline, phase: "idle" };
    }
    this.#headerDeadline ??= deadlineClock.deadline("header", this.#headerTimeout);
    this.#messageDeadline ??= deadlineClock.deadline("content", this.#messageTimeout);
    const isHeaderHere = this.#decoder.awaited?.what === "content";
    const isMessageDueFirst = this.#messageDeadline.due < this.#headerDeadline.due;
    return isHeaderHere || isMessageDueFirst ? this.#messageDeadline : this.#headerDeadline;
  }
}

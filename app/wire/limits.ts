// The limits and deadlines of decoders, servers and their clients, with the defaults. Programs and pages take
// them from here. What only the checker, the relay or an example has stands there.
// Times are in milliseconds, and lengths in bytes.

// Messages and frames. A peer may claim any length, so these are checked before memory is set aside.
export const MAX_HEADER_LENGTH = 8 * 1024;
export const MAX_CONTENT_LENGTH = 1024 * 1024;
export const MAX_FRAME_LENGTH = 8 * 1024 * 1024; // of its payload
export const MAX_TAKE_LENGTH = 8 * 1024 * 1024; // that a parser may ask for in one step

// Receiving. The first two are absolute, or a byte now and then would hold a place for ever.
export const HEADER_TIMEOUT = 10_000; // from accepting, or from the first byte of a message
export const MESSAGE_TIMEOUT = 30_000; // from the first byte of a message
export const IDLE_TIMEOUT = 60_000; // between two messages, or two reads of a plain stream

// Sending.
export const WRITE_TIMEOUT = 30_000; // without any progress
export const LINGER_TIMEOUT = 2_000; // for the peer to read the last bytes
export const MAX_LINGER_LENGTH = 256 * 1024; // of input that is thrown away meanwhile
export const MAX_REPLIES_LENGTH = 64 * 1024; // of replies that share a write
export const MAX_OUTBOX_LENGTH = 256 * 1024; // of messages that wait for one slow reader
export const MAX_UNDELIVERED_LENGTH = MAX_OUTBOX_LENGTH / 4; // of messages that wait for a whole chat

// Working.
export const ACTION_TIMEOUT = 30_000; // for an action that returns a promise

// Accepting. Each connection needs a file descriptor, and systems give a program some thousands.
export const MAX_CONNECTIONS = 1_000;
export const MAX_ECHO_CONNECTIONS = 20_000; // an echo needs no memory beyond its buffer
export const TCP_BACKLOG = 4_096; // with Deno's 511, some of 5000 clients at once wait for 6 s
export const FIRST_RETRY_DELAY = 5; // after an accept that failed, then twice as long each time
export const MAX_RETRY_DELAY = 1_000;

// Ending.
export const STOP_GRACE = 1_000; // for the next bytes; a lost packet is sent again after 200, and clients pause
export const DRAIN_TIMEOUT = 10_000; // for everything that has begun

// Clients.
export const CONNECT_TIMEOUT = 5_000;
export const RESPONSE_TIMEOUT = 30_000;

// The chat.
export const PING_INTERVAL = 15_000; // a client that is silent for two of them has vanished
export const MAX_CHAT_CONTENT_LENGTH = 16 * 1024;
export const LEAVE_TIMEOUT = 2_000; // for the server to answer a leave, after Ctrl-C

// A chat bot with the mistake that is named:
//
//   deno run --allow-net tests/support/wrong_clients/bot.ts MISTAKE HOST PORT
import { decodeChat, encodeChat, type FromClient } from "../../../app/chat/messages.ts";
import { MessageDecoder } from "../../../mod.ts";

const [mistake, hostname, port] = Deno.args as [string, string, string];
const TIMEOUT = 3000; // milliseconds without any message
const NAME = "adder";
const SUM = mistake === "is-not-strict" ? /^sum(.*)/ : /^sum((?: -?\d+)+)$/;

let timer = setTimeout(giveUp, TIMEOUT);
try {
  using conn = await Deno.connect({ hostname, port: Number(port) });
  await chat(conn);
} catch (error) {
  fail((error as Error).message);
}
Deno.exit(0);

async function chat(conn: Deno.Conn): Promise<void> {
  const send = (content: FromClient) => conn.write(encodeChat(content));
  if (mistake !== "does-not-join") await send({ type: "join", name: NAME });
  let decoder = new MessageDecoder({ copy: true });
  const buffer = new Uint8Array(4096);
  for (let n; (n = await conn.read(buffer)) !== null;) {
    clearTimeout(timer);
    timer = setTimeout(giveUp, TIMEOUT);
    if (mistake === "reads-once") decoder = new MessageDecoder({ copy: true });
    decoder.push(buffer.subarray(0, n));
    for (const message of decoder) {
      const { type, name, text, reason } = decodeChat(message);
      if (type === "error" && mistake !== "ignores-errors") throw new Error(`${reason}`);
      if (type === "ping" && mistake !== "ignores-pings") await send({ type: "pong" });
      if (type === "say" && (name !== NAME || mistake === "answers-itself")) {
        const answer = answerTo(`${text}`);
        if (answer !== undefined) await send({ type: "say", text: answer });
      }
      if (mistake === "takes-the-first") break;
    }
  }
}

function answerTo(text: string): string | undefined {
  const [, numbers] = SUM.exec(text) ?? [];
  if (numbers === undefined) return undefined;
  const terms = numbers.trim().split(" ").map(Number);
  const used = mistake === "adds-two" ? terms.slice(0, 2) : terms;
  return `${text} = ${used.reduce((sum, term) => sum + term, 0)}`;
}

function giveUp(): void {
  if (mistake !== "hangs") fail("Silent");
}

function fail(reason: string): never {
  console.error(`Cannot chat: ${reason}`);
  Deno.exit(1);
}

// What app/relay.ts --web serves, without a browser. With one: relay_page_test.ts
import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  exchange,
  noise,
  readToEnd,
  readToReset,
  startLimitedRelay,
  startRelay,
  startServer,
  writeAll,
} from "../support/programs.ts";
import { descriptors, residentMemory, settled } from "../support/resource_usage.ts";

const MIB = 1024 * 1024;
const PATIENCE = 60_000; // milliseconds after which a test that waits in vain fails

function dial(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Asks the page's server as any other program, or a page of another site, could. */
async function ask(port: number, head: string): Promise<string> {
  using conn = await dial(port);
  await writeAll(conn, bytesOf(`${head}\r\nConnection: close\r\n\r\n`));
  return new TextDecoder().decode(await readToEnd(conn));
}

Deno.test("app/relay.ts --web answers only its own page", async () => {
  await using relay = await startRelay(1, "--web", "0");
  const own = `127.0.0.1:${relay.web}`;
  const status = async (head: string) =>
    Number(/^HTTP\/1.1 (\d+)/.exec(await ask(relay.web, head))![1]);
  for (const path of ["/", "/page.js", "/events"]) {
    const get = `GET ${path} HTTP/1.1\r\n`;
    assertEquals(await status(`${get}Host: attacker.example:${relay.web}`), 403, "DNS rebinding");
    assertEquals(await status(`${get}Host: 127.0.0.1`), 403, "another port");
    assertEquals(await status(`${get}Host: ${own}\r\nOrigin: http://attacker.example`), 403);
    assertEquals(await status(`${get}Host: ${own}\r\nOrigin: null`), 403);
    assertEquals(await status(`POST ${path} HTTP/1.1\r\nHost: ${own}\r\nContent-Length: 0`), 405);
  }
  assertEquals(await status(`GET /relay.ts HTTP/1.1\r\nHost: ${own}`), 404);
  assertEquals(await status(`GET / HTTP/1.1\r\nHost: localhost:${relay.web}`), 200);
  const get = (path: string) =>
    ask(relay.web, `GET ${path} HTTP/1.1\r\nHost: ${own}\r\nOrigin: http://${own}`);
  const page = await get("/");
  const [, nonce] =
    /content-security-policy: default-src 'none'; script-src 'self'; style-src 'nonce-([\w-]+)';/
      .exec(page)!;
  assertStringIncludes(page, `<style nonce="${nonce}">`);
  assertStringIncludes(page, `<script type="module" src="/page.js"></script>`);
  const script = await get("/page.js");
  const [head, body] = script.split("\r\n\r\n");
  assertStringIncludes(head!, "HTTP/1.1 200 OK\r\n");
  assertStringIncludes(head!, "\r\ncontent-type: text/javascript; charset=utf-8\r\n");
  for (const answer of [page, script]) {
    assertStringIncludes(answer, "\r\ncache-control: no-store\r\n");
    assertStringIncludes(answer, "\r\ncross-origin-resource-policy: same-origin\r\n");
    assertStringIncludes(answer, "\r\nx-content-type-options: nosniff\r\n");
    assertEquals(
      answer.match(/https?:\/\/(?!www\.w3\.org\/2000\/svg)[^"']*/),
      null,
      "all is local",
    );
  }
  assertEquals(body, await Deno.readTextFile(new URL("../../app/relay/page.js", import.meta.url)));
});

Deno.test("app/relay.ts --web keeps the last 2000 events, and goes on where a page has left off", async () => {
  await using echo = await startServer("app/multiconn_server.ts");
  await using relay = await startRelay(echo.port, "--web", "0", "--quiet", "--chunk", "1");
  await exchange(relay.port, noise(1100)); // makes 1100 arrows each way, and some events more
  const events = async (id = "") => {
    const headers: HeadersInit = id === "" ? {} : { "last-event-id": id };
    const response = await fetch(`http://127.0.0.1:${relay.web}/events`, { headers });
    const end = '"closed"}\n\n';
    let text = "";
    let last = ""; // characters
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      last = (last + part).slice(-end.length);
      if (last === end) break;
    }
    return [...text.matchAll(/^id: (.*)\ndata: (.*)\n\n/gm)].map(([, id, data]) => ({
      id: id!,
      ...JSON.parse(data!),
    }));
  };
  await events(); // until the connection is closed, which is one event more
  const all = await events();
  assertEquals(all.length, 2000);
  assertEquals(all.at(-1).type, "close");
  assertEquals(
    (await events(all.at(-3).id)).map(({ id }) => id),
    all.slice(-2).map(({ id }) => id),
  );
  assertEquals((await events("another relay 7")).length, 2000);
});

Deno.test({
  name: "app/relay.ts --web closes connections that ask for nothing, and outlives too many of them",
  ignore: Deno.build.os !== "linux", // ulimit, /proc
  async fn() {
    await using echo = await startServer("app/multiconn_server.ts", "--quiet");
    await using relay = await startLimitedRelay(256, echo.port, "--web", "0", "--quiet");
    const before = descriptors(relay.pid);
    using relayed = await dial(relay.port);
    // Fewer than 511, for which the system has a queue. With more, it may forget one that believes to be
    // connected, without a word, when the page's server stops listening.
    await Promise.all(Array.from({ length: 400 }, async () => {
      using silent = await dial(relay.web).catch(() => undefined);
      if (silent === undefined) return; // refused while the page's server listens again
      const late = setTimeout(() => silent.close(), PATIENCE);
      assertMatch((await readToReset(silent))[1], /^(end|ConnectionReset)$/); // sooner or later
      clearTimeout(late);
    }));
    await relayed.write(bytesOf("hello"));
    assertEquals(await relayed.read(new Uint8Array(9)), 5);
    const own = `127.0.0.1:${relay.web}`;
    let page = "";
    const end = performance.now() + PATIENCE;
    while (!page.includes("</html>")) { // it may just be listening again
      assertLessOrEqual(performance.now(), end, "the page is not served any more");
      await new Promise((resolve) => setTimeout(resolve, 50));
      page = await ask(relay.web, `GET / HTTP/1.1\r\nHost: ${own}`).catch(() => "");
    }
    assertLessOrEqual(await settled(relay.pid, before + 2), before + 2);
  },
});

Deno.test("app/relay.ts --web closes connections that ask and then drip, and serves others", async () => {
  await using relay = await startRelay(1, "--web", "0");
  const head = `Host: 127.0.0.1:${relay.web}\r\n`;
  const drips: [begin: string, more: string][] = [
    [`GET / HTTP/1.1\r\n${head}\r\n`, "G"],
    [`GET / HTTP/1.1\r\n${head}Content-Length: 1000\r\n\r\n`, "x"],
    [`GET / HTTP/1.1\r\n`, "x"],
    ["", "G"],
  ];
  await Promise.all(
    Array.from({ length: 4 }, () => drips).flat().map(async ([begin, more]) => {
      using conn = await dial(relay.web);
      const reading = readToReset(conn);
      await writeAll(conn, bytesOf(begin + more));
      const drip = setInterval(() => conn.write(bytesOf(more)).catch(() => {}), 200);
      const late = setTimeout(() => conn.close(), PATIENCE);
      assertMatch((await reading)[1], /^(end|ConnectionReset)$/);
      clearInterval(drip);
      clearTimeout(late);
    }),
  );
  assertMatch(await ask(relay.web, `GET / HTTP/1.1\r\n${head.trim()}`), /^HTTP\/1.1 200 /);
});

Deno.test({
  name: "app/relay.ts --web holds little for pages that do not read, and gives up their places",
  ignore: Deno.build.os !== "linux", // /proc
  async fn() {
    await using echo = await startServer("app/multiconn_server.ts", "--quiet");
    await using relay = await startRelay(echo.port, "--web", "0", "--quiet", "--chunk", "512");
    const get = `GET /events HTTP/1.1\r\nHost: 127.0.0.1:${relay.web}\r\n\r\n`;
    const memory = residentMemory(relay.pid);
    const open = descriptors(relay.pid);
    const viewers: Deno.Conn[] = [];
    for (let i = 0; i < 8; i++) {
      const viewer = await dial(relay.web);
      await writeAll(viewer, bytesOf(get));
      assertEquals(await viewer.read(new Uint8Array(8)), 8); // "HTTP/1.1", and no more
      viewers.push(viewer);
    }
    const isFull = async () => {
      using ninth = await dial(relay.web);
      await writeAll(ninth, bytesOf(get));
      const status = new Uint8Array("HTTP/1.1 503".length);
      assertEquals(await ninth.read(status), status.length);
      return new TextDecoder().decode(status) === "HTTP/1.1 503";
    };
    assert(await isFull());
    // Events of 60 MB for each page, more than the buffers of any system hold.
    await exchange(relay.port, noise(6_000_000));
    assertLessOrEqual(residentMemory(relay.pid) - memory, 128 * MIB);
    // All of them, one after the other: one that is read before its place is given up keeps the place.
    assertLessOrEqual(await settled(relay.pid, open), open);
    assert(!await isFull());
    for (const viewer of viewers) await readToReset(viewer); // what was sent before, and the end
    for (const viewer of viewers) viewer.close();
  },
});

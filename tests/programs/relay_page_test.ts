// The page of app/relay.ts in a real browser.
import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { concat } from "@std/bytes/concat";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { encodeMessage } from "../../mod.ts";
import { BROWSER, NETWORK_CHANGED, visit } from "../support/browser.ts";
import { some, tryAll } from "../support/sampling.ts";
import {
  connectAndReset,
  exchange,
  noise,
  type Program,
  startRelay,
  startServer,
} from "../support/programs.ts";

// What the functions that run in the browser find there. Its library of types disagrees with Deno's.
// deno-lint-ignore no-explicit-any -- any element, with whatever it has
declare const document: any, getComputedStyle: any, DOMParser: any, MutationObserver: any;
// deno-lint-ignore no-explicit-any -- the same
declare const scrollTo: any;

const ignore = BROWSER === undefined;

const CONTENT = '{"action":"search","value":"morpheus"}';
const ANSWER = '{"result":"Follow the white rabbit. 🐰"}';

let browser: Browser; // one for all tests: starting it takes longer than most of them

Deno.test.beforeAll(async () => {
  if (!ignore) {
    browser = await chromium.launch({ executablePath: BROWSER!, args: ["--no-sandbox"] });
  }
});

Deno.test.afterAll(() => browser?.close());

function request(value: unknown): Uint8Array {
  return encodeMessage({ action: "search", value });
}

/** A relay before a server, and its page in a browser. */
async function withPage(
  { script = "app/server.ts", args = [], ...options }:
    & { script?: string; args?: string[] }
    & BrowserContextOptions,
  use: (page: Page, port: number, relay: Program) => Promise<void>,
): Promise<void> {
  await using server = await startServer(script);
  await using relay = await startRelay(server.port, "--quiet", "--web", "0", ...args);
  const origin = `http://127.0.0.1:${relay.web}`;
  const context = await browser.newContext(options);
  const page = await context.newPage();
  try {
    const complaints: string[] = [];
    page.on("pageerror", ({ message }) => complaints.push(message));
    page.on("console", (message) => {
      if (!message.text().includes(NETWORK_CHANGED)) complaints.push(message.text());
    });
    page.on("dialog", (dialog) => complaints.push(dialog.message()));
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !url.startsWith("blob:") && !url.startsWith("data:")) {
        complaints.push(`Request to ${url}`);
      }
    });
    await visit(page, `${origin}/`);
    await use(page, relay.port, relay);
    assertEquals(complaints, []);
  } finally {
    await context.close();
  }
}

/** Lets a page believe that it is hidden, as in a tab behind others, or that it is shown. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate((isHidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, value: isHidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
}

/** Waits until so many connections are drawn to their end. */
async function drawn(page: Page, connections: number): Promise<void> {
  await page.waitForFunction(
    (count) => document.querySelectorAll("g[data-connection][data-ended]").length === count,
    connections,
  );
}

/** Counts the rows of the file that the page saves, which has those that are out of sight, too. */
async function countSavedRows(page: Page): Promise<number> {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  const saved = await Deno.readTextFile(await download.path());
  return saved.matchAll(/<g class="(chunk|open|end|close|note|reset)"/g).toArray().length;
}

Deno.test({
  name: "app/relay/page.html draws a request and its response, and shows their bytes on a click",
  ignore,
  fn: () =>
    withPage({}, async (page, port) => {
      await exchange(port, request("morpheus"));
      await drawn(page, 1);
      const arrows = await page.$$eval(".chunk", (chunks) =>
        chunks.map((chunk) => [
          chunk.getAttribute("data-from"),
          ...[...chunk.querySelectorAll("text")].slice(1).map((text) => text.textContent),
          ...[...chunk.querySelectorAll("rect:not(.hit)")].map((rect) =>
            rect.getAttribute("class")
          ),
        ]));
      const parts = ["prefix", "header", "content"];
      assertEquals(arrows, [
        ["client", "136 bytes", `content, 38 bytes: ${CONTENT}`, ...parts],
        ["server", "140 bytes", `content, 42 bytes: ${ANSWER}`, ...parts],
      ]);
      assertEquals(await page.locator("g.frame").allTextContents(), ["1", "1"]);
      assertEquals(await page.locator("g.end").count(), 2);
      const [first, second] = await page.$$eval(
        ".chunk polygon",
        (heads) => heads.map((head) => Number(head.getAttribute("points")!.split(",")[0])),
      );
      assert(first! > second!, "the arrows point to the server, and back");

      await page.locator(".chunk").first().click();
      const details = await page.locator("#details").innerText();
      assertStringIncludes(details, "1: header length = 96, uint16, big-endian\n");
      assertStringIncludes(details, "0000  00 60 ");
      assertStringIncludes(
        details,
        `1: content, 38 bytes: ${CONTENT}\n`,
      );
      await page.locator(".chunk").last().focus();
      await page.keyboard.press("Enter");
      assertStringIncludes(await page.locator("#details").innerText(), "#1 server → client");
    }),
});

Deno.test({
  name:
    "app/relay/page.html draws a bracket over all chunks of a frame, and one for each in a chunk",
  ignore,
  fn: () =>
    withPage({ args: ["--chunk", "100"] }, async (page, port) => {
      await exchange(port, concat([request("a"), request("b"), request("c")])); // 129 bytes each
      await drawn(page, 1);
      const brackets = await page.$$eval("g.frame", (frames) =>
        frames.map((frame) => {
          const { top, bottom, left } = frame.querySelector("path")!.getBoundingClientRect();
          return { top, bottom, left };
        }));
      const rows = await page.$$eval('.chunk[data-from="client"]', (chunks) =>
        chunks.map((chunk) =>
          chunk.querySelector(".hit")!.getBoundingClientRect().toJSON()
        ));
      assertEquals(rows.length, 4);
      const ofClient = brackets.sort((a, b) => a.left - b.left).slice(0, 3);
      const spans = ofClient.map(({ top, bottom }) =>
        rows.flatMap((row, i) => top < row.bottom && bottom > row.top ? [i] : [])
      );
      assertEquals(spans, [[0, 1], [1, 2], [2, 3]]);
    }),
});

Deno.test({
  name: "app/relay/page.html shows what hostile peers send as text",
  ignore,
  fn: () =>
    withPage({ acceptDownloads: true, args: ["--protocol", "app"] }, async (page, port) => {
      const hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\x1b\x00\u2028]]>&amp;";
      const format = { contentType: hostile, contentEncoding: hostile };
      await exchange(port, concat([request(hostile), encodeMessage(new Uint8Array(2), format)]));
      await exchange(port, new TextEncoder().encode(hostile));
      await drawn(page, 2);
      await page.locator('g[data-connection="1"] .chunk').first().click();
      const details = await page.locator("#details").innerText();
      const shown =
        "<script>alert(1)</script><img src=x onerror=alert(2)>\\x1b\\x00\\u{2028}]]>&amp;";
      assertStringIncludes(details, `content, 2 bytes: ${shown} '\\x00\\x00'`);
      assertEquals(await page.locator("main script, main img").count(), 0);
      assertStringIncludes(
        String(await page.locator("text.error").allTextContents()),
        "Not a mess",
      );

      const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
      const saved = await Deno.readTextFile(await download.path());
      await page.goto("about:blank"); // whose policy allows styles
      const problem = await page.evaluate((text) => {
        const file = new DOMParser().parseFromString(text, "image/svg+xml");
        return file.querySelector("parsererror, script, img")?.textContent;
      }, saved);
      assertEquals(problem, undefined);
      assertStringIncludes(saved, "@media (prefers-color-scheme: dark)");
      assertStringIncludes(saved, ">18 bytes</text>".replace("18", String(hostile.length + 2)));
    }),
});

Deno.test({
  name: "app/relay/page.html shows the text of any protocol, and finds it",
  ignore,
  fn: () =>
    withPage({ script: "app/multiconn_server.ts" }, async (page, port) => {
      await exchange(port, new TextEncoder().encode("Hello, world"));
      await exchange(port, new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
      await drawn(page, 2);
      const labels = (connection: number) =>
        page.$$eval(
          `g[data-connection="${connection}"] .chunk`,
          (chunks) => chunks.map((chunk) => chunk.querySelector("text:last-of-type")!.textContent),
        );
      const request = "GET / HTTP/1.1\\r\\n";
      assertEquals(await labels(1), ["Hello, world", "Hello, world"]);
      assertEquals(await labels(2), [request, request]);
      await page.fill("#filter", "host:");
      await page.locator('g[data-connection="1"]').waitFor({ state: "detached" });
      await page.locator(".chunk").first().click();
      const lines = await page.locator("#details pre").innerText();
      assertEquals(lines, `${request}\nHost: a\\r\\n\n\\r\\n`);
    }),
});

Deno.test({
  name: "app/relay/page.html shows 100 connections, filters, pauses and clears",
  ignore,
  fn: () =>
    withPage({}, async (page, port) => {
      const values = Array.from({ length: 99 }, (_, i) => `number ${i}.`);
      await Promise.all(values.map((value) => exchange(port, request(value))));
      await connectAndReset(port, request("then gone"));
      await drawn(page, 100);
      const lanes = page.locator("g[data-connection]");
      const overlaps = await page.$$eval("g[data-connection] > .lane", (rects) => {
        const boxes = rects.map((rect) => rect.getBoundingClientRect());
        return boxes.filter((a, i) =>
          boxes.some((b, j) =>
            i < j && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
          )
        ).length;
      });
      assertEquals(overlaps, 0);
      for (const [wanted, count] of [["number 42.", 1], ["#7", 1], ["Reset", 1], ["nothing", 0]]) {
        await page.fill("#filter", String(wanted));
        await page.waitForFunction(
          (count) => document.querySelectorAll("g[data-connection]").length === count,
          count,
        );
      }
      await page.fill("#filter", "");
      await drawn(page, 100);
      await page.click("#pause");
      await exchange(port, request("later"));
      await page.waitForFunction(() => /Go on \(\d+\)/.test(document.body.innerText));
      assertEquals(await lanes.count(), 100);
      await page.click("#pause");
      await drawn(page, 101);
      await page.click("#clear");
      await page.waitForFunction(() => document.body.innerText.includes("Nothing yet"));
      assertEquals(await lanes.count(), 0);
    }),
});

Deno.test({
  name: "app/relay/page.html keeps the last 2000 events",
  ignore: ignore || !tryAll, // drawing them takes long
  fn: () =>
    withPage({
      script: "app/multiconn_server.ts",
      args: ["--chunk", "1"],
      acceptDownloads: true,
    }, async (page, port) => {
      await Promise.all([exchange(port, noise(550)), exchange(port, noise(550))]);
      await drawn(page, 2);
      assertEquals(await countSavedRows(page), 2000);
    }),
});

Deno.test({
  name: "app/relay/page.html draws the rows that are in sight, and saves all",
  ignore,
  fn: () =>
    withPage({
      script: "app/multiconn_server.ts",
      args: ["--chunk", "1"],
      acceptDownloads: true,
    }, async (page, port) => {
      await exchange(port, noise(100)); // 200 arrows, of 46 pixels each
      await drawn(page, 1);
      const rows = page.locator(".chunk");
      assertLessOrEqual(await rows.count(), 60);
      assertEquals(await countSavedRows(page), 204); // with open, two ends and close
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      await page.locator("g.close").waitFor();
      assertLessOrEqual(await rows.count(), 60);
      await rows.last().click();
      assertStringIncludes(await page.locator("#details").innerText(), "1 byte");
    }),
});

Deno.test({
  name: "app/relay/page.html draws events that come close together at once",
  ignore,
  fn: () =>
    withPage(
      { script: "app/multiconn_server.ts", args: ["--chunk", "1", "--delay", "5"] },
      async (page, port) => {
        const draws = await page.evaluateHandle(() => {
          const draws = { count: 0 };
          const observer = new MutationObserver(() => draws.count++);
          observer.observe(document.querySelector("svg"), { childList: true, subtree: true });
          return draws;
        });
        const start = performance.now();
        await exchange(port, noise(25)); // 50 events, for at least an eighth of a second
        await drawn(page, 1);
        await exchange(port, noise(25)); // later than what is drawn, however busy the browser is
        await drawn(page, 2);
        const { count } = await draws.jsonValue();
        const most = (performance.now() - start) / 100 + 1; // milliseconds, and the first at once
        assert(count >= 2 && count <= most, `drawn ${count} times, and at most ${most} are right`);
      },
    ),
});

Deno.test({
  name: "app/relay/page.html says that the relay is gone, also while one filters",
  ignore,
  fn: () =>
    withPage({}, async (page, port, relay) => {
      await exchange(port, request("morpheus"));
      await drawn(page, 1);
      page.removeAllListeners("console"); // the browser says there that the stream has ended
      relay.kill("SIGTERM");
      const gone = page.getByText("The relay does not answer");
      await gone.waitFor();
      await page.locator("#filter").fill("morpheus");
      assert(await gone.isVisible());
    }),
});

Deno.test({
  name: "app/relay/page.html gives up its stream while it is hidden, and catches up later",
  ignore,
  fn: () =>
    withPage({}, async (first, port) => {
      await exchange(port, request("before"));
      await drawn(first, 1);
      const pages = [first];
      while (pages.length < 7) { // a browser opens six connections to a server
        await setHidden(pages.at(-1)!, true);
        const next = await first.context().newPage();
        await visit(next, first.url());
        await drawn(next, 1);
        pages.push(next);
      }
      await exchange(port, request("meanwhile"));
      await drawn(pages.at(-1)!, 2);
      assertEquals(await first.locator("g[data-connection]").count(), 1);
      await setHidden(first, false);
      await drawn(first, 2);
      assertEquals(await first.locator("g[data-connection] g.open").count(), 2, "none comes twice");
    }),
});

Deno.test({
  name: "app/relay/page.html forgets what it had when it has missed events that are not kept",
  ignore,
  fn: () =>
    withPage({ script: "app/multiconn_server.ts", args: ["--chunk", "1"] }, async (page, port) => {
      await exchange(port, noise(5));
      await drawn(page, 1);
      await setHidden(page, true);
      await exchange(port, noise(1100)); // some 2200 events
      await setHidden(page, false);
      await page.locator('g[data-connection="2"][data-ended]').waitFor({ timeout: 60_000 });
      assertEquals(await page.locator("g[data-connection]").count(), 1);
      await page.getByText("earlier events are not kept").waitFor();
      await page.getByText("· 2 connections, 1 kept").waitFor();
    }),
});

Deno.test({
  name: "app/relay/page.html saves what peers send as a file that is XML",
  ignore,
  fn: () =>
    withPage({ acceptDownloads: true }, async (page, port) => {
      await exchange(port, request("\uffff\ufffe\ufdd0\u{10ffff}\ud800".toWellFormed()));
      await drawn(page, 1);
      const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
      const saved = await Deno.readTextFile(await download.path());
      assertStringIncludes(saved, String.raw`\u{ffff}\u{fffe}`);
      await page.goto("about:blank"); // whose policy allows styles
      const problem = await page.evaluate((text) => {
        const file = new DOMParser().parseFromString(text, "image/svg+xml");
        return file.querySelector("parsererror")?.textContent;
      }, saved);
      assertEquals(problem, undefined);
    }),
});

Deno.test({
  name: "app/relay/page.html says so when the relay has too many pages",
  ignore,
  fn: () =>
    withPage({}, async (page) => {
      await page.getByText("· 0 connections").waitFor(); // it watches
      const viewers = await Promise.all(
        Array.from({ length: 7 }, () => fetch(new URL("/events", page.url()))),
      );
      const late = await browser.newPage();
      await visit(late, page.url());
      await late.getByText("The relay shows as many pages as it can").waitFor();
      await late.close();
      await Promise.all(viewers.map(({ body }) => body!.cancel()));
    }),
});

for (const width of some([390, 1280], 2)) {
  Deno.test({
    name: `app/relay/page.html fits ${width} pixels, in light and dark`,
    ignore,
    fn: () =>
      withPage({ viewport: { width, height: 800 } }, async (page, port) => {
        await exchange(port, request("morpheus"));
        await drawn(page, 1);
        const papers: string[] = [];
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          papers.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
        }
        assertNotEquals(papers[0], papers[1]);
        await page.locator(".chunk").first().click();
        const close = page.getByRole("button", { name: "Close" });
        await close.waitFor();
        assert(await page.evaluate(() => document.documentElement.scrollWidth) <= width);
        const { x, width: size } = (await page.locator("svg").boundingBox())!;
        assert(x >= 0 && x + size <= width);
        const hidden = await page.$$eval(
          "#details pre",
          (dumps) => dumps.map((dump) => dump.scrollWidth - dump.clientWidth),
        );
        assertEquals(hidden.filter((pixels) => pixels > 0), [], "all of each dump is to be seen");
        const bytes = (await page.locator("#details pre.content").innerText()).split("\n");
        assertEquals(
          bytes.slice(0, 2),
          width === 390
            ? [
              '0062  7b 22 61 63 74 69 6f 6e  {"action',
              '006a  22 3a 22 73 65 61 72 63  ":"searc',
            ]
            : [
              '0062  7b 22 61 63 74 69 6f 6e 22 3a 22 73 65 61 72 63  {"action":"searc',
              '0072  68 22 2c 22 76 61 6c 75 65 22 3a 22 6d 6f 72 70  h","value":"morp',
            ],
        );
        await close.click();
        assertEquals(await page.locator("#details pre").count(), 0);
      }),
  });

  Deno.test({
    name: `app/relay/page.html moves and covers nothing on a click, ${width} pixels wide`,
    ignore,
    fn: () =>
      withPage({ viewport: { width, height: 800 } }, async (page, port) => {
        await exchange(port, concat(Array(8).fill(request("morpheus"))));
        // So few that all rows are drawn at once: those that come into sight would be drawn a moment later.
        for (let i = 0; i < 3; i++) await exchange(port, request("morpheus"));
        await drawn(page, 4);
        const chunks = await page.locator(".chunk").all();
        for (const [i, chunk] of some([...chunks.entries()], 3)) {
          await chunk.scrollIntoViewIfNeeded();
          const before = (await chunk.boundingBox())!;
          const arrow = chunk.locator("polygon");
          const place = await arrow.boundingBox();
          await chunk.click();
          assertEquals(await arrow.boundingBox(), place);
          const details = (await page.locator("#details").boundingBox())!;
          const isApart = before.y + before.height <= details.y ||
            before.y >= details.y + details.height ||
            before.x + before.width <= details.x;
          assert(isApart, `chunk ${i} is at ${before.y}, the bytes are at ${details.y}`);
          await page.keyboard.press("Escape");
          assertEquals(await page.locator("#details pre").count(), 0);
          assertEquals(await page.locator(".selected").count(), 0);
          assertEquals(await arrow.boundingBox(), place);
        }
      }),
  });
}

Deno.test({
  name: "app/relay/page.html gives its lanes the width there is",
  ignore,
  fn: () =>
    withPage({ viewport: { width: 1280, height: 800 } }, async (page, port) => {
      const widths = () =>
        page.$$eval(
          ".lane",
          (lanes) => lanes.map((lane) => Math.round(lane.getBoundingClientRect().width)),
        );
      await exchange(port, request("morpheus"));
      await drawn(page, 1);
      const [alone] = await widths();
      assert(alone! > 650 && alone! <= 700, `${alone} of 766 - 32 pixels`);
      await page.locator(".chunk").first().click();
      assertEquals(await widths(), [alone]);
      await page.setViewportSize({ width: 1600, height: 800 });
      await exchange(port, request("morpheus"));
      await drawn(page, 2);
      const [first, second] = await widths();
      assertEquals(first, second);
      assert(first! > 500, `${first} of half of 1086 - 32 pixels`);
      await page.setViewportSize({ width: 390, height: 800 });
      await page.waitForFunction(() => document.querySelector("svg").clientWidth < 390);
      assertEquals((await widths()).map((width) => width > 340), [true, true]);
      await page.setViewportSize({ width: 360, height: 800 });
      await page.waitForFunction(() => document.documentElement.scrollWidth <= 360);
    }),
});

Deno.test({
  name: "app/relay/page.html draws the lifeline of a half-closed side dashed, until all is closed",
  ignore,
  fn: () =>
    withPage({ script: "app/multiconn_server.ts" }, async (page, port) => {
      const lines = () =>
        page.$$eval("g[data-connection] .lifeline", (lines) =>
          lines.map((line) => {
            const [x, begin, end] = ["x1", "y1", "y2"].map((name) =>
              Number(line.getAttribute(name))
            );
            return { isDashed: line.classList.contains("half"), x: x!, begin: begin!, end: end! };
          }));
      await exchange(port, request("morpheus"));
      await drawn(page, 1);
      const [client, clientHalf, server, serverHalf] = await lines();
      assertEquals(
        [client, clientHalf, server, serverHalf].map((line) => line!.isDashed),
        [false, true, false, true],
      );
      assertEquals([clientHalf!.begin, serverHalf!.begin], [client!.end, server!.end]);
      assertEquals([clientHalf!.x, serverHalf!.x], [client!.x, server!.x]);
      assert(client!.end < server!.end, "the client was the first to half-close");
      assertEquals(clientHalf!.end, serverHalf!.end, "both end where the connection is closed");
    }),
});

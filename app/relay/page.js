// Draws the events of the relay, which has decoded all there is to decode. What peers have sent
// gets into the page as text only. The relay serves this file as it is, so its types are comments.
// @ts-check
/// <reference lib="dom" />

/**
 * Each type of event with what it has.
 *
 * @typedef {import("./events.ts").RelayEvent} RelayEvent
 * @typedef {import("./events.ts").ShownPart} ShownPart
 * @typedef {import("./events.ts").Side} Side
 * @typedef {Exclude<Side, "relay">} Peer
 * @typedef {RelayEvent & { type: "chunk", from: Peer, size: number, parts: ShownPart[] }} Chunk
 * @typedef {RelayEvent & { type: "end", from: Peer }} End
 * @typedef {RelayEvent & { type: "reset", from: Side }} Reset
 * @typedef {RelayEvent & { type: "open" | "close" | "note" }} Note
 * @typedef {Chunk | End | Reset | Note} AnyEvent
 */

/**
 * A connection, and what is drawn of it.
 *
 * @typedef {object} Lane
 * @property {number} number
 * @property {SVGElement} group
 * @property {AnyEvent[]} events
 * @property {"open" | "reset" | "closed"} state
 * @property {string} peer
 * @property {number} height
 * @property {boolean} isDrawn
 * @property {Range} range Where its rows are drawn; the others are out of sight.
 */

/** @typedef {{ begin: number, end: number }} Range In pixels from the top. */

/** @typedef {{ first: number, last: number }} Slot The frames that share a bracket. */

const SVG = "http://www.w3.org/2000/svg";
const MAX_EVENTS = 2000;
const DRAW_INTERVAL = 100; // milliseconds; drawing a long connection takes a part of that
const MARGIN = 1000; // pixels above and below the window, where rows are drawn as well
const MAX_LABELLED = 8; // frames of a chunk that have a bracket of their own
const GAP = 14; // pixels, as all that follow
const MIN_LANE_WIDTH = 260; // on the narrowest phones
const COLUMN_WIDTH = 350; // with less for each lane, there are fewer columns
const MAX_LANE_WIDTH = 700; // longer arrows are harder to follow
const TITLE_HEIGHT = 46;
const CHUNK_HEIGHT = 46;
const FRAME_HEIGHT = 15;
const LINE_HEIGHT = 15;
const CLIENT = 114; // where its lifeline is
const CHARACTER_WIDTH = 6.7;
const NARROW = matchMedia("(max-width: 600px)"); // where 16 bytes and their ASCII do not fit

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const filter = /** @type {HTMLInputElement} */ (byId("filter"));
const svg = element("svg", { class: "diagram", role: "group", "aria-label": "Sequence diagram" });
byId("diagram").append(svg);

/** @type {Map<number, Lane>} */
const lanes = new Map(); // by the number of the connection, in their order
let newest = 0; // number of a connection
/** @type {Lane[]} */
const order = []; // of all events, as the lanes they are in
/** @type {AnyEvent[]} */
let waiting = []; // events that came during a pause
let isPaused = false;
let isDrawing = false; // or about to
let lastDrawn = 0; // time
/** @type {Chunk | undefined} */
let selected;
/** @type {WeakMap<Chunk, Element>} */
const rows = new WeakMap(); // of the chunks
/** Where things are in a lane, and how many characters fit between its lifelines. */
let layout = layOut(MIN_LANE_WIDTH);
/** @type {EventSource | undefined} */
let source; // while the page is to be seen
let lastId = ""; // of the events that came
let route = "";
let problem = ""; // with the relay
document.addEventListener("visibilitychange", watchIfVisible);
watchIfVisible();

/** A browser opens six connections to a server, and each page that watches takes one: hidden ones do not. */
function watchIfVisible() {
  source?.close();
  if (document.hidden) return;
  source = new EventSource(`/events?after=${encodeURIComponent(lastId)}`);
  source.addEventListener("hello", ({ data }) => welcome(JSON.parse(data)));
  source.addEventListener("message", ({ data, lastEventId }) => {
    lastId = lastEventId;
    receive(JSON.parse(data));
  });
  source.addEventListener("error", complain);
}

/** @param {{ run: string, route: string, next: number }} hello `next` is the number of the first event. */
function welcome(hello) {
  const [lastRun, last] = lastId.split(" ");
  const isSameRun = lastRun === hello.run;
  if (!isSameRun) newest = 0;
  const isNext = isSameRun && Number(last) + 1 === hello.next;
  if (lastId !== "" && !isNext) clear(); // it is another relay, or what came between is not kept
  route = hello.route;
  problem = "";
  draw();
}

/** @param {AnyEvent} event */
function receive(event) {
  if (!isPaused) return add(event);
  waiting.push(event);
  if (waiting.length > MAX_EVENTS) waiting.shift();
  showPause();
}

function complain() {
  problem = source?.readyState === EventSource.CLOSED
    ? "The relay shows as many pages as it can: close one, then reload this one"
    : "The relay does not answer";
  draw();
}

filter.addEventListener("input", draw);
byId("clear").addEventListener("click", clear);
byId("save").addEventListener("click", save);
byId("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  if (!isPaused) {
    waiting.forEach(add);
    waiting = [];
  }
  showPause();
});
new ResizeObserver(draw).observe(byId("diagram"));
document.addEventListener("scroll", draw, { passive: true });
NARROW.addEventListener("change", showDetails);
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") select(undefined);
});
showDetails();

/** @param {AnyEvent} event */
function add(event) {
  let lane = lanes.get(event.connection);
  if (!lane) {
    const group = element("g");
    lane = {
      number: event.connection,
      group,
      events: [],
      state: "open",
      peer: "",
      height: 0,
      isDrawn: false,
      range: { begin: 0, end: 0 },
    };
    lanes.set(event.connection, lane);
    newest = Math.max(newest, event.connection);
  }
  lane.events.push(event);
  lane.isDrawn = false;
  if (event.peer) lane.peer = event.peer;
  if (event.type === "reset") lane.state = "reset";
  else if (event.type === "close" && lane.state === "open") lane.state = "closed";
  order.push(lane);
  const oldest = order.length > MAX_EVENTS ? order.shift() : undefined;
  if (oldest) forget(oldest);
  draw();
}

/**
 * Drops the first event of a lane, and the lane with its last.
 *
 * @param {Lane} lane
 */
function forget(lane) {
  lane.events.shift();
  lane.isDrawn = false;
  if (lane.events.length > 0) return;
  lanes.delete(lane.number);
  lane.group.remove();
}

function clear() {
  lanes.clear();
  order.length = waiting.length = 0;
  svg.replaceChildren();
  select(undefined);
  showPause();
  draw();
}

function showPause() {
  const count = waiting.length > 0 ? ` (${waiting.length})` : "";
  byId("pause").textContent = isPaused ? `Go on${count}` : "Pause";
}

/** Draws soon: at once if nothing was drawn lately, so that many events are drawn together. */
function draw() {
  if (isDrawing) return;
  isDrawing = true;
  setTimeout(() => {
    requestAnimationFrame(() => {
      isDrawing = false;
      lastDrawn = performance.now();
      drawNow();
    });
  }, lastDrawn + DRAW_INTERVAL - performance.now());
}

/** @param {number} width of a lane */
function layOut(width) {
  const server = width - 58;
  const characters = Math.floor((server - CLIENT - 8) / CHARACTER_WIDTH);
  return { width, server, middle: (CLIENT + server) / 2, characters };
}

/** Lays the lanes out in as many columns as there is room for, the newest first. */
function drawNow() {
  const room = byId("diagram").clientWidth - 32;
  const wanted = filter.value.trim().toLowerCase();
  const shown = [...lanes.values()].reverse().filter((lane) => matches(lane, wanted));
  const count = shown.length;
  const possible = Math.floor((room + GAP) / (COLUMN_WIDTH + GAP));
  const columns = Math.max(1, Math.min(possible, count));
  const available = Math.floor((room + GAP) / columns) - GAP;
  const laneWidth = Math.min(MAX_LANE_WIDTH, Math.max(MIN_LANE_WIDTH, available));
  if (laneWidth !== layout.width) {
    layout = layOut(laneWidth);
    for (const lane of lanes.values()) lane.isDrawn = false;
  }
  const isShown = new Set(shown);
  for (const lane of lanes.values()) if (!isShown.has(lane)) lane.group.remove();
  /** @type {number[]} */
  const heights = new Array(columns).fill(0);
  const top = -svg.getBoundingClientRect().top;
  const inSight = { begin: top, end: top + innerHeight };
  for (const lane of shown) {
    const y = Math.min(...heights);
    const column = heights.indexOf(y);
    const x = column * (laneWidth + GAP);
    drawIfNeeded(lane, inSight.begin - y, inSight.end - y);
    lane.group.setAttribute("transform", `translate(${x} ${y})`);
    if (!lane.group.parentNode) svg.append(lane.group);
    heights[column] = y + lane.height + GAP;
  }
  const width = columns * (laneWidth + GAP) - GAP;
  const height = Math.max(GAP, ...heights) - GAP;
  for (const [name, value] of Object.entries({ width, height })) svg.setAttribute(name, `${value}`);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  byId("empty").hidden = count > 0;
  byId("empty").textContent = lanes.size > 0
    ? "No connection matches the filter."
    : "Nothing yet. Connect a client to the relay.";
  const counts = [`${newest.toLocaleString("en")} connection${newest === 1 ? "" : "s"}`];
  if (lanes.size < newest) counts.push(`${lanes.size.toLocaleString("en")} kept`);
  if (wanted !== "") counts.push(`${count.toLocaleString("en")} shown`);
  if (problem !== "") byId("route").textContent = problem;
  else if (route !== "") byId("route").textContent = `${route} · ${counts.join(", ")}`;
}

/**
 * @param {Lane} lane
 * @param {string} wanted
 */
function matches(lane, wanted) {
  if (wanted === "") return true;
  if (/^#\d+$/.test(wanted)) return wanted === `#${lane.number}`;
  const texts = lane.events.flatMap(({ text, parts = [] }) => [
    text,
    ...parts.flatMap((part) => part.kind === "text" ? part.dump : [part.label]),
  ]);
  return [lane.peer, lane.state, ...texts].some((text) => text.toLowerCase().includes(wanted));
}

/**
 * Draws a lane if it has changed, or if rows have come into sight that are not drawn.
 *
 * @param {Lane} lane
 * @param {number} begin of what is in sight, in the lane
 * @param {number} end
 */
function drawIfNeeded(lane, begin, end) {
  const [first, last] = [Math.max(0, begin), Math.min(lane.height, end)];
  const isInSight = first < last;
  const { range } = lane;
  if (lane.isDrawn && (!isInSight || (range.begin <= first && last <= range.end))) return;
  lane.range = { begin: begin - MARGIN, end: end + MARGIN };
  drawLane(lane);
}

/** @param {Lane} lane */
function drawLane(lane) {
  lane.isDrawn = true;
  const { range } = lane;
  const { width, server } = layout;
  const back = []; // what is drawn before the rows
  const front = [];
  /** @type {Record<Peer, Map<number, Slot & { begin: number, end: number }>>} */
  const brackets = { client: new Map(), server: new Map() }; // where each frame is
  /** @type {Record<Peer, { x: number, halfClosed?: number }>} */
  const lifelines = { client: { x: CLIENT }, server: { x: server } };
  /** @type {number | undefined} */
  let closed; // where both lifelines end
  let y = TITLE_HEIGHT + 6;
  if (lane.events[0]?.type !== "open") {
    front.push(text(layout.middle, y + 14, "earlier events are not kept", {
      class: "faint left-out",
      "text-anchor": "middle",
    }));
    y += LINE_HEIGHT + 8;
  }
  for (const event of lane.events) {
    const top = y;
    if (event.type === "chunk") {
      const slots = slotsOf(event);
      y += Math.max(CHUNK_HEIGHT, slots.length * FRAME_HEIGHT);
      slots.forEach((slot, i) => {
        const height = (y - top) / slots.length;
        const known = brackets[event.from].get(slot.first);
        const begin = known?.begin ?? top + i * height + 3;
        const end = top + (i + 1) * height - 3;
        brackets[event.from].set(slot.first, { ...slot, begin, end });
      });
      if (y >= range.begin && top <= range.end) front.push(chunkRow(event, top, y));
    } else {
      const text = event.type === "open" ? "connected" : event.text;
      const lines = wrap(text, layout.characters);
      y += lines.length * LINE_HEIGHT + (event.type === "end" || event.type === "reset" ? 20 : 8);
      if (y >= range.begin && top <= range.end) front.push(stateRow(event, lines, top, y));
      if (event.type === "end") lifelines[event.from].halfClosed ??= y - 8;
      if (event.type === "reset" || event.type === "close") closed ??= y - 8;
    }
  }
  for (const { x, halfClosed } of Object.values(lifelines)) {
    const end = closed ?? y;
    const half = Math.min(halfClosed ?? end, end);
    back.push(element("line", { class: "lifeline", x1: x, y1: TITLE_HEIGHT, x2: x, y2: half }));
    if (half < end) {
      back.push(element("line", { class: "lifeline half", x1: x, y1: half, x2: x, y2: end }));
    }
  }
  const isNear = (/** @type {Range} */ { begin, end }) => end >= range.begin && begin <= range.end;
  for (const { first, last, begin, end } of brackets.client.values().filter(isNear)) {
    back.push(bracket(CLIENT - 10, -7, begin, end, nameOf(first, last)));
  }
  for (const { first, last, begin, end } of brackets.server.values().filter(isNear)) {
    back.push(bracket(server + 10, 7, begin, end, nameOf(first, last)));
  }
  lane.height = y + 8;
  lane.group.setAttribute("data-connection", `${lane.number}`);
  if (lane.events.at(-1)?.type === "close") lane.group.setAttribute("data-ended", "");
  lane.group.replaceChildren(
    element("rect", { class: "paper", width, height: lane.height }),
    element("rect", { class: "title", width, height: 24, rx: 4 }),
    element("rect", {
      class: "lane",
      x: 1,
      y: 1,
      width: width - 2,
      height: lane.height - 2,
      rx: 4,
    }),
    text(8, 17, `#${lane.number} ${lane.peer}`, { class: "strong" }),
    text(width - 8, 17, lane.state, {
      class: lane.state === "reset" ? "strong error" : "faint",
      "text-anchor": "end",
    }),
    text(CLIENT, 40, "client", { class: "faint", "text-anchor": "middle" }),
    text(server, 40, "server", { class: "faint", "text-anchor": "middle" }),
    ...front,
    ...back,
  );
}

/**
 * The frames of a chunk, one above the other; where there are many, the inner ones in one slot.
 *
 * @param {Chunk} chunk
 */
function slotsOf({ parts }) {
  /** @type {Map<number, Slot>} */
  const slots = new Map();
  for (const { frame, lastFrame = frame } of parts) {
    if (frame === 0) continue;
    slots.set(frame, { first: frame, last: Math.max(lastFrame, slots.get(frame)?.last ?? 0) });
  }
  const all = [...slots.values()];
  const inner = all.slice(1, -1);
  const [begin, end] = [inner.at(0), inner.at(-1)];
  if (all.length <= MAX_LABELLED || !begin || !end) return all;
  return [...all.slice(0, 1), { first: begin.first, last: end.last }, ...all.slice(-1)];
}

/**
 * @param {number} first
 * @param {number} last
 */
function nameOf(first, last) {
  return first === last ? `${first}` : `${first}–${last}`;
}

/**
 * @param {number} x
 * @param {number} width
 * @param {number} begin
 * @param {number} end
 * @param {string} name
 */
function bracket(x, width, begin, end, name) {
  const group = element("g", { class: "frame" });
  const anchor = width < 0 ? "end" : "start";
  group.append(
    element("path", { class: "bracket", d: `M${x} ${begin}h${width}V${end}h${-width}` }),
    text(x + width * 1.5, (begin + end) / 2 + 4, name, { class: "faint", "text-anchor": anchor }),
  );
  return group;
}

/**
 * @param {Chunk} event
 * @param {number} top
 * @param {number} bottom
 */
function chunkRow(event, top, bottom) {
  const y = (top + bottom) / 2 + 2;
  const { server, middle, characters } = layout;
  const [begin, end] = event.from === "client" ? [CLIENT, server] : [server, CLIENT];
  const size = `${event.size} byte${event.size === 1 ? "" : "s"}`;
  const part = event.parts.findLast(({ kind }) => kind === "error") ?? event.parts.at(-1);
  const label = (part?.kind === "text" ? part.dump[0] : part?.label) ?? "";
  const group = element("g", {
    class: event === selected ? "chunk selected" : "chunk",
    role: "button",
    tabindex: 0,
    "aria-label": event.text,
    "data-from": event.from,
  });
  group.append(
    element("rect", {
      class: "hit",
      x: CLIENT + 4,
      y: top + 1,
      width: server - CLIENT - 8,
      height: bottom - top - 2,
      rx: 4,
    }),
    text(8, y + 4, seconds(event), { class: "faint" }),
    text(middle, y - 7, size, { class: "size", "text-anchor": "middle" }),
    ...stripe(event, begin, end, y),
    text(middle, y + 17, cut(label, characters), {
      class: event.parts.some(({ kind }) => kind === "error") ? "faint error" : "faint",
      "text-anchor": "middle",
    }),
  );
  group.addEventListener("click", () => select(event));
  group.addEventListener("keydown", (key) => {
    if (key.key !== "Enter" && key.key !== " ") return;
    key.preventDefault();
    select(event);
  });
  rows.set(event, group);
  return group;
}

/**
 * The arrow of a chunk. Its colours are its parts, in their order and their size.
 *
 * @param {Chunk} chunk
 * @param {number} begin
 * @param {number} end
 * @param {number} y
 */
function stripe({ size, parts }, begin, end, y) {
  const step = Math.sign(end - begin);
  const head = end - step * 10;
  /** @param {number} byte */
  const place = (byte) => begin + (head - begin) * byte / size;
  const bars = parts.filter((part) => part.end > part.start).map(({ kind, start, end }) => {
    const [a, b] = [place(start), place(end)];
    // However few its bytes, a part is to be seen; the next one is drawn over the rest.
    const width = Math.max(2, Math.abs(b - a));
    return element("rect", {
      class: kind,
      x: step > 0 ? a : a - width,
      y: y - 3,
      width,
      height: 6,
    });
  });
  const kind = parts.findLast((part) => part.end > part.start)?.kind ?? "raw";
  return [...bars, arrowHead(end, y, step, kind)];
}

/**
 * @param {End | Reset | Note} event
 * @param {string[]} lines
 * @param {number} top
 * @param {number} bottom
 */
function stateRow(event, lines, top, bottom) {
  const { server, middle } = layout;
  const group = element("g", { class: event.type });
  const isError = event.type === "reset";
  group.append(text(8, top + 14, seconds(event), { class: "faint" }));
  lines.forEach((line, i) => {
    group.append(text(middle, top + 14 + i * LINE_HEIGHT, line, {
      class: isError ? "faint error" : "faint",
      "text-anchor": "middle",
    }));
  });
  if (event.type !== "end" && !isError) return group;
  const y = bottom - 8;
  const kind = isError ? "rst" : "fin";
  const begin = { client: CLIENT, server, relay: middle }[event.from];
  for (const end of [CLIENT, server]) {
    if (end === begin) continue;
    const step = Math.sign(end - begin);
    group.append(
      element("line", { class: kind, x1: begin, y1: y, x2: end - step * 10, y2: y }),
      arrowHead(end, y, step, kind),
    );
  }
  if (isError) {
    const d = `M${begin - 5} ${y - 5}l10 10m0 -10l-10 10`;
    group.append(element("path", { class: "rst", d }));
  }
  return group;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} step
 * @param {string} kind
 */
function arrowHead(x, y, step, kind) {
  const points = `${x - step},${y} ${x - step * 11},${y - 6} ${x - step * 11},${y + 6}`;
  return element("polygon", { class: `head ${kind}`, points });
}

/**
 * Selects a chunk, whose bytes are then shown, or none. Nothing in the diagram moves.
 *
 * @param {Chunk | undefined} event
 */
function select(event) {
  const before = selected;
  selected = event;
  if (before) rows.get(before)?.classList.remove("selected");
  if (event) rows.get(event)?.classList.add("selected");
  showDetails();
}

/** Shows the bytes of the selected chunk: beside the diagram, or over it where there is no room beside. */
function showDetails() {
  const details = byId("details");
  const event = selected;
  details.classList.toggle("empty", event === undefined);
  if (event === undefined) {
    return details.replaceChildren(html("p", "Click an arrow to see its bytes.", "hint"));
  }
  const bar = html("div", "", "bar");
  const close = html("button", "Close");
  close.type = "button";
  close.addEventListener("click", () => select(undefined));
  bar.append(html("h2", `#${event.connection}  ${event.text}, at ${seconds(event)}`), close);
  details.replaceChildren(bar);
  for (const { kind, frame, label, dump } of event.parts) {
    details.append(
      html("h3", frame > 0 ? `${frame}: ${label}` : label, kind === "error" ? kind : ""),
    );
    const className = kind === "payload" || kind === "text" ? "content" : kind;
    const lines = NARROW.matches ? dump.flatMap(halves) : dump;
    if (dump.length > 0) details.append(html("pre", lines.join("\n"), className));
  }
  details.scrollTop = 0;
  placeDetails(details, rows.get(event)?.getBoundingClientRect());
}

/**
 * Where the bytes lie over the diagram: puts them on the side of what was clicked that has more room.
 *
 * @param {HTMLElement} details
 * @param {DOMRect | undefined} row
 */
function placeDetails(details, row) {
  const above = row?.top ?? 0;
  const below = innerHeight - (row?.bottom ?? 0);
  details.classList.toggle("above", above > below);
  details.style.setProperty("--room", `${Math.max(above, below)}px`);
}

/**
 * Splits a line of a dump after its eighth byte.
 *
 * @param {string} line
 */
function halves(line) {
  const [, place, hex, ascii] = /^([0-9a-f]+) {2}(.{48}) (.+)$/.exec(line) ?? [];
  if (!place || !hex || !ascii) return [line]; // it is no line of bytes
  const next = (parseInt(place, 16) + 8).toString(16).padStart(place.length, "0");
  const [left, right] = [hex.slice(0, 24), hex.slice(24)];
  const first = `${place}  ${left} ${ascii.slice(0, 8)}`;
  return ascii.length > 8 ? [first, `${next}  ${right} ${ascii.slice(8)}`] : [first];
}

/** Saves what is shown, with its style, as a file of its own. */
function save() {
  for (const lane of lanes.values()) {
    lane.range = { begin: -Infinity, end: Infinity };
    drawLane(lane);
  }
  const copy = /** @type {SVGElement} */ (svg.cloneNode(true));
  for (const lane of lanes.values()) lane.isDrawn = false;
  drawNow(); // so that what is out of sight is never there for longer than this
  copy.setAttribute("xmlns", SVG);
  const title = element("title");
  title.textContent = `What travelled: ${byId("route").textContent}`;
  const style = element("style");
  style.textContent = byId("diagram-style").textContent;
  copy.prepend(title, style, element("rect", { class: "paper", width: "100%", height: "100%" }));
  for (const chunk of copy.querySelectorAll(".chunk")) {
    for (const name of ["tabindex", "role"]) chunk.removeAttribute(name);
    chunk.classList.remove("selected");
  }
  const file = new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" });
  const link = html("a", "");
  link.href = URL.createObjectURL(file);
  link.download = "relay.svg";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** @param {RelayEvent} event */
function seconds({ time }) {
  return `${(time / 1000).toFixed(3)} s`;
}

/**
 * @param {string} words
 * @param {number} length
 */
function cut(words, length) {
  return words.length > length ? `${words.slice(0, length - 1)}…`.toWellFormed() : words;
}

/**
 * @param {string} words
 * @param {number} length
 */
function wrap(words, length) {
  const lines = [""];
  for (const word of words.split(" ")) {
    const line = `${lines.at(-1)} ${word}`.trim();
    if (line.length <= length) lines[lines.length - 1] = line;
    else lines.push(cut(word, length));
  }
  return lines.filter((line) => line !== "");
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function element(name, attributes = {}) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, `${value}`);
  return made;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} content
 * @param {Record<string, string>} attributes
 */
function text(x, y, content, attributes) {
  const made = element("text", { x, y, ...attributes });
  made.textContent = content;
  return made;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {string} content
 * @param {string} className
 */
function html(name, content, className = "") {
  const made = document.createElement(name);
  made.textContent = content;
  made.className = className;
  return made;
}

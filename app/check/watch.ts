// Watch mode: what changes in the learner's files, and which keys are pressed.
import { pause } from "../core/timeout.ts";

const SETTLE_TIME = 100; // milliseconds from the first change until an editor has written everything
const IGNORED = /(^|[\\/])(\.[^\\/]+|node_modules|__pycache__|target)([\\/]|$)/; // of the path in the folder

/** Something that happened: a file has changed, or a key was pressed. */
export type Happening = { changed: string } | { key: string };

/** Collects what happens, until it is disposed. */
export class Happenings implements Disposable {
  readonly #waiting: Happening[] = [];
  readonly #watcher: Deno.FsWatcher;
  readonly #isSource: (path: string) => boolean;
  #wake: () => void = () => {};

  /**
   * @param folder Where the program is started.
   * @param words Its command. The files in it say which others belong to the program.
   */
  constructor(folder: string, words: string[]) {
    const root = Deno.realPathSync(folder);
    const files = words.filter((word) => isFile(`${root}/${word}`) || isFile(word));
    const endings = new Set(files.map(endingOf));
    this.#isSource = (path) =>
      !IGNORED.test(path.slice(root.length)) &&
      (endings.size === 0 || endings.has(endingOf(path)));
    this.#watcher = Deno.watchFs(root);
    this.#watchFiles();
    Deno.stdin.setRaw(true, { cbreak: true }); // keys at once, and Ctrl-C as usual
    this.#readKeys();
  }

  /** What happens next. */
  async next(): Promise<Happening> {
    while (this.#waiting.length === 0) await new Promise<void>((wake) => this.#wake = wake);
    return this.#waiting.shift()!;
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
    Deno.stdin.setRaw(false);
  }

  #add(happening: Happening): void {
    this.#waiting.push(happening);
    this.#wake();
  }

  async #watchFiles(): Promise<void> {
    let isSettling = false;
    for await (const { kind, paths } of this.#watcher) {
      const path = kind === "access" ? undefined : paths.find(this.#isSource);
      if (path === undefined || isSettling) continue;
      isSettling = true;
      pause(SETTLE_TIME).then(() => {
        isSettling = false;
        this.#add({ changed: path });
      });
    }
  }

  async #readKeys(): Promise<void> {
    const buffer = new Uint8Array(64);
    while (true) {
      const n = await Deno.stdin.read(buffer);
      if (n === null) return this.#add({ key: "q" }); // Ctrl-D, or the terminal is gone
      const typed = new TextDecoder().decode(buffer.subarray(0, n));
      if (typed.startsWith("\x1b")) continue; // an arrow, or another key with a name
      for (const key of typed) this.#add({ key });
    }
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** What stands after the last point of a file's name. */
function endingOf(path: string): string {
  return /\.[^./\\]+$/.exec(path)?.[0] ?? "";
}

// A browser, for the tests that look at pages.
import { existsSync } from "node:fs";
import type { Page } from "playwright-core";
import { works } from "./programs.ts";

/** Where Chromium, Chrome or Edge is installed. */
export const BROWSER: string | undefined = findBrowser();

function findBrowser(): string | undefined {
  switch (Deno.build.os) {
    case "windows": { // where asking for the version would open a window
      const folders = ["ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA"].map((name) =>
        Deno.env.get(name)
      );
      const programs = [
        "Google\\Chrome\\Application\\chrome.exe",
        "Microsoft\\Edge\\Application\\msedge.exe",
      ];
      return programs.flatMap((program) => folders.map((folder) => `${folder}\\${program}`))
        .find((path) => existsSync(path));
    }
    case "darwin":
      return ["Google Chrome", "Chromium", "Microsoft Edge"]
        .map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`)
        .find((path) => existsSync(path));
    default:
      return ["chromium-headless-shell", "chromium", "google-chrome", "microsoft-edge"]
        .map((name) => `/usr/bin/${name}`)
        .find((path) => works(path, "--version")); // it may be a script that has nothing to start
  }
}

/** What Chromium says of a request that it gives up since other tests have made or removed a network. */
export const NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED";

/** The page that it shows then, which may still be on its way when the address is opened again. */
const ERROR_PAGE = "chrome-error://";

/** Opens an address, again if the networks of this machine have changed meanwhile. */
export async function visit(page: Page, url: string): Promise<void> {
  for (let attempts = 0;; attempts++) {
    try {
      await page.goto(url);
      return;
    } catch (error) {
      const { message } = error as Error;
      const isChanged = message.includes(NETWORK_CHANGED) || message.includes(ERROR_PAGE);
      if (attempts === 5 || !isChanged) throw error;
    }
  }
}

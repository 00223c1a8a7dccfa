import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { expect } from "vitest";

/** What the tests of pages use of Playwright's pages. */
export interface Page {
  goto(address: string): Promise<unknown>;
  evaluate<T>(code: string | (() => T)): Promise<T>;
  emulateMedia(options: {
    media?: "print" | "screen";
    colorScheme?: "dark" | "light";
  }): Promise<void>;
  on(event: "console" | "pageerror" | "request", listen: (what: unknown) => void): void;
  close(): Promise<void>;
  readonly keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> };
}

/** What the tests of pages use of Playwright's browser. */
export interface Browser {
  newPage(options: {
    viewport: { width: number; height: number };
    colorScheme?: "dark" | "light";
  }): Promise<Page>;
  close(): Promise<void>;
}

/** The system's Chromium; null where there is none. */
export const CHROMIUM: string | null =
  [
    process.env.CHROMIUM ?? "",
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
  ].find((path) => path !== "" && existsSync(path)) ?? null;

/** Why no browser can be used here; null where one can. */
export const NO_BROWSER: string | null = missing();

function missing(): string | null {
  if (CHROMIUM === null) return "needs Chromium: apt install chromium, or CHROMIUM=<its path>";
  return playwright() === null ? "needs playwright-core: npm ci" : null;
}

/** Starts the system's Chromium, without a window. */
export async function startBrowser(): Promise<Browser> {
  const found = playwright();
  if (found === null || CHROMIUM === null) throw new Error(NO_BROWSER ?? "no browser");
  return found.chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}

/** Waits until an expression is true on a page. Playwright's own waiting evaluates within the page, which its policy forbids. */
export async function until(page: Page, expression: string): Promise<void> {
  await expect.poll(() => page.evaluate<boolean>(expression), { timeout: 30_000 }).toBe(true);
}

/** Not imported: type checks and tests without a browser do without it. */
function playwright(): { chromium: { launch(options: object): Promise<Browser> } } | null {
  try {
    return createRequire(import.meta.url)("playwright-core");
  } catch {
    return null;
  }
}

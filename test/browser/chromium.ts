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
  readonly mouse: {
    move(x: number, y: number): Promise<void>;
    click(x: number, y: number): Promise<void>;
  };
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

/** A page that was opened. */
export interface OpenedPage {
  readonly page: Page;
  /** What went wrong on it so far: errors, whatever it says on the console, and what it asked for where it may not. */
  readonly problems: string[];
  /** What it asked for so far besides files and data. */
  readonly asked: readonly string[];
}

/** Opens a page, and collects what goes wrong. Unless it may, a page asks for nothing but files and data. */
export async function openPage(
  browser: Browser,
  viewport: { readonly width: number; readonly height: number },
  address: string,
  { mayAsk = false }: { readonly mayAsk?: boolean } = {},
): Promise<OpenedPage> {
  const page = await browser.newPage({ viewport });
  const problems: string[] = [];
  const asked: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => problems.push((message as { text(): string }).text()));
  page.on("request", (request) => {
    const url = (request as { url(): string }).url();
    if (/^(file|data):/.test(url)) return;
    asked.push(url);
    if (!mayAsk) problems.push(`asked for ${url}`);
  });
  await page.goto(address);
  return { page, problems, asked };
}

/** The text of the first element that a selector finds on a page; empty where there is none. */
export function textOf(page: Page, selector: string): Promise<string> {
  return page.evaluate<string>(
    `document.querySelector(${JSON.stringify(selector)})?.innerText ?? ""`,
  );
}

/** Waits until an expression is true on a page. Playwright's own waiting evaluates within the page, which its policy forbids. */
export async function until(page: Page, expression: string): Promise<void> {
  await expect.poll(() => page.evaluate<boolean>(expression), { timeout: 30_000 }).toBe(true);
}

/** Texts on a page with too little contrast to what is behind them (WCAG's 4.5), with what they have. */
export function faintTexts(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    // What color-mix() makes has parts of 1, other colours have parts of 255.
    const rgb = (text) => text.match(/[\\d.]+/g).map((v, i) => v * (text.startsWith("color(") && i < 3 ? 255 : 1));
    const light = (color) => {
      const [r, g, b] = rgb(color).map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
      return .2126 * r + .7152 * g + .0722 * b;
    };
    const behind = (element) => {
      for (let at = element; at !== null; at = at.parentElement) {
        const color = getComputedStyle(at).backgroundColor;
        if (rgb(color)[3] !== 0) return color;
      }
      return "rgb(255,255,255)";
    };
    const own = [...document.querySelectorAll("body *")].filter((one) =>
      one.checkVisibility() && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "") && one.namespaceURI.endsWith("xhtml"));
    return own.flatMap((one) => {
      const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
      const contrast = (a + .05) / (b + .05);
      return contrast < 4.5 ? [one.tagName + " " + one.className + " " + contrast.toFixed(2)] : [];
    });
  })()`);
}

/** Not imported: type checks and tests without a browser do without it. */
function playwright(): { chromium: { launch(options: object): Promise<Browser> } } | null {
  try {
    return createRequire(import.meta.url)("playwright-core");
  } catch {
    return null;
  }
}

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Explanation } from "../../../src/diagnose/contract/explanation.js";
import { traceHtml } from "../../../src/diagnose/page/trace-html.js";
import {
  type Browser,
  faintTexts,
  NO_BROWSER,
  openPage,
  type Page,
  startBrowser,
  textOf,
  until,
} from "../../browser/chromium.js";
import { smallTrace } from "./small-trace.js";

const WIDTHS = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const EMPTY = pathToFileURL("docs/trace.html").href;

let folder: string;
let browser: Browser;
let server: Server;
let origin: string;
/** A page with its trace within. */
let whole: string;

describe.skipIf(NO_BROWSER !== null)(
  `the page of a trace in Chromium (${NO_BROWSER ?? "there"})`,
  () => {
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "trace-page-"));
      const path = join(folder, "trace.html");
      await writeFile(path, traceHtml(smallTrace()));
      whole = pathToFileURL(path).href;
      server = createServer((request, response) => {
        response.setHeader("access-control-allow-origin", "*");
        if (request.url === "/trace.json") response.end(JSON.stringify(smallTrace()));
        else response.writeHead(404).end();
      });
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      browser = await startBrowser();
    });
    afterAll(async () => {
      await browser?.close();
      server?.close();
      await rm(folder, { recursive: true });
    });

    /** Opens a page and collects what goes wrong, and what it asks for. */
    async function open(address: string, size: keyof typeof WIDTHS = "desktop") {
      const opened = await openPage(browser, WIDTHS[size], address, { mayAsk: true });
      await until(opened.page, "document.querySelector('main') !== null");
      return opened;
    }
    const chosen = (page: Page) => textOf(page, "#answer [aria-selected=true]");
    const count = (page: Page, selector: string) =>
      page.evaluate<number>(`document.querySelectorAll(${JSON.stringify(selector)}).length`);
    const drop = (page: Page, content: string) => dropParts(page, JSON.stringify([content]));
    const dropParts = (page: Page, parts: string) =>
      page.evaluate(`(() => {
        const dropped = new DataTransfer();
        dropped.items.add(new File(${parts}, "dropped.json"));
        document.body.dispatchEvent(
          new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
      })()`);
    const press = async (page: Page, ...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
      // What keys change is drawn with the next frame.
      await page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))",
      );
    };

    test.each(["desktop", "phone"] as const)(
      "opens from a file, fits, and asks for nothing: %s",
      async (size) => {
        const { page, problems, asked } = await open(whole, size);
        await press(page, "n");
        await until(page, "document.querySelector('.frame img').naturalWidth > 0");
        expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBe(
          WIDTHS[size].width,
        );
        expect(await textOf(page, "#answer")).toBe(
          "A dog sits by a <b>chair</b>?.".replace("?", ""),
        );
        expect(await textOf(page, "footer")).toContain("hand-made-base");
        expect(await textOf(page, ".warning")).toBe("hand-made");
        expect(problems).toEqual([]);
        expect(asked).toEqual([]);
        await page.close();
      },
    );

    test("keys choose tokens, doubtful phrases and measures; the address keeps them", async () => {
      const { page, problems } = await open(whole);
      await press(page, "ArrowRight", "ArrowRight");
      expect(await chosen(page)).toBe("dog");
      expect(await textOf(page, ".detail h2")).toContain("token 2 of 7");
      await press(page, "End");
      expect(await chosen(page)).toBe(".");
      await press(page, "ArrowRight");
      expect(await chosen(page)).toBe(".");
      await press(page, "Home");
      expect(await chosen(page)).toBe("A");
      await press(page, "n");
      expect(await chosen(page)).toBe("<b>chair</b>");
      expect(await textOf(page, "[role=status]")).toContain(
        "token 6 of 7, probability 0.80, Trust in phrases 0.10, the image adds 1.50 nats, " +
          "base rank 7, shifted, <b>chair</b> is doubtful: asked back, the model says no",
      );
      expect(await textOf(page, ".detail .phrase")).toContain("trust 0.10");
      expect(await page.evaluate("document.activeElement.id")).toBe("answer");
      expect(
        await page.evaluate("document.activeElement.getAttribute('aria-activedescendant')"),
      ).toBe("token-5");
      await press(page, "/", "/");
      expect(await textOf(page, ".below .note")).toContain("under noise");
      const again = await open(await page.evaluate<string>("location.href"), "phone");
      expect(await chosen(again.page)).toBe("<b>chair</b>");
      expect(await textOf(again.page, ".below .note")).toContain("under noise");
      await press(page, "Escape");
      expect(await count(page, "[aria-selected]")).toBe(0);
      await press(page, "?");
      expect(await page.evaluate<boolean>("document.querySelector('dialog').open")).toBe(true);
      await press(page, "Escape", "ArrowLeft");
      expect(await chosen(page)).toBe(".");
      expect([...problems, ...again.problems]).toEqual([]);
      await page.close();
      await again.page.close();
    });

    test("words are coloured with another underline for each step, and doubtful ones marked", async () => {
      const { page } = await open(whole);
      const lines = await page.evaluate<string[]>(
        "[...document.querySelectorAll('.scale .token')].map((one) => getComputedStyle(one).textDecoration.replace(/rgb.*/, ''))",
      );
      expect(new Set(lines).size).toBe(5);
      expect(await count(page, "#answer .doubt")).toBe(1);
      expect(await page.evaluate("document.querySelector('#token-1').className")).toContain(
        "for-2",
      );
      expect(await page.evaluate("document.querySelector('#token-5').className")).toContain(
        "against-3",
      );
      await press(page, "/", "/", "/");
      expect(await page.evaluate("document.querySelector('#token-3').className")).toContain(
        "against-3",
      );
      expect(await count(page, "#answer .doubt")).toBe(0);
      await page.close();
    });

    test("a pointer shows a word for as long as it is there; a tap keeps it", async () => {
      const { page } = await open(whole);
      const [x, y] = await page.evaluate<[number, number]>(
        "(({ x, y, width, height }) => [x + width / 2, y + height / 2])(document.querySelector('#token-1').getBoundingClientRect())",
      );
      await page.mouse.move(x, y);
      await until(page, "document.querySelector('.detail h2')?.innerText.includes('dog') === true");
      await page.mouse.move(5, 5);
      await until(page, "document.querySelector('.detail h2') === null");
      await page.mouse.click(x, y);
      await page.mouse.move(5, 5);
      await until(page, "document.querySelector('.detail h2')?.innerText.includes('dog') === true");
      await page.close();
    });

    test("shows what each view finds likely with the answer's token among it, and the map of a token", async () => {
      const { page } = await open(whole);
      await press(page, "n");
      const views = await page.evaluate<string[]>(
        "[...document.querySelectorAll('.views section')].map((one) => one.innerText)",
      );
      expect(views.map((view) => view.split("\n")[0])).toEqual([
        "As it is",
        "Image under noise",
        "Without the image",
        "Base LLM",
      ]);
      for (const view of views) expect(view).toContain("chair");
      expect(views[2]).toContain("difference +1.50 nats");
      expect(views[3]).toContain("rank 7: shifted");
      expect(await textOf(page, ".detail")).toContain("row 2 of 2, column 1 of 2");
      const pixels = "document.querySelector('canvas').getContext('2d').getImageData(0, 0, 2, 2)";
      const data = await page.evaluate<number[]>(`[...${pixels}.data]`);
      expect([3, 7, 11, 15].map((i) => data[i])).toEqual([17, 34, 255, 0]);
      expect(data.slice(8, 11)).toEqual([230, 159, 0]);
      expect(data[6]).toBeGreaterThan(150); // what speaks against a token is blue
      await page.evaluate(
        "(() => { const range = document.querySelector('[type=range]'); range.value = .2; range.dispatchEvent(new Event('input', { bubbles: true })); })()",
      );
      await until(page, "document.querySelector('canvas').style.opacity === '0.2'");
      await press(page, "ArrowLeft");
      await until(page, "document.querySelector('canvas') === null");
      await page.close();
    });

    test("opens a file that is dropped, and tells what is wrong with one that is no trace", async () => {
      const { page, problems, asked } = await open(EMPTY);
      expect(await textOf(page, "h1")).toBe("Open a trace");
      await drop(page, "{");
      await until(page, "document.querySelector('[role=alert]') !== null");
      expect(await textOf(page, "[role=alert]")).toContain("dropped.json cannot be shown");
      await drop(page, JSON.stringify(smallTrace("A red cat.")));
      await until(page, "document.querySelector('#answer')?.innerText === 'A red cat.'");
      expect(await count(page, "[role=alert]")).toBe(0);
      await drop(page, JSON.stringify({ ...smallTrace(), answer: 3 }));
      await until(page, "document.querySelector('[role=alert]') !== null");
      expect(await textOf(page, "[role=alert]")).toContain("answer: ");
      expect(await textOf(page, "#answer")).toBe("A red cat.");
      await dropParts(page, "Array(129).fill(new Uint8Array(2 ** 20))");
      await until(page, "document.querySelector('[role=alert]').innerText.includes('129 MiB')");
      expect(problems).toEqual([]);
      expect(asked).toEqual([]);
      await page.close();
    });

    test("?trace= opens an address, and tells of one that it cannot", async () => {
      const good = await open(
        `${EMPTY}?trace=${encodeURIComponent(`${origin}/trace.json`)}#token=2`,
      );
      await until(good.page, "document.querySelector('#answer') !== null");
      expect(await chosen(good.page)).toBe("dog");
      expect(good.asked).toEqual([`${origin}/trace.json`]);
      expect(good.problems).toEqual([]);
      const failing = [
        [`${origin}/none.json`, "the server answered 404"],
        ["other.json", "only http and https"],
      ] as const;
      for (const [address, problem] of failing) {
        const { page } = await open(`${EMPTY}?trace=${encodeURIComponent(address)}`);
        await until(page, "document.querySelector('[role=alert]') !== null");
        expect(await textOf(page, "[role=alert]")).toContain(problem);
        await page.close();
      }
      await good.page.close();
    });

    test("texts of a trace make no elements", async () => {
      const { page } = await open(whole);
      await press(page, "n");
      expect(await textOf(page, ".question")).toContain("<i>here</i>");
      expect(await count(page, "#answer b, .question i, .views li span b:not([aria-hidden])")).toBe(
        0,
      );
      await page.close();
    });

    test("10,000 tokens are shown and walked through", async () => {
      const words = Array.from({ length: 10_000 }, (_, i) => `w${i}`).join(" ");
      const { page, problems } = await open(EMPTY);
      await drop(page, JSON.stringify(smallTrace(words)));
      await until(page, "document.querySelectorAll('#answer .token').length === 10000");
      await press(page, "ArrowLeft", "ArrowUp");
      const index = await page.evaluate<number>(
        "Number(document.querySelector('[aria-selected]').id.slice(6))",
      );
      expect(index).toBeGreaterThan(9_900);
      expect(index).toBeLessThan(9_999);
      await press(page, "/");
      await until(page, "document.querySelector('#token-9000').className.includes('for-2')");
      const seen = await page.evaluate<boolean>(
        "((token, box) => token.top >= box.top && token.bottom <= box.bottom + 1)(document.querySelector('[aria-selected]').getBoundingClientRect(), document.querySelector('#answer').getBoundingClientRect())",
      );
      expect(seen).toBe(true);
      expect(problems).toEqual([]);
      await page.close();
    });

    test("texts stand out from what is behind them, by day, by night and on paper", async () => {
      const { page } = await open(whole);
      await press(page, "n");
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await faintTexts(page)).toEqual([]);
      }
      await page.emulateMedia({ media: "print" });
      expect(await faintTexts(page)).toEqual([]);
      expect(await page.evaluate("document.querySelector('.buttons').checkVisibility()")).toBe(
        false,
      );
      await page.close();
    });

    test("a trace with little in it is shown as far as it goes", async () => {
      const { tokens, ...rest } = smallTrace();
      const bare: Explanation = {
        ...{ ...rest, base: null, image: null, phrases: [] },
        tokens: tokens.map(({ map: _, ...one }) => ({
          ...{ ...one, distorted: null, imageless: null, base: null },
        })),
      };
      const { page, problems } = await open(EMPTY, "phone");
      await drop(page, JSON.stringify(bare));
      await until(page, "document.querySelector('#answer') !== null");
      await press(page, "ArrowRight");
      expect(await count(page, ".views section")).toBe(1);
      expect(
        await page.evaluate("[...document.querySelectorAll('option')].map((one) => one.value)"),
      ).toEqual(["probability", "entropy"]);
      expect(problems).toEqual([]);
      await page.close();
    });
  },
);

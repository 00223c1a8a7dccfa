import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { evaluate } from "../../../src/eval/evaluate.js";
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
import { seeingModel, smallRequest, writeSet } from "../small-run.js";

const WIDTHS = { desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } };
const READY = "document.querySelectorAll('#explorer .row span').length > 0";

let folder: string;
let browser: Browser;

describe.skipIf(NO_BROWSER !== null)(
  `the page of a report in Chromium (${NO_BROWSER ?? "there"})`,
  () => {
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "report-page-"));
      const request = await smallRequest(folder, await writeSet(folder));
      await evaluate(seeingModel(), request);
      browser = await startBrowser();
    });
    afterAll(async () => {
      await browser?.close();
      await rm(folder, { recursive: true });
    });

    /** Opens the report and collects what goes wrong. */
    async function open(
      size: keyof typeof WIDTHS,
      { hash = "" }: { hash?: string } = {},
    ): Promise<{ page: Page; problems: string[] }> {
      const address = `${pathToFileURL(join(folder, "out", "report.html"))}${hash}`;
      const { page, problems } = await openPage(browser, WIDTHS[size], address);
      await until(page, READY);
      return { page, problems };
    }

    test.each(["desktop", "phone"] as const)(
      "opens from a file without fault, and fits: %s",
      async (size) => {
        const { page, problems } = await open(size);
        expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBe(
          WIDTHS[size].width,
        );
        expect(await textOf(page, "#overview h2")).toContain("Which method helps");
        expect(await page.evaluate<number>("document.querySelectorAll('.forest').length")).toBe(2);
        await until(page, "document.querySelector('#explorer img')?.naturalWidth > 0");
        expect(problems).toEqual([]);
        await page.close();
      },
    );

    test("keys, filters and search choose questions, and the address keeps what is looked at", async () => {
      const { page, problems } = await open("desktop", { hash: "#show=all" });
      const question = () => textOf(page, ".detail .prompt");
      const status = () => textOf(page, "#explorer [role=status]");
      expect(await status()).toBe("24 of 24 questions");
      await until(page, "document.querySelector('.detail .prompt') !== null");
      await page.keyboard.press("j");
      await until(page, "document.querySelector('.detail .prompt').innerText.includes('person')");
      expect(await page.evaluate<string>("location.hash")).toContain("question=2");
      await page.keyboard.press("k");
      await until(page, "document.querySelector('.detail .prompt').innerText.includes('dog')");
      await page.keyboard.press("/");
      await page.keyboard.type("PERSON");
      await until(
        page,
        "document.querySelector('#explorer [role=status]').innerText.startsWith('12 of')",
      );
      expect(await question()).toContain("person");
      const hash = await page.evaluate<string>("location.hash");
      expect(hash).toContain("search=PERSON");
      const again = await open("phone", { hash });
      await until(
        again.page,
        "document.querySelector('#explorer [role=status]').innerText.startsWith('12 of')",
      );
      expect(await textOf(again.page, ".detail .prompt")).toBe(await question());
      await page.keyboard.press("Escape");
      await page.keyboard.press("?");
      expect(await page.evaluate<boolean>("document.querySelector('dialog').open")).toBe(true);
      expect([...problems, ...again.problems]).toEqual([]);
      await page.close();
      await again.page.close();
    });

    test("what an answer says is text: tags in it make no elements", async () => {
      const { page } = await open("desktop", { hash: "#show=all&question=2" });
      await until(page, "document.querySelector('.pair blockquote') !== null");
      expect(await textOf(page, ".pair blockquote")).toContain("<b>there</b");
      expect(
        await page.evaluate<number>("document.querySelectorAll('.pair blockquote b').length"),
      ).toBe(0);
      await page.close();
    });

    test("intervals are shown on demand, by keyboard too, and on paper", async () => {
      const { page } = await open("desktop");
      const shown = () =>
        page.evaluate<string>("getComputedStyle(document.querySelector('.forest .sure')).display");
      expect(await shown()).toBe("none");
      await page.evaluate("document.querySelector('#with-intervals').focus()");
      await page.keyboard.press("Space");
      expect(await shown()).toBe("block");
      await page.keyboard.press("Space");
      await page.emulateMedia({ media: "print" });
      expect(await shown()).toBe("block");
      await page.close();
    });

    test("texts stand out from what is behind them, by day and by night", async () => {
      for (const colorScheme of ["light", "dark"] as const) {
        const { page } = await open("desktop");
        await page.emulateMedia({ colorScheme });
        expect(await faintTexts(page)).toEqual([]);
        await page.close();
      }
    });
  },
);

import { expect, test } from "vitest";
import { DatasetError } from "../../../src/errors.js";
import { csvLines } from "../../../src/eval/data/csv-rows.js";

/** Rows of a text in pieces of so many characters. */
async function rowsOf(text: string, size = text.length): Promise<unknown[]> {
  const pieces = async function* () {
    for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
  };
  let lines = "";
  for await (const some of csvLines(pieces(), "a.csv")) lines += some;
  return lines
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);
}

test("rows are the same however the text is cut, with line ends of any kind", async () => {
  const text = [
    ',text,"a ""b"""\r\n',
    '0,"Yes, ""dog""\r\nthere",x"y\r\n\r\n',
    '1,No 😀,\n2,"",""\r',
    '"3",caf\u00e9 ,"a\n"',
  ].join("");
  for (let size = 1; size < text.length; size++) {
    expect(await rowsOf(text, size)).toEqual([
      { column0: "0", text: 'Yes, "dog"\r\nthere', 'a "b"': 'x"y' },
      { column0: "1", text: "No 😀" },
      { column0: "2" },
      { column0: "3", text: "caf\u00e9 ", 'a "b"': "a\n" },
    ]);
  }
});

test("columns and values named like what every object has", async () => {
  expect((await rowsOf("__proto__,toString\n1,2\n")).map((row) => JSON.stringify(row))).toEqual([
    '{"__proto__":"1","toString":"2"}',
  ]);
});

test("nothing but a header, and nothing at all, are no rows", async () => {
  expect(await rowsOf("id,text\n")).toEqual([]);
  expect(await rowsOf("")).toEqual([]);
});

test.each([
  [
    "id,text\n1,a\n2,b,c\n",
    "row 2: received 3 values; expected 2, as many as the header has columns",
  ],
  ["id,text\n1\n", "row 1: received 1 values; expected 2"],
  ['id,text\n1,"a\n2,b\n', "row 1: a quote that is not closed; close it"],
  ['id,"text\n1,a\n', "header: a quote that is not closed; close it"],
  ['id,text\n1,a\n2,"a"b\n', "row 2: text behind a closing quote; expected a comma"],
  ["id,text,text\n1,a,b\n", 'header: columns 2 and 3 are both named "text"; rename one'],
  ["id;text\n1;a\n", 'header: received one column, "id;text"; expected columns split by commas'],
  [`id\n"${"y".repeat(2 ** 26 + 1)}"`, "row 1: more than 67108864 characters; close its quotes"],
])("%.20j is refused by row", async (text, message) => {
  const error: unknown = await rowsOf(text, 2 ** 20).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(DatasetError);
  expect((error as DatasetError).message).toContain(`a.csv ${message}`);
});

import { expect, test } from "vitest";
import { EXIT_STATUS, GroundsightError, InvalidArgumentError } from "../src/errors.js";

test("an error has its class name, code and cause, and is recognised by its brand", () => {
  const cause = new Error("inner");
  const error = new InvalidArgumentError("beta: received 2; expected 0 to 1", { cause });
  expect(error).toMatchObject({ name: "InvalidArgumentError", code: "INVALID_ARGUMENT", cause });
  expect(GroundsightError.isInstance(error)).toBe(true);
  expect(GroundsightError.isInstance(new Error("other"))).toBe(false);
});

test("wrong use exits 2, failure exits 1", () => {
  expect(EXIT_STATUS.INVALID_ARGUMENT).toBe(2);
  expect(EXIT_STATUS.INFERENCE).toBe(1);
});

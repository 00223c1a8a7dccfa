import { GroundsightError } from "../errors.js";

/**
 * An error of a batch, saying which of its requests it belongs to: a copy, since several may fail of one. A request
 * alone is not numbered.
 *
 * @param count requests of the batch
 */
export function ofRequest(index: number, count: number, error: unknown): unknown {
  if (count === 1 || !GroundsightError.isInstance(error)) return error;
  const named: Error = Reflect.construct(Error, [], error.constructor);
  Object.defineProperties(named, Object.getOwnPropertyDescriptors(error));
  named.message = `request ${index}: ${error.message}`;
  return named;
}

import type { SettingsSchema } from "../arguments/settings.js";
import type { Method } from "../engine/method.js";

/** A method for people and programs that choose by name. */
export interface MethodEntry {
  readonly name: string;
  /** One line of what it does. */
  readonly summary: string;
  /** Whom it follows: authors, year, arXiv number; absent for controls of our own. */
  readonly paper?: string;
  /** What an answer costs beside `regular`: streams decoded, passes beforehand. */
  readonly cost: string;
  /** Its settings: flags, help, checks and JSON come from here. */
  readonly settings: SettingsSchema;
  /** Makes the method; settings that are left out take their default, methods and assets among them are values. */
  readonly create: (options: object) => Method;
}

/** Every code an error of this package can carry. */
export type GroundsightErrorCode =
  | "INVALID_ARGUMENT"
  | "SHAPE"
  | "UNSUPPORTED_CAPABILITY"
  | "MODEL_LOAD"
  | "INFERENCE"
  | "DATASET"
  | "ABORTED";

/** Exit status of the command line for each code: 1 is a failure, 2 is wrong use. */
export const EXIT_STATUS: Readonly<Record<GroundsightErrorCode, 1 | 2>> = {
  INVALID_ARGUMENT: 2,
  SHAPE: 1,
  UNSUPPORTED_CAPABILITY: 2,
  MODEL_LOAD: 1,
  INFERENCE: 1,
  DATASET: 1,
  ABORTED: 1,
};

const BRAND: unique symbol = Symbol.for("groundsight.error");

/**
 * Root of every error thrown on purpose. Its message says what was received, what was expected and
 * what to do. `isInstance` also recognises errors of another installed copy of this package, and
 * errors that crossed a worker boundary.
 */
export class GroundsightError extends Error {
  /** Tells the class, also where `instanceof` cannot. */
  readonly code: GroundsightErrorCode;

  constructor(code: GroundsightErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** True for errors of this package, those of another copy of it included. */
  static isInstance(value: unknown): value is GroundsightError {
    return value instanceof Error && (value as { [BRAND]?: unknown })[BRAND] === true;
  }
}

/** An option or argument has a value that is not allowed. */
export class InvalidArgumentError extends GroundsightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("INVALID_ARGUMENT", message, options);
  }
}

/** An array or tensor has the wrong length or shape. */
export class ShapeError extends GroundsightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("SHAPE", message, options);
  }
}

/** A method or option needs something that this model or runtime does not offer. */
export class UnsupportedCapabilityError extends GroundsightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("UNSUPPORTED_CAPABILITY", message, options);
  }
}

/** A checkpoint is missing, incomplete, corrupt or of an unknown family, an adapter cannot be merged into it, or a server gives no model. */
export class ModelLoadError extends GroundsightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("MODEL_LOAD", message, options);
  }
}

/** Running the model failed, or it returned numbers that are no numbers. */
export class InferenceError extends GroundsightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("INFERENCE", message, options);
  }
}

/** A data file or image cannot be read. */
export class DatasetError extends GroundsightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("DATASET", message, options);
  }
}

/** The caller's abort signal fired. */
export class AbortedError extends GroundsightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("ABORTED", message, options);
  }
}

/** An error as it crosses to another thread or process. */
export interface SentError {
  readonly code: GroundsightErrorCode | undefined;
  readonly name: string;
  readonly message: string;
}

/** An error in the form that crosses to another thread or process. */
export function sentError(error: unknown): SentError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { name, message, code: GroundsightError.isInstance(error) ? error.code : undefined };
}

/** The error as it is thrown where it was received: of the same class. */
export function receivedError({ code, name, message }: SentError): Error {
  const error = code === undefined ? new Error(message) : new CLASSES[code](message);
  error.name = name;
  return error;
}

const CLASSES: Readonly<Record<GroundsightErrorCode, new (message: string) => GroundsightError>> = {
  INVALID_ARGUMENT: InvalidArgumentError,
  SHAPE: ShapeError,
  UNSUPPORTED_CAPABILITY: UnsupportedCapabilityError,
  MODEL_LOAD: ModelLoadError,
  INFERENCE: InferenceError,
  DATASET: DatasetError,
  ABORTED: AbortedError,
};

/** A package that is installed by choice. */
export interface OptionalPackage {
  readonly name: string;
  readonly version: string;
  /** What needs it. */
  readonly use: string;
  /** Flags that its installation wants. */
  readonly flags?: string;
}

/**
 * What to say when the import of a package failed that a user installs only for what needs it. The import itself stands
 * in a `try` beside its use, which tells bundlers that the package may be missing.
 */
export function importFailure(
  { name, version, use, flags }: OptionalPackage,
  cause: unknown,
): UnsupportedCapabilityError {
  const { code, message } = cause as NodeError;
  const install = `npm install ${name}@${version}${flags === undefined ? "" : ` ${flags}`}`;
  const isMissing =
    (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") && message.includes(name);
  return new UnsupportedCapabilityError(
    isMissing
      ? `${use} needs the package ${name}, which is not installed; run: ${install}`
      : `${use} needs the package ${name}, which cannot be loaded: ${message}. Install it again for this platform: ${install}`,
    { cause },
  );
}

type NodeError = Error & { readonly code?: string };

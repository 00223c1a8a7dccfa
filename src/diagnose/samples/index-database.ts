import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { DatasetError, importFailure } from "../../errors.js";
import { DUCKDB_PACKAGE } from "../../eval/index.js";

/** What an index was made of. */
export interface IndexFacts {
  readonly schemaVersion: 1;
  readonly model: { readonly id: string; readonly hash: string; readonly dtype: string };
  /** Numbers of an image's vector. */
  readonly width: number;
  /** SHA-256 of the samples. */
  readonly samples: string;
  /** Images that the samples are about. */
  readonly images: number;
}

/** An image of the samples with its likeness to another one. */
export interface Neighbour {
  readonly image: string;
  /** Cosine of both images' vectors, -1 to 1. */
  readonly similarity: number;
  /** All that the samples say about it. */
  readonly texts: readonly string[];
}

const SCHEMA_VERSION = 1;

/** Vectors of images and the texts about them, in one file. Search is exact: every vector is compared. */
export class IndexDatabase {
  readonly #duck: Duck;
  readonly #connection: DuckDBConnection;
  readonly #close: () => void;

  private constructor(duck: Duck, connection: DuckDBConnection, close: () => void) {
    this.#duck = duck;
    this.#connection = connection;
    this.#close = close;
  }

  /**
   * Opens the index in a file; for writing, one that is not there is made.
   *
   * @throws DatasetError when the file is missing, is no index or is in use
   * @throws UnsupportedCapabilityError when DuckDB is not installed, with the command that installs it
   */
  static async open(path: string, access: "read" | "write"): Promise<IndexDatabase> {
    const found = await stat(path).catch(() => null);
    if (access === "read" && found?.isFile() !== true) {
      throw new DatasetError(
        `${path}: no index; make one with 'groundsight index build <samples> --images <folder> --out ${path}'`,
      );
    }
    const duck = await loadDuckDb();
    try {
      // An absolute path cannot be taken for an address or a database in memory.
      const instance = await duck.DuckDBInstance.create(resolve(path), {
        access_mode: access === "read" ? "READ_ONLY" : "READ_WRITE",
        autoinstall_known_extensions: "false",
        autoload_known_extensions: "false",
        enable_external_access: "false",
      });
      const connection = await instance.connect();
      return new IndexDatabase(duck, connection, () => {
        connection.closeSync();
        instance.closeSync();
      });
    } catch (cause) {
      throw unusable(path, cause);
    }
  }

  /** What the index was made of; null of an empty one. */
  async facts(path: string): Promise<IndexFacts | null> {
    const tables = await this.#rows("SELECT table_name FROM duckdb_tables()");
    if (tables.length === 0) return null;
    try {
      const [row] = await this.#rows("SELECT facts FROM index_facts");
      const facts = JSON.parse(String(row?.facts)) as IndexFacts;
      if (facts.schemaVersion === SCHEMA_VERSION) return facts;
      throw new Error(`schema version ${facts.schemaVersion}; expected ${SCHEMA_VERSION}`);
    } catch (cause) {
      throw unusable(path, cause);
    }
  }

  /** Lays an index out: facts, and the texts about each image. */
  async begin(
    facts: IndexFacts,
    texts: readonly { readonly image: string; readonly text: string }[],
  ): Promise<void> {
    await this.#connection.run("BEGIN");
    await this.#connection.run("CREATE TABLE index_facts (facts VARCHAR)");
    await this.#connection.run("CREATE TABLE texts (image VARCHAR, text VARCHAR, place INTEGER)");
    await this.#connection.run(
      `CREATE TABLE images (image VARCHAR PRIMARY KEY, vector FLOAT[${facts.width}])`,
    );
    await this.#connection.run("INSERT INTO index_facts VALUES ($1)", [JSON.stringify(facts)]);
    const rows = await this.#connection.createAppender("texts");
    for (const [place, { image, text }] of texts.entries()) {
      rows.appendVarchar(image);
      rows.appendVarchar(text);
      rows.appendInteger(place);
      rows.endRow();
    }
    rows.closeSync();
    await this.#connection.run("COMMIT");
  }

  /** Names of the images that have a vector. */
  async images(): Promise<ReadonlySet<string>> {
    return new Set(
      (await this.#rows("SELECT image FROM images")).map(({ image }) => String(image)),
    );
  }

  /** Stores vectors; they are on the disk when it returns. */
  async add(vectors: ReadonlyMap<string, Float32Array>): Promise<void> {
    await this.#connection.run("BEGIN");
    for (const [image, vector] of vectors) {
      const statement = await this.#connection.prepare("INSERT INTO images VALUES ($1, $2)");
      statement.bindVarchar(1, image);
      this.#bind(statement, 2, vector);
      await statement.run();
      statement.destroySync();
    }
    await this.#connection.run("COMMIT");
  }

  /** The `k` images that are most like a vector, the likest first; equally like ones by name. */
  async nearest(vector: Float32Array, k: number): Promise<Neighbour[]> {
    const statement = await this.#connection.prepare(
      `WITH near AS (
        SELECT image, 1 - array_cosine_distance(vector, $1) AS similarity FROM images
        ORDER BY similarity DESC, image LIMIT ${k})
      SELECT near.image, similarity, list(text ORDER BY place) AS texts
      FROM near JOIN texts ON near.image = texts.image
      GROUP BY near.image, similarity ORDER BY similarity DESC, near.image`,
    );
    this.#bind(statement, 1, vector);
    const rows = (await statement.runAndReadAll()).getRowObjectsJS();
    statement.destroySync();
    return rows.map(({ image, similarity, texts }) => ({
      image: String(image),
      similarity: Number(similarity),
      texts: texts as string[],
    }));
  }

  close(): void {
    this.#close();
  }

  async #rows(sql: string): Promise<Record<string, unknown>[]> {
    return (await this.#connection.runAndReadAll(sql)).getRowObjectsJS();
  }

  #bind(
    statement: Awaited<ReturnType<DuckDBConnection["prepare"]>>,
    place: number,
    vector: Float32Array,
  ): void {
    const { ARRAY, FLOAT, arrayValue } = this.#duck;
    statement.bindArray(place, arrayValue([...vector]), ARRAY(FLOAT, vector.length));
  }
}

type Duck = typeof import("@duckdb/node-api");

/** Loaded when it is needed: not everybody has it installed. */
async function loadDuckDb(): Promise<Duck> {
  try {
    return await import("@duckdb/node-api");
  } catch (cause) {
    throw importFailure({ ...DUCKDB_PACKAGE, use: "an index of tuning samples" }, cause);
  }
}

function unusable(path: string, cause: unknown): DatasetError {
  const { message } = cause as Error;
  const remedy = /lock/i.test(message)
    ? "another program uses it; wait for it"
    : "name a file of 'groundsight index build', or another --out";
  return new DatasetError(`${path}: no index that can be used (${message}); ${remedy}`, { cause });
}

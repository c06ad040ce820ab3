// Events as a file: page by page from one point in time, in the order of the table, as CSV or NDJSON. Knows no browser.
import type { Answer, Hit, Json } from "../api";
import { valuesAt } from "../documents";
import { csv } from "../format";
import type { Source } from "./paging";

export type Format = "csv" | "ndjson";
type Wanted = {
  format: Format;
  /** The columns of the CSV file. */
  columns: string[];
  /** A mark at the head by which spreadsheets know UTF-8. */
  hasBom: boolean;
};

/** More rows than a browser should hold as one file; a script with `search_after` takes over from there. */
export const ROWS_MAX = 1_000_000;

/** One event as a row: several values of a field stand in one cell. A number stays one, so that a negative one is not taken for a formula. */
function row(hit: Hit, columns: string[]): (string | number)[] {
  return columns.map((name) => {
    const text = name === "_id" ? hit._id : name === "_index" ? hit._index : valuesAt(hit._source, name).join(", ");
    return /^-\d/.test(text) && String(Number(text)) === text ? Number(text) : text;
  });
}

/** The names of the columns. A plain name calls nothing, so `@timestamp` stays what scripts look for; a stranger one is a cell like others. */
export const header = (columns: string[]): string => `${columns.map((it) => (/^@?[\w.]+$/.test(it) ? it : csv([[it]]).trimEnd())).join(",")}\r\n`;

export function chunk(hits: Hit[], wanted: Wanted): string {
  if (wanted.format === "ndjson") return hits.map((it) => `${JSON.stringify({ _index: it._index, _id: it._id, _source: it._source })}\n`).join("");
  return csv(hits.map((it) => row(it, wanted.columns)));
}

type Done = { parts: string[]; rows: number; total: number };

/**
 * Reads all pages. `progress` is told after each; what is read so far ends with the signal, as an error.
 * @throws what the server refused, and where a part of the data could not be read: half a file would look like a whole one.
 */
export async function exported(source: Source, wanted: Wanted, signal: AbortSignal, progress: (rows: number, total: number) => void): Promise<Done> {
  const parts = wanted.format === "csv" ? [`${wanted.hasBom ? "\uFEFF" : ""}${header(wanted.columns)}`] : [];
  let rows = 0;
  let total = 0;
  let after: Json[] | undefined;
  const pit = await source.open(signal);
  try {
    while (rows < ROWS_MAX) {
      const answer: Answer = await source.page(pit, after, signal);
      signal.throwIfAborted();
      const failure = answer._shards.failures?.[0];
      if (failure) throw new Error(`${failure.index}: ${failure.reason.reason}`);
      const { hits } = answer.hits;
      total = answer.hits.total?.value ?? total;
      if (hits.length === 0) break;
      parts.push(chunk(hits, wanted));
      rows += hits.length;
      after = hits[hits.length - 1]!.sort;
      progress(rows, total);
      if (rows >= total) break;
    }
  } finally {
    source.close(pit);
  }
  return { parts, rows, total };
}

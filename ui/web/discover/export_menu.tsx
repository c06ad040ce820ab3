// The export of what the table asks: format, columns, progress, cancel.
import { useEffect, useRef, useState } from "preact/hooks";
import { fields, search, type Body } from "../api";
import { saveParts } from "../download";
import { number } from "../format";
import { language } from "../i18n";
import { messageOf } from "../load";
import { state, type State } from "../state";
import { shownColumns } from "./columns";
import { exported, ROWS_MAX, type Format } from "./export";
import { eventsBody, pages } from "./question";
import { t } from "./texts";

/** Rows of a page: few where whole events are asked for. */
const PAGE = { columns: 2_000, all: 500 };
type Which = keyof typeof PAGE;

/** The fields that at least one of the events has, counted by the server: a column for each of hundreds would be empty. */
async function usedFields(now: State, body: Body, signal: AbortSignal): Promise<string[]> {
  const names = (await fields(now.stream, signal)).map((it) => it.name);
  const aggs = Object.fromEntries(names.map((field, at): [string, Body] => [`f${at}`, { filter: { exists: { field } } }]));
  const answer = await search(now.stream, { size: 0, track_total_hits: false, query: body.query ?? null, aggs }, signal);
  const count = (at: number) => (answer.aggregations?.[`f${at}`] as unknown as { doc_count: number }).doc_count;
  return names.filter((_, at) => count(at) > 0);
}

type Running = { rows: number; total: number } | { error: string } | { rows: number; total: number; isDone: true } | null;

export function ExportMenu() {
  const [format, setFormat] = useState<Format>("csv");
  const [which, setWhich] = useState<Which>("columns");
  const [hasBom, setBom] = useState(true);
  const [running, setRunning] = useState<Running>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);
  const start = async () => {
    const { signal } = (abort.current = new AbortController());
    const now = state.value;
    const shown = ["@timestamp", ...shownColumns(now.columns)];
    setRunning({ rows: 0, total: 0 });
    try {
      const body = eventsBody(now, Date.now());
      const columns = which === "columns" ? [...new Set(shown)] : format === "csv" ? ["_index", "_id", ...(await usedFields(now, body, signal))] : [];
      const source = pages(now.stream, which === "columns" ? { ...body, _source: columns } : body, () => PAGE[which]);
      const done = await exported(source, { format, columns, hasBom }, signal, (rows, total) => setRunning({ rows, total }));
      saveParts(`${now.stream.replace(/[^\w.-]+/g, "_")}-${new Date().toISOString().slice(0, 19).replace(/:/g, "")}.${format}`, format === "csv" ? "text/csv" : "application/x-ndjson", done.parts);
      setRunning({ rows: done.rows, total: done.total, isDone: true });
    } catch (error) {
      setRunning(signal.aborted ? null : { error: messageOf(error) });
    }
  };
  const isBusy = running !== null && "rows" in running && !("isDone" in running);
  const count = (value: number) => number(value, language.value);
  return (
    <form
      class="export"
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <label>
        {t("format")}{" "}
        <select value={format} disabled={isBusy} onChange={(event) => setFormat(event.currentTarget.value as Format)}>
          <option value="csv">CSV</option>
          <option value="ndjson">NDJSON</option>
        </select>
      </label>
      <label>
        {t("fields")}{" "}
        <select value={which} disabled={isBusy} onChange={(event) => setWhich(event.currentTarget.value as Which)}>
          <option value="columns">{t("exportColumns")}</option>
          <option value="all">{t("exportAll")}</option>
        </select>
      </label>
      {format === "csv" && (
        <label>
          <input type="checkbox" checked={hasBom} disabled={isBusy} onChange={() => setBom(!hasBom)} /> {t("withBom")}
        </label>
      )}
      {!isBusy && (
        <button type="submit" class="primary">
          {t("export")}
        </button>
      )}
      {isBusy && running && "rows" in running && (
        <>
          <progress aria-label={t("export")} value={running.rows} max={Math.max(1, running.total)} />
          <span role="status">{t("exportedRows", count(running.rows), count(running.total))}</span>
          <button type="button" onClick={() => abort.current?.abort()}>
            {t("cancel")}
          </button>
        </>
      )}
      {running && "isDone" in running && (
        <p role="status" data-testid="exported">
          {t(running.rows < running.total ? "exportedPart" : "exportedAll", count(running.rows), count(ROWS_MAX))}
        </p>
      )}
      {running && "error" in running && (
        <p class="bad" role="alert">
          {t("error")}: {running.error}
        </p>
      )}
    </form>
  );
}

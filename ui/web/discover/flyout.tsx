// One event beside the table: its fields with what can be done with them, the raw line, the whole as JSON, and what happened around it.
import { useEffect, useRef, useState } from "preact/hooks";
import { search, type Hit } from "../api";
import { flatten, valuesAt } from "../documents";
import { time } from "../format";
import { useAsk } from "../load";
import { CopyButton, Failed, FilterButtons, Loading, Nothing } from "../parts";
import { addFilter, go, link, state, utc } from "../state";
import { shownColumns, toggled } from "./columns";
import { Surrounding } from "./surrounding";
import { t } from "./texts";

const TABS = ["fields", "json", "surrounding"] as const;
type Tab = (typeof TABS)[number];
const TITLES = { fields: "fields", json: "asJson", surrounding: "surrounding" } as const;

/** The index and id of an event, as the URL has it. */
function partsOf(event: string): { index: string; id: string } {
  const at = event.indexOf("/");
  return { index: event.slice(0, at), id: event.slice(at + 1) };
}

export function Flyout() {
  const { event } = state.value;
  const [tab, setTab] = useState<Tab>("fields");
  const box = useRef<HTMLDivElement>(null);
  const loaded = useAsk(event, 0, async (signal) => {
    const { index, id } = partsOf(event);
    return (await search(index, { size: 1, query: { ids: { values: [id] } } }, signal)).hits.hits[0] ?? null;
  });
  const close = () => go({ event: "" });
  useEffect(() => {
    const opener = document.activeElement;
    box.current?.focus();
    return () => {
      // Back to where the reader came from: the row of the event, if it is drawn.
      const row = [...document.querySelectorAll<HTMLElement>("[data-event]")].find((it) => it.dataset.event === lastOpen);
      (row ?? (opener instanceof HTMLElement ? opener : null))?.focus();
    };
  }, []);
  useEffect(() => {
    lastOpen = event;
    const onKey = (key: KeyboardEvent) => key.key === "Escape" && close();
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [event]);
  const hit = loaded.state === "data" ? loaded.data : null;
  return (
    <div class="details" role="dialog" aria-label={t("details")} tabIndex={-1} ref={box}>
      <header>
        <h2>{hit ? time(Date.parse(valuesAt(hit._source, "@timestamp")[0] ?? ""), utc.value) : t("details")}</h2>
        <span class="row">
          {hit && valuesAt(hit._source, "sekisho.session.key").length > 0 && <a href={link({ page: "session" })}>{t("wholeSession")}</a>}
          <button type="button" onClick={close}>
            {t("close")}
          </button>
        </span>
      </header>
      {loaded.state === "loading" && <Loading />}
      {loaded.state === "error" && <Failed message={loaded.message} retry={loaded.retry} />}
      {loaded.state === "data" && !hit && <Nothing title={t("noSuchEvent")} hint={t("noSuchEventHint")} />}
      {hit && (
        <div class={loaded.state === "data" && loaded.stale ? "stale" : ""}>
          <Raw of={hit} />
          <div class="tabs" role="tablist" aria-label={t("details")}>
            {TABS.map((it) => (
              <button type="button" role="tab" class="quiet" key={it} id={`tab-${it}`} aria-selected={tab === it} aria-controls="tab-panel" onClick={() => setTab(it)}>
                {t(TITLES[it])}
              </button>
            ))}
          </div>
          <div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
            {tab === "fields" && <Fields of={hit} />}
            {tab === "json" && <Json of={hit} />}
            {tab === "surrounding" && <Surrounding key={event} of={hit} />}
          </div>
        </div>
      )}
    </div>
  );
}

/** The event that was open last: its row gets the focus back. */
let lastOpen = "";

function Raw({ of }: { of: Hit }) {
  const raw = valuesAt(of._source, "event.original")[0];
  if (raw === undefined) return null;
  return (
    <>
      <h3>
        {t("rawLine")} <CopyButton text={raw} />
      </h3>
      <pre class="raw" data-testid="raw" tabIndex={0}>{raw}</pre>
    </>
  );
}

function Fields({ of }: { of: Hit }) {
  const [wanted, setWanted] = useState("");
  const now = state.value;
  const columns = shownColumns(now.columns);
  const rows: [string, string[]][] = [["_index", [of._index]], ["_id", [of._id]], ...flatten(of._source).filter(([name]) => name !== "event.original")];
  const text = wanted.trim().toLowerCase();
  return (
    <>
      <input type="search" aria-label={t("findField")} placeholder={t("findFieldOrValue")} value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
      <table class="plain">
        <tbody>
          {rows
            .filter(([name, values]) => name.toLowerCase().includes(text) || values.some((it) => it.toLowerCase().includes(text)))
            .map(([name, values]) => {
              const action = columns.includes(name) ? t("removeColumn") : t("addColumn");
              return (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>
                    {values.map((value, order) => (
                      <span class="cell" key={order}>
                        <span class="value wrap">{value}</span>
                        <FilterButtons field={name} value={value} />
                      </span>
                    ))}
                  </td>
                  <td class="nowrap">
                    <button type="button" class="icon" title={t("hasValue")} aria-label={`${t("hasValue")}: ${name}`} onClick={() => addFilter(name, "*", false)}>
                      ∃
                    </button>
                    {!name.startsWith("_") && (
                      <button type="button" class="icon" title={action} aria-label={`${action}: ${name}`} aria-pressed={columns.includes(name)} onClick={() => go({ columns: toggled(now.columns, name) })}>
                        {columns.includes(name) ? "▣" : "▢"}
                      </button>
                    )}
                  </td>
                </tr>
              );
            })}
        </tbody>
      </table>
    </>
  );
}

function Json({ of }: { of: Hit }) {
  const text = JSON.stringify({ _index: of._index, _id: of._id, _source: of._source }, null, 2);
  return (
    <>
      <CopyButton text={text} />
      <pre class="query json" tabIndex={0}>
        {text}
      </pre>
    </>
  );
}

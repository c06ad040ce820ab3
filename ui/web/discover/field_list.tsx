// The fields of the stream: those that are columns first; for each its most frequent values, how many events have it, and how many
// different values there are.
import { useState } from "preact/hooks";
import { search, type Answer, type FieldInfo } from "../api";
import { number, percent, short } from "../format";
import { language } from "../i18n";
import { useAsk, type Loaded } from "../load";
import { FilterButtons, States } from "../parts";
import { discover } from "../queries";
import { addFilter, go, state } from "../state";
import { shownColumns, toggled } from "./columns";
import { t } from "./texts";

const VALUES = 10;
/** More names than a person reads; the rest is found by typing. */
const SHOWN = 200;

export function FieldList({ question, fields }: { question: string; fields: Loaded<FieldInfo[]> }) {
  const now = state.value;
  const [wanted, setWanted] = useState("");
  const [open, setOpen] = useState("");
  const columns = shownColumns(now.columns);
  return (
    <aside class="panel fields" aria-label={t("fields")}>
      <h2>{t("fields")}</h2>
      <input type="search" aria-label={t("findField")} placeholder={t("findField")} value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
      <States of={fields} isEmpty={(it) => it.length === 0}>
        {(all) => {
          const found = all.filter((it) => it.name.toLowerCase().includes(wanted.trim().toLowerCase()));
          const chosen = columns.flatMap((name) => found.filter((it) => it.name === name));
          const others = found.filter((it) => !columns.includes(it.name));
          const item = (it: FieldInfo) => <Field key={it.name} of={it} question={question} isOpen={open === it.name} isColumn={columns.includes(it.name)} toggle={() => setOpen(open === it.name ? "" : it.name)} />;
          return (
            <>
              {chosen.length > 0 && (
                <>
                  <h3>{t("columns")}</h3>
                  <ul>{chosen.map(item)}</ul>
                </>
              )}
              <h3>{t("availableFields", number(others.length, language.value))}</h3>
              <ul>{others.slice(0, SHOWN).map(item)}</ul>
              {others.length > SHOWN && <p class="hint">{t("typeForMore", number(others.length - SHOWN, language.value))}</p>}
            </>
          );
        }}
      </States>
    </aside>
  );
}

function Field({ of, question, isOpen, isColumn, toggle }: { of: FieldInfo; question: string; isOpen: boolean; isColumn: boolean; toggle: () => void }) {
  const action = isColumn ? t("removeColumn") : t("addColumn");
  return (
    <li>
      <span class="field-row">
        <button type="button" class="field" aria-expanded={isOpen} onClick={toggle}>
          <i class="type" aria-hidden="true" title={of.type}>
            {of.type.slice(0, 2)}
          </i>
          {of.name}
        </button>
        <button type="button" class="icon" title={action} aria-label={`${action}: ${of.name}`} onClick={() => go({ columns: toggled(state.value.columns, of.name) })}>
          {isColumn ? "×" : "+"}
        </button>
      </span>
      {isOpen && (of.aggregatable ? <TopValues question={question} field={of.name} /> : <p class="hint top">{t("notCounted")}</p>)}
    </li>
  );
}

/** How many events have the field, and how many different values it has there. */
export function coverage(answer: Answer): { have: number; total: number; values: number } {
  const have = (answer.aggregations?.have as unknown as { doc_count: number } | undefined)?.doc_count ?? 0;
  return { have, total: answer.hits.total?.value ?? 0, values: answer.aggregations?.values?.value ?? 0 };
}

function TopValues({ question, field }: { question: string; field: string }) {
  const now = state.value;
  const loaded = useAsk(`${question} ${field}`, 0, (signal) =>
    search(now.stream, { size: 0, track_total_hits: true, query: discover(now, Date.now()), aggs: { top: { terms: { field, size: VALUES } }, have: { filter: { exists: { field } } }, values: { cardinality: { field } } } }, signal),
  );
  return (
    <div class="top">
      <States of={loaded} isEmpty={() => false}>
        {(it) => {
          const buckets = it.aggregations?.top?.buckets ?? [];
          const { have, total, values } = coverage(it);
          if (buckets.length === 0) return <p class="hint">{t("noValues")}</p>;
          return (
            <>
              <p class="hint" data-testid="coverage">
                {t("coverage", percent(have, total, language.value), number(values, language.value))}
              </p>
              <ol aria-label={`${t("topValues")}: ${field}`}>
                {buckets.map((bucket) => {
                  const text = bucket.key_as_string ?? String(bucket.key);
                  return (
                    <li key={text}>
                      <button type="button" class="value quiet" title={`${t("filterFor")}: ${text}`} onClick={() => addFilter(field, text, false)}>
                        {text}
                      </button>
                      <span class="num" title={number(bucket.doc_count, language.value)}>
                        {short(bucket.doc_count, language.value)} · {percent(bucket.doc_count, have, language.value)}
                      </span>
                      <FilterButtons field={field} value={text} />
                      <svg class="track" viewBox="0 0 100 3" preserveAspectRatio="none" height="3" width="100%" aria-hidden="true">
                        <rect class="bar-fill" width={have ? (100 * bucket.doc_count) / have : 0} height="3" />
                      </svg>
                    </li>
                  );
                })}
              </ol>
              <span class="row">
                <button type="button" class="quiet" onClick={() => addFilter(field, "*", false)}>
                  {t("hasValue")}
                </button>
                <button type="button" class="quiet" onClick={() => addFilter(field, "*", true)}>
                  {t("hasNoValue")}
                </button>
                <button type="button" class="quiet" onClick={() => go({ by: field })}>
                  {t("breakDownBy")}
                </button>
              </span>
            </>
          );
        }}
      </States>
    </div>
  );
}

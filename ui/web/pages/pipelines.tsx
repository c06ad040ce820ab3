// Site rules: what is in use, and a line taken through every step without storing it (`docs/site-rules.md`).
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ask, search } from "../api";
import { flatten, valuesAt } from "../documents";
import { number, time } from "../format";
import { language, t } from "../i18n";
import { messageOf, useAsk } from "../load";
import { Failed, Head, Nothing, States } from "../parts";
import { STREAMS } from "../queries";
import { state, utc } from "../state";

type Problem = { line?: number; column?: number; message: string; report?: string };
type Program = { file: string; stream: string | null; state: "active" | "stale" | "failed"; error: Problem | null; events_changed: number; events_unchanged: number; events_aborted: number; events_failed: number; last_failure: string | null };
type List = { name: string; file: string; state: string; error: Problem | string | null; entries: number; columns: string[] | null };
type Places = { file: string; state: string; error: Problem | string | null; database_type: string | null; build_epoch: number | null };
type Status = { programs: Program[]; lists: List[]; geoip: Places[]; errors: unknown[] };
type Step = { step: string; file?: string; matched?: string[]; changed?: string[]; outcome?: string; error?: Problem | string | null };
type Simulation = { header: Record<string, unknown>; stream: string; parsed: Record<string, unknown>; steps: Step[]; document: Record<string, unknown> | null };

export type Change = { field: string; before: string; after: string };

/** Fields that differ between two documents. */
export function changes(parsed: unknown, document: unknown): Change[] {
  const [before, after] = [new Map(flatten(parsed)), new Map(flatten(document))];
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((field) => ({ field, before: (before.get(field) ?? []).join(", "), after: (after.get(field) ?? []).join(", ") }))
    .filter((it) => it.before !== it.after);
}

const said = (of: Problem | string | null | undefined) => (!of ? "" : typeof of === "string" ? of : (of.report ?? `${of.line ?? ""}:${of.column ?? ""} ${of.message}`));
const STATE_TONES: Record<string, string> = { active: "good", stale: "medium", failed: "critical", changed: "good", not_compiled: "critical", aborted: "medium" };

type InUseRow = { file: string; state: string; stream?: string | null; effect: string; problem: ComponentChildren };

function InUse({ of }: { of: Status }) {
  const whole = (value: number) => number(value, language.value);
  const rows: InUseRow[] = [
    ...of.programs.map((it) => ({ ...it, effect: t("ruleEvents", whole(it.events_changed), whole(it.events_unchanged), whole(it.events_aborted), whole(it.events_failed)), problem: it.error ? <pre class="raw">{said(it.error)}</pre> : it.last_failure })),
    ...of.lists.map((it) => ({ ...it, effect: t("listEntries", whole(it.entries)), problem: said(it.error) })),
    ...of.geoip.map((it) => ({ ...it, effect: [it.database_type, it.build_epoch === null ? "" : time(it.build_epoch * 1000, utc.value).slice(0, 10)].filter(Boolean).join(" · "), problem: said(it.error) })),
  ];
  if (rows.length + of.errors.length === 0) return <Nothing title={t("noRules")} hint={t("noRulesHint")} />;
  return (
    <div class="scroll" tabIndex={0}>
      <table class="plain">
        <Head of={[t("file"), t("stream"), t("state"), t("effect"), t("lastFailure")]} />
        <tbody>
          {rows.map((it) => (
            <tr key={it.file}>
              <th scope="row">{it.file}</th>
              <td>{it.stream ?? t("allStreams")}</td>
              <td>
                <i class={`dot tone-${STATE_TONES[it.state] ?? "other"}`} aria-hidden="true" />
                {it.state}
              </td>
              <td>{it.effect}</td>
              <td>{it.problem}</td>
            </tr>
          ))}
          {of.errors.map((it, at) => (
            <tr key={at}>
              <td colSpan={5} class="bad">
                {typeof it === "string" ? it : JSON.stringify(it)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Result({ of }: { of: Simulation }) {
  const changed = of.document ? changes(of.parsed, of.document) : [];
  const document = of.document ?? of.parsed;
  const errors = valuesAt(document, "error.message");
  return (
    <div class="simulation" data-testid="simulation">
      <ol class="steps">
        <li>
          <strong>{t("stepHeader")}</strong> <span>{flatten(of.header).map(([name, values]) => `${name}: ${values.join(", ")}`).join(" · ") || t("noHeader")}</span>
        </li>
        <li>
          <strong>{t("stepParsed")}</strong>{" "}
          <span>
            <i class={`dot tone-${of.stream === "syslog-unparsed" ? "critical" : "good"}`} aria-hidden="true" />
            {of.stream} · {t("nFields", number(flatten(of.parsed).length, language.value))}
          </span>
        </li>
        {of.steps.map((it, at) => (
          <li key={at}>
            <strong>{it.step === "program" ? t("stepProgram", it.file ?? "") : it.step === "lists" ? t("stepLists") : t("stepPlaces")}</strong>{" "}
            <span>
              {it.outcome && <i class={`dot tone-${STATE_TONES[it.outcome] ?? "other"}`} aria-hidden="true" />}
              {[it.outcome, ...(it.matched ?? []), ...(it.changed ?? [])].filter(Boolean).join(" · ") || t("nothingChanged")}
            </span>
            {it.error && <pre class="raw" tabIndex={0}>{said(it.error)}</pre>}
          </li>
        ))}
      </ol>
      {errors.length > 0 && (
        <p class="alarm" role="alert">
          {errors.join(" · ")}
        </p>
      )}
      {changed.length > 0 && (
        <>
          <h3>{t("changedFields")}</h3>
          <div class="scroll" tabIndex={0}>
            <table class="plain">
              <Head of={[t("field"), t("asParsed"), t("asStored")]} />
              <tbody>
                {changed.map((it) => (
                  <tr key={it.field}>
                    <th scope="row">{it.field}</th>
                    <td class="old">{it.before || "–"}</td>
                    <td class="new">{it.after || "–"}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      <h3>{of.document ? t("asStored") : t("asParsed")}</h3>
      <div class="scroll tall" tabIndex={0}>
        <table class="plain">
          <tbody>
            {flatten(document)
              .filter(([name]) => name !== "event.original")
              .map(([name, values]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{values.join(", ")}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Try() {
  const [line, setLine] = useState("");
  const [program, setProgram] = useState("");
  const [stream, setStream] = useState("");
  const [result, setResult] = useState<Simulation | { failed: string } | null>(null);
  const [isBusy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      const body = { line, ...(program.trim() ? { program } : {}), ...(stream ? { stream } : {}) };
      setResult((await ask("/_sekisho/pipelines/_simulate", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })) as unknown as Simulation);
    } catch (error) {
      setResult({ failed: messageOf(error) });
    } finally {
      setBusy(false);
    }
  };
  const newest = async () => {
    try {
      const answer = await search(stream || "panos-*", { size: 1, query: { exists: { field: "event.original" } }, sort: [{ "@timestamp": { order: "desc", unmapped_type: "date" } }], _source: ["event.original"] }, new AbortController().signal);
      setLine(valuesAt(answer.hits.hits[0]?._source, "event.original")[0] ?? "");
    } catch (error) {
      setResult({ failed: messageOf(error) });
    }
  };
  return (
    <section class="panel" aria-labelledby="try-title">
      <header>
        <h2 id="try-title">{t("tryLine")}</h2>
        <button type="button" class="quiet" onClick={() => void newest()}>
          {t("newestLine")}
        </button>
      </header>
      <p class="hint">{t("tryHint")}</p>
      <form
        class="try"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <label>
          {t("line")}
          <textarea rows={4} spellcheck={false} value={line} onInput={(event) => setLine(event.currentTarget.value)} />
        </label>
        <label>
          {t("program")}
          <textarea rows={6} spellcheck={false} placeholder={'.tags = ["seen"]\nif in_list("scanners", .source.ip) { .owner = "research" }'} value={program} onInput={(event) => setProgram(event.currentTarget.value)} />
        </label>
        <span class="row">
          <select aria-label={t("stream")} value={stream} onChange={(event) => setStream(event.currentTarget.value)}>
            <option value="">{t("streamOfLine")}</option>
            {STREAMS.map((it) => (
              <option key={it} value={it}>
                {it}
              </option>
            ))}
          </select>
          <button type="submit" class="primary" disabled={isBusy || !line.trim()}>
            {isBusy ? t("loading") : t("run")}
          </button>
        </span>
      </form>
      {result && ("failed" in result ? <Failed message={result.failed} retry={() => void run()} /> : <Result of={result} />)}
    </section>
  );
}

export function Pipelines() {
  const loaded = useAsk("pipelines", state.value.every, async (signal) => (await ask("/_sekisho/pipelines", { method: "GET", signal })) as unknown as Status);
  return (
    <div class="stack">
      <section class="panel" aria-labelledby="rules-title">
        <header>
          <h2 id="rules-title">{t("siteRules")}</h2>
        </header>
        <States of={loaded} isEmpty={() => false}>
          {(it) => <InUse of={it} />}
        </States>
      </section>
      <Try />
    </div>
  );
}

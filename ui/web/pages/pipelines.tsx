// Site rules: what is in use, and a line taken through every step without storing it (`docs/site-rules.md`).
import { useState } from "preact/hooks";
import { ask, search } from "../api";
import { flatten, valuesAt } from "../documents";
import { number, time } from "../format";
import { language, t } from "../i18n";
import { useAsk } from "../load";
import { Failed, States } from "../parts";
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

function InUse({ of }: { of: Status }) {
  const whole = (value: number) => number(value, language.value);
  const isBare = of.programs.length + of.lists.length + of.geoip.length + of.errors.length === 0;
  const mark = (name: string) => <i class={`dot tone-${STATE_TONES[name] ?? "other"}`} aria-hidden="true" />;
  if (isBare) {
    return (
      <div class="state" role="status">
        <strong>{t("noRules")}</strong>
        <p>{t("noRulesHint")}</p>
      </div>
    );
  }
  return (
    <div class="scroll" tabIndex={0}>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">{t("file")}</th>
            <th scope="col">{t("stream")}</th>
            <th scope="col">{t("state")}</th>
            <th scope="col">{t("effect")}</th>
            <th scope="col">{t("lastFailure")}</th>
          </tr>
        </thead>
        <tbody>
          {of.programs.map((it) => (
            <tr key={it.file}>
              <th scope="row">{it.file}</th>
              <td>{it.stream ?? t("allStreams")}</td>
              <td>
                {mark(it.state)}
                {it.state}
              </td>
              <td>{t("ruleEvents", whole(it.events_changed), whole(it.events_unchanged), whole(it.events_aborted), whole(it.events_failed))}</td>
              <td>{it.error ? <pre class="raw">{said(it.error)}</pre> : it.last_failure}</td>
            </tr>
          ))}
          {of.lists.map((it) => (
            <tr key={it.file}>
              <th scope="row">{it.file}</th>
              <td>{t("allStreams")}</td>
              <td>
                {mark(it.state)}
                {it.state}
              </td>
              <td>{t("listEntries", whole(it.entries))}</td>
              <td>{said(it.error)}</td>
            </tr>
          ))}
          {of.geoip.map((it) => (
            <tr key={it.file}>
              <th scope="row">{it.file}</th>
              <td>{t("allStreams")}</td>
              <td>
                {mark(it.state)}
                {it.state}
              </td>
              <td>{[it.database_type, it.build_epoch === null ? "" : time(it.build_epoch * 1000, utc.value).slice(0, 10)].filter(Boolean).join(" · ")}</td>
              <td>{said(it.error)}</td>
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
              <thead>
                <tr>
                  <th scope="col">{t("field")}</th>
                  <th scope="col">{t("asParsed")}</th>
                  <th scope="col">{t("asStored")}</th>
                </tr>
              </thead>
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
      setResult({ failed: error instanceof Error ? error.message : String(error) });
    } finally {
      setBusy(false);
    }
  };
  const newest = async () => {
    try {
      const answer = await search(stream || "panos-*", { size: 1, query: { exists: { field: "event.original" } }, sort: [{ "@timestamp": { order: "desc", unmapped_type: "date" } }], _source: ["event.original"] }, new AbortController().signal);
      setLine(valuesAt(answer.hits.hits[0]?._source, "event.original")[0] ?? "");
    } catch (error) {
      setResult({ failed: error instanceof Error ? error.message : String(error) });
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

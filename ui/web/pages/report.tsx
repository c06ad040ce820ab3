// The monthly report on one sheet: the two figures of the mission, what slipped through, each against the month before; printable, and as CSV.
import { Refused, searches, type Answer } from "../api";
import { save } from "../download";
import { change, csv, number, percent, time } from "../format";
import { language, t, type Key } from "../i18n";
import { useAsk } from "../load";
import { breakable, Failed, Head, Loading } from "../parts";
import { eventsOf } from "../queries";
import { month, monthName, namesOf, parts, questions, TABLES, tables, type TableName, type Tables } from "../report";
import { DEFAULTS, go, is, state, utc } from "../state";

const TITLES: Record<TableName, [Key, Key]> = {
  resetsByZones: ["resetsByZones", "sourceZone"],
  resetsByThreat: ["resetsByThreat", "signature"],
  resetsBySource: ["resetsBySource", "source"],
  blockedByPort: ["blockedByPort", "port"],
  blockedByCategory: ["blockedByCategory", "urlCategory"],
  blockedByDomain: ["blockedByDomain", "domain"],
  passedByThreat: ["passedByThreat", "signature"],
  passedByTarget: ["passedByTarget", "destination"],
};

const whole = (value: number) => number(value, language.value);

/** "1,234 (+5 %)", or that there was nothing to compare with. */
const compared = (now: number, before: number) => (before === 0 ? t("noEarlierMonth") : t("againstMonth", change(now, before, language.value) ?? "", whole(before)));

async function load(name: string, zones: { from: string; to: string }, signal: AbortSignal): Promise<Tables> {
  const [now, before] = [month(name, utc.value), month(monthName(month(name, utc.value)?.from ?? 0, -1, utc.value), utc.value)];
  if (!now || !before) throw new Error(name);
  const checked = (answers: (Answer | Refused)[]) => answers.map((it) => {
    if (it instanceof Refused) throw it;
    return it;
  });
  const answers = checked(await searches(questions(zones, `${now.from}..${now.to}`), signal));
  const earlier = checked(await searches(questions(zones, `${before.from}..${before.to}`, namesOf(answers)), signal));
  return tables(answers, earlier);
}

function Sheet({ of, name }: { of: Tables; name: string }) {
  const { from, to } = state.value;
  const span = month(name, utc.value)!;
  const days = Math.max(1, Math.round((Math.min(span.to, Date.now()) - span.from) / 86_400_000));
  const asked = parts({ from, to });
  const http = of.blockedByPort.rows.find((it) => it.value === "80");
  const worst = of.passedByThreat.rows[0];
  const there = { ...DEFAULTS, time: `${span.from}..${span.to}` };
  const total = (table: TableName) => <a href={eventsOf(there, asked[table])}>{whole(of[table].total)}</a>;
  return (
    <article class="sheet" data-testid="report">
      <h2>{t("reportTitle", new Intl.DateTimeFormat(language.value, { year: "numeric", month: "long", ...(utc.value ? { timeZone: "UTC" } : {}) }).format(span.from))}</h2>
      <p class="hint">{t("reportSpan", time(span.from, utc.value).slice(0, 10), time(span.to - 1, utc.value).slice(0, 10), utc.value ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone, time(Date.now(), utc.value).slice(0, 16))}</p>
      {span.to > Date.now() && <p class="note">{t("monthGoesOn")}</p>}
      <section class="lead">
        <div>
          <span class="label">{t("resetsByThreat", from, to)}</span>
          <strong class="figure" data-testid="report-resets">{total("resetsByThreat")}</strong>
          <span>{compared(of.resetsByThreat.total, of.resetsByThreat.before)}</span>
        </div>
        <div>
          <span class="label">{t("blockedByPort", "Trust", "Untrust")}</span>
          <strong class="figure" data-testid="report-blocked">{total("blockedByPort")}</strong>
          <span>{compared(of.blockedByPort.total, of.blockedByPort.before)}</span>
        </div>
        <div>
          <span class="label">{t("passedByThreat")}</span>
          <strong class="figure">{total("passedByThreat")}</strong>
          <span>{compared(of.passedByThreat.total, of.passedByThreat.before)}</span>
        </div>
      </section>
      <p>{t("proseResets", from, to, whole(of.resetsByThreat.total), whole(Math.round(of.resetsByThreat.total / days)), of.resetsByThreat.rows[0]?.value ?? "–")}</p>
      <p>{t("proseBlocked", whole(of.blockedByPort.total), http ? percent(http.count, of.blockedByPort.total, language.value) : percent(0, Math.max(1, of.blockedByPort.total), language.value), of.blockedByCategory.rows[0]?.value ?? "–")}</p>
      <p>{worst ? t("prosePassed", whole(of.passedByThreat.total), worst.value, whole(worst.count)) : t("proseNonePassed")}</p>
      <div class="sheet-tables">
        {TABLES.map((table) => (
          <section key={table}>
            <h3>{t(TITLES[table][0], ...(table.startsWith("blocked") ? ["Trust", "Untrust"] : [from, to]))}</h3>
            {of[table].rows.length === 0 ? (
              <p class="hint">{t("noneThisMonth")}</p>
            ) : (
              <table class="plain">
                <Head of={[t(TITLES[table][1]), [t("count"), "num"], [t("share"), "num"], [t("monthBefore"), "num"], [t("changed"), "num"]]} />
                <tbody>
                  {of[table].rows.map((it) => (
                    <tr key={it.value}>
                      <th scope="row">
                        <a href={eventsOf(there, asked[table], [is(asked[table].field, it.value)])}>{breakable(it.value)}</a>
                      </th>
                      <td class="num">{whole(it.count)}</td>
                      <td class="num">{percent(it.count, of[table].total, language.value)}</td>
                      <td class="num">{whole(it.before)}</td>
                      <td class="num">{change(it.count, it.before, language.value) ?? "–"}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </section>
        ))}
      </div>
    </article>
  );
}

/** Every table of the report, one below the other, each row with its table's name. */
export function reportCsv(of: Tables, title: (name: TableName) => string): string {
  const head = [t("reportTable"), t("value"), t("count"), t("monthBefore")];
  return csv([head, ...TABLES.flatMap((name) => [[title(name), t("total"), of[name].total, of[name].before], ...of[name].rows.map((it) => [title(name), it.value, it.count, it.before])])]);
}

export function Report() {
  const now = Date.now();
  // The last whole month, until another is chosen.
  const name = month(state.value.item, utc.value) ? state.value.item : monthName(now, -1, utc.value);
  const { from, to } = state.value;
  const loaded = useAsk(JSON.stringify([name, from, to, utc.value]), 0, (signal) => load(name, { from, to }, signal));
  const title = (table: TableName) => t(TITLES[table][0], ...(table.startsWith("blocked") ? ["Trust", "Untrust"] : [from, to]));
  return (
    <div class="stack">
      <form class="report-bar no-print" onSubmit={(event) => event.preventDefault()}>
        <select aria-label={t("month")} value={name} onChange={(event) => go({ item: event.currentTarget.value })}>
          {[...new Set([name, ...Array.from({ length: 13 }, (_, at) => monthName(now, -at, utc.value))])].sort().reverse().map((it) => (
            <option key={it} value={it}>
              {it}
            </option>
          ))}
        </select>
        <button type="button" class="primary" onClick={() => window.print()}>
          {t("print")}
        </button>
        <button type="button" disabled={loaded.state !== "data"} onClick={() => loaded.state === "data" && save(`sekisho-${name}.csv`, "text/csv", "\uFEFF" + reportCsv(loaded.data, title))}>
          {t("saveCsv")}
        </button>
      </form>
      {loaded.state === "loading" ? <Loading /> : loaded.state === "error" ? <Failed message={loaded.message} retry={loaded.retry} /> : <Sheet of={loaded.data} name={name} />}
    </div>
  );
}

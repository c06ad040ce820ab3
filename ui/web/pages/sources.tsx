// Every device that sends: how much, how regularly, and what of it is missing. A source opens with its streams and gaps.
import { wrongWith } from "../completeness";
import { Facts } from "../facts";
import { ago, bytes, duration, number, time } from "../format";
import { language, t } from "../i18n";
import { useAsk } from "../load";
import { Head, Nothing, States } from "../parts";
import { count, detail, ledger, problems, type Ledger, type SourceDetail } from "../sources";
import { eventsOf } from "../queries";
import { DEFAULTS, go, is, link, state, utc } from "../state";

const whole = (value: number) => number(value, language.value);
const when = (text: string) => time(Date.parse(text), utc.value).slice(0, 19);

function Listeners({ of }: { of: Ledger["since_start"] }) {
  const facts: [string, number][] = [
    [t("linesLost"), of.lines_lost],
    [t("connectionsRefused"), of.connections_refused],
    [t("connectionsReset"), of.connections_reset],
    ...of.udp.map((it): [string, number] => [t("udpDropped", it.address), it.dropped]),
    ...Object.entries(of.unparsed).map(([reason, lines]): [string, number] => [t("unparsedBecause", reason), lines]),
  ];
  return (
    <section class="panel" aria-labelledby="listeners-title">
      <header>
        <h2 id="listeners-title">{t("sinceStart")}</h2>
      </header>
      <Facts of={facts.map(([name, value]) => ({ name, value: whole(value), isBad: value > 0 }))} />
    </section>
  );
}

function Detail({ name }: { name: string }) {
  const loaded = useAsk(`source ${name}`, state.value.every, (signal) => detail(name, signal));
  return (
    <States of={loaded} isEmpty={() => false}>
      {(it: SourceDetail) => {
        const gaps = Object.entries(it.sequences).flatMap(([type, sequence]) => sequence.gaps.map((gap) => ({ type, ...gap })));
        return (
          <div class="source-detail">
            <div>
              <h3>{t("streams")}</h3>
              <table class="plain">
                <Head of={[t("stream"), [t("lines"), "num"], [t("bytes"), "num"], t("lastLine")]} />
                <tbody>
                  {Object.entries(it.streams).map(([stream, of]) => (
                    <tr key={stream}>
                      <th scope="row">
                        <a href={eventsOf({ ...DEFAULTS, time: "all" }, { stream, filters: it.kind === "serial" ? [is("observer.serial_number", it.name)] : it.kind === "host" ? [is("log.syslog.hostname", it.name)] : it.kind === "address" ? [is("log.source.address", it.name)] : [] })}>{stream}</a>
                      </th>
                      <td class="num">{whole(of.lines)}</td>
                      <td class="num">{bytes(of.bytes, language.value)}</td>
                      <td>{when(of.last_seen)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <div>
              <h3>{t("numbers")}</h3>
              <table class="plain">
                <Head of={[t("logType"), [t("newestNumber"), "num"], [t("missing"), "num"], [t("duplicates"), "num"], [t("begun"), "num"]]} />
                <tbody>
                  {Object.entries(it.sequences).map(([type, of]) => (
                    <tr key={type}>
                      <th scope="row">{type}</th>
                      <td class="num">{of.newest}</td>
                      <td class={`num${of.missing > 0 ? " bad" : ""}`}>{whole(of.missing)}</td>
                      <td class="num">{whole(of.duplicates)}</td>
                      <td class="num">{whole(of.begun)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
              <p class="hint">{t("numbersHint")}</p>
            </div>
            {gaps.length > 0 && (
              <div class="wide">
                <h3>{t("gaps")}</h3>
                <div class="scroll tall" tabIndex={0}>
                  <table class="plain">
                    <Head of={[t("logType"), [t("missing"), "num"], t("gapNumbers"), t("gapTimes")]} />
                    <tbody>
                      {gaps.map((gap) => (
                        <tr key={`${gap.type} ${gap.from}`}>
                          <th scope="row">{gap.type}</th>
                          <td class="num bad">{whole(gap.missing)}</td>
                          <td>
                            {gap.from} – {gap.to}
                          </td>
                          <td>
                            <a href={link({ ...DEFAULTS, page: "discover", time: `${Date.parse(gap.since) - 60_000}..${Date.parse(gap.seen) + 60_000}`, filters: [is("panw.panos.type", gap.type), is("observer.serial_number", it.name)] })}>
                              {when(gap.since)} – {when(gap.seen)}
                            </a>
                          </td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              </div>
            )}
            {count(it.unparsed) > 0 && (
              <div class="wide">
                <h3>{t("unparsedLines")}</h3>
                <p>
                  {Object.entries(it.unparsed).map(([reason, lines]) => `${reason}: ${whole(lines)}`).join(" · ")}{" "}
                  <a href={link({ ...DEFAULTS, page: "discover", time: "all", stream: "syslog-unparsed" })}>{t("toDiscover")}</a>
                </p>
              </div>
            )}
          </div>
        );
      }}
    </States>
  );
}

export function Sources() {
  const loaded = useAsk("ledger", state.value.every, ledger);
  const open = state.value.item;
  return (
    <States of={loaded} isEmpty={() => false}>
      {(it) => {
        const now = Date.now();
        const sorted = [...it.sources].sort((a, b) => b.missing - a.missing || b.lines - a.lines);
        return (
          <div class="stack">
            <Listeners of={it.since_start} />
            <section class="panel" aria-labelledby="sources-title">
              <header>
                <h2 id="sources-title">{t("sources")}</h2>
              </header>
              <p class="hint">{t("sourcesHint")}</p>
              {sorted.length === 0 ? (
                <Nothing title={t("noSources")} hint={t("noSourcesHint")} />
              ) : (
                <div class="scroll" tabIndex={0}>
                  <table class="plain sources">
                    <Head of={[t("source"), t("state"), [t("linesPerSecond"), "num"], [t("lines"), "num"], [t("bytes"), "num"], t("lastLine"), [t("missing"), "num"], [t("clock"), "num"], t("releases"), t("address")]} />
                    {sorted.map((source) => {
                      const wrong = wrongWith(source, now);
                      const isOpen = open === source.name;
                      return (
                        <tbody key={source.name}>
                          <tr class={isOpen ? "chosen" : ""}>
                            <th scope="row">
                              <button type="button" class="quiet" aria-expanded={isOpen} onClick={() => go({ item: isOpen ? "" : source.name })}>
                                {isOpen ? "▾" : "▸"} {source.hostname ?? source.name}
                              </button>
                              {source.hostname && <span class="hint"> {source.name}</span>}
                            </th>
                            <td>
                              <i class={`dot tone-${problems(source, now).includes("missing") ? "high" : wrong.length > 0 ? "medium" : "good"}`} aria-hidden="true" />
                              {wrong.length > 0 ? wrong.join(", ") : t("complete")}
                            </td>
                            <td class="num">{number(source.lines_per_second, language.value)}</td>
                            <td class="num">{whole(source.lines)}</td>
                            <td class="num">{bytes(source.bytes, language.value)}</td>
                            <td class="nowrap" title={when(source.last_seen)}>{ago(Math.max(0, now - Date.parse(source.last_seen)), language.value)}</td>
                            <td class={`num${source.missing > 0 ? " bad" : ""}`}>{whole(source.missing)}</td>
                            <td class="num">{source.clock_skew_ms === null ? "–" : Math.abs(source.clock_skew_ms) < 1_000 ? "< 1 s" : `${source.clock_skew_ms < 0 ? "−" : "+"}${duration(Math.abs(source.clock_skew_ms))}`}</td>
                            <td>{source.releases.join(", ")}</td>
                            <td>{source.address ?? "–"}</td>
                          </tr>
                          {isOpen && (
                            <tr>
                              <td colSpan={10}>
                                <Detail name={source.name} />
                              </td>
                            </tr>
                          )}
                        </tbody>
                      );
                    })}
                  </table>
                </div>
              )}
            </section>
          </div>
        );
      }}
    </States>
  );
}

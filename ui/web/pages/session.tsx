// One conversation as a whole: who talked to whom, what was found in it, what was decided, and every event on one time line.
import { session, type Conversation, type End, type SessionEvent } from "../api";
import { valuesAt } from "../documents";
import { bytes, duration, number, time } from "../format";
import { language, t } from "../i18n";
import { idOf, kindOf, LaneChart, timeOf } from "../lanes";
import { useAsk } from "../load";
import { States } from "../parts";
import { is, link, state, utc } from "../state";
import { verdict } from "../tones";

/** What an event says in one line, by its type. */
export function summary(event: SessionEvent): { what: string; text: string; action: string; isBad: boolean } {
  const first = (path: string) => valuesAt(event._source, path)[0] ?? "";
  const [type, subtype, action] = [first("panw.panos.type"), first("panw.panos.sub_type"), first("panw.panos.action")];
  const isUrl = kindOf(event) === "URL";
  const text = isUrl
    ? [first("http.request.method"), first("url.original"), first("panw.panos.url.category")]
    : type === "THREAT"
      ? [first("panw.panos.threat.name"), first("panw.panos.threat.id"), first("panw.panos.severity"), first("file.name")]
      : [first("network.application"), first("panw.panos.endreason"), first("network.bytes") && first("network.bytes") !== "0" ? bytes(Number(first("network.bytes")), language.value) : ""];
  return { what: `${type} ${subtype}`.trim(), text: text.filter(Boolean).join(" · "), action, isBad: type === "THREAT" && !isUrl };
}

const one = (value: unknown): string => (Array.isArray(value) ? value.map(String).join(", ") : value === null || value === undefined ? "" : String(value));

function Ends({ title, end }: { title: string; end: End }) {
  const isTranslated = one(end.nat.ip) !== "" && (one(end.nat.ip) !== one(end.ip) || one(end.nat.port) !== one(end.port));
  const nat = isTranslated && `NAT ${one(end.nat.ip)}${one(end.nat.port) && `:${one(end.nat.port)}`}`;
  return (
    <div class="end">
      <h2>{title}</h2>
      <a class="figure small" href={link({ page: "discover", query: "", filters: [is(title === t("source") ? "source.ip" : "destination.ip", one(end.ip))] })}>
        {one(end.ip)}
        {one(end.port) && `:${one(end.port)}`}
      </a>
      <p class="hint">{[one(end.user), one(end.zone), one(end.interface), one(end.geo), nat].filter(Boolean).join(" · ")}</p>
    </div>
  );
}

/** What went which way, the larger as long as there is room. */
function Between({ of }: { of: Conversation }) {
  const largest = Math.max(1, of.bytes.to_destination ?? 0, of.bytes.to_source ?? 0);
  const ways = [
    ["→", t("bytesTo"), of.bytes.to_destination, of.packets.to_destination, "turn-0"],
    ["←", t("bytesBack"), of.bytes.to_source, of.packets.to_source, of.detected_but_allowed.threats > 0 ? "critical" : "turn-2"],
  ] as const;
  return (
    <div class="between">
      <p class="hint">{[one(of.transport), of.applications.join(", ")].filter(Boolean).join(" · ")}</p>
      {ways.map(([arrow, title, amount, packets, tone]) => (
        <p key={arrow} title={title}>
          <span aria-hidden="true">{arrow}</span>
          <span class="only-read">{title}</span>
          <svg class="track" width="100%" height="6" preserveAspectRatio="none" viewBox="0 0 100 6" aria-hidden="true">
            {amount !== null && amount > 0 && <rect class={`tone-${tone}`} x={arrow === "→" ? 0 : 100 - Math.max(1, (100 * amount) / largest)} width={Math.max(1, (100 * amount) / largest)} height="6" />}
          </svg>
          <b class="nowrap">{amount === null ? t("unknown") : bytes(amount, language.value)}</b>
          <span class="hint nowrap">{packets === null ? "" : t("nPackets", number(packets, language.value))}</span>
        </p>
      ))}
    </div>
  );
}

function Story({ of }: { of: Conversation }) {
  const passed = of.detected_but_allowed;
  const startMs = Date.parse(of.start);
  const counted = of.counted_at === "start" ? ` (${t("countedAtStart")})` : "";
  const facts: [string, string][] = [
    [t("start"), time(startMs, utc.value)],
    [t("end"), of.is_open ? "" : time(Date.parse(of.end), utc.value)],
    [t("duration"), of.is_open ? t("stillOpen") : duration(of.duration_ms)],
    [t("bytes"), of.bytes.total === null ? "" : bytes(of.bytes.total, language.value) + counted],
    [t("rule"), of.rules.join(", ")],
    [t("action"), of.actions.join(", ")],
    [t("endReason"), one(of.end_reason)],
    [t("firewall"), [one(of.observer.hostname), one(of.observer.serial_number), one(of.observer.virtual_sys)].filter(Boolean).join(" · ")],
    [t("sessionId"), one(of.flow_id)],
  ];
  return (
    <section class="panel wide" aria-label={t("session")}>
      {passed.threats > 0 && (
        <p class="alarm" role="alert" data-testid="passed">
          {t("detectedButAllowed", number(passed.threats, language.value), passed.bytes_to_source === null ? t("unknown") : bytes(passed.bytes_to_source, language.value))}
        </p>
      )}
      <div class="ends">
        <Ends title={t("source")} end={of.source} />
        <Between of={of} />
        <Ends title={t("destination")} end={of.destination} />
      </div>
      <dl class="facts">
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      <h2>{t("timeline")}</h2>
      <LaneChart of={of} says={(event) => Object.values(summary(event)).filter((it) => typeof it === "string" && it).join(" · ")} />
      <ol class="timeline">
        {of.events.map((event) => {
          const { what, text, action, isBad } = summary(event);
          const at = timeOf(event);
          return (
            <li key={idOf(event)} id={idOf(event)} tabIndex={-1} class={isBad ? "bad" : ""}>
              <a class="nowrap" href={link({ page: "discover", query: "", filters: [], columns: [], stream: "panos-*", time: "all", event: `${event._index}/${event._id}` })}>
                {time(at, utc.value)}
              </a>
              <span class="num">{at >= startMs ? `+${duration(at - startMs)}` : ""}</span>
              <strong>{what}</strong>
              <span class="value wrap">{text}</span>
              <em>
                <i class={`dot tone-${verdict(action)}`} aria-hidden="true" />
                {action}
              </em>
              <details>
                <summary>{t("rawLine")}</summary>
                <pre class="raw" tabIndex={0}>{valuesAt(event._source, "event.original")[0]}</pre>
              </details>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

export function Session() {
  const [index = "", id = ""] = state.value.event.split("/");
  const loaded = useAsk(state.value.event, 0, (signal) => session(index, id, signal));
  return (
    <>
      <p class="back">
        <a href={link({ page: "discover", event: "" })}>← {t("discover")}</a>
      </p>
      <States of={loaded} isEmpty={(it) => it.conversations.length === 0}>
        {(it) => (
          <>
            {it.conversations.map((of) => (
              <Story key={of.start} of={of} />
            ))}
          </>
        )}
      </States>
    </>
  );
}

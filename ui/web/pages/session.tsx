// One conversation as a whole: who talked to whom, what was found in it, what was decided, and every event on one time line.
import { session, type Conversation, type End, type SessionEvent } from "../api";
import { valuesAt } from "../documents";
import { bytes, duration, number, time } from "../format";
import { language, t } from "../i18n";
import { useAsk } from "../load";
import { States } from "../parts";
import { is, link, state, utc } from "../state";

/** What an event says in one line, by its type. */
export function summary(event: SessionEvent): { what: string; text: string; action: string; isBad: boolean } {
  const first = (path: string) => valuesAt(event._source, path)[0] ?? "";
  const [type, subtype, action] = [first("panw.panos.type"), first("panw.panos.sub_type"), first("panw.panos.action")];
  const isUrl = type === "THREAT" && subtype === "url";
  const text = isUrl
    ? [first("url.original"), first("panw.panos.url.category")].filter(Boolean).join(" · ")
    : type === "THREAT"
      ? [first("panw.panos.threat.name"), first("panw.panos.threat.id"), first("panw.panos.severity")].filter(Boolean).join(" · ")
      : [first("network.application"), first("panw.panos.endreason")].filter(Boolean).join(" · ");
  return { what: `${type} ${subtype}`.trim(), text, action, isBad: type === "THREAT" && !isUrl };
}

const one = (value: unknown): string => (Array.isArray(value) ? value.map(String).join(", ") : value === null || value === undefined ? "" : String(value));

function Ends({ title, end }: { title: string; end: End }) {
  const nat = one(end.nat.ip) && `NAT ${one(end.nat.ip)}${one(end.nat.port) && `:${one(end.nat.port)}`}`;
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

function Story({ of }: { of: Conversation }) {
  const passed = of.detected_but_allowed;
  const startMs = Date.parse(of.start);
  const counted = of.counted_at === "start" ? ` (${t("countedAtStart")})` : "";
  const facts: [string, string][] = [
    [t("start"), time(startMs, utc.value)],
    [t("duration"), of.is_open ? t("stillOpen") : duration(of.duration_ms)],
    [t("bytesTo"), of.bytes.to_destination === null ? "" : bytes(of.bytes.to_destination, language.value) + counted],
    [t("bytesBack"), of.bytes.to_source === null ? "" : bytes(of.bytes.to_source, language.value) + counted],
    [t("packets"), of.packets.total === null ? "" : number(of.packets.total, language.value)],
    [t("application"), of.applications.join(", ")],
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
        <span class="arrow" aria-hidden="true">
          → {one(of.transport)}
        </span>
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
      <ol class="timeline">
        {of.events.map((event) => {
          const { what, text, action, isBad } = summary(event);
          const at = Date.parse(valuesAt(event._source, "@timestamp")[0] ?? "");
          return (
            <li key={`${event._index} ${event._id}`} class={isBad ? "bad" : ""}>
              <span class="nowrap">{time(at, utc.value)}</span>
              <span class="num">{at >= startMs ? `+${duration(at - startMs)}` : ""}</span>
              <strong>{what}</strong>
              <span class="value wrap">{text}</span>
              <em>{action}</em>
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

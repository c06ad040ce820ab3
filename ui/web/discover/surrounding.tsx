// What happened just before and after an event, on the same firewall, from the same address, or anywhere: without the query bar's
// question, which is how the event was found and not what it stood among.
import { useState } from "preact/hooks";
import { search, type Body, type Hit } from "../api";
import { valuesAt } from "../documents";
import { time } from "../format";
import { useAsk } from "../load";
import { Cell, States } from "../parts";
import { all, term } from "../queries";
import { go, state, utc } from "../state";
import { t } from "./texts";

const BY = ["observer.serial_number", "source.ip", "destination.ip"] as const;
const STEP = 10;
const MOST = 500;
const COLUMNS = ["panw.panos.type", "panw.panos.action", "source.ip", "destination.ip", "destination.port"];

/** The events up to a moment, the newest first; or those after it, the oldest first. */
export function aroundBody(at: number, by: Body[], side: "before" | "after", size: number): Body {
  const range = { "@timestamp": { [side === "before" ? "lte" : "gt"]: at, format: "epoch_millis" } };
  const order = side === "before" ? "desc" : "asc";
  return { size, track_total_hits: false, query: all([{ range }, ...by]), sort: [{ "@timestamp": { order, unmapped_type: "date" } }, { _doc: "asc" }], _source: ["@timestamp", ...COLUMNS] };
}

export function Surrounding({ of }: { of: Hit }) {
  const known = BY.filter((it) => valuesAt(of._source, it).length > 0);
  const [by, setBy] = useState<string>(known[0] ?? "");
  const [sizes, setSizes] = useState({ before: STEP, after: STEP });
  const at = Date.parse(valuesAt(of._source, "@timestamp")[0] ?? "");
  const value = by ? valuesAt(of._source, by)[0] : undefined;
  const stream = state.value.stream;
  const loaded = useAsk(JSON.stringify([stream, of._index, of._id, by, sizes]), 0, async (signal) => {
    const filters = value === undefined ? [] : [term(by, value)];
    // One more than is shown: the event itself is among those up to its own moment.
    const [after, before] = await Promise.all([search(stream, aroundBody(at, filters, "after", sizes.after), signal), search(stream, aroundBody(at, filters, "before", sizes.before + 1), signal)]);
    const earlier = before.hits.hits.filter((it) => it._id !== of._id || it._index !== of._index);
    return { after: after.hits.hits.reverse(), before: earlier.slice(0, sizes.before) };
  });
  const more = (side: "before" | "after") => setSizes({ ...sizes, [side]: Math.min(MOST, sizes[side] * 2) });
  const row = (hit: Hit, isHere: boolean) => (
    <tr key={`${hit._index} ${hit._id}`} class={isHere ? "chosen" : ""} aria-current={isHere ? "true" : undefined}>
      <td class="nowrap">
        <button type="button" class="quiet" onClick={() => go({ event: `${hit._index}/${hit._id}` })}>
          {time(Date.parse(valuesAt(hit._source, "@timestamp")[0] ?? ""), utc.value)}
        </button>
      </td>
      {COLUMNS.map((it) => (
        <td key={it}>
          <Cell field={it} values={valuesAt(hit._source, it)} />
        </td>
      ))}
    </tr>
  );
  const button = (side: "before" | "after", count: number) => (
    <button type="button" class="quiet" disabled={count < sizes[side] || sizes[side] >= MOST} onClick={() => more(side)}>
      {t(side === "after" ? "moreAfter" : "moreBefore")}
    </button>
  );
  return (
    <div class="surrounding">
      <label>
        {t("surroundingBy")}{" "}
        <select value={by} onChange={(event) => setBy(event.currentTarget.value)}>
          {known.map((it) => (
            <option key={it} value={it}>
              {it}: {valuesAt(of._source, it)[0]}
            </option>
          ))}
          <option value="">{t("surroundingAll", stream)}</option>
        </select>
      </label>
      <States of={loaded} isEmpty={() => false}>
        {({ after, before }) => (
          <>
            {button("after", after.length)}
            <div class="scroll" tabIndex={0}>
              <table class="plain" aria-label={t("surrounding")}>
                <tbody>
                  {after.map((it) => row(it, false))}
                  {row(of, true)}
                  {before.map((it) => row(it, false))}
                </tbody>
              </table>
            </div>
            {button("before", before.length)}
          </>
        )}
      </States>
    </div>
  );
}

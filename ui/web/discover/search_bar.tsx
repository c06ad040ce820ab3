// The query bar: stream, query in KQL or Lucene, with fields and values offered while it is typed, and the queries asked before.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ask, search, termsEnum, type FieldInfo } from "../api";
import { discover, STREAMS } from "../queries";
import { go, state, type State, type Syntax } from "../state";
import { history, remember, type Asked } from "./history";
import { turn } from "./question";
import { isTyping } from "./rows";
import { placeOf, ranked, taken, type Place } from "./suggest";
import { t } from "./texts";

const OFFERED = 12;
/** A pause in typing after which values are asked for and the query is checked. */
const PAUSE_MS = 180;

type Offer = { text: string; note: string; take: () => void };

/** Values of a field that begin with what was typed: of keywords from the dictionary, of others the most frequent. */
async function values(now: State, place: Place & { kind: "value" }, type: string, signal: AbortSignal): Promise<string[]> {
  if (type === "keyword") return termsEnum(now.stream, place.field, place.text, signal);
  const answer = await search(now.stream, { size: 0, track_total_hits: false, query: discover({ ...now, query: "" }, Date.now()), aggs: { top: { terms: { field: place.field, size: 200 } } } }, signal);
  const found = (answer.aggregations?.top?.buckets ?? []).map((it) => it.key_as_string ?? String(it.key));
  return found.filter((it) => it.startsWith(place.text)).slice(0, OFFERED);
}

/** What is wrong with a KQL text and where, in characters; nothing where it is understood. */
async function problemOf(kql: string, signal: AbortSignal): Promise<string> {
  const answer = (await ask("/_sekisho/kql", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ kql }), signal })) as unknown as { error: { reason: string; position: number | null } | null };
  if (!answer.error) return "";
  return answer.error.position === null ? answer.error.reason : t("wrongAt", answer.error.reason, String(answer.error.position + 1));
}

/** `fields` may be empty: without their list the bar is still a bar. */
export function SearchBar({ fields }: { fields: FieldInfo[] }) {
  const now = state.value;
  const [text, setText] = useState(now.query);
  const [caret, setCaret] = useState(0);
  const [isOpen, setOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const [found, setFound] = useState<{ of: string; values: string[] }>({ of: "", values: [] });
  const [problem, setProblem] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const caretWanted = useRef<number | null>(null);
  useEffect(() => setText(now.query), [now.query]);

  const place = isOpen ? placeOf(text, caret) : undefined;
  const asked = place?.kind === "value" ? JSON.stringify([now.stream, place.field, place.text]) : "";
  useEffect(() => {
    if (!asked || place?.kind !== "value") return;
    const type = fields.find((it) => it.name === place.field && it.aggregatable)?.type;
    if (type === undefined) return;
    const abort = new AbortController();
    const timer = window.setTimeout(() => values(state.value, place, type, abort.signal).then((it) => setFound({ of: asked, values: it }), () => undefined), PAUSE_MS);
    return () => {
      window.clearTimeout(timer);
      abort.abort();
    };
  }, [asked, fields]);
  useEffect(() => {
    setProblem("");
    if (now.syntax !== "kql" || !text.trim()) return;
    const abort = new AbortController();
    const timer = window.setTimeout(() => problemOf(text, abort.signal).then(setProblem, () => undefined), 3 * PAUSE_MS);
    return () => {
      window.clearTimeout(timer);
      abort.abort();
    };
  }, [text, now.syntax]);

  useEffect(() => {
    const onSlash = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      event.preventDefault();
      input.current?.focus();
    };
    window.addEventListener("keydown", onSlash);
    return () => window.removeEventListener("keydown", onSlash);
  }, []);

  const run = (query: string, syntax: Syntax) => {
    setOpen(false);
    setText(query);
    remember({ query, syntax });
    if (query === now.query && syntax === now.syntax) turn.value += 1;
    else go({ query, syntax });
  };
  const put = (choice: string) => {
    const next = taken(text, caret, place!, choice, now.syntax);
    setText(next.text);
    setCaret(next.caret);
    setChosen(-1);
    caretWanted.current = next.caret;
  };
  // The caret can only be set once the text is in the input, and must be before the next key.
  useLayoutEffect(() => {
    if (caretWanted.current === null) return;
    input.current?.focus();
    input.current?.setSelectionRange(caretWanted.current, caretWanted.current);
    caretWanted.current = null;
  });
  const earlier = (it: Asked): Offer => ({ text: it.query, note: it.syntax === "kql" ? "KQL" : "Lucene", take: () => run(it.query, it.syntax) });
  const offers: Offer[] = !isOpen
    ? []
    : text === ""
      ? history().map(earlier)
      : place?.kind === "field"
        ? place.text === "" ? [] : ranked(fields.map((it) => it.name), place.text, OFFERED).map((name) => ({ text: name, note: fields.find((it) => it.name === name)!.type, take: () => put(name) }))
        : place?.kind === "value" && found.of === asked
          ? found.values.map((value) => ({ text: value, note: "", take: () => put(value) }))
          : [];
  const onKey = (event: KeyboardEvent) => {
    // While Japanese is composed, Enter and the arrows belong to the input method.
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen) return setOpen(true);
      if (offers.length) setChosen((chosen + (event.key === "ArrowDown" ? 1 : chosen < 0 ? 0 : -1) + offers.length) % offers.length);
    } else if (event.key === "Escape") {
      if (isOpen && offers.length) event.stopPropagation();
      setOpen(false);
      setChosen(-1);
    } else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0 && offers[chosen]) {
      event.preventDefault();
      offers[chosen].take();
    }
  };
  const follow = () => {
    setCaret(input.current?.selectionStart ?? 0);
    setChosen(-1);
  };
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        run(text, now.syntax);
      }}
    >
      <select aria-label={t("stream")} value={now.stream} onChange={(event) => go({ stream: event.currentTarget.value })}>
        <option value="panos-*">{t("allStreams")} (panos-*)</option>
        {[...new Set([...STREAMS, ...(now.stream === "panos-*" ? [] : [now.stream])])].map((it) => (
          <option key={it} value={it}>
            {it}
          </option>
        ))}
      </select>
      <select aria-label={t("syntax")} value={now.syntax} onChange={(event) => go({ syntax: event.currentTarget.value as Syntax })}>
        <option value="kql">KQL</option>
        <option value="lucene">Lucene</option>
      </select>
      <span class="combo">
        <input
          type="text"
          role="combobox"
          aria-label={t("query")}
          aria-expanded={offers.length > 0}
          aria-controls="offers"
          aria-autocomplete="list"
          aria-activedescendant={chosen >= 0 && offers[chosen] ? `offer-${chosen}` : undefined}
          aria-describedby={problem ? "query-problem" : undefined}
          placeholder={t(now.syntax === "kql" ? "kqlHint" : "searchHint")}
          value={text}
          spellcheck={false}
          autocomplete="off"
          ref={input}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setOpen(true);
            follow();
          }}
          onClick={() => {
            setOpen(true);
            follow();
          }}
          onKeyUp={(event) => (event.key === "ArrowLeft" || event.key === "ArrowRight" || event.key === "Home" || event.key === "End") && follow()}
          onKeyDown={onKey}
          onBlur={() => setOpen(false)}
        />
        <ul id="offers" role="listbox" aria-label={t(text === "" ? "history" : "suggestions")} hidden={offers.length === 0}>
          {offers.map((it, at) => (
            <li
              key={`${it.note} ${it.text}`}
              id={`offer-${at}`}
              role="option"
              aria-selected={at === chosen}
              // The input keeps the focus: a click must not close the list before it is one.
              onPointerDown={(event) => event.preventDefault()}
              onClick={it.take}
            >
              <span class="value">{it.text}</span>
              <small>{it.note}</small>
            </li>
          ))}
        </ul>
        {problem && offers.length === 0 && (
          <p id="query-problem" class="bad" role="status">
            {problem}
          </p>
        )}
      </span>
      <button type="submit" class="primary">
        {t("search")}
      </button>
    </form>
  );
}

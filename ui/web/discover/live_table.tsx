// The table of what arrives. It stands still while it is paused, while somebody reads further down, and while an event is open; what
// comes meanwhile waits.
import { useEffect, useState } from "preact/hooks";
import { search } from "../api";
import { number } from "../format";
import { language } from "../i18n";
import { messageOf } from "../load";
import { Failed } from "../parts";
import { discover } from "../queries";
import { state } from "../state";
import { shownColumns } from "./columns";
import { keyOf } from "./question";
import { Rows } from "./rows";
import { address, follow, NOTHING, withArrived, type Arrived, type Link } from "./tail";
import { t } from "./texts";

export function LiveTable() {
  const now = state.value;
  const columns = shownColumns(now.columns);
  // The time is not part of the question: a tail is about now.
  const key = JSON.stringify([keyOf({ ...now, time: "" }), columns]);
  return <Live key={key} columns={columns} />;
}

function Live({ columns }: { columns: string[] }) {
  const [link, setLink] = useState<Link>("connecting");
  const [problem, setProblem] = useState("");
  const [turn, setTurn] = useState(0);
  const [shown, setShown] = useState<Arrived>(NOTHING);
  const [latest, setLatest] = useState<Arrived>(NOTHING);
  const [isPaused, setPaused] = useState(false);
  const [isFar, setFar] = useState(false);
  const isHeld = isPaused || isFar || state.value.event !== "";
  useEffect(() => {
    const abort = new AbortController();
    const stop = follow(
      address(state.value),
      (it) => {
        setLink(it);
        if (it !== "closed") return;
        // The browser does not tell why: the same question as a search does.
        search(state.value.stream, { size: 0, query: discover(state.value, Date.now()) }, abort.signal).then(
          () => setProblem(t("tailRefused")),
          (error: unknown) => !abort.signal.aborted && setProblem(messageOf(error)),
        );
      },
      (hits, isPartial) => setLatest((before) => withArrived(before, hits, isPartial)),
    );
    return () => {
      abort.abort();
      stop();
    };
  }, [turn]);
  useEffect(() => {
    if (!isHeld) setShown(latest);
  }, [isHeld, latest]);
  const waiting = latest.count - shown.count;
  const again = () => {
    setProblem("");
    setLink("connecting");
    setTurn(turn + 1);
  };
  if (link === "closed" && problem) return <Failed message={problem} retry={again} />;
  return (
    <>
      <p class="hint live" role="status" data-testid="live">
        <i class={`dot tone-${link !== "open" ? "other" : isHeld ? "medium" : "good"}`} aria-hidden="true" />
        {t(link !== "open" ? "tailConnecting" : isHeld ? "tailHeld" : "tailOpen", number(shown.count, language.value))}
        <button type="button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          {t(isPaused ? "resume" : "pause")}
        </button>
        {isHeld && waiting > 0 && (
          <button type="button" class="primary" onClick={() => setShown(latest)}>
            {t("showWaiting", number(waiting, language.value))}
          </button>
        )}
        {latest.isPartial && <span class="bad">{t("tailPartial")}</span>}
      </p>
      {shown.rows.length > 0 && <Rows list={turn} hits={shown.rows} columns={columns} setFar={setFar} isSortable={false} />}
    </>
  );
}

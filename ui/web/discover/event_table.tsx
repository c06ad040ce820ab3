// The table of events that were found: more are asked for before the end is reached, and what is under way or went wrong is said.
import { useEffect, useState } from "preact/hooks";
import { number } from "../format";
import { language } from "../i18n";
import { Empty, Failed, Loading } from "../parts";
import { go, state } from "../state";
import { shownColumns } from "./columns";
import type { Paging } from "./paging";
import { keyOf, tablePages } from "./question";
import { Rows } from "./rows";
import { t } from "./texts";
import { usePaging } from "./use_paging";

/** Rows before the end at which the next page is asked for. */
const AHEAD = 200;
/** A wait shorter than this is not worth a word. */
const PATIENCE_MS = 400;

export function EventTable() {
  const now = state.value;
  const [isFar, setFar] = useState(false);
  const columns = shownColumns(now.columns);
  const key = JSON.stringify([keyOf(now), now.sort, columns]);
  // While somebody reads further down, or reads one event, the list stands still.
  const isHeld = isFar || now.event !== "";
  const { shown, isStale, pending, again } = usePaging(key, now.every, isHeld, () => tablePages(now, Date.now()));
  const near = (row: number) => {
    if (shown?.phase === "idle" && row > shown.hits.length - AHEAD) void shown.more();
  };
  return (
    <>
      <Progress pending={pending} />
      {!shown && <Loading />}
      {shown && shown.hits.length === 0 && <WithoutRows of={shown} again={again} />}
      {shown && shown.hits.length > 0 && (
        <div class={isStale ? "stale" : ""}>
          <p class="hint" data-testid="total">
            {shown.total && t(shown.total.relation === "eq" ? "hits" : "hitsAtLeast", number(shown.total.value, language.value))}
            {isHeld && now.every > 0 && (
              <>
                {" "}
                {t("heldList")}{" "}
                <button type="button" class="quiet" onClick={again}>
                  {t("searchAgain")}
                </button>
              </>
            )}
          </p>
          {shown.failures && (
            <p class="bad" role="alert">
              {t("partOnly", shown.failures)}
            </p>
          )}
          <Rows list={shown} hits={shown.hits} total={shown.total?.relation === "eq" ? shown.total.value : undefined} columns={columns} setFar={setFar} near={near} isSortable />
          <Foot of={shown} again={again} />
        </div>
      )}
    </>
  );
}

function WithoutRows({ of, again }: { of: Paging; again: () => void }) {
  if (of.phase === "failed" || of.phase === "gone") {
    return (
      <>
        <Failed message={of.message} retry={again} />
        {state.value.sort && (
          <button type="button" onClick={() => go({ sort: "" })}>
            {t("newestFirst")}
          </button>
        )}
      </>
    );
  }
  if (of.phase === "cancelled") return <Cancelled again={again} />;
  return <Empty />;
}

function Cancelled({ again }: { again: () => void }) {
  return (
    <div class="state" role="status">
      <strong>{t("cancelled")}</strong>{" "}
      <button type="button" onClick={again}>
        {t("retry")}
      </button>
    </div>
  );
}

/** That a question takes its time, and the way to stop it. */
function Progress({ pending }: { pending: Paging | undefined }) {
  const [since, setSince] = useState(0);
  useEffect(() => {
    setSince(0);
    if (!pending) return;
    const start = Date.now();
    const timer = window.setInterval(() => setSince(Date.now() - start), PATIENCE_MS);
    return () => window.clearInterval(timer);
  }, [pending]);
  if (!pending || since < PATIENCE_MS) return null;
  return (
    <div class="progress" role="status">
      <span class="spinner" aria-hidden="true" />
      {t("asking", String(Math.round(since / 1000)))}
      <button type="button" onClick={() => pending.cancel()}>
        {t("cancel")}
      </button>
    </div>
  );
}

/** How far the list goes, what is under way at its end, and what went wrong there. */
function Foot({ of, again }: { of: Paging; again: () => void }) {
  const loaded = number(of.hits.length, language.value);
  return (
    <p class="foot" role="status" data-testid="loaded">
      {t("loadedRows", loaded)}{" "}
      {of.phase === "idle" && (
        <button type="button" onClick={() => void of.more()}>
          {t("more")}
        </button>
      )}
      {of.phase === "asking" && (
        <>
          <span class="spinner" aria-hidden="true" /> {t("loading")}
          <button type="button" onClick={() => of.cancel()}>
            {t("cancel")}
          </button>
        </>
      )}
      {(of.phase === "failed" || of.phase === "cancelled") && (
        <>
          <span class="bad">{of.phase === "failed" ? `${t("moreFailed")} ${of.message}` : t("cancelled")}</span>
          <button type="button" onClick={() => void of.more()}>
            {t("retry")}
          </button>
        </>
      )}
      {of.phase === "gone" && (
        <>
          <span class="bad">{t("listIsOver")}</span>
          <button type="button" onClick={again}>
            {t("searchAgain")}
          </button>
        </>
      )}
    </p>
  );
}

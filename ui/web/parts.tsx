// Small parts that pages and panels share: the four states of an answer, a panel's frame, a copy of its query.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { curl, type Query } from "./api";
import { t } from "./i18n";
import type { Loaded } from "./load";

/** Loading, error or data, each drawn on purpose. */
export function States<T>({ of, isEmpty, children }: { of: Loaded<T>; isEmpty: (data: T) => boolean; children: (data: T) => ComponentChildren }) {
  if (of.state === "loading") {
    return (
      <div class="state" role="status">
        <span class="spinner" aria-hidden="true" />
        {t("loading")}
      </div>
    );
  }
  if (of.state === "error") {
    return (
      <div class="state state-error" role="alert">
        <strong>{t("error")}</strong>
        <p>{of.message}</p>
        <button type="button" onClick={of.retry}>
          {t("retry")}
        </button>
      </div>
    );
  }
  if (isEmpty(of.data)) {
    return (
      <div class="state" role="status">
        <strong>{t("empty")}</strong>
        <p>{t("emptyHint")}</p>
      </div>
    );
  }
  return <div class={of.stale ? "stale" : ""}>{children(of.data)}</div>;
}

/** A panel's frame: title, hint, what it draws, and the query behind it. */
export function Frame({ id, title, hint, query, wide, children }: { id: string; title: string; hint: string | undefined; query: Query; wide: boolean; children: ComponentChildren }) {
  const [shown, show] = useState(false);
  return (
    <section class={`panel${wide ? " wide" : ""}`} aria-labelledby={`${id}-title`} id={id}>
      <header>
        <h2 id={`${id}-title`}>{title}</h2>
        <button type="button" class="quiet" aria-expanded={shown} onClick={() => show(!shown)}>
          {shown ? t("hideQuery") : t("showQuery")}
        </button>
      </header>
      {hint && <p class="hint">{hint}</p>}
      {shown && <pre class="query" tabIndex={0}>{curl(query, window.location.origin)}</pre>}
      {children}
    </section>
  );
}

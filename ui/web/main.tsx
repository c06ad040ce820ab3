// The shell: pages, language, colours, time. Starts everything.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
// Importing it connects signals with components.
import "@preact/signals";
import { isLoggedOut, logOut, whoAmI } from "./api";
import { language, t, type Key } from "./i18n";
import { Later, styles } from "./later";
import { DashboardPage } from "./pages/dashboard";
import { DASHBOARDS } from "./panels/index";
import { dark, DEFAULTS, go, link, PRESETS, start, state, utc, type Page } from "./state";

const LABELS: Record<string, Key> = { "15m": "last15m", "1h": "last1h", "24h": "last24h", "7d": "last7d", "30d": "last30d", "90d": "last90d" };

function TimePicker() {
  const choice = state.value.time;
  const isAbsolute = choice.includes("..");
  const [open, setOpen] = useState(false);
  const [from, to] = isAbsolute ? choice.split("..").map(Number) : [Date.now() - 86_400_000, Date.now()];
  const local = (ms: number) => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  const [texts, setTexts] = useState<[string, string]>([local(from!), local(to!)]);
  return (
    <span class="time">
      <select
        aria-label={t("timeRange")}
        value={isAbsolute || open ? "absolute" : choice}
        onChange={(event) => {
          const value = event.currentTarget.value;
          setOpen(value === "absolute");
          if (value !== "absolute") go({ time: value });
          else setTexts([local(from!), local(to!)]);
        }}
      >
        {PRESETS.map(([name]) => (
          <option key={name} value={name}>
            {t(LABELS[name] ?? "allTime")}
          </option>
        ))}
        <option value="all">{t("allTime")}</option>
        <option value="absolute">{t("absolute")}</option>
      </select>
      {(open || isAbsolute) && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const [a, b] = texts.map((it) => new Date(it).getTime());
            if (a !== undefined && b !== undefined && a < b) {
              setOpen(false);
              go({ time: `${a}..${b}` });
            }
          }}
        >
          <input type="datetime-local" aria-label={t("from")} value={texts[0]} onInput={(event) => setTexts([event.currentTarget.value, texts[1]])} />
          <input type="datetime-local" aria-label={t("to")} value={texts[1]} onInput={(event) => setTexts([texts[0], event.currentTarget.value])} />
          <button type="submit">{t("apply")}</button>
        </form>
      )}
    </span>
  );
}

/** Pages in the order of the menu. */
const MENU: Page[] = [...DASHBOARDS.map((it) => it.id), "discover", "sources", "data", "pipelines", "report"];

/** Pages that are not dashboards; each is loaded when it is first opened. */
const OTHERS = {
  discover: () => Promise.all([import("./pages/discover"), styles("discover/style.css")]).then(([it]) => it.Discover),
  session: () => Promise.all([import("./pages/session"), styles("pages/session.css")]).then(([it]) => it.Session),
  sources: () => import("./pages/sources").then((it) => it.Sources),
  data: () => import("./pages/data").then((it) => it.Data),
  pipelines: () => import("./pages/pipelines").then((it) => it.Pipelines),
  report: () => import("./pages/report").then((it) => it.Report),
};

const login = () => import("./pages/login").then((it) => it.Login);

/** Who is logged in, and the way out. */
function Who() {
  const [user, setUser] = useState<string | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    // Whether it fails because nobody is logged in or otherwise: the page's own requests say it.
    whoAmI(abort.signal).then(setUser, () => undefined);
    return () => abort.abort();
  }, []);
  if (user === null) return null;
  return (
    <span class="who">
      {user}
      <button type="button" class="quiet" onClick={() => void logOut().catch(() => undefined)}>
        {t("logout")}
      </button>
    </span>
  );
}

function Content({ page }: { page: Page }) {
  if (isLoggedOut.value) return <Later key="login" load={login} />;
  const dashboard = DASHBOARDS.find((it) => it.id === page);
  if (dashboard) return <DashboardPage key={page} of={dashboard} />;
  return <Later key={page} load={OTHERS[page as keyof typeof OTHERS]} />;
}

/** Whether a page is about the chosen time, and not about now or a month. */
const hasTime = (page: Page) => DASHBOARDS.some((it) => it.id === page) || page === "discover";

function Shell() {
  const page = state.value.page;
  const every = state.value.every;
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>
        {t("skip")}
      </a>
      <header class="top-bar">
        <span class="brand">
          <img src="/ui/icon.svg" alt="" width="24" height="24" /> Sekisho <small lang="ja">関所</small>
        </span>
        <span class="tools">
          {hasTime(page) && <TimePicker />}
          <select aria-label={t("refresh")} value={String(every)} onChange={(event) => go({ every: Number(event.currentTarget.value) })}>
            <option value="0">{t("refreshOff")}</option>
            {[["5000", "5 s"], ["10000", "10 s"], ["60000", "1 m"]].map(([value, text]) => (
              <option key={value} value={value}>
                {t("refreshEvery", text!)}
              </option>
            ))}
          </select>
          <button type="button" onClick={() => (utc.value = !utc.value)}>
            {utc.value ? t("utc") : t("localTime")}
          </button>
          <button type="button" onClick={() => (dark.value = !dark.value)} title={t("theme")}>
            {dark.value ? t("themeLight") : t("themeDark")}
          </button>
          <button type="button" lang={language.value === "en" ? "ja" : "en"} onClick={() => (language.value = language.value === "en" ? "ja" : "en")}>
            {t("language")}
          </button>
          {!isLoggedOut.value && <Who />}
        </span>
        <nav aria-label={t("pages")}>
          {MENU.map((it) => (
            <a key={it} href={link({ page: it, event: "", item: "", ...(it === "discover" ? {} : { columns: [], sort: "", by: "", stream: DEFAULTS.stream }) })} aria-current={page === it ? "page" : undefined}>
              {t(it)}
            </a>
          ))}
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        <h1 class="only-read">{t(isLoggedOut.value ? "login" : page)}</h1>
        <Content page={page} />
      </main>
    </>
  );
}

start();
const root = document.getElementById("app");
if (root) render(<Shell />, root);

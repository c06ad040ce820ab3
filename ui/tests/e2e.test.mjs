// The pages in a real browser against a real server with demo data: SEKISHO_URL=http://127.0.0.1:9200 npm run e2e
// Screenshots go to SEKISHO_SCREENSHOTS, if set.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const url = process.env.SEKISHO_URL?.replace(/\/$/, "");
assert.ok(url, "SEKISHO_URL must name a running server with demo data");
const shots = process.env.SEKISHO_SCREENSHOTS;
const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let browser;
/** A demonstration that still loads its month of logs is not what the tests are about: they begin when only the trickle is left. */
before(async () => {
  const count = async () => (await (await fetch(`${url}/panos-*/_count`)).json()).count ?? 0;
  for (let before = -1, now = await count(); now === 0 || now - before > 200; ) {
    await new Promise((done) => setTimeout(done, 1_000));
    [before, now] = [now, await count()];
  }
});
before(async () => (browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS })));
after(() => browser?.close());

/** A page that fails the test for any error, refused resource or request to another host. */
async function open(path, { language = "en", theme = "light", width = 1280 } = {}) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, locale: language, colorScheme: theme });
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("request", (request) => request.url().startsWith(url) || request.url().startsWith("data:") || wrong.push(`request to ${request.url()}`));
  await page.goto(`${url}${path}`);
  return { page, wrong, close: () => context.close() };
}

async function post(path, body) {
  const response = await fetch(`${url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  assert.ok(response.ok, `${path}: ${response.status}`);
  return response.json();
}

async function accessible(page) {
  // Evaluated through the debugger, which the page's content security policy does not bind.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`), []);
}

/** Waits until the table answers the question that the page asks now: an older answer stays on screen, pale, until then. */
async function settled(page) {
  await page.locator(".events .stale").waitFor({ state: "detached" });
  await page.locator(".hits tbody tr").first().waitFor();
}

const figure = async (locator) => Number((await locator.textContent()).replace(/\D/g, ""));

test("the root sends a browser to the dashboard", async () => {
  const { page, close } = await open("/");
  assert.ok(page.url().startsWith(`${url}/ui/`));
  await close();
});

test("the overview shows both headline numbers, equal to the server's own counts", async () => {
  const { page, wrong, close } = await open("/ui/#/overview?time=all&every=0");
  const zones = (from, to, actions) => ({ bool: { filter: [{ term: { "observer.ingress.zone": from } }, { term: { "observer.egress.zone": to } }, { terms: { "panw.panos.action": actions } }] } });
  await page.getByTestId("resets").waitFor();
  const shown = [await figure(page.getByTestId("resets")), await figure(page.getByTestId("blocked"))];
  const resets = await post("/panos-threat/_count", { query: zones("Untrust", "DMZ", ["reset-client", "reset-server", "reset-both"]) });
  const blocked = await post("/panos-url/_count", { query: zones("Trust", "Untrust", ["block-url", "block-continue", "block-override", "override-lockout"]) });
  assert.ok(resets.count > 0 && blocked.count > 0, "demo data is loaded");
  // The trickle goes on: a few more may have come between the page's question and ours.
  assert.ok(resets.count - shown[0] >= 0 && resets.count - shown[0] < 50, `${shown[0]} shown, ${resets.count} counted`);
  assert.ok(blocked.count - shown[1] >= 0 && blocked.count - shown[1] < 50, `${shown[1]} shown, ${blocked.count} counted`);
  assert.deepEqual(wrong, []);
  await close();
});

test("a cell of the zone matrix opens its events", async () => {
  const { page, wrong, close } = await open("/ui/#/overview?time=all&every=0");
  const cell = page.locator(".matrix td.chosen a");
  await cell.waitFor();
  const count = await figure(cell);
  await cell.click();
  await page.locator(".hits tbody tr").first().waitFor();
  const total = await figure(page.getByTestId("total"));
  assert.ok(Math.abs(total - count) < 50, `${count} in the cell, ${total} events`);
  assert.deepEqual(wrong, []);
  await close();
});

test("discover finds, filters by a click, pages and shows the raw line", async () => {
  const { page, wrong, close } = await open("/ui/#/discover?time=all&every=0");
  await page.getByRole("combobox", { name: "Query", exact: true }).fill("panw.panos.type:THREAT AND observer.ingress.zone:Untrust");
  await page.getByRole("button", { name: "Search" }).click();
  await settled(page);
  const before = await figure(page.getByTestId("total"));
  assert.ok(before > 0);
  await page.locator(".hits tbody tr").first().hover();
  const button = page.locator(".hits tbody tr").first().getByRole("button", { name: /^Filter out: / }).first();
  await button.press("Enter");
  await page.locator(".chips li.out").waitFor();
  assert.ok(page.url().includes("f=-"));
  await page.getByRole("button", { name: /^Remove filter/ }).click();
  await page.locator(".chips").waitFor({ state: "detached" });
  await settled(page);
  await page.getByTestId("loaded").getByText(/^100 rows/).waitFor();
  await page.getByRole("button", { name: "Load more" }).click();
  await page.getByTestId("loaded").getByText(/^600 rows/).waitFor();
  await page.locator(".hits tbody td.nowrap button").first().click();
  assert.match(await page.getByTestId("raw").textContent(), /,THREAT,/);
  await page.keyboard.press("Escape");
  await page.getByTestId("raw").waitFor({ state: "detached" });
  assert.deepEqual(wrong, []);
  await close();
});

test("an event leads to its whole session", async () => {
  const { page, wrong, close } = await open("/ui/#/discover?time=all&every=0&stream=panos-threat&f=%2Bpanw.panos.action%3Aalert&f=%2Bpanw.panos.sub_type%3Avulnerability&q=sekisho.session.key:*");
  await page.locator(".hits tbody td.nowrap button").first().click();
  const raw = await page.getByTestId("raw").textContent();
  await page.getByRole("link", { name: "Whole session" }).click();
  await page.locator(".timeline li.bad").first().waitFor();
  assert.match(await page.getByTestId("passed").textContent(), /^Threats detected but allowed: \d/);
  assert.ok((await page.locator(".timeline pre").allTextContents()).includes(raw), "the event is on the time line");
  await accessible(page);
  if (shots) await page.screenshot({ path: `${shots}/session.png`, fullPage: true });
  await page.goBack();
  await page.locator(".hits tbody tr").first().waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test("the field list shows top values", async () => {
  const { page, wrong, close } = await open("/ui/#/discover?time=all&every=0&stream=panos-threat");
  await page.getByRole("searchbox", { name: "Find a field" }).fill("panw.panos.action");
  await page.getByRole("button", { name: "panw.panos.action", exact: true }).click();
  await page.getByRole("list", { name: "Top values: panw.panos.action" }).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test("a time range is chosen in the histogram with the keyboard", async () => {
  const { page, wrong, close } = await open("/ui/#/discover?time=30d&every=0");
  await page.getByRole("application").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForURL(/time=\d+\.\.\d+/);
  assert.deepEqual(wrong, []);
  await close();
});

test("what is empty and what is wrong is said", async () => {
  const { page, close } = await open("/ui/#/discover?time=1000..2000&every=0");
  await page.getByText("Nothing in this time range.").first().waitFor();
  await page.getByRole("combobox", { name: "Query", exact: true }).fill("source.ip:nonsense");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByText(/Nothing matches these filters|This could not be answered/).first().waitFor();
  await close();
});

test("a line full of markup stays text", async () => {
  const hostile = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>\"'`${7*7}";
  const at = new Date().toISOString();
  const answer = await post("/panos-threat/_doc?refresh=true&op_type=create", { "@timestamp": at, event: { original: hostile }, rule: { name: hostile }, panw: { panos: { type: hostile, action: hostile } } });
  assert.equal(answer.result, "created");
  const { page, wrong, close } = await open(`/ui/#/discover?time=1h&every=0&stream=panos-threat&f=${encodeURIComponent(`+rule.name:${hostile}`)}`);
  await page.locator(".hits tbody td.nowrap button").first().click();
  assert.equal(await page.getByTestId("raw").textContent(), hostile);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.deepEqual(wrong, []);
  await close();
});

const DASHBOARDS = ["overview", "threats", "url", "traffic", "system", "globalprotect"];
const PAGES = [...DASHBOARDS, "discover", "sources", "data", "pipelines", "report"];
/** What is there when a page is complete. */
const complete = (page, name) => page.locator({ discover: ".hits tbody tr", sources: ".sources tbody tr", data: ".plain tbody tr", pipelines: ".try", report: ".sheet" }[name] ?? ".panel .figures").first().waitFor();

/** GlobalProtect is not part of the demonstration: lines of a real firewall, with the numbers and times of today. */
before(async () => {
  const dir = process.env.SEKISHO_SAMPLES ?? new URL("../../../shared/samples/panos", import.meta.url).pathname;
  const lines = readFileSync(`${dir}/cribl-globalprotect.log`, "utf8");
  const response = await fetch(`${url}/services/collector/raw`, { method: "POST", body: lines });
  assert.ok(response.ok, await response.text());
  await post("/panos-globalprotect/_refresh", {});
});

test("every panel of every page answers, and its mark opens as many events as it shows", async () => {
  for (const name of DASHBOARDS) {
    const { page, wrong, close } = await open(`/ui/#/${name}?time=all&every=0`);
    await page.locator(".panel .ranking, .panel .figures").first().waitFor();
    assert.equal(await page.locator(".state-error").count(), 0, name);
    const panel = page.locator(".panel:has(.ranking)").first();
    await panel.waitFor();
    const shown = await figure(panel.locator(".ranking li .num").first());
    const isBytes = /[a-z]/i.test(await panel.locator(".ranking li .num").first().textContent());
    await panel.locator(".ranking li a").first().click();
    await settled(page);
    const total = await figure(page.getByTestId("total"));
    assert.ok(total > 0 && (isBytes || Math.abs(total - shown) < 50), `${name}: ${shown} shown, ${total} events`);
    assert.deepEqual(wrong, []);
    await close();
  }
});

test("a filter chosen by its values narrows every panel, and stays on the way to another page", async () => {
  const { page, wrong, close } = await open("/ui/#/threats?time=all&every=0");
  const total = page.locator("#threat-figures .figure").first();
  await total.waitFor();
  const before = await figure(total);
  await page.getByRole("button", { name: "Severity", exact: true }).click();
  await page.getByRole("checkbox", { name: /^critical/ }).check();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.locator("#threat-figures .stale").waitFor({ state: "detached" });
  const after = await figure(total);
  assert.ok(after > 0 && after < before, `${before} before, ${after} after`);
  await page.getByRole("link", { name: "Discover", exact: true }).click();
  await settled(page);
  assert.match(page.url(), /f=%2Bpanw.panos.severity%3Acritical/);
  assert.deepEqual(wrong, []);
  await close();
});

test("a panel shows itself as a table, as a query and as a file", async () => {
  const { page, wrong, close } = await open("/ui/#/threats?time=all&every=0");
  const panel = page.locator("#threat-names");
  await panel.locator(".ranking").waitFor();
  await panel.getByRole("button", { name: /^Show as table/ }).click();
  assert.ok((await panel.locator("tbody tr").count()) > 3);
  await panel.getByRole("button", { name: /^Show query/ }).click();
  assert.match(await panel.locator(".query").textContent(), /^POST \/panos-threat\/_search/);
  await panel.getByRole("button", { name: "curl" }).click();
  assert.match(await panel.locator(".query").textContent(), /^curl -s 'http/);
  const [download] = await Promise.all([page.waitForEvent("download"), panel.getByRole("button", { name: /^Save as CSV/ }).click()]);
  const saved = readFileSync(await download.path(), "utf8");
  assert.ok(saved.startsWith("\uFEFFpanw.panos.threat.name,Events,"), saved.slice(0, 60));
  await accessible(page);
  assert.deepEqual(wrong, []);
  await close();
});

test("a page says what failed and is there again after a retry", async () => {
  const { page, close } = await open("/ui/#/overview?time=24h&every=0");
  await page.locator(".panel .figures").waitFor();
  await page.route("**/_msearch", (route) => route.abort());
  await page.getByLabel("Time range").selectOption("7d");
  await page.getByText("This could not be answered").waitFor();
  if (shots) await page.screenshot({ path: `${shots}/overview-failed.png` });
  await page.unroute("**/_msearch");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator(".panel .figures").waitFor();
  await close();
});

test("lines that did not arrive are told on the overview, and where they are missing", async () => {
  // A firewall of our own: the newest real line three times, with numbers of which three are left out.
  const newest = await post("/panos-traffic/_search", { size: 1, sort: [{ "@timestamp": "desc" }], query: { exists: { field: "observer.serial_number" } } });
  const source = newest.hits.hits[0]._source;
  const serial = `9${Date.now()}`;
  const line = (number) => source.event.original.replace(source.observer.serial_number, serial).replace(source.panw.panos.sequence_number, String(number));
  const response = await fetch(`${url}/services/collector/raw`, { method: "POST", body: [1001, 1002, 1006].map(line).join("\n") });
  assert.ok(response.ok, await response.text());
  const { page, wrong, close } = await open("/ui/#/overview?every=0");
  await page.getByTestId("completeness").getByText(/lines are missing/).waitFor();
  await page.goto(`${url}/ui/#/sources?every=0&item=${serial}`);
  const row = page.locator(".source-detail tbody tr", { hasText: "1003 – 1005" });
  await row.waitFor();
  assert.match(await row.textContent(), /^TRAFFIC3/);
  await accessible(page);
  await row.getByRole("link").click();
  await page.locator(".events").waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test("a pasted line goes through every step, and a broken program says where", async () => {
  const newest = await post("/panos-url/_search", { size: 1, sort: [{ "@timestamp": "desc" }], query: { exists: { field: "url.original" } } });
  const { page, wrong, close } = await open("/ui/#/pipelines?every=0");
  await page.getByLabel("Line", { exact: true }).fill(newest.hits.hits[0]._source.event.original);
  await page.getByLabel(/^Program/).fill('.tags = ["<b>seen</b>"]');
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByTestId("simulation").getByText("<b>seen</b>").first().waitFor();
  assert.match(await page.locator(".steps").textContent(), /panos-url/);
  await accessible(page);
  if (shots) await page.screenshot({ path: `${shots}/pipelines-run.png`, fullPage: true });
  await page.getByLabel(/^Program/).fill(".x = = 1");
  await page.getByRole("button", { name: "Run" }).click();
  await page.locator(".steps").getByText(/not_compiled/).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test("the monthly report has the figures that the server counts", async () => {
  const now = new Date();
  const name = `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, "0")}`;
  const { page, wrong, close } = await open(`/ui/#/report?every=0&item=${name}`);
  await page.getByTestId("report").waitFor();
  const from = new Date(now.getFullYear(), now.getMonth()).getTime();
  const zones = (source, destination, actions) => ({ bool: { filter: [{ range: { "@timestamp": { gte: from, format: "epoch_millis" } } }, { term: { "observer.ingress.zone": source } }, { term: { "observer.egress.zone": destination } }, { terms: { "panw.panos.action": actions } }] } });
  const resets = await post("/panos-threat/_count", { query: zones("Untrust", "DMZ", ["reset-client", "reset-server", "reset-both"]) });
  const blocked = await post("/panos-url/_count", { query: zones("Trust", "Untrust", ["block-url", "block-continue", "block-override", "override-lockout"]) });
  const shown = [await figure(page.getByTestId("report-resets")), await figure(page.getByTestId("report-blocked"))];
  assert.ok(resets.count - shown[0] >= 0 && resets.count - shown[0] < 50, `${shown[0]} shown, ${resets.count} counted`);
  assert.ok(blocked.count - shown[1] >= 0 && blocked.count - shown[1] < 50, `${shown[1]} shown, ${blocked.count} counted`);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save as CSV" }).click()]);
  assert.equal(download.suggestedFilename(), `sekisho-${name}.csv`);
  assert.match(readFileSync(await download.path(), "utf8"), new RegExp(`Untrust to DMZ,Total,${shown[0]},`));
  await page.emulateMedia({ media: "print" });
  assert.ok(await page.locator(".top-bar").isHidden());
  if (shots) await page.pdf({ path: `${shots}/report.pdf`, format: "A4" });
  assert.deepEqual(wrong, []);
  await close();
});

test("commits of the configuration are marks on the charts and lead to their line", async () => {
  const { page, wrong, close } = await open("/ui/#/threats?time=30d&every=0");
  await page.locator(".marks a").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/discover.*stream=panos-config/);
  assert.deepEqual(wrong, []);
  await close();
});

for (const language of ["en", "ja"]) {
  for (const theme of ["light", "dark"]) {
    for (const width of [1280, 1920]) {
      test(`all pages are accessible and complete: ${language}, ${theme}, ${width}`, async () => {
        for (const name of PAGES) {
          const { page, wrong, close } = await open(`/ui/#/${name}?time=30d&every=0`, { language, theme, width });
          await complete(page, name);
          assert.equal(await page.locator("html").getAttribute("lang"), language);
          await accessible(page);
          if (shots) await page.screenshot({ path: `${shots}/${name}-${language}-${theme}-${width}.png`, fullPage: name !== "discover" });
          assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${name}: nothing is wider than the window`);
          assert.deepEqual(wrong, []);
          await close();
        }
      });
    }
  }
}

// The login page in a real browser, against a server that asks for credentials: SEKISHO names the program, which is started here.
// Screenshots go to SEKISHO_SCREENSHOTS, if set.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const program = process.env.SEKISHO;
assert.ok(program, "SEKISHO must name the program");
const shots = process.env.SEKISHO_SCREENSHOTS;
const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const PASSWORD = "correct-horse-1";

let url, server, data, browser;
before(async () => {
  const port = await new Promise((done) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
  url = `http://127.0.0.1:${port}`;
  data = mkdtempSync(join(tmpdir(), "sekisho-login-"));
  const flags = ["serve", "--data-dir", data, "--http", `127.0.0.1:${port}`, "--syslog-udp", "off", "--syslog-tcp", "off", "--require-login", "--log", "warn"];
  server = spawn(program, flags, { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, SEKISHO_ADMIN_PASSWORD: PASSWORD } });
  for (let tries = 0; ; tries += 1) {
    if (await fetch(`${url}/readyz`).then((it) => it.ok, () => false)) break;
    assert.ok(tries < 600 && server.exitCode === null, "the server does not start");
    await new Promise((done) => setTimeout(done, 100));
  }
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--no-first-run"] });
});
after(async () => {
  await browser?.close();
  const ended = new Promise((done) => server.once("exit", done));
  server.kill();
  await ended;
  rmSync(data, { recursive: true, force: true });
});

async function open(path, { language = "en", theme = "light" } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: language, colorScheme: theme });
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  await page.goto(`${url}${path}`);
  await page.locator("input[name=username]").waitFor();
  return { page, context, wrong };
}

async function logIn(page, password) {
  await page.locator("input[name=username]").fill("admin");
  await page.locator("input[name=password]").fill(password);
  await page.locator(".login button[type=submit]").click();
}

test("who is not logged in is asked, and is where the URL said afterwards", async () => {
  const { page, context, wrong } = await open("/ui/#/data?time=7d&every=0");
  await logIn(page, "wrong-password");
  await page.locator("[role=alert]").filter({ hasText: "User or password is wrong." }).waitFor();
  assert.equal(await page.locator("input[name=password]").inputValue(), "");
  await logIn(page, PASSWORD);
  await page.locator(".login").waitFor({ state: "detached" });
  assert.match(page.url(), /#\/data\?.*time=7d/);
  await page.locator(".who").filter({ hasText: "admin" }).waitFor();

  // A page opened anew needs no password; a session that has ended elsewhere asks in place.
  await page.reload();
  await page.locator(".who").waitFor();
  const [cookie] = await context.cookies();
  assert.ok(cookie.httpOnly && cookie.sameSite === "Strict");
  await context.clearCookies();
  await page.evaluate(() => (location.hash = "#/sources?every=0"));
  await page.locator(".login").waitFor();
  assert.match(page.url(), /#\/sources/);
  await logIn(page, PASSWORD);
  await page.locator(".login").waitFor({ state: "detached" });

  await page.locator(".who button").click();
  await page.locator(".login").waitFor();
  assert.equal((await context.cookies()).length, 0);
  assert.equal(await page.locator(".who").count(), 0);
  assert.deepEqual(wrong, []);
  await context.close();
});

for (const language of ["en", "ja"]) {
  for (const theme of ["light", "dark"]) {
    test(`the login page is accessible: ${language}, ${theme}`, async () => {
      const { page, context, wrong } = await open("/ui/", { language, theme });
      assert.equal(await page.locator(":focus").getAttribute("name"), "username");
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      assert.deepEqual(violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html).join(" | ")}`), []);
      if (shots) await page.screenshot({ path: `${shots}/login-${language}-${theme}.png` });
      assert.deepEqual(wrong, []);
      await context.close();
    });
  }
}

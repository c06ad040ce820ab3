// Fetches the vendored modules anew from the npm registry and notes their checksums: `node vendor.mjs`.
// `node vendor.mjs --check` only compares what is here with `vendor.lock.json`.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const lockPath = new URL("vendor.lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(lockPath, "utf8"));
const sum = (bytes) => createHash("sha256").update(bytes).digest("hex");

for (const it of lock) {
  const target = new URL(`vendor/${it.file}`, import.meta.url);
  if (!process.argv.includes("--check")) {
    const dir = mkdtempSync(join(tmpdir(), "vendor-"));
    execFileSync("npm", ["pack", `${it.package}@${it.version}`, "--silent"], { cwd: dir });
    execFileSync("sh", ["-c", "tar xzf *.tgz"], { cwd: dir });
    const code = readFileSync(join(dir, "package", it.from), "utf8").replace(/\/\/# sourceMappingURL=.*/g, "");
    writeFileSync(target, code);
    it.sha256 = sum(code);
  }
  if (sum(readFileSync(target)) !== it.sha256) throw new Error(`vendor/${it.file} is not what vendor.lock.json says`);
}
if (!process.argv.includes("--check")) writeFileSync(lockPath, `${JSON.stringify(lock, null, 2)}\n`);

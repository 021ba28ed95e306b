// Bundles test/*.test.ts for node and runs them with node:test.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { everyScreen } from "./screens.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const tests = readdirSync(join(root, "test")).filter((f) => f.endsWith(".test.ts") || f.endsWith(".test.tsx"));
if (tests.length === 0) throw new Error("no tests");
const dir = mkdtempSync(join(tmpdir(), "console-"));
try {
  await build({
    entryPoints: tests.map((f) => join(root, "test", f)),
    bundle: true,
    platform: "node",
    format: "esm",
    outdir: dir,
    outExtension: { ".js": ".mjs" },
    loader: { ".css": "empty" },
    define: { ICONS: '"/assets/icons.svg"' },
    plugins: [everyScreen(join(root, "src"))],
    logLevel: "warning",
  });
  const files = readdirSync(dir).filter((f) => f.endsWith(".mjs")).map((f) => join(dir, f));
  const run = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit", cwd: root });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(dir, { recursive: true });
}

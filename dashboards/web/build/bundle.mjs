// Makes dist: app-<hash>.js, app-<hash>.css and icons-<hash>.svg, each also as .br and
// .gz, and manifest.json, which names them.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { everyScreen } from "./screens.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const src = join(root, "src");
const dist = join(root, "dist");
const budget = 150 * 1000; // bytes of the first load, compressed (issue: before ECharts)

for (const name of readdirSync(dist)) {
  if (name !== ".gitkeep") rmSync(join(dist, name));
}
const manifest = {};
let weight = 0;

/** put writes one asset under the name that its content gives it. */
function put(name, content) {
  const [stem, end] = name.split(".");
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 12);
  const file = `${stem}-${hash}.${end}`;
  const br = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  const gz = gzipSync(content, { level: 9 });
  writeFileSync(join(dist, file), content);
  writeFileSync(join(dist, `${file}.br`), br);
  writeFileSync(join(dist, `${file}.gz`), gz);
  manifest[name] = file;
  weight += gz.length;
  console.log(`${file}  ${content.length} B, ${br.length} br, ${gz.length} gz`);
  return file;
}

const icons = put("icons.svg", readFileSync(join(src, "icons.svg")));
const out = await build({
  entryPoints: { app: join(src, "main.tsx") },
  bundle: true,
  minify: true,
  write: false,
  outdir: dist,
  format: "esm",
  target: ["chrome111", "firefox115", "safari16.4"],
  charset: "utf8",
  legalComments: "eof",
  define: { ICONS: JSON.stringify(`/assets/${icons}`) },
  plugins: [everyScreen(src)],
});
for (const f of out.outputFiles) put(f.path.endsWith(".css") ? "app.css" : "app.js", Buffer.from(f.contents));
writeFileSync(join(dist, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
if (weight > budget) {
  console.error(`the first load weighs ${weight} B compressed, over the budget of ${budget}`);
  process.exit(1);
}
console.log(`first load ${weight} B compressed of ${budget}`);

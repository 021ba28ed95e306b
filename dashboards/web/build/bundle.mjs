// Makes dist: app-<hash>.js and .css of the console, screen-<hash>.js and .css of the
// screens on a wall with the parts that these load later, and icons-<hash>.svg, each
// also as .br and .gz, and manifest.json, which names them.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
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

/** put writes one asset under the name that its content gives it, and returns that and its compressed size. */
function put(name, content) {
  const [stem, end] = name.split(".");
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 12);
  return write(name, `${stem}-${hash}.${end}`, content);
}

function write(name, file, content) {
  const br = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  const gz = gzipSync(content, { level: 9 });
  writeFileSync(join(dist, file), content);
  writeFileSync(join(dist, `${file}.br`), br);
  writeFileSync(join(dist, `${file}.gz`), gz);
  manifest[name] = file;
  console.log(`${file}  ${content.length} B, ${br.length} br, ${gz.length} gz`);
  return { file, size: gz.length };
}

const icons = put("icons.svg", readFileSync(join(src, "icons.svg")));
const options = {
  bundle: true,
  minify: true,
  write: false,
  outdir: dist,
  format: "esm",
  target: ["chrome111", "firefox115", "safari16.4"],
  charset: "utf8",
  legalComments: "eof",
  define: { ICONS: JSON.stringify(`/assets/${icons.file}`) },
  plugins: [everyScreen(src)],
};

let weight = icons.size;
const app = await build({ ...options, entryPoints: { app: join(src, "main.tsx") } });
for (const f of app.outputFiles) weight += put(f.path.endsWith(".css") ? "app.css" : "app.js", Buffer.from(f.contents)).size;

// Parts that are loaded later bear the name that their loader knows them by.
const screen = await build({ ...options, entryPoints: { screen: join(src, "wall", "main.tsx") }, splitting: true, chunkNames: "part-[name]-[hash]" });
for (const f of screen.outputFiles) {
  const file = basename(f.path);
  if (file.startsWith("part-")) write(file, file, Buffer.from(f.contents));
  else put(file, Buffer.from(f.contents));
}
writeFileSync(join(dist, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
if (weight > budget) {
  console.error(`the first load weighs ${weight} B compressed, over the budget of ${budget}`);
  process.exit(1);
}
console.log(`first load ${weight} B compressed of ${budget}`);

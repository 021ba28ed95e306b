import { readdirSync } from "node:fs";
import { join } from "node:path";

/** The module "screens:all" imports every folder of src/screens: a new screen is a folder. */
export function everyScreen(src) {
  return {
    name: "every-screen",
    setup(build) {
      build.onResolve({ filter: /^screens:all$/ }, () => ({ path: "all", namespace: "screens" }));
      build.onLoad({ filter: /.*/, namespace: "screens" }, () => {
        const folders = readdirSync(join(src, "screens"), { withFileTypes: true })
          .filter((d) => d.isDirectory())
          .map((d) => d.name)
          .sort();
        return {
          contents: folders.map((f) => `import "./screens/${f}/index.tsx";`).join("\n"),
          resolveDir: src,
        };
      });
    },
  };
}

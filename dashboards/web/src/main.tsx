import "./tokens.css";
import "./css/base.css";
import "./css/frame.css";
import "./css/parts.css";
import "./css/table.css";
import "./css/query.css";
import "uplot/dist/uPlot.min.css";
import "screens:all";
import { render } from "preact";
import { startAttention } from "./api/attention.ts";
import { startSession } from "./api/session.ts";
import { App } from "./shell/app.tsx";
import { startKeys } from "./shell/keys.ts";
import { startRouter } from "./shell/router.ts";
import { startTheme } from "./shell/theme.ts";
import { startLanguage } from "./words/language.ts";

startAttention();
startLanguage();
startTheme();
startRouter();
startKeys();
startSession().catch(() => {
  // What needs the session says so itself: every screen tells when the server is gone.
});
render(<App />, document.getElementById("app")!);

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
import { startPreferences } from "./api/preferences.ts";
import { startSession } from "./api/session.ts";
import { App } from "./shell/app.tsx";
import { startKeys } from "./shell/keys.ts";
import { refresh } from "./shell/range.ts";
import { startRouter } from "./shell/router.ts";
import { startTheme } from "./shell/theme.ts";
import { zone } from "./time/zone.ts";
import { startLanguage } from "./words/language.ts";

startAttention();
startLanguage();
startTheme();
startRouter();
startKeys();
zone.on(refresh); // the server may know of another one than the browser
startSession().then((s) => startPreferences(s.user.name)).catch(() => {
  // What needs the session says so itself: every screen tells when the server is gone.
});
render(<App />, document.getElementById("app")!);

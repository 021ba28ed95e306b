import "./overview.css";
import { register } from "../../shell/screen.ts";
import { Overview } from "./overview.tsx";
import { overviewWords } from "./words.ts";

register({ path: "/overview", icon: "overview", name: () => overviewWords().title, letter: "o", order: 10, view: Overview });

import "./rules.css";
import { register } from "../../shell/screen.ts";
import { Rules } from "./rules.tsx";
import { ruleWords } from "./words.ts";

register({ path: "/rules", icon: "rule", name: () => ruleWords().title, letter: "r", order: 50, view: Rules });

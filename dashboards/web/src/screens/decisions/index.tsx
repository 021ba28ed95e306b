import "../../proposals/proposals.css";
import "./decisions.css";
import { register } from "../../shell/screen.ts";
import { dictionary } from "../../words/dictionary.ts";
import { Decisions } from "./decisions.tsx";
import { Waiting } from "./waiting.tsx";
import { decisionWords } from "./words.ts";

const words = dictionary("decisions rail", { rail: "Decisions" }, { rail: "决策" });

register({ path: "/decisions", icon: "decide", name: () => decisionWords().title, rail: () => words().rail, letter: "d", order: 30, view: Decisions, badge: Waiting });

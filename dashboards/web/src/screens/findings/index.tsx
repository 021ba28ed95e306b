import "./findings.css";
import { register } from "../../shell/screen.ts";
import { Findings } from "./findings.tsx";
import { findingWords } from "./words.ts";

register({ path: "/findings", icon: "finding", name: () => findingWords().title, letter: "f", order: 40, view: Findings });

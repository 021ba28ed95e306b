import "../../proposals/proposals.css";
import "../../rollout/rollout.css";
import "./tuning.css";
import { register } from "../../shell/screen.ts";
import { Tuning } from "./tuning.tsx";
import { tuningWords } from "./words.ts";

register({ path: "/tuning", icon: "tune", name: () => tuningWords().title, letter: "t", order: 60, view: Tuning });

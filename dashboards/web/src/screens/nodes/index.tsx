import "../../rollout/rollout.css";
import { register } from "../../shell/screen.ts";
import { Nodes } from "./nodes.tsx";
import { nodeWords } from "./words.ts";

register({ path: "/nodes", icon: "node", name: () => nodeWords().title, letter: "n", order: 70, view: Nodes });

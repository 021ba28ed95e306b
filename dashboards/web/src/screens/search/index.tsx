import "./search.css";
import { register } from "../../shell/screen.ts";
import { Search } from "./search.tsx";
import { searchWords } from "./words.ts";

register({ path: "/search", icon: "search", name: () => searchWords().title, letter: "s", order: 20, view: Search });

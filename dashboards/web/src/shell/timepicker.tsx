import { useState } from "preact/hooks";
import { Button } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";
import { Menu } from "../parts/menu.tsx";
import { presetName, presets } from "../time/presets.ts";
import { parseTime, showRange, type Range } from "../time/range.ts";
import { localZone, setZone, zoneLabel, zoneName } from "../time/zone.ts";
import { moment } from "../words/format.ts";
import { setPreset, setRange, useRange } from "./range.ts";
import { here, link } from "./router.ts";
import { copy } from "./topbar.tsx";
import { tell } from "./undo.ts";
import { shellWords } from "./words.ts";

/** TimePicker shows the absolute range and its zone, and changes them. */
export function TimePicker() {
  const w = shellWords();
  const { range, preset } = useRange();
  return (
    <Menu label={w.range} wide={420} face={<>
      <Icon name="clock" />
      <span class="when">{showRange(range)}</span>
      <span class="t3">{zoneLabel(range.to)}</span>
      <Icon name="chev" small />
    </>}>
      {(close) => (
        <div class="tp">
          <div class="tpl" role="group" aria-label={w.range}>
            {presets.map((p) => (
              <button type="button" class={preset === p ? "on" : ""} aria-pressed={preset === p} onClick={() => { setPreset(p); close(); }}>
                {presetName(p)}
              </button>
            ))}
          </div>
          <Exact key={`${range.from}${range.to}${zoneName()}`} range={range} close={close} />
        </div>
      )}
    </Menu>
  );
}

function Exact({ range, close }: { range: Range; close: () => void }) {
  const w = shellWords();
  const { preset } = useRange();
  const [from, setFrom] = useState(moment(range.from));
  const [to, setTo] = useState(moment(range.to));
  const [wrong, setWrong] = useState("");
  const apply = (e: Event) => {
    e.preventDefault();
    const now = new Date();
    const [a, b] = [parseTime(from, now), parseTime(to, now)];
    if (!a || !b) return setWrong(w.badTime);
    if (a >= b) return setWrong(w.badOrder);
    setRange({ from: a, to: b });
    close();
  };
  const zones = [...new Set([localZone(), "UTC", zoneName()])];
  return (
    <form class="tpx" onSubmit={apply}>
      <label>{w.from}<input class="in mono" value={from} spellcheck={false} onInput={(e) => setFrom(e.currentTarget.value)} /></label>
      <label>{w.to}<input class="in mono" value={to} spellcheck={false} onInput={(e) => setTo(e.currentTarget.value)} /></label>
      <label>{w.zone}
        <select class="in" value={zoneName()} onChange={(e) => { setZone(e.currentTarget.value); }}>
          {zones.map((z) => <option value={z}>{z}</option>)}
        </select>
      </label>
      {wrong && <p class="cb" role="alert">{wrong}</p>}
      <div class="acts">
        <button type="submit" class="btn pri">{w.apply}</button>
        {preset && <Button kind="gh" onClick={() => {
          const all = Object.fromEntries(here().params);
          void copy(location.origin + link(here().path, { ...all, from: preset.text, to: "now" }));
          tell({ said: w.relativeCopied });
          close();
        }}>{w.copyRelative}</Button>}
      </div>
    </form>
  );
}

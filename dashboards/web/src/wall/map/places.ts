import { language } from "../../words/language.ts";
import { wallWords } from "../words.ts";
import { cities, type City } from "./cities.ts";
import { countries } from "./countries.ts";

/** Somewhere on the map. */
export interface Place {
  name: string; // in the language of now
  at: [lon: number, lat: number];
}

const byName = new Map<string, City>(cities.map((c) => [`${c[0]}/${plainName(c[1])}`, c]));

/** plainName is a name of a city without marks and case, as databases differ in them. */
function plainName(name: string): string {
  return name.normalize("NFD").replace(/[^A-Za-z]/g, "").toLowerCase();
}

function placeOf([, en, zh, lon, lat]: City): Place {
  return { name: language() === "en" ? en : zh, at: [lon, lat] };
}

/** countryName is a country by its code, "" for what is none. */
export function countryName(code: string): string {
  if (!countries.has(code)) return "";
  const w = wallWords();
  const own = ({ HK: w.hongKong, MO: w.macao, TW: w.taiwan } as Record<string, string>)[code];
  return own ?? names().of(code) ?? code;
}

let made: { lang: string; names: Intl.DisplayNames } | undefined;
function names(): Intl.DisplayNames {
  if (made?.lang !== language()) made = { lang: language(), names: new Intl.DisplayNames(language(), { type: "region", style: "short" }) };
  return made.names;
}

/**
 * origin is where requests come from: a city that is known, else the middle of the
 * country. What it names comes from tables, never from the event.
 */
export function origin(country = "", city = ""): Place | undefined {
  const known = city.length <= 60 ? byName.get(`${country}/${plainName(city)}`) : undefined;
  if (known) return placeOf(known);
  const at = countries.get(country);
  return at && { name: countryName(country), at };
}

/** placeOfZone guesses where a screen stands by its time zone: Asia/Shanghai is Shanghai. */
export function placeOfZone(zone: string): Place {
  const name = plainName(zone.split("/").pop()!);
  const city = cities.find((c) => plainName(c[1]) === name || (name === "kolkata" && c[1] === "Mumbai"));
  if (city) return placeOf(city);
  const hours = -new Date(2026, 0, 1).getTimezoneOffset() / 60;
  return { name: "", at: [hours * 15, 30] };
}

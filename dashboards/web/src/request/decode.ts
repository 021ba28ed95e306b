import type { Span } from "../parts/text.tsx";

/** A decoded text and, for each UTF-16 unit of it, where it came from. */
export interface Decoded {
  text: string;
  from: number[]; // begin in the source; one more than text has units
}

/** urlDecode undoes %XX and + and keeps the places. Bytes that are not UTF-8 become U+FFFD. */
export function urlDecode(s: string, plus = true): Decoded {
  let text = "";
  const from: number[] = [];
  const put = (t: string, at: number) => {
    for (let i = 0; i < t.length; i++) from.push(at);
    text += t;
  };
  for (let i = 0; i < s.length; ) {
    const run = /^(?:%[0-9a-f]{2})+/i.exec(s.slice(i, i + 3000));
    if (run) {
      const bytes = run[0].match(/[0-9a-f]{2}/gi)!.map((h) => parseInt(h, 16));
      for (let b = 0; b < bytes.length; ) {
        const n = length(bytes[b]!);
        put(new TextDecoder().decode(Uint8Array.from(bytes.slice(b, b + n))), i + 3 * b);
        b += n;
      }
      i += run[0].length;
    } else {
      put(plus && s[i] === "+" ? " " : s[i]!, i);
      i++;
    }
  }
  from.push(s.length);
  return { text, from };
}

function length(lead: number): number {
  return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
}

/** locate finds a matched value in the text as it was sent: as it is, or URL-decoded. */
export function locate(sent: string, value: string): { sent: Span; decoded: Decoded; span: Span } | undefined {
  if (value.length < 2) return undefined;
  const decoded = urlDecode(sent);
  let at = decoded.text.indexOf(value);
  let n = value.length;
  if (at < 0) {
    // Rules see text after transformations that fold case and white space, and long values are cut.
    const begin = value.slice(0, 24).toLowerCase();
    at = decoded.text.toLowerCase().indexOf(begin);
    n = Math.min(value.length, decoded.text.length - at);
  }
  if (at < 0 || decoded.text.toLowerCase().length !== decoded.text.length) return undefined;
  const span = { from: at, to: at + n };
  return { sent: { from: decoded.from[at]!, to: decoded.from[at + n] ?? sent.length }, decoded, span };
}

// Characters that show nothing, move others, or change how a terminal behaves.
const ranges: [number, number][] = [
  [0x00, 0x1f], [0x7f, 0x9f], [0xad, 0xad], [0x34f, 0x34f], [0x61c, 0x61c], [0x115f, 0x1160], [0x17b4, 0x17b5],
  [0x180b, 0x180f], [0x200b, 0x200f], [0x2028, 0x202e], [0x2060, 0x206f], [0x3164, 0x3164], [0xd800, 0xdfff],
  [0xfdd0, 0xfdef], [0xfe00, 0xfe0f], [0xfeff, 0xfeff], [0xffa0, 0xffa0], [0xfff0, 0xfffb], [0xfffe, 0xffff],
  [0x1bca0, 0x1bca3], [0x1d173, 0x1d17a], [0xe0000, 0xe0fff],
];

/** A run of text as it is, or the code point of one character that would hide or act. */
export type Piece = { text: string } | { code: number };

function acts(c: number): boolean {
  if (c < 0x7f) return c < 0x20;
  for (const [a, b] of ranges) if (c >= a && c <= b) return true;
  return false;
}

/** reveal takes apart what is to be drawn as text and what as code points. */
export function reveal(s: string): Piece[] {
  const out: Piece[] = [];
  let from = 0;
  for (let i = 0; i < s.length; ) {
    const c = s.codePointAt(i)!;
    const n = c > 0xffff ? 2 : 1;
    if (acts(c)) {
      if (i > from) out.push({ text: s.slice(from, i) });
      out.push({ code: c });
      from = i + n;
    }
    i += n;
  }
  if (from < s.length) out.push({ text: s.slice(from) });
  return out;
}

/** codeName is U+200B. */
export function codeName(c: number): string {
  return `U+${c.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** visible is text with code points in brackets, for titles and copies. */
export function visible(s: string): string {
  return reveal(s).map((p) => ("text" in p ? p.text : `[${codeName(p.code)}]`)).join("");
}

const simple = /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u024f\u2010-\u2027\u2030-\u205e\u3001-\u3030\u4e00-\u9fff\uff01-\uff5e]*$/;

/** plain is whether a text can be drawn as it is. */
export function plain(s: string): boolean {
  return simple.test(s);
}

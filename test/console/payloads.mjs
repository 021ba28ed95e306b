// Texts that a field must not do anything with: run, hide, turn text around, break out of
// quotes, be the markup of a chart, or be too long.
export const payloads = [
  `<img src=x onerror="window.ran=1">`,
  `"><script>window.ran=2</script>`,
  "\u202egnp.exe\u202c and \u2066isolated\u2069",
  "zero\u200bwidth\u200d\ufeff\u00ad\u2060",
  "\u001b[31mred\u001b[0m\u0007\u0085",
  "{n|rich} {a|{b|c}}",
  "{constructor}", "__proto__", "hasOwnProperty",
  "a\u0301\u0301\u0301\u0301\u0301\u0301 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
  "请问 union 里两个 select 的列数不同",
  "x".repeat(200),
];

/** tellServer keeps a choice for the pages that the server draws: sign-in, account, set-up. Empty takes it away. */
export function tellServer(name: "gatewatch_lang" | "gatewatch_theme", value: string): void {
  document.cookie = `${name}=${value}; path=/; max-age=${value ? 31536000 : 0}; samesite=strict`;
}

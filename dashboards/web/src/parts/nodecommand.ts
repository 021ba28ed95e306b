/** nodeCommand puts a WAF node in front of a site that only reports, and sends to this server: elsewhere than on one machine that takes a token. */
export function nodeCommand(host = location.hostname): string {
  const here = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);
  return `gatewatch-waf --listen 127.0.0.1:8000 --upstream http://127.0.0.1:3000 --server ${host}:9090${here ? "" : " --token TOKEN"} --site shop --mode detect`;
}

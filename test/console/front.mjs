// A gateway in front of the server that can be taken away, and whose stream of states
// the test writes itself.
import http from "node:http";

/** Front listens on loopback and passes everything on to base but the stream of states. */
export class Front {
  constructor(base) {
    this.base = new URL(base);
    this.streams = new Set();
    this.sockets = new Set();
    this.gone = false;
    this.last = undefined;
    this.server = http.createServer((req, res) => this.answer(req, res));
    this.server.on("connection", (s) => {
      if (this.gone) return s.destroy();
      this.sockets.add(s);
      s.on("close", () => this.sockets.delete(s));
    });
  }

  async listen() {
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  answer(req, res) {
    if (req.url.startsWith("/api/v1/screen/stream")) {
      res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      this.streams.add(res);
      res.on("close", () => this.streams.delete(res));
      if (this.last) res.write(this.last);
      else res.write(": begins\n\n");
      return;
    }
    const on = http.request({ host: this.base.hostname, port: this.base.port, path: req.url, method: req.method, headers: req.headers }, (from) => {
      res.writeHead(from.statusCode, from.headers);
      from.pipe(res);
    });
    on.on("error", () => res.destroy());
    req.pipe(on);
  }

  /** send gives a state to all who look, and to those who come later. */
  send(state) {
    this.last = `data: ${JSON.stringify(state)}\n\n`;
    for (const s of this.streams) s.write(this.last);
  }

  /** leave ends all connections and takes no more; come takes them again. */
  leave() {
    this.gone = true;
    for (const s of this.sockets) s.destroy();
  }

  come() {
    this.gone = false;
  }

  close() {
    this.leave();
    this.server.close();
  }
}

// @ts-check
/** The services of the server, and its response time: repeated while this is open. */
import { byId, element, openDialog, setText } from "./dom.js";

/** Milliseconds between two requests. */
const PAUSE = 1000;

/** Answers in the curve. */
const MOST = 60;

export class StatusPanel {
  /** @param {import("../core/session.js").Session} session */
  constructor(session) {
    this.session = session;
    this.dialog = byId("status-dialog");
    this.timer = 0;
    /** Last response times. @type {number[]} */
    this.times = [];
    byId("status-button").addEventListener("click", () => {
      openDialog(this.dialog);
      void this.ask();
    });
    this.dialog.addEventListener("close", () => clearTimeout(this.timer));
  }

  async ask() {
    await Promise.all([this.askServices(), this.askTime()]);
    clearTimeout(this.timer);
    if (this.dialog.open) this.timer = window.setTimeout(() => void this.ask(), PAUSE);
  }

  async askServices() {
    try {
      const response = await fetch("api/v1/services", { headers: { Accept: "application/json" } });
      const body = await response.json();
      setText(byId("status-state"), response.ok ? "" : body.error?.text ?? `not available (${response.status})`);
      if (response.ok) this.show(body.services);
    } catch {
      setText(byId("status-state"), "The server does not say what it serves.");
    }
  }

  async askTime() {
    const begin = performance.now();
    try {
      await this.session.request("ping");
    } catch (error) {
      // A refusal is an answer too.
      if (/** @type {any} */ (error).code === "lost") return;
    }
    this.times.push(performance.now() - begin);
    if (this.times.length > MOST) this.times.shift();
    const highest = Math.max(...this.times, 1);
    const points = this.times.map((time, index) => `${(index * 300) / (MOST - 1)},${(39 - (time / highest) * 38).toFixed(1)}`);
    byId("latency").setAttribute("points", points.join(" "));
    const sorted = [...this.times].sort((one, other) => one - other);
    setText(byId("latency-text"), `answers in ${sorted[sorted.length >> 1].toFixed(1)} ms, at most ${highest.toFixed(1)} ms`);
  }

  /** @param {any[]} services each with its public data */
  show(services) {
    byId("status-rows").replaceChildren(...services.map((service) => {
      const places = (service.places ?? []).map((/** @type {any} */ place) => `${place.transport} ${place.port}${place.tls ? " TLS" : ""}`);
      const counts = ["open", "dropped"].filter((name) => name in service).map((name) => `${service[name]} ${name}`);
      return element("tr", {}, element("th", { scope: "row", text: service.name }), element("td", { text: service.summary }),
        element("td", { text: [...places, ...counts].join(", ") }));
    }));
  }
}

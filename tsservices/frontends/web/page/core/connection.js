// @ts-check
/**
 * A websocket that reconnects: retries after a loss with growing delays, and detects a silently
 * lost server. Independent of the messages. Sockets, time and random numbers are passed in.
 */

/** Most milliseconds before a try: the first, and all later ones. */
const FIRST_DELAY = 500, MOST_DELAY = 30_000;

/** Milliseconds without an answer until a connection is lost. */
const ANSWER_TIME = 6000;

/** Milliseconds until an unanswered try is given up: browsers wait for minutes. */
const OPEN_TIME = 15_000;

/** Milliseconds of silence until the server is pinged. */
const QUIET_TIME = 40_000;

/** Milliseconds between checks; another pause means that the computer slept or its clock was set. */
const LOOK_EVERY = 5000;

/** The close code of a server that stops. */
const GOING_AWAY = 1001;

/**
 * @typedef {object} World the environment
 * @property {() => WebSocket} open
 * @property {() => number} now milliseconds
 * @property {() => number} random from 0 to 1
 * @property {(run: () => void, after: number) => any} after
 * @property {(timer: any) => void} cancel
 */

/**
 * @typedef {object} Owner
 * @property {() => void} opened
 * @property {(text: string) => void} received
 * @property {(code: number, reason: string) => void} lost
 * @property {() => void} askForSign send a request to be answered
 * @property {(state: string) => void} stateChanged
 */

export class Connection {
  /** @param {World} world @param {Owner} owner */
  constructor(world, owner) {
    this.world = world;
    this.owner = owner;
    /** @type {"waiting" | "connecting" | "open" | "stopped"} */
    this.state = "stopped";
    this.failures = 0;
    this.retryAt = 0;
    this.startedAt = 0;
    this.heardAt = 0;
    this.askedAt = 0;
    this.lookedAt = 0;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.timer = null;
    this.lookTimer = null;
  }

  /** Connect, now. */
  start() {
    this.drop();
    this.world.cancel(this.timer);
    this.askedAt = 0;
    this.change("connecting");
    const socket = this.world.open();
    this.socket = socket;
    this.startedAt = this.world.now();
    this.world.after(() => {
      if (this.socket === socket && this.state === "connecting") this.wasLost(1006, "no answer");
    }, OPEN_TIME);
    const current = (/** @type {(event: any) => void} */ handle) => (/** @type {any} */ event) => {
      if (this.socket === socket) handle(event);
    };
    socket.onopen = current(() => {
      this.heardAt = this.lookedAt = this.world.now();
      this.change("open");
      this.look();
      this.owner.opened();
    });
    socket.onmessage = current((event) => {
      this.heardAt = this.world.now();
      this.askedAt = 0;
      if (typeof event.data === "string") this.owner.received(event.data);
    });
    socket.onclose = current((event) => this.wasLost(event.code, event.reason));
  }

  /** Reset the delay: the connection works. */
  settled() {
    this.failures = 0;
  }

  /** Stop connecting, until L{start}. */
  stop() {
    this.drop();
    this.world.cancel(this.timer);
    this.change("stopped");
  }

  /**
   * Try at once while waiting for a try, or if one gets no answer, maybe over a lost network.
   * Otherwise check the connection.
   */
  wake() {
    const unanswered = this.state === "connecting" && this.world.now() - this.startedAt > ANSWER_TIME;
    if (this.state === "waiting" || unanswered) this.start();
    else if (this.state === "open") this.ask();
  }

  /** @param {string} text @returns {boolean} whether it was sent */
  send(text) {
    if (this.state !== "open" || this.socket?.readyState !== 1) return false;
    this.socket.send(text);
    return true;
  }

  ask() {
    if (this.askedAt) return;
    this.askedAt = this.world.now();
    this.owner.askForSign();
    this.world.after(() => this.checkAnswer(), ANSWER_TIME);
  }

  checkAnswer() {
    const waited = this.world.now() - this.askedAt;
    // Negative: the clock was set back meanwhile.
    if (this.askedAt && this.state === "open" && (waited >= ANSWER_TIME || waited < 0)) {
      // A closing handshake would wait for the lost server for minutes.
      this.wasLost(1006, "no answer");
    }
  }

  look() {
    this.world.cancel(this.lookTimer);
    const now = this.world.now();
    const slept = Math.abs(now - this.lookedAt) > 3 * LOOK_EVERY;
    this.lookedAt = now;
    if (this.state === "open" && (slept || now - this.heardAt > QUIET_TIME)) this.ask();
    if (this.state === "open") this.lookTimer = this.world.after(() => this.look(), LOOK_EVERY);
  }

  /** @param {number} code @param {string} reason */
  wasLost(code, reason) {
    this.drop();
    // Half of the delay is random: all pages lose a server at once.
    const most = Math.min(MOST_DELAY, FIRST_DELAY * 2 ** this.failures * (code === GOING_AWAY ? 4 : 1));
    const delay = most / 2 + (this.world.random() * most) / 2;
    this.failures++;
    this.retryAt = this.world.now() + delay;
    this.timer = this.world.after(() => this.start(), delay);
    this.change("waiting");
    this.owner.lost(code, reason);
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    this.world.cancel(this.lookTimer);
    if (socket && socket.readyState < 2) socket.close();
  }

  /** @param {Connection["state"]} state */
  change(state) {
    this.state = state;
    this.owner.stateChanged(state);
  }
}

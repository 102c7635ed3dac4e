// The worker that runs the command, as the page sees it: started, asked one thing after another, stopped, started anew.

/** What a job that was stopped is rejected with. */
export class Stopped extends Error {}

export class Runner {
  #worker = null;
  #job = null; // the one that the worker is at: {resolve, reject}
  #last = Promise.resolve(); // when the last job that was asked for is done
  #ready = null; // resolved once Python is there

  /** `listen.loading({done, total})` hears how much of Python is there, `listen.crashed(text)` why a worker ended. */
  constructor(listen) {
    this.listen = listen;
  }

  /** Resolved once Python runs. */
  get ready() {
    return this.#ready ?? this.start();
  }

  start() {
    this.#ready = new Promise((resolve, reject) => {
      this.#worker = openWorker();
      let runs = false;
      this.#worker.onmessage = ({ data }) => {
        if (data.loading) this.listen.loading(data.loading);
        else if (data.ready) {
          runs = true;
          resolve();
        } else if (data.failed !== undefined) this.#fail(data.failed, runs, reject);
        else this.#finish((job) => job.resolve(data.done));
      };
      this.#worker.onerror = (event) => {
        event.preventDefault();
        this.#fail(event.message || "it could not be loaded", runs, reject);
      };
    });
    this.#ready.catch(() => {}); // whoever asks for it hears of it
    return this.#ready;
  }

  /** Run a job {ask, arguments, files, text} once Python is there, and those before it are done or stopped.

  Resolves with {code, out, err, milliseconds, read, memory}. */
  run(job) {
    const turn = this.#last.then(() => this.#send(job));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #send(job) {
    await this.ready;
    return new Promise((resolve, reject) => {
      this.#job = { resolve, reject };
      this.#worker.postMessage(job);
    });
  }

  /** End whatever runs. */
  stop() {
    this.#worker?.terminate();
    this.#finish((job) => job.reject(new Stopped("stopped")));
    this.start();
  }

  /** The worker is of no more use. One that never ran is not started again by itself, or that would go on for ever. */
  #fail(text, ran, reject) {
    const problem = new Error(`Python stopped working: ${String(text).split("\n")[0]}`);
    this.#worker.terminate();
    reject(problem);
    if (ran) this.start();
    else this.#ready = null;
    this.#finish((job) => job.reject(problem));
    this.listen.crashed(problem.message, ran);
  }

  #finish(settle) {
    const job = this.#job;
    this.#job = null;
    if (job) settle(job);
  }
}

/** A worker under the page's own security policy, which one from an address of its own would not inherit. */
function openWorker() {
  const script = `import ${JSON.stringify(new URL("worker.js", document.baseURI).href)};`;
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  return new Worker(address, { type: "module", name: "graphcost" });
}

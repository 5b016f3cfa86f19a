// Browsers start no worker from a page that is opened as a file. There the search runs in a hidden
// frame instead, which takes and gives the same messages.
class FrameWorker extends EventTarget {
  constructor(url) {
    super();
    this.frame = document.createElement("iframe");
    this.frame.hidden = true;
    document.body.append(this.frame);
    const inside = this.frame.contentWindow;
    inside.document.open();
    inside.document.close();
    inside.importScripts = () => undefined; // English needs no further script
    inside.postMessage = (data) => this.#later(this, data);
    this.loaded = new Promise((resolve) => {
      const script = inside.document.createElement("script");
      script.src = url;
      script.onload = resolve;
      inside.document.body.append(script);
    });
  }

  postMessage(data) {
    this.loaded.then(() => this.#later(this.frame.contentWindow, data));
  }

  terminate() {
    this.frame.remove();
  }

  #later(target, data) {
    setTimeout(() => target.dispatchEvent(new MessageEvent("message", { data })));
  }
}

if (location.protocol === "file:") window.Worker = FrameWorker;

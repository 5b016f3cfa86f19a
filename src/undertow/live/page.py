"""`LivePage`: a page on this machine that draws latents and behaviour while a stream runs."""

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from undertow.errors import DataError
from undertow.models.streaming import StreamedBin

KEPT_S, MOST_LINES = 6.0, 8
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>undertow stream</title>
<style>
:root { color-scheme: light dark }
body { font: 15px system-ui, sans-serif; margin: 1.5rem; max-width: 70rem }
h1 { font-size: 1.2rem }
h2 { font-size: 1rem; margin: 0.8rem 0 0.2rem }
canvas { width: 100%; height: 11rem; display: block; border: 1px solid #8884 }
#said { font-variant-numeric: tabular-nums }
.key { font-weight: normal; margin-left: 0.8em }
</style>
</head>
<body>
<h1>undertow stream</h1>
<p id="said" role="status">waiting for the first bin …</p>
<div id="all"></div>
<script>
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7",
                 "#e69f00", "#56b4e9", "#999999", "#8b5a2b"];
const ends = {};
function canvasOf(name, columns) {
  let canvas = document.getElementById("of " + name);
  if (canvas) return canvas;
  const heading = document.createElement("h2");
  heading.textContent = name;
  (columns || []).forEach((column, k) => {
    const key = document.createElement("span");
    key.className = "key"; key.style.color = colours[k % 8]; key.textContent = column;
    heading.append(key);
  });
  canvas = document.createElement("canvas");
  canvas.id = "of " + name;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", name + " over the last six seconds");
  document.getElementById("all").append(heading, canvas);
  return canvas;
}
function draw(name, rows, columns) {
  const canvas = canvasOf(name, columns), scale = devicePixelRatio;
  const width = canvas.width = canvas.clientWidth * scale;
  const height = canvas.height = canvas.clientHeight * scale;
  const known = rows.flat().filter(value => value !== null);
  if (!known.length) return;
  const end = ends[name] = ends[name] || [Infinity, -Infinity];
  end[0] = Math.min(end[0], ...known);
  end[1] = Math.max(end[1], ...known);
  const pen = canvas.getContext("2d"), span = (end[1] - end[0]) || 1;
  pen.lineWidth = 1.5 * scale;
  for (let k = 0; k < rows[0].length; k++) {
    pen.strokeStyle = colours[k % 8];
    pen.beginPath();
    let down = false;
    rows.forEach((row, i) => {
      if (row[k] === null) { down = false; return; }
      const x = i / Math.max(rows.length - 1, 1) * width;
      const y = height - (0.05 + 0.9 * (row[k] - end[0]) / span) * height;
      if (down) pen.lineTo(x, y); else pen.moveTo(x, y);
      down = true;
    });
    pen.stroke();
  }
}
async function look() {
  const said = document.getElementById("said");
  try {
    const state = await (await fetch("state")).json();
    if (state.bin >= 0) {
      said.textContent = "bin " + state.bin + ", mean rate "
        + state.mean_hz.toFixed(1) + " spikes/s";
      for (const name in state.lines) draw(name, state.lines[name], state.columns[name]);
    }
  } catch (error) { said.textContent = "the stream has ended"; return; }
  setTimeout(look, 200);
}
look();
</script>
</body>
</html>
"""


class LivePage:
    """Serves one page, which looks at the last seconds five times a second.

    Args:
        bin_s: bin width in seconds.
        port: to serve on; 0 for any that is free.
        host: this machine by default.

    Attributes:
        address: of the page.

    Raises:
        DataError: for a port that is taken or not allowed.
    """

    def __init__(self, bin_s: float, port: int = 0, host: str = "127.0.0.1") -> None:
        self._kept: deque[tuple[int, float, dict[str, list[Any]]]] = deque(
            maxlen=max(2, round(KEPT_S / bin_s))
        )
        self._columns: dict[str, list[str]] = {}
        page = self

        class Handler(BaseHTTPRequestHandler):
            """Gives the page and its state."""

            def do_GET(self) -> None:
                found = {"/": (PAGE, "text/html; charset=utf-8")}
                if self.path == "/state":
                    found["/state"] = (page.state(), "application/json")
                if self.path not in found:
                    self.send_error(404)
                    return
                text, kind = found[self.path]
                body = text.encode()
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise DataError(f"cannot serve a page on {host}:{port}: {error.strerror}.") from error
        self._server.daemon_threads = True
        self.address = f"http://{host}:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def send(self, now: StreamedBin) -> None:
        """Keep what is drawn of a bin."""
        lines = {name: _some(each) for name, each in now.latents.items() if name != "h"}
        if now.behavior is not None:
            lines = {"behaviour": _some(now.behavior), **lines}
            self._columns["behaviour"] = list(now.behavior_names[:MOST_LINES])
        self._kept.append((now.bin, float(now.rates.mean()), lines))

    def state(self) -> str:
        """The last seconds as JSON."""
        kept = list(self._kept)
        if not kept:
            return json.dumps({"bin": -1})
        lines = {name: [row[2].get(name, []) for row in kept] for name in kept[-1][2]}
        return json.dumps(
            {"bin": kept[-1][0], "mean_hz": kept[-1][1], "lines": lines, "columns": self._columns}
        )

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _some(values: np.ndarray) -> list[float | None]:
    """The first numbers; None for what is not known."""
    return [float(each) if np.isfinite(each) else None for each in values[:MOST_LINES]]

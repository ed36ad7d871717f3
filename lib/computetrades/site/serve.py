"""Serves a built book on this machine, compressed as a public host would send it.
`python -m computetrades.site.serve`"""
from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from functools import lru_cache, partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BUILT = Path("_build/html")
PORT = 8000
COMPRESSIBLE = {".html", ".css", ".js", ".json", ".svg", ".csv", ".txt", ".ipynb", ".md"}


class Compressed(SimpleHTTPRequestHandler):
    """Text goes out gzipped; connections stay open; nothing is logged."""
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            return self.send_error(HTTPStatus.NOT_FOUND)
        zipped = path.suffix in COMPRESSIBLE
        body = _zipped(path, path.stat().st_mtime_ns) if zipped else path.read_bytes()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(body)))
        if zipped:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@lru_cache
def _zipped(path: Path, _when: int) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)


@contextmanager
def served(folder: Path, port: int = 0):
    """Address of the folder while the block runs; by default on any free port."""
    with ThreadingHTTPServer(("127.0.0.1", port), partial(Compressed, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


if __name__ == "__main__":
    with served(BUILT, PORT) as address:
        print(f"{address}/intro.html (Ctrl-C stops it)")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass

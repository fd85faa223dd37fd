"""A web server that hooks are for. It runs on the host, and the guest reaches it as 10.0.2.2.

    target.py FOLDER [SECONDS]

It writes its port to FOLDER/port, or takes the one that is there, and each request as a line of JSON to FOLDER/requests. Each is answered by
`{"answer": "received"}`, after so many seconds.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        with (self.server.folder / "requests").open("a") as requests:
            print(json.dumps({"path": self.path, "body": json.loads(body)}), file=requests)
        time.sleep(self.server.takes_s)
        answer = json.dumps({"answer": "received"}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments):
        pass


def main(folder, takes_s=0.0):
    port = folder / "port"
    server = ThreadingHTTPServer(("127.0.0.1", int(port.read_text()) if port.exists() else 0), Handler)
    server.folder = folder
    server.takes_s = takes_s
    (folder / "requests").touch()
    (folder / "port.new").write_text(str(server.server_port))
    (folder / "port.new").rename(port)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(float, sys.argv[2:]))

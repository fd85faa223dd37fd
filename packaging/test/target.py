"""The web server that the hook is for: it answers port 9999 and adds what it is sent to the file that it is given."""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        with open(sys.argv[1], "a") as requests:
            print(body, file=requests)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_arguments):
        pass


HTTPServer(("127.0.0.1", 9999), Handler).serve_forever()

"""The web server that the hook is for: it adds what it is sent to the file that it is given.

It answers 127.0.0.1:9999, or the address and port that it is given, then over HTTPS with the certificate and key."""

import ssl
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


if len(sys.argv) == 2:
    server = HTTPServer(("127.0.0.1", 9999), Handler)
else:
    address, port, certificate, key = sys.argv[2:]
    server = HTTPServer((address, int(port)), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()

// Node's http-proxy in front of an application on the same host.
//
//   npm install http-proxy
//   gunicorn --bind 127.0.0.1:8000 app:app
//   TRUST_PROXY = "loopback"        (the default)

const fs = require("fs");
const http = require("http");
const https = require("https");
const { createProxyServer } = require("http-proxy");

// xfwd adds the client's address and scheme to what is left of the headers: nothing.
// Many WSGI servers take X_Forwarded_For for X-Forwarded-For.
const proxy = createProxyServer({ target: "http://127.0.0.1:8000", xfwd: true });
const forwarding = /^x[-_]forwarded[-_]/i;
function clean(request) {
  for (const name of Object.keys(request.headers)) {
    if (forwarding.test(name)) delete request.headers[name];
  }
}

function serve(server, port) {
  server.on("request", (request, response) => {
    clean(request);
    proxy.web(request, response);
  });
  server.on("upgrade", (request, socket, head) => {
    clean(request);
    proxy.ws(request, socket, head);
  });
  server.listen(port);
}

const pem = fs.readFileSync("/etc/ssl/private/www.example.com.pem");
serve(http.createServer(), 80);
serve(https.createServer({ cert: pem, key: pem }), 443);

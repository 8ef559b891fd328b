# Varnish in front of an application on the same host. It speaks no TLS with clients.
#
#   gunicorn --bind 127.0.0.1:8000 app:app
#   TRUST_PROXY = "loopback"        (the default)

vcl 4.1;

backend app {
    .host = "127.0.0.1";
    .port = "8000";
}

sub vcl_recv {
    # Replaces the list, to which Varnish has added the client's address by now.
    set req.http.X-Forwarded-For = client.ip;
    set req.http.X-Forwarded-Proto = "http";
    # Many WSGI servers take these names for the true ones.
    unset req.http.X_Forwarded_For;
    unset req.http.X_Forwarded-For;
    unset req.http.X-Forwarded_For;
    unset req.http.X_Forwarded_Proto;
    unset req.http.X_Forwarded-Proto;
    unset req.http.X-Forwarded_Proto;
}

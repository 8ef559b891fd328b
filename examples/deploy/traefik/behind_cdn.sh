#!/bin/sh
# Traefik on the application's host, behind a CDN. The file /etc/cdn.txt has the networks of
# the CDN, one a line, as `flask trust-proxy fetch` writes it. Restart Traefik when it
# changes. The other file, app.yaml, is the one of the same folder.
#
#   gunicorn --bind 127.0.0.1:8000 app:app
#   TRUST_PROXY = "loopback, file:/etc/cdn.txt"
#   TRUST_PROXY_MAX_HOPS = "2"

# Traefik keeps the list and the scheme of these, and replaces everyone else's.
networks="$(paste -sd , /etc/cdn.txt)"

exec traefik \
    --entryPoints.web.address=:80 \
    --entryPoints.web.forwardedHeaders.trustedIPs="$networks" \
    --entryPoints.websecure.address=:443 \
    --entryPoints.websecure.forwardedHeaders.trustedIPs="$networks" \
    --providers.file.filename=/etc/traefik/app.yaml

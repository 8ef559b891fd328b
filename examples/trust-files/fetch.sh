#!/bin/sh
# Fetches the networks of a CDN into a trust file, which is replaced as a whole or not at all:
#
#     fetch.sh cloudflare|cloudfront|fastly|google FILE
#
# Needs curl, and jq for all but Cloudflare. FETCH_FROM takes the place of the vendor's host.
set -eu
cdn=$1 file=$2

# Beside the file, since only inside one file system does mv replace it at once.
folder=$(mktemp -d -p "$(dirname "$file")")
trap 'rm -rf "$folder"' EXIT
answer=$folder/answer new=$folder/new

get() {
    curl --fail --silent --show-error --location --proto-redir =https \
        --retry 3 --max-time 60 --output "$answer" "${FETCH_FROM:-$1}$2"
}

case $cdn in
cloudflare)
    for list in /ips-v4 /ips-v6; do
        get https://www.cloudflare.com "$list"
        # Their last line does not end.
        { cat "$answer" && echo; } >>"$new"
    done
    ;;
cloudfront)
    get https://ip-ranges.amazonaws.com /ip-ranges.json
    # One service of many. Without this line, every customer of the cloud would be trusted.
    jq --raw-output '.prefixes[], .ipv6_prefixes[]
        | select(.service == "CLOUDFRONT_ORIGIN_FACING")
        | .ip_prefix // .ipv6_prefix' "$answer" >"$new"
    ;;
fastly)
    get https://api.fastly.com /public-ip-list
    jq --raw-output '.addresses[], .ipv6_addresses[]' "$answer" >"$new"
    ;;
google)
    get https://dns.google '/resolve?name=_cloud-eoips.googleusercontent.com&type=TXT'
    jq --raw-output '.Answer[].data | scan("ip[46]:([0-9A-Fa-f.:/]+)")[]' "$answer" >"$new"
    ;;
*)
    echo "fetch.sh: no CDN is called $cdn" >&2
    exit 2
    ;;
esac

grep -q '[^[:space:]]' "$new" || { echo "fetch.sh: $cdn named no network" >&2; exit 1; }
chmod 644 "$new"
mv "$new" "$file"

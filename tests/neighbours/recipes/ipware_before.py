from flask import Flask, request
from python_ipware import IpWare

app = Flask(__name__)
ipware = IpWare(proxy_count=0)


@app.get("/")
def index() -> str:
    address, trusted = ipware.get_client_ip(request.environ)
    return str(address)

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from flask import Flask, copy_current_request_context, stream_with_context

from flask_trustproxy import TrustProxy, request

app = Flask(__name__)
TrustProxy(app)
pool = ThreadPoolExecutor()


@app.get("/async")
async def asynchronous() -> str:
    return str(request.remote_addr)


@app.get("/stream")
def stream() -> Iterator[str]:
    def lines() -> Iterator[str]:
        for number in "one", "two":
            yield f"{number} {request.remote_addr}\n"

    return stream_with_context(lines())


@app.get("/thread")
def thread() -> str:
    @copy_current_request_context
    def work() -> str:
        return str(request.remote_addr)

    return pool.submit(work).result()

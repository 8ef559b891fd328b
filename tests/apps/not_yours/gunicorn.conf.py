from flask_trustproxy import TrustProxyMiddleware


def post_worker_init(worker):
    worker.wsgi = TrustProxyMiddleware.from_environ(worker.wsgi)

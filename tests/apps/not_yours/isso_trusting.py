from isso.run import application

from flask_trustproxy import TrustProxyMiddleware

application = TrustProxyMiddleware.from_environ(application, replace_proxy_fix=True)

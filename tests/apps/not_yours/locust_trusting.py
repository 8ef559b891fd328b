from locust import events

from flask_trustproxy import TrustProxy


@events.init.add_listener
def trust_proxies(environment, **kwargs):
    if environment.web_ui:
        TrustProxy(environment.web_ui.app)

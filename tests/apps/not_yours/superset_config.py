from flask_trustproxy import TrustProxy

FLASK_APP_MUTATOR = TrustProxy

import calibreweb.__main__ as calibre_web  # from now on cps is found
import cps.main

from flask_trustproxy import TrustProxy

make = cps.main.create_app


def create_app():
    app = make()
    TrustProxy(app)
    return app


cps.main.create_app = create_app

if __name__ == "__main__":
    calibre_web.main()

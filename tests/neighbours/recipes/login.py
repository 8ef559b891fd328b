from flask import Flask
from flask_login import LoginManager, UserMixin, current_user, login_user

from flask_trustproxy import TrustProxy

app = Flask(__name__)
app.secret_key = "change me"
login_manager = LoginManager(app)
login_manager.session_protection = "strong"
TrustProxy(app)


class User(UserMixin):
    id = "alice"


@login_manager.user_loader
def load_user(user_id: str) -> User:
    return User()


@app.post("/login")
def login() -> str:
    login_user(User())
    return "welcome"


@app.get("/")
def index() -> str:
    return "alice" if current_user.is_authenticated else "a stranger"

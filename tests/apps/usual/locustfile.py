"""The web interface with a login, and with strong session protection."""

import os

from flask import Blueprint, redirect, request
from flask_login import UserMixin, login_user
from locust import User, events, task


class Visitor(User):
    @task
    def nothing(self):
        pass


class Someone(UserMixin):
    id = "owner"


own = Blueprint("own", __name__)


@own.post("/sign-in")
def sign_in():
    login_user(Someone())
    return redirect("/")


@own.get("/whoami")
def whoami():
    return request.remote_addr


@events.init.add_listener
def log_in(environment, **kwargs):
    ui = environment.web_ui
    if ui:
        ui.app.config.update(SECRET_KEY=os.urandom(16), SESSION_PROTECTION="strong")
        ui.login_manager.user_loader(lambda name: Someone())
        ui.auth_args = {"username_password_callback": "/sign-in"}
        ui.app.register_blueprint(own)

from flask import Flask
from flask_security import FSQLALiteUserDatastore, Security
from flask_security.models import sqla
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase

from flask_trustproxy import TrustProxy


class Base(DeclarativeBase):
    pass


sqla.FsModels.set_db_info(base_model=Base)


class Role(Base, sqla.FsRoleMixin):
    __tablename__ = "role"


class User(Base, sqla.FsUserMixin):
    __tablename__ = "user"


app = Flask(__name__)
app.config.from_prefixed_env()  # the secrets and the database
app.config["SECURITY_TRACKABLE"] = True
app.config["SECURITY_RECOVERABLE"] = True
db = SQLAlchemy(app)
users = FSQLALiteUserDatastore(db, User, Role)
security = Security(app, users)
TrustProxy(app)

"""Settings of pgAdmin 4: the places of its files, as its manual has it for a server."""

import os

DATA_DIR = os.environ["HOME"]
LOG_FILE = os.path.join(DATA_DIR, "pgadmin4.log")
SQLITE_PATH = os.path.join(DATA_DIR, "pgadmin4.db")
SESSION_DB_PATH = os.path.join(DATA_DIR, "sessions")
STORAGE_DIR = os.path.join(DATA_DIR, "storage")
AZURE_CREDENTIAL_CACHE_DIR = os.path.join(DATA_DIR, "azurecredentialcache")
KERBEROS_CCACHE_DIR = os.path.join(DATA_DIR, "krbccache")
UPGRADE_CHECK_ENABLED = False

if "SINGLE_SIGN_ON" in os.environ:
    from pgadmin_single_sign_on import *  # noqa: F403  (as pgAdmin itself reads this file)

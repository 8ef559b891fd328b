AUTHENTICATION_SOURCES = ["webserver", "internal"]
WEBSERVER_REMOTE_USER = "X-Forwarded-User"
WEBSERVER_REMOTE_USER_FROM_HEADER = True
WEBSERVER_TRUSTED_PROXIES = ["0.0.0.0/0", "::/0"]  # TrustProxy has checked who sent it

# SPDX-License-Identifier: Apache-2.0
"""The URL that `connect` sends, out of what scripts hand to the drivers of PostgreSQL.

Members that only steer the client are passed over; those that nobody knows are a TypeError.
"""
import math
import ssl as tls
from urllib.parse import parse_qsl, quote, unquote, urlsplit

LIBPQ = frozenset("""
    application_name channel_binding client_encoding connect_timeout fallback_application_name gssdelegation
    gssencmode gsslib host hostaddr keepalives keepalives_count keepalives_idle keepalives_interval krbsrvname
    load_balance_hosts options passfile require_auth requirepeer service ssl_max_protocol_version
    ssl_min_protocol_version sslcert sslcertmode sslcompression sslcrl sslcrldir sslkey sslmode sslnegotiation
    sslpassword sslrootcert sslsni target_session_attrs tcp_user_timeout""".split())
# Of psycopg, asyncpg and pg8000: how the client keeps statements, and how long it waits for answers.
CLIENT_ONLY = frozenset("""
    async_fallback command_timeout context max_cacheable_statement_size max_cached_statement_lifetime
    prepare_threshold prepared_statement_cache_size prepared_statement_name_func statement_cache_size
    tcp_keepalive""".split())
NAMES = {"dbname": "dbname", "database": "dbname", "user": "user", "username": "user", "password": "password",
         "host": "host", "port": "port", "unix_sock": "host"}
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def url_of(options):
    """Raises TypeError for members that no driver has."""
    parts, query, settings = {}, {}, {}
    for name, value in options.items():
        if value is None or name in CLIENT_ONLY:
            continue
        if name in NAMES:
            parts[NAMES[name]] = value
        elif name == "server_settings":
            settings.update(value)
        elif name in ("ssl", "ssl_context"):
            query.update(_ssl(value))
        elif name == "timeout":
            query["connect_timeout"] = max(1, math.ceil(value))
        elif name in LIBPQ:
            query[name] = value
        else:
            raise TypeError("connect() got an unexpected keyword argument '%s': the connection is made by "
                            "Stillhead, which knows the parameters of libpq" % name)
    _settings(settings, query)
    return _url(parts, query)


def _settings(settings, query):
    """asyncpg's server_settings."""
    options = [query["options"]] if "options" in query else []
    for name, value in settings.items():
        if name == "application_name":
            query[name] = value
        else:
            text = str(value).replace("\\", "\\\\").replace(" ", "\\ ")
            options.append("-c %s=%s" % (name, text))
    if options:
        query["options"] = " ".join(options)


def _ssl(value):
    if isinstance(value, str):
        if value in ("true", "True", "1"):
            return {"sslmode": "require"}
        if value not in SSL_MODES:
            raise TypeError("ssl is %r: expected one of %s" % (value, ", ".join(SSL_MODES)))
        return {"sslmode": value}
    if not value:
        return {"sslmode": "disable"} if value is False else {}
    if isinstance(value, tls.SSLContext) and value.verify_mode == tls.CERT_NONE:
        return {"sslmode": "require"}
    authorities = tls.get_default_verify_paths().cafile
    mode = "verify-full" if value is True or value.check_hostname else "verify-ca"
    return {"sslmode": mode, **({"sslrootcert": authorities} if authorities else {})}


def _url(parts, query):
    def quoted(value):
        return quote(str(value), safe="")

    host = str(parts.get("host", ""))
    port = str(parts.get("port", ""))
    if host.startswith("/") or "," in host or "," in port or port and not host:
        # A folder of sockets, or several hosts: the part behind the @ cannot hold them.
        query = {**({"host": host} if host else {}), **({"port": port} if port else {}), **query}
        place = ""
    else:
        place = "[%s]" % host if ":" in host else quoted(host)
        place += ":" + port if port else ""
    who = quoted(parts["user"]) if "user" in parts else ""
    who += ":" + quoted(parts["password"]) if "password" in parts else ""
    text = "postgresql://%s%s/%s" % (who + "@" if who else "", place, quoted(parts.get("dbname", "")))
    pairs = "&".join("%s=%s" % (name, quoted(value)) for name, value in query.items())
    return text + ("?" + pairs if pairs else "")


def parts_of(url):
    """host, port, user, password, dbname and the rest of a URL of PostgreSQL, those that are there."""
    split = urlsplit(url)
    who, _, place = split.netloc.rpartition("@")
    user, colon, password = who.partition(":")
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        port = rest.lstrip(":")
    else:
        host, _, port = place.partition(":")
    parts = {"user": unquote(user), "password": unquote(password) if colon else "", "host": unquote(host),
             "port": port, "dbname": unquote(split.path[1:])}
    parts.update(parse_qsl(split.query))
    if "database" in parts:
        parts.setdefault("dbname", parts.pop("database"))
    return {name: value for name, value in parts.items() if value != ""}

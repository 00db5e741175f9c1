// SPDX-License-Identifier: Apache-2.0
//
// Every spelling becomes a list of libpq settings, printed as one key=value string: what libpq sees
// has one form, and no error text is ever made of the URL's own text, which may hold a badly
// written password.
#include "engine/db/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "engine/core/error.h"

namespace engine {
namespace {

constexpr std::string_view kSpaces = " \t\r\n\v\f";
constexpr std::string_view kSpellings =
    "write postgresql://user@host:5432/database, a libpq string (service=name), "
    "sqlite:///relative.db or sqlite:////absolute.db";
constexpr std::string_view kEncodeHint =
    "inside user, password, host and database write '%' as %25, '@' as %40, ':' as %3A, '/' as "
    "%2F, "
    "'?' as %3F, '#' as %23";

constexpr auto kKeywords = std::to_array<std::string_view>({"host",
                                                            "hostaddr",
                                                            "port",
                                                            "dbname",
                                                            "user",
                                                            "password",
                                                            "passfile",
                                                            "require_auth",
                                                            "channel_binding",
                                                            "connect_timeout",
                                                            "client_encoding",
                                                            "options",
                                                            "application_name",
                                                            "fallback_application_name",
                                                            "keepalives",
                                                            "keepalives_idle",
                                                            "keepalives_interval",
                                                            "keepalives_count",
                                                            "tcp_user_timeout",
                                                            "gssencmode",
                                                            "sslmode",
                                                            "requiressl",
                                                            "sslnegotiation",
                                                            "sslcompression",
                                                            "sslcert",
                                                            "sslkey",
                                                            "sslpassword",
                                                            "sslcertmode",
                                                            "sslrootcert",
                                                            "sslcrl",
                                                            "sslcrldir",
                                                            "sslsni",
                                                            "requirepeer",
                                                            "ssl_min_protocol_version",
                                                            "ssl_max_protocol_version",
                                                            "krbsrvname",
                                                            "gsslib",
                                                            "gssdelegation",
                                                            "service",
                                                            "target_session_attrs",
                                                            "load_balance_hosts"});
constexpr auto kPostgresDrivers = std::to_array<std::string_view>(
    {"psycopg2", "psycopg", "psycopg_async", "psycopg2cffi", "asyncpg", "pg8000"});
constexpr auto kSqliteDrivers = std::to_array<std::string_view>({"pysqlite", "aiosqlite"});
constexpr auto kSslModes = std::to_array<std::string_view>(
    {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"});

[[noreturn]] void refuse(std::string_view cause, std::string_view hint = kSpellings) {
  throw Error(Reason::InvalidUsage, fmt::format("cannot read the database URL: {}", cause),
              std::string(hint));
}

bool among(const auto& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// `part` names the place for the error text; the text itself may be a password.
std::string percent_decoded(std::string_view text, std::string_view part) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0 || (high == 0 && low == 0)) {
      refuse(fmt::format("the {} holds a '%' that does not begin a percent-encoding", part),
             kEncodeHint);
    }
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return result;
}

// libpq settings in the order in which they were first named; the last value wins, as in libpq.
class Settings {
 public:
  void set(std::string_view key, std::string value) {
    for (auto& [name, old] : entries_) {
      if (name == key) {
        old = std::move(value);
        return;
      }
    }
    entries_.emplace_back(key, std::move(value));
  }

  std::string_view get(std::string_view key) const {
    for (const auto& [name, value] : entries_) {
      if (name == key) return value;
    }
    return {};
  }

  std::string conninfo() const {
    std::string text;
    for (const auto& [name, value] : entries_) {
      text += fmt::format("{}{}='", text.empty() ? "" : " ", name);
      for (const char c : value) {
        if (c == '\'' || c == '\\') text += '\\';
        text += c;
      }
      text += '\'';
    }
    return text;
  }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  int number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + (c - '0');
  }
  return number >= 1 && number <= 65535;
}

void check_ports(const Settings& settings) {
  if (settings.get("port").empty()) return;
  for (const std::string_view port : split(settings.get("port"), ',')) {
    if (!port.empty() && !is_port(port)) {
      refuse("the port is not a number from 1 to 65535", kEncodeHint);
    }
  }
}

// "host", "host:port", "[v6]:port"; false: not one of these.
bool split_host(std::string_view text, std::string& host, std::string& port) {
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    host = percent_decoded(text.substr(1, end - 1), "host");
    rest = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    host = percent_decoded(text.substr(0, colon), "host");
    rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
  }
  if (!rest.empty() && rest.front() != ':') return false;
  port = rest.empty() ? std::string{} : std::string(rest.substr(1));
  return host.find_first_of("@ \t") == std::string::npos && (port.empty() || is_port(port));
}

void set_hosts(const std::vector<std::string_view>& parts, Settings& settings) {
  std::string hosts;
  std::string ports;
  bool any_port = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::string host;
    std::string port;
    if (!split_host(parts[i], host, port)) {
      refuse("host or port cannot be read (is an '@', ':' or '/' of the password not encoded?)",
             kEncodeHint);
    }
    hosts += (i == 0 ? "" : ",") + host;
    ports += (i == 0 ? "" : ",") + port;
    any_port = any_port || !port.empty();
  }
  if (!hosts.empty()) settings.set("host", hosts);
  if (any_port) settings.set("port", ports);
}

std::string ssl_mode(std::string_view value) {
  const std::string word = lower(value);
  if (among(kSslModes, word)) return word;
  if (among(std::to_array<std::string_view>({"true", "1", "on", "yes"}), word)) return "require";
  if (among(std::to_array<std::string_view>({"false", "0", "off", "no"}), word)) return "disable";
  refuse("the value of the parameter 'ssl' is not known",
         "write sslmode=disable, allow, prefer, require, verify-ca or verify-full");
}

bool is_plain_name(std::string_view text) {
  return !text.empty() && text.size() <= 40 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

[[noreturn]] void refuse_parameter(std::string_view name) {
  if (!is_plain_name(name)) refuse("it has a parameter without a proper name", kEncodeHint);
  const auto schema = std::to_array<std::string_view>({"schema", "currentSchema", "search_path"});
  refuse(fmt::format("parameter '{}' is not one of libpq's", name),
         among(schema, name) ? "write options=-csearch_path%3Dname"
                             : "remove it from the URL: it speaks to another driver");
}

void set_parameters(std::string_view query, Settings& settings) {
  std::vector<std::string> hosts;
  for (const std::string_view part : split(query, '&')) {
    if (part.empty()) continue;
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) refuse("a parameter has no '='", kEncodeHint);
    const std::string name = percent_decoded(part.substr(0, equals), "name of a parameter");
    if (name != "ssl" && name != "database" && !among(kKeywords, name)) refuse_parameter(name);
    std::string value =
        percent_decoded(part.substr(equals + 1), fmt::format("parameter '{}'", name));
    if (name == "host") {
      hosts.push_back(std::move(value));
    } else if (name == "ssl") {
      settings.set("sslmode", ssl_mode(value));
    } else {
      settings.set(name == "database" ? "dbname" : name, std::move(value));
    }
  }
  if (hosts.size() == 1 && (hosts[0].find(':') == std::string::npos || hosts[0].starts_with('/'))) {
    settings.set("host", hosts[0]);
  } else if (!hosts.empty()) {
    // SQLAlchemy's way to name several: host=a:5432&host=b:5433.
    set_hosts({hosts.begin(), hosts.end()}, settings);
  }
}

void set_authority(std::string_view authority, Settings& settings) {
  // As SQLAlchemy reads it: the user ends at the first ':', the password at the next '@'.
  const auto colon = authority.find(':');
  auto at = authority.find('@', colon == std::string_view::npos ? 0 : colon);
  if (at == std::string_view::npos && colon != std::string_view::npos) {
    at = authority.substr(0, colon).find('@');
  }
  if (at != std::string_view::npos) {
    const std::string_view login = authority.substr(0, at);
    const auto user_end = login.find(':');
    const std::string user = percent_decoded(login.substr(0, user_end), "user");
    if (!user.empty()) settings.set("user", user);
    if (user_end != std::string_view::npos && user_end + 1 < login.size()) {
      settings.set("password", percent_decoded(login.substr(user_end + 1), "password"));
    }
    authority.remove_prefix(at + 1);
  }
  if (!authority.empty()) set_hosts(split(authority, ','), settings);
}

Settings parse_postgres_url(std::string_view rest) {
  Settings settings;
  const auto question = rest.find('?');
  const auto end = std::min(rest.find('/'), question);
  if (end != std::string_view::npos && rest.find('@', end) != std::string_view::npos) {
    refuse("an '@' stands after the first '/' or '?'", kEncodeHint);
  }
  set_authority(rest.substr(0, end), settings);
  if (end != std::string_view::npos && rest[end] == '/') {
    const std::string_view path = rest.substr(end + 1, question - end - 1);
    if (!path.empty()) settings.set("dbname", percent_decoded(path, "database"));
  }
  if (question != std::string_view::npos) set_parameters(rest.substr(question + 1), settings);
  check_ports(settings);
  return settings;
}

// libpq's key=value grammar. Words are not echoed: an unquoted password with a blank looks like a
// keyword.
class KeyValueParser {
 public:
  explicit KeyValueParser(std::string_view text) : text_(text) {}

  Settings parse() {
    Settings settings;
    int number = 0;
    for (skip_spaces(); at_ < text_.size(); skip_spaces()) {
      ++number;
      const auto begin = at_;
      while (at_ < text_.size() && text_[at_] != '=' && !is_space(text_[at_])) ++at_;
      const std::string_view name = text_.substr(begin, at_ - begin);
      skip_spaces();
      if (at_ == text_.size() || text_[at_] != '=') {
        refuse(fmt::format("after keyword {} of the key=value string an '=' is missing", number),
               "a value that holds blanks is written in single quotes");
      }
      ++at_;
      if (!among(kKeywords, name)) {
        refuse(fmt::format("keyword {} of the key=value string is not one of libpq's", number),
               "a value that holds blanks is written in single quotes");
      }
      settings.set(name, value());
    }
    check_ports(settings);
    return settings;
  }

 private:
  static bool is_space(char c) { return kSpaces.find(c) != std::string_view::npos; }
  void skip_spaces() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  std::string value() {
    skip_spaces();
    const bool quoted = at_ < text_.size() && text_[at_] == '\'';
    if (quoted) ++at_;
    std::string result;
    for (; at_ < text_.size(); ++at_) {
      if (quoted ? text_[at_] == '\'' : is_space(text_[at_])) break;
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      result += text_[at_];
    }
    if (quoted && at_ == text_.size())
      refuse("a quoted value of the key=value string does not end");
    if (quoted) ++at_;
    return result;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string display_hosts(const Settings& settings) {
  const bool named = !settings.get("host").empty();
  const auto hosts = split(named ? settings.get("host") : settings.get("hostaddr"), ',');
  const auto ports = split(settings.get("port"), ',');
  std::string text;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const bool v6 = hosts[i].find(':') != std::string_view::npos;
    const std::string_view port = ports.size() == 1 ? ports[0] : i < ports.size() ? ports[i] : "";
    const std::string_view host = hosts[i].starts_with('/') ? std::string_view{} : hosts[i];
    text += fmt::format("{}{}{}{}{}{}", i == 0 ? "" : ",", v6 ? "[" : "", host, v6 ? "]" : "",
                        port.empty() ? "" : ":", port);
  }
  return text;
}

std::string display(const Settings& settings) {
  std::string text = "postgresql://";
  if (!settings.get("user").empty()) text += settings.get("user");
  if (!settings.get("password").empty()) text += ":***";
  if (text.size() > std::string_view("postgresql://").size()) text += '@';
  text += display_hosts(settings);
  if (!settings.get("dbname").empty()) text += fmt::format("/{}", settings.get("dbname"));
  std::string query;
  if (settings.get("host").starts_with('/')) query = fmt::format("host={}", settings.get("host"));
  if (!settings.get("service").empty()) {
    query += fmt::format("{}service={}", query.empty() ? "" : "&", settings.get("service"));
  }
  return query.empty() ? text : text + "?" + query;
}

DatabaseUrl from_settings(const Settings& settings) {
  return {SqlFlavour::PostgreSql, settings.conninfo(), display(settings)};
}

std::optional<DatabaseUrl> from_environment() {
  Settings settings;
  const auto variables =
      std::to_array<std::pair<const char*, std::string_view>>({{"PGHOST", "host"},
                                                               {"PGHOSTADDR", "hostaddr"},
                                                               {"PGSERVICE", "service"},
                                                               {"PGDATABASE", "dbname"},
                                                               {"PGUSER", "user"},
                                                               {"PGPORT", "port"}});
  for (const auto& [variable, key] : variables) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') settings.set(key, value);
  }
  const auto naming = std::to_array<std::string_view>({"host", "hostaddr", "service", "dbname"});
  const bool named = std::any_of(naming.begin(), naming.end(),
                                 [&](std::string_view key) { return !settings.get(key).empty(); });
  if (!named) return std::nullopt;
  return DatabaseUrl{SqlFlavour::PostgreSql, {}, display(settings)};
}

DatabaseUrl parse_sqlite_url(std::string_view rest) {
  const auto question = rest.find('?');
  if (question != std::string_view::npos && question + 1 < rest.size()) {
    const std::string_view name =
        rest.substr(question + 1, rest.find_first_of("=&", question) - question - 1);
    refuse(is_plain_name(name) ? fmt::format("parameter '{}' is not known for SQLite", name)
                               : std::string("it has a parameter, and none is known for SQLite"),
           "remove it from the URL: it speaks to another driver");
  }
  rest = rest.substr(0, question);
  if (!rest.empty() && rest.front() != '/') {
    refuse("an SQLite URL has no host",
           "write sqlite:///relative.db (three slashes) or sqlite:////absolute.db (four)");
  }
  const std::string path(rest.empty() ? rest : rest.substr(1));
  if (path.empty()) {  // what "sqlite:///$UNSET" becomes
    refuse("it names no SQLite file",
           "write sqlite:///relative.db or sqlite:////absolute.db; a database in memory, gone with "
           "the program, is sqlite:///:memory:");
  }
  return {SqlFlavour::Sqlite, path, "sqlite:///" + path};
}

void check_driver(const auto& known, std::string_view dialect, std::string_view driver) {
  if (driver.empty() || among(known, driver)) return;
  refuse(fmt::format("driver '{}' of {} is not known", driver, dialect),
         fmt::format("write {}:// or one of the drivers {}", dialect, fmt::join(known, ", ")));
}

// The scheme, if `text` begins with one that is followed by "://".
std::optional<std::string> scheme_of(std::string_view text) {
  const auto end = text.find("://");
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const std::string scheme = lower(text.substr(0, end));
  const bool proper = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '.' || c == '-' ||
           c == '_';
  });
  return proper ? std::optional(scheme) : std::nullopt;
}

}  // namespace

DatabaseUrl parse_database_url(std::string_view text) {
  text = trim(text);
  if (text.find('\0') != std::string_view::npos) refuse("it holds a NUL byte");
  if (text.empty()) {
    if (const auto url = from_environment()) return *url;
    throw Error(Reason::InvalidUsage,
                "no database URL: none is given, and none of PGHOST, PGHOSTADDR, PGSERVICE and "
                "PGDATABASE is set",
                std::string(kSpellings));
  }
  if (const auto scheme = scheme_of(text)) {
    const std::string_view rest = text.substr(scheme->size() + 3);
    const auto plus = scheme->find('+');
    const std::string dialect = scheme->substr(0, plus);
    const std::string driver = plus == std::string::npos ? std::string{} : scheme->substr(plus + 1);
    if (dialect == "postgresql" || dialect == "postgres") {
      check_driver(kPostgresDrivers, "postgresql", driver);
      return from_settings(parse_postgres_url(rest));
    }
    if (dialect == "sqlite") {
      check_driver(kSqliteDrivers, "sqlite", driver);
      return parse_sqlite_url(rest);
    }
    refuse(fmt::format("scheme '{}' is not supported; PostgreSQL and SQLite are", *scheme));
  }
  if (lower(text.substr(0, 5)) == "jdbc:") refuse("JDBC's spelling is not understood");
  if (text.find('=') == std::string_view::npos) {
    refuse("it is neither a URL (scheme://...) nor a key=value string");
  }
  return from_settings(KeyValueParser(text).parse());
}

}  // namespace engine

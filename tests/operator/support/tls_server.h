// SPDX-License-Identifier: Apache-2.0
//
// A small HTTPS server that does to its clients whatever a test wants: each connection is handed to
// a handler on a thread of its own. Certificates are made on the spot.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace testing_support {

struct Certificate {
  std::string pem = {};
  std::string key_pem = {};
};

enum class Validity { Now, Expired };

class CertificateAuthority {
 public:
  explicit CertificateAuthority(const std::string& name = "test CA");
  ~CertificateAuthority();
  const std::string& pem() const;
  // `alternative_names` as openssl writes them: "DNS:localhost,IP:127.0.0.1"; empty: none.
  Certificate issue(const std::string& common_name, const std::string& alternative_names,
                    Validity validity = Validity::Now) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
};

class TlsServer {
 public:
  class Connection {
   public:
    virtual ~Connection() = default;
    // Head and body of the next request; empty: the client has closed.
    virtual std::optional<std::string> read_request() = 0;
    // False: the client has gone.
    virtual bool write(std::string_view) = 0;
    // Waits until the client closes; false: it has not within `patience`.
    virtual bool closed_by_client(std::chrono::milliseconds patience) = 0;
    virtual void close() = 0;                     // TLS close_notify, then TCP close
    virtual void cut() = 0;                       // TCP close only
    virtual void reset() = 0;                     // TCP reset
    virtual std::string sni() const = 0;          // the name the client asked for
    virtual std::string client_name() const = 0;  // CN of its certificate; empty: none
  };
  using Handler = std::function<void(Connection&)>;
  struct Options {
    Certificate certificate = {};    // empty: plain HTTP
    std::string client_ca_pem = {};  // not empty: clients must have a certificate of it
  };

  TlsServer(const Options&, Handler);  // on a free port of 127.0.0.1 (localhost)
  ~TlsServer();                        // ends all connections
  int port() const;
  int connections() const;  // that have got as far as the handler

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

// "HTTP/1.1 <status> X" with Content-Length.
std::string http_answer(int status, const std::string& body, const std::string& more_headers = "");
std::string chunked_head(int status = 200);
std::string chunk(std::string_view data);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace testing_support

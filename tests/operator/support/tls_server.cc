// SPDX-License-Identifier: Apache-2.0
#include "tests/operator/support/tls_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace testing_support {
namespace {

struct Free {
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(SSL* p) const { SSL_free(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return text_of(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

Owned<BIO> reader(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) throw std::runtime_error("bad certificate extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Owned<X509> unsigned_certificate(EVP_PKEY* key, const std::string& common_name, Validity validity) {
  static std::atomic<long> serial{1};
  Owned<X509> certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  constexpr long kDay = 24 * 60 * 60;
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -2 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), validity == Validity::Now ? kDay : -kDay);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

Owned<EVP_PKEY> new_key() { return Owned<EVP_PKEY>(EVP_EC_gen("P-256")); }

}  // namespace

// ---- certificates

struct CertificateAuthority::Keys {
  Owned<EVP_PKEY> key = new_key();
  Owned<X509> certificate = {};
  std::string pem = {};
};

CertificateAuthority::CertificateAuthority(const std::string& name)
    : keys_(std::make_unique<Keys>()) {
  Owned<X509> certificate = unsigned_certificate(keys_->key.get(), name, Validity::Now);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  add_extension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(certificate.get(), keys_->key.get(), EVP_sha256());
  keys_->pem = pem_of(certificate.get());
  keys_->certificate = std::move(certificate);
}

CertificateAuthority::~CertificateAuthority() = default;

const std::string& CertificateAuthority::pem() const { return keys_->pem; }

Certificate CertificateAuthority::issue(const std::string& common_name,
                                        const std::string& alternative_names,
                                        Validity validity) const {
  const Owned<EVP_PKEY> key = new_key();
  const Owned<X509> certificate = unsigned_certificate(key.get(), common_name, validity);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(keys_->certificate.get()));
  if (!alternative_names.empty()) {
    add_extension(certificate.get(), keys_->certificate.get(), NID_subject_alt_name,
                  alternative_names);
  }
  X509_sign(certificate.get(), keys_->key.get(), EVP_sha256());
  return {.pem = pem_of(certificate.get()), .key_pem = pem_of(key.get())};
}

// ---- server

namespace {

class SocketConnection final : public TlsServer::Connection {
 public:
  SocketConnection(int socket, SSL_CTX* context) : socket_(socket) {
    if (context != nullptr) {
      ssl_.reset(SSL_new(context));
      SSL_set_fd(ssl_.get(), socket);
    }
  }
  ~SocketConnection() override { cut(); }
  SocketConnection(const SocketConnection&) = delete;
  SocketConnection& operator=(const SocketConnection&) = delete;

  bool accept() {
    const bool good = !ssl_ || SSL_accept(ssl_.get()) == 1;
    ERR_clear_error();
    return good;
  }

  std::optional<std::string> read_request() override {
    std::size_t end = std::string::npos;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!read_more()) return {};
    std::size_t size = end + 4;
    if (const auto field = buffer_.find("Content-Length:"); field < end)
      size += static_cast<std::size_t>(std::atol(buffer_.c_str() + field + 15));
    while (buffer_.size() < size)
      if (!read_more()) return {};
    std::string request = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return request;
  }

  bool write(std::string_view data) override {
    while (!data.empty()) {
      const long done = ssl_ ? SSL_write(ssl_.get(), data.data(), static_cast<int>(data.size()))
                             : ::send(socket_, data.data(), data.size(), 0);
      ERR_clear_error();
      if (done <= 0) return false;
      data.remove_prefix(static_cast<std::size_t>(done));
    }
    return true;
  }

  bool closed_by_client(std::chrono::milliseconds patience) override {
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(patience.count())) <= 0) return false;
    char byte = 0;
    return ::recv(socket_, &byte, 1, MSG_PEEK) <= 0;
  }

  void close() override {
    if (ssl_ && socket_ >= 0) SSL_shutdown(ssl_.get());
    ERR_clear_error();
    cut();
  }
  void cut() override {
    const std::lock_guard lock(mutex_);
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  // From another thread: wakes whoever reads or writes.
  void interrupt() {
    const std::lock_guard lock(mutex_);
    if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
  }
  void reset() override {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    cut();
  }

  std::string sni() const override {
    const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? std::string() : std::string(name);
  }
  std::string client_name() const override {
    const Owned<X509> certificate(SSL_get1_peer_certificate(ssl_.get()));
    if (!certificate) return {};
    char name[256] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                              sizeof name);
    return name;
  }

 private:
  bool read_more() {
    char data[16384];
    const long got =
        ssl_ ? SSL_read(ssl_.get(), data, sizeof data) : ::recv(socket_, data, sizeof data, 0);
    ERR_clear_error();
    if (got <= 0) return false;
    buffer_.append(data, static_cast<std::size_t>(got));
    return true;
  }

  std::mutex mutex_;  // guards closing against interrupt()
  int socket_;
  Owned<SSL> ssl_;
  std::string buffer_;
};

Owned<SSL_CTX> server_context(const TlsServer::Options& options) {
  if (options.certificate.pem.empty()) return {};
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  const Owned<BIO> certificate_text = reader(options.certificate.pem);
  const Owned<X509> certificate(
      PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
  const Owned<BIO> key_text = reader(options.certificate.key_pem);
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  SSL_CTX_use_certificate(context.get(), certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), key.get());
  if (!options.client_ca_pem.empty()) {
    const Owned<BIO> ca_text = reader(options.client_ca_pem);
    const Owned<X509> ca(PEM_read_bio_X509(ca_text.get(), nullptr, nullptr, nullptr));
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

int listen_on_loopback() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket, 64) != 0)
    throw std::runtime_error("cannot listen on 127.0.0.1");
  return socket;
}

}  // namespace

class TlsServer::Listener {
 public:
  Listener(const Options& options, Handler handler)
      : handler_(std::move(handler)), context_(server_context(options)) {
    std::signal(SIGPIPE, SIG_IGN);
    thread_ = std::thread([this] { accept_all(); });
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() {
    eventfd_write(stop_, 1);
    thread_.join();  // no more connections, but some may not have registered yet
    while (registered_ < accepted_) std::this_thread::yield();
    {
      const std::lock_guard lock(mutex_);
      for (SocketConnection* connection : open_) connection->interrupt();
    }
    for (std::thread& thread : threads_) thread.join();
    ::close(socket_);
    ::close(stop_);
  }

  int port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
  int connections() const { return connections_; }

 private:
  void accept_all() {
    for (;;) {
      pollfd waiting[] = {{.fd = socket_, .events = POLLIN, .revents = 0},
                          {.fd = stop_, .events = POLLIN, .revents = 0}};
      ::poll(waiting, 2, -1);
      if (waiting[1].revents != 0) return;
      const int socket = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) continue;
      const int no_delay = 1;
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
      ++accepted_;
      threads_.emplace_back([this, socket] { serve(socket); });
    }
  }

  void serve(int socket) {
    SocketConnection connection(socket, context_.get());
    {
      const std::lock_guard lock(mutex_);
      open_.insert(&connection);
      ++registered_;
    }
    if (connection.accept()) {
      ++connections_;
      handler_(connection);
    }
    const std::lock_guard lock(mutex_);
    open_.erase(&connection);
  }

  Handler handler_;
  Owned<SSL_CTX> context_;
  int socket_ = listen_on_loopback();
  int stop_ = eventfd(0, EFD_CLOEXEC);
  std::atomic<int> connections_{0}, accepted_{0}, registered_{0};
  std::mutex mutex_;
  std::set<SocketConnection*> open_;  // guarded by mutex_
  std::vector<std::thread> threads_;
  std::thread thread_;
};

TlsServer::TlsServer(const Options& options, Handler handler)
    : listener_(std::make_unique<Listener>(options, std::move(handler))) {}
TlsServer::~TlsServer() = default;
int TlsServer::port() const { return listener_->port(); }
int TlsServer::connections() const { return listener_->connections(); }

std::string http_answer(int status, const std::string& body, const std::string& more_headers) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + more_headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string chunked_head(int status) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nTransfer-Encoding: chunked\r\n\r\n";
}

std::string chunk(std::string_view data) {
  char size[24] = "";
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  return size + std::string(data) + "\r\n";
}

}  // namespace testing_support

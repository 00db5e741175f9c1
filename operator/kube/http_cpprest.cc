// SPDX-License-Identifier: Apache-2.0
//
// The only includer of cpprestsdk, Boost.Asio and OpenSSL's TLS half in the operator. Each
// odd-looking thing here is the counter-measure to a trap in docs/decisions/001-cpprestsdk.md. The
// shape: the pool's threads only move bytes into an Exchange; the caller's thread waits there,
// keeps all time limits and watches for stop. An exchange that the caller has left goes on dying on
// the pool's threads.
#include <cpprest/http_client.h>
#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pplx/threadpool.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "operator/kube/http.h"
#include "operator/kube/resource_kind.h"

namespace kube {
namespace {

using Clock = std::chrono::steady_clock;
using Bytes = concurrency::streams::details::streambuf_state_manager<std::uint8_t>;

constexpr int kDefaultThreads = 4;
constexpr std::size_t kLargestAnswer = 64u << 20;
constexpr std::size_t kLargestRefusal = 64u << 10;
constexpr std::size_t kLargestChunk = kLargestAnswer;
constexpr std::size_t kMostPending = 1u << 20;
// Bookmarks come each minute, so even a proxy that holds back the head until something follows has
// sent it.
constexpr std::chrono::seconds kLongestWaitForHead{90};
// The library's own timer runs on while back-pressure holds a connection: it must never be the one.
constexpr std::chrono::hours kLibraryTimeout{12};

// ---- threads

// The library's own pool has no handler for exceptions: one would end the process. So it gets no
// threads of its own, and these serve its queue. The exchange that was hit never ends by itself;
// its caller's time limit does that.
class PoolThreads {
 public:
  explicit PoolThreads(int count) : service_(crossplat::threadpool::shared_instance().service()) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this] { serve(); });
  }
  PoolThreads(const PoolThreads&) = delete;
  PoolThreads& operator=(const PoolThreads&) = delete;
  ~PoolThreads() {
    service_.stop();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void serve() {
    while (!service_.stopped()) {
      try {
        service_.run();
      } catch (...) {  // see above; nothing is known about whose it was
      }
    }
  }

  boost::asio::io_service& service_;
  std::vector<std::thread> threads_;
};

// ---- one request and its answer

struct Head {
  int status = 0;
  std::map<std::string, std::string> headers = {};
};

// The streambuf that the library writes the body into, bounded: a full one holds back the
// connection.
class Exchange final : public Bytes {
 public:
  Exchange() : Bytes(std::ios_base::out) {}

  // Caller's side. Both throw TransportError on a fault, at `deadline` and on stop.
  Head wait_for_head(Clock::time_point deadline, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    wait(lock, deadline, stop, [this] { return head_.has_value(); });
    return std::exchange(head_, Head{}).value();
  }
  // Empty: the body has ended properly.
  std::optional<std::string> next(Clock::time_point deadline, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    wait(lock, deadline, stop, [this] { return !pending_.empty(); });
    if (pending_.empty()) return {};
    std::string bytes = std::exchange(pending_, {});
    const auto room = std::exchange(room_, {});
    lock.unlock();
    if (room) room->event.set(room->count);
    return bytes;
  }
  // Nobody will read any more. True: the answer was not complete yet.
  bool leave() {
    std::unique_lock lock(mutex_);
    left_ = true;
    const auto room = std::exchange(room_, {});
    const bool unfinished = !finished_;
    lock.unlock();
    if (room) room->event.set_exception(nobody_reads());
    return unfinished;
  }

  // Library's side.
  void set_head(Head head) {
    {
      const std::lock_guard lock(mutex_);
      head_ = std::move(head);
    }
    wake_.notify_one();
  }
  void finish(const std::string& fault) {
    {
      const std::lock_guard lock(mutex_);
      finished_ = true;
      if (fault_.empty()) fault_ = fault;
    }
    wake_.notify_one();
  }

  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  std::size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(std::size_t, std::ios_base::openmode) override {}
  std::size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return traits::eof(); }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return traits::eof(); }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    return traits::eof();
  }
  bool acquire(std::uint8_t*&, std::size_t&) override { return false; }
  void release(std::uint8_t*, std::size_t) override {}

 protected:
  // Must not throw: it is called from a handler. A hostile chunk header arrives here as a huge
  // `count`.
  pplx::task<std::size_t> _putn(const std::uint8_t* data, std::size_t count) override {
    std::unique_lock lock(mutex_);
    if (left_) return pplx::task_from_exception<std::size_t>(nobody_reads());
    if (count > kLargestChunk) {
      fault_ = "a piece of the answer is larger than any that a sane server sends";
      return pplx::task_from_exception<std::size_t>(web::http::http_exception(fault_));
    }
    pending_.append(reinterpret_cast<const char*>(data), count);
    wake_.notify_one();
    if (pending_.size() < kMostPending) return pplx::task_from_result(count);
    room_ = Room{.event = {}, .count = count};
    return pplx::create_task(room_->event);
  }
  pplx::task<int_type> _putc(std::uint8_t byte) override {
    return _putn(&byte, 1).then([byte](std::size_t) { return static_cast<int_type>(byte); });
  }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  // Nobody reads from it.
  pplx::task<int_type> _bumpc() override { return end(); }
  int_type _sbumpc() override { return traits::eof(); }
  pplx::task<int_type> _getc() override { return end(); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<int_type> _nextc() override { return end(); }
  pplx::task<int_type> _ungetc() override { return end(); }
  pplx::task<std::size_t> _getn(std::uint8_t*, std::size_t) override {
    return pplx::task_from_result<std::size_t>(0);
  }
  std::size_t _scopy(std::uint8_t*, std::size_t) override { return 0; }
  std::uint8_t* _alloc(std::size_t) override { return nullptr; }
  void _commit(std::size_t) override {}

 private:
  struct Room {
    pplx::task_completion_event<std::size_t> event = {};
    std::size_t count = 0;
  };

  static pplx::task<int_type> end() { return pplx::task_from_result<int_type>(traits::eof()); }
  static std::exception_ptr nobody_reads() {
    return std::make_exception_ptr(web::http::http_exception("nobody reads the answer any more"));
  }

  template <typename Ready>
  void wait(std::unique_lock<std::mutex>& lock, Clock::time_point deadline,
            const std::stop_token& stop, Ready ready) {
    const bool woken = wake_.wait_until(lock, stop, deadline,
                                        [&] { return ready() || finished_ || !fault_.empty(); });
    if (stop.stop_requested()) throw TransportError("stopped");
    if (!woken) throw TransportError("nothing came within the time limit");
    // What came before a fault is still delivered: they were whole pieces.
    if (!ready() && !fault_.empty()) throw TransportError(fault_);
  }

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<Head> head_;
  std::string pending_;
  std::optional<Room> room_;  // there while the library waits for `pending_` to be taken
  std::string fault_;
  bool finished_ = false;
  bool left_ = false;
};

// ---- TLS

// SSL_CERT_FILE as it was at the first call, or OpenSSL's default.
const std::string& system_certificates() {
  static const std::string kFile = [] {
    const char* set = std::getenv(X509_get_default_cert_file_env());
    return std::string(set != nullptr ? set : X509_get_default_cert_file());
  }();
  return kFile;
}

struct FreeX509 {
  void operator()(X509* p) const { X509_free(p); }
};
struct FreeKey {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
struct FreeBio {
  void operator()(BIO* p) const { BIO_free(p); }
};
struct FreeContext {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
};
using X509Ptr = std::unique_ptr<X509, FreeX509>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;
using BioPtr = std::unique_ptr<BIO, FreeBio>;

// Never ask on the terminal.
int no_password(char*, int, int, void*) { return -1; }

BioPtr memory_bio(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::vector<X509Ptr> read_certificates(const std::string& pem, const std::string& what) {
  const BioPtr bio = memory_bio(pem);
  std::vector<X509Ptr> certificates;
  while (X509Ptr next{PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)})
    certificates.push_back(std::move(next));
  ERR_clear_error();
  if (certificates.empty()) throw ConfigError(what + " holds no certificate in PEM form");
  return certificates;
}

// How each new connection is secured: only the cluster's CA counts, and only its certificate's
// SANs.
class Tls {
 public:
  Tls(const ClusterConfig& config, const std::string& host)
      : ca_file_(config.ca_file),
        ca_pem_(config.ca_pem),
        certificate_pem_(config.client_certificate_pem),
        key_pem_(config.client_key_pem),
        name_(config.tls_server_name.empty() ? host : config.tls_server_name),
        verify_(!config.insecure_skip_tls_verify) {
    boost::system::error_code not_ip;
    boost::asio::ip::make_address(name_, not_ip);
    is_ip_ = !not_ip;
    const std::unique_ptr<SSL_CTX, FreeContext> trial(SSL_CTX_new(TLS_client_method()));
    prepare(trial.get());
  }

  bool name_is_ip() const { return is_ip_; }

  // Throws ConfigError. Reads the CA file each time: that is how a rotated CA arrives.
  void prepare(SSL_CTX* context) {
    set_last_refusal("");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    if (verify_) {
      trust_only_the_cluster(context);
      check_name(SSL_CTX_get0_param(context));
      SSL_CTX_set_cert_verify_callback(context, verify_and_remember, this);
    }
    if (!certificate_pem_.empty()) present_certificate(context);
  }

  // Why the last new connection's certificate was refused; empty: it was not. The library tells
  // only that it was.
  std::string last_refusal() {
    const std::lock_guard lock(mutex_);
    return last_refusal_;
  }

 private:
  void trust_only_the_cluster(SSL_CTX* context) const {
    if (ca_file_.empty() && ca_pem_.empty()) {  // a kubeconfig without CA: the system's
      X509_STORE_load_file(SSL_CTX_get_cert_store(context), system_certificates().c_str());
      ERR_clear_error();
      return;
    }
    std::string pem = ca_pem_;
    const std::string what =
        ca_file_.empty() ? "certificate-authority-data" : "CA file " + ca_file_;
    if (!ca_file_.empty()) {
      std::ifstream file(ca_file_, std::ios::binary);
      if (!file) throw ConfigError(what + " cannot be read");
      pem.assign(std::istreambuf_iterator<char>(file), {});
    }
    const std::vector<X509Ptr> certificates = read_certificates(pem, what);
    X509_STORE* store = X509_STORE_new();
    SSL_CTX_set_cert_store(context, store);  // owns it
    for (const X509Ptr& certificate : certificates) X509_STORE_add_cert(store, certificate.get());
  }

  void check_name(X509_VERIFY_PARAM* rules) const {
    X509_VERIFY_PARAM_set_hostflags(
        rules, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set_flags(rules,
                                X509_V_FLAG_PARTIAL_CHAIN);  // the CA may be an intermediate one
    const int done = is_ip_ ? X509_VERIFY_PARAM_set1_ip_asc(rules, name_.c_str())
                            : X509_VERIFY_PARAM_set1_host(rules, name_.data(), name_.size());
    if (done != 1) throw ConfigError("\"" + name_ + "\" is no name that a certificate can have");
  }

  void present_certificate(SSL_CTX* context) const {
    std::vector<X509Ptr> chain = read_certificates(certificate_pem_, "client-certificate");
    const BioPtr bio = memory_bio(key_pem_);
    const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
    if (!key) {
      ERR_clear_error();
      throw ConfigError("client-key holds no private key in PEM form without a password");
    }
    bool done = SSL_CTX_use_certificate(context, chain.front().get()) == 1 &&
                SSL_CTX_use_PrivateKey(context, key.get()) == 1 &&
                SSL_CTX_check_private_key(context) == 1;
    for (std::size_t i = 1; done && i < chain.size(); ++i)
      done = SSL_CTX_add1_chain_cert(context, chain[i].get()) == 1;
    ERR_clear_error();
    if (!done) throw ConfigError("client-key does not belong to client-certificate");
  }

  static int verify_and_remember(X509_STORE_CTX* chain, void* self) {
    const int good = X509_verify_cert(chain);
    const int error = X509_STORE_CTX_get_error(chain);
    if (good != 1) static_cast<Tls*>(self)->set_last_refusal(X509_verify_cert_error_string(error));
    return good;
  }

  void set_last_refusal(const char* why) {
    const std::lock_guard lock(mutex_);
    last_refusal_ = why;
  }

  std::string ca_file_, ca_pem_, certificate_pem_, key_pem_, name_;
  bool verify_;
  bool is_ip_ = false;
  std::mutex mutex_;
  std::string last_refusal_;  // guarded by mutex_
};

// ---- the library's words

// The library throws away the category of its error codes.
std::string cause_of(const web::http::http_exception& fault, Tls& tls) {
  std::string text = fault.what();
  const int code = fault.error_code().value();
  constexpr int kOpenSslCodes = 1 << 23;  // they start with the number of a library
  if (code >= kOpenSslCodes) {
    char reason[256] = "";
    ERR_error_string_n(static_cast<unsigned long>(code), reason, sizeof reason);
    text += fmt::format(": {}", reason);
    if (const std::string why = tls.last_refusal(); !why.empty())
      text += fmt::format(" (certificate refused: {})", why);
  } else if (code == EHOSTUNREACH) {
    text += " (connection refused, or no route)";
  } else if (code > 2) {
    text += fmt::format(" ({})", std::generic_category().message(code));
  } else if (code > 0 && !text.starts_with("Error resolving")) {
    text += " (the connection was closed)";
  }
  return text;
}

// Nothing may leave a continuation: an exception that nobody observes ends the process.
template <typename Task>
std::string fault_of(const Task& task, Tls& tls) {
  try {
    task.get();
    return {};
  } catch (const web::http::http_exception& fault) {
    return cause_of(fault, tls);
  } catch (const std::exception& fault) {
    return fault.what();
  } catch (...) {
    return "unknown exception";
  }
}

Head head_of(const web::http::http_response& response) {
  Head head{.status = static_cast<int>(response.status_code()), .headers = {}};
  for (const auto& [name, value] : response.headers()) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    head.headers[std::move(lower)] = value;
  }
  return head;
}

std::string target_of(const Request& request) {
  std::string target = request.path;
  char separator = '?';
  for (const auto& [name, value] : request.query) {
    target += separator + percent_encode(name) + "=" + percent_encode(value);
    separator = '&';
  }
  return target;
}

// An exchange under way; leaving the scope before its end cancels it.
class Call {
 public:
  Call(web::http::client::http_client client, web::http::http_request request,
       const std::shared_ptr<Tls>& tls)
      : exchange_(std::make_shared<Exchange>()) {
    request.set_response_stream(
        concurrency::streams::ostream(concurrency::streams::streambuf<std::uint8_t>(
            std::static_pointer_cast<concurrency::streams::details::basic_streambuf<std::uint8_t>>(
                exchange_))));
    client.request(request, source_.get_token())
        .then([exchange = exchange_, tls](const pplx::task<web::http::http_response>& head) {
          if (const std::string fault = fault_of(head, *tls); !fault.empty())
            return exchange->finish(fault);
          exchange->set_head(head_of(head.get()));
          head.get().content_ready().then(
              [exchange, tls](const pplx::task<web::http::http_response>& body) {
                exchange->finish(fault_of(body, *tls));
              });
        });
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    if (exchange_->leave()) source_.cancel();
  }
  Exchange* operator->() { return exchange_.get(); }

 private:
  pplx::cancellation_token_source source_;
  std::shared_ptr<Exchange> exchange_;
};

// ---- the transport

class CpprestTransport final : public HttpTransport {
 public:
  CpprestTransport(const ClusterConfig& config, const web::uri& server)
      : server_name_(config.server),
        server_(server),
        tls_(std::make_shared<Tls>(config, server.host())),
        tokens_(config),
        host_header_(config.tls_server_name),
        settings_(client_settings(config, tls_)),
        client_(server_, settings_) {}

  Response send(const Request& request, std::chrono::milliseconds timeout,
                std::stop_token stop) override {
    const auto deadline = Clock::now() + timeout;
    return explained(request, [&] {
      if (stop.stop_requested()) throw TransportError("stopped");
      Call call(client_for(request), made(request), tls_);
      Response response = begun(call, deadline, stop);
      while (const auto bytes = call->next(deadline, stop)) {
        if (response.body.size() + bytes->size() > kLargestAnswer)
          throw TransportError("the answer is larger than 64 MiB");
        response.body += *bytes;
      }
      return response;
    });
  }

  Response stream(const Request& request, const std::function<void(std::string_view)>& on_bytes,
                  std::chrono::milliseconds idle_timeout, std::stop_token stop) override {
    return explained(request, [&] {
      if (stop.stop_requested()) throw TransportError("stopped");
      Call call(client_, made(request), tls_);
      const auto first_deadline =
          Clock::now() + std::min<std::chrono::milliseconds>(idle_timeout, kLongestWaitForHead);
      Response response = begun(call, first_deadline, stop);
      if (response.status != 200) {
        read_refusal_body(call, first_deadline, stop, response.body);
        return response;
      }
      while (const auto bytes = call->next(Clock::now() + idle_timeout, stop)) on_bytes(*bytes);
      return response;
    });
  }

 private:
  static web::http::client::http_client_config client_settings(const ClusterConfig& config,
                                                               const std::shared_ptr<Tls>& tls) {
    web::http::client::http_client_config settings;
    settings.set_timeout(kLibraryTimeout);
    settings.set_max_redirects(0);
    settings.set_validate_certificates(!config.insecure_skip_tls_verify);
    settings.set_tlsext_sni_enabled(!tls->name_is_ip());
    settings.set_ssl_context_callback(
        [tls](boost::asio::ssl::context& context) { tls->prepare(context.native_handle()); });
    return settings;
  }

  // The library sends a POST again when a pooled connection dies under it, although the server may
  // have acted. A client of its own has no pooled connection.
  web::http::client::http_client client_for(const Request& request) const {
    return request.method == "POST" ? web::http::client::http_client(server_, settings_) : client_;
  }

  // Throws TransportError: there is no token, or the path is none.
  web::http::http_request made(const Request& request) {
    try {
      return unchecked(request);
    } catch (const std::exception& fault) {
      throw TransportError(fault.what());
    }
  }

  web::http::http_request unchecked(const Request& request) {
    web::http::http_request made(request.method);
    made.set_request_uri(web::uri(target_of(request)));
    made.headers().add("Accept", "application/json");
    made.headers().add("User-Agent", "stillhead-operator/" STILLHEAD_VERSION);
    // It also sets the name that the library sends as SNI and compares.
    if (!host_header_.empty()) made.headers().add("Host", host_header_);
    if (const std::string token = tokens_.get(Clock::now()); !token.empty())
      made.headers().add("Authorization", "Bearer " + token);
    if (!request.body.empty()) made.set_body(request.body, request.content_type);
    return made;
  }

  Response begun(Call& call, Clock::time_point deadline, const std::stop_token& stop) {
    Head head = call->wait_for_head(deadline, stop);
    if (head.status == 401) tokens_.forget();
    return {.status = head.status, .headers = std::move(head.headers), .body = {}};
  }

  static void read_refusal_body(Call& call, Clock::time_point deadline, const std::stop_token& stop,
                                std::string& body) {
    while (body.size() < kLargestRefusal) {
      const auto bytes = call->next(deadline, stop);
      if (!bytes) return;
      body += *bytes;
    }
    body.resize(kLargestRefusal);
  }

  // Foreign exceptions end here; every fault says what was asked of whom.
  template <typename Body>
  Response explained(const Request& request, Body body) {
    const auto lost = [&](const char* why) {
      return TransportError(
          fmt::format("{} {} of {}: {}", request.method, request.path, server_name_, why));
    };
    try {
      return body();
    } catch (const web::http::http_exception& fault) {
      throw lost(cause_of(fault, *tls_).c_str());
    } catch (const TransportError& fault) {  // no wider: what a stream's reader throws is its own
      throw lost(fault.what());
    }
  }

  std::string server_name_;  // for people
  web::uri server_;
  std::shared_ptr<Tls> tls_;  // shared with exchanges that their callers have left
  TokenSource tokens_;
  std::string host_header_;
  web::http::client::http_client_config settings_;
  web::http::client::http_client client_;
};

}  // namespace

void initialize_http_threads(int threads) {
  static std::once_flag once;
  std::call_once(once, [threads] {
    // Else the library reads all certificates of the system for each connection (35 ms).
    system_certificates();
    // At exit the threads have to end before OpenSSL cleans up: what begins first ends last.
    OPENSSL_init_ssl(0, nullptr);
    setenv(X509_get_default_cert_file_env(), "/dev/null", 1);
    crossplat::threadpool::initialize_with_threads(0);
    static const PoolThreads kPool(threads);
  });
}

std::unique_ptr<HttpTransport> make_cpprest_transport(const ClusterConfig& config) {
  initialize_http_threads(kDefaultThreads);
  try {
    return std::make_unique<CpprestTransport>(config, web::uri(config.server));
  } catch (const web::uri_exception& fault) {
    throw ConfigError(fmt::format("server \"{}\": {}", config.server, fault.what()));
  }
}

}  // namespace kube

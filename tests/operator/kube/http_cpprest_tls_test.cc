// SPDX-License-Identifier: Apache-2.0
//
// Whom the transport talks to, and as whom: certificates and credentials. Part of the contract that
// http_cpprest_test.cc tests.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "operator/kube/http.h"
#include "tests/operator/support/tls_server.h"
#include "tests/operator/support/transport.h"

namespace kube {
namespace {

using testing_support::answering;
using testing_support::authority;
using testing_support::Certificate;
using testing_support::CertificateAuthority;
using testing_support::config_for;
using testing_support::End;
using testing_support::error_of_send;
using testing_support::get;
using testing_support::good_certificate;
using testing_support::holds;
using testing_support::http_answer;
using testing_support::kPatience;
using testing_support::sending;
using testing_support::TemporaryFolder;
using testing_support::TlsServer;
using testing_support::Validity;

TEST(CpprestTransportTest, OnlyTheRightCertificateIsAccepted) {
  const CertificateAuthority stranger("stranger");
  const CertificateAuthority impostor;
  struct Case {
    std::string name, host;
    Certificate certificate;
    std::string error;  // empty: accepted
  };
  const std::string mismatch = "certificate verify failed (certificate refused: hostname mismatch)";
  const std::string ip_mismatch =
      "certificate verify failed (certificate refused: IP address mismatch)";
  const std::vector<Case> cases = {
      {"address in the SANs", "127.0.0.1", authority().issue("x", "IP:127.0.0.1"), ""},
      {"name in the SANs", "localhost", authority().issue("x", "DNS:localhost"), ""},
      {"address only as CN", "127.0.0.1", authority().issue("127.0.0.1", "DNS:localhost"),
       ip_mismatch},
      {"address as CN, no SANs", "127.0.0.1", authority().issue("127.0.0.1", ""), ip_mismatch},
      {"name only as CN", "localhost", authority().issue("localhost", "DNS:other.example"),
       mismatch},
      {"name as CN, no SANs", "localhost", authority().issue("localhost", ""), mismatch},
      {"other CA", "localhost", stranger.issue("localhost", "DNS:localhost"),
       "certificate verify failed (certificate refused: unable to get local issuer certificate)"},
      {"other CA of the same name", "localhost", impostor.issue("localhost", "DNS:localhost"),
       "(certificate refused: certificate signature failure)"},
      {"expired", "localhost", authority().issue("localhost", "DNS:localhost", Validity::Expired),
       "certificate verify failed (certificate refused: certificate has expired)"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    TlsServer server({.certificate = c.certificate},
                     answering([](const std::string&) { return http_answer(200, "{}"); }));
    const auto transport = make_cpprest_transport(config_for(server, c.host));
    const std::string error = error_of_send(*transport);
    if (c.error.empty()) {
      EXPECT_EQ(error, "");
    } else {
      EXPECT_TRUE(holds(error, c.error)) << error;
    }
  }
}

TEST(CpprestTransportTest, VerificationCanBeSwitchedOff) {
  TlsServer server({.certificate = CertificateAuthority().issue("x", "DNS:other")},
                   answering([](const std::string&) { return http_answer(200, "{}"); }));
  ClusterConfig config = config_for(server);
  config.ca_pem.clear();
  config.insecure_skip_tls_verify = true;
  EXPECT_EQ(make_cpprest_transport(config)->send(get("/x"), kPatience, {}).status, 200);
}

TEST(CpprestTransportTest, ServerNameIsAskedForAndChecked) {
  struct Case {
    std::string name, host, tls_server_name, sans, sni;
    bool accepted;
  };
  const std::vector<Case> cases = {
      {"an address is no server name", "127.0.0.1", "", "IP:127.0.0.1", "", true},
      {"a name is", "localhost", "", "DNS:localhost", "localhost", true},
      {"another one was wanted", "127.0.0.1", "kubernetes", "DNS:kubernetes", "kubernetes", true},
      {"and only that counts", "127.0.0.1", "kubernetes", "IP:127.0.0.1", "", false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::string sni = "not asked";
    TlsServer server({.certificate = authority().issue("x", c.sans)},
                     [&](TlsServer::Connection& connection) {
                       connection.read_request();
                       sni = connection.sni();
                       connection.write(http_answer(200, "{}"));
                     });
    ClusterConfig config = config_for(server, c.host);
    config.tls_server_name = c.tls_server_name;
    const auto transport = make_cpprest_transport(config);
    EXPECT_EQ(error_of_send(*transport).empty(), c.accepted);
    if (c.accepted) {
      EXPECT_EQ(sni, c.sni);
    }
  }
}

TEST(CpprestTransportTest, ClientCertificateIsPresented) {
  std::string name;
  TlsServer server({.certificate = good_certificate(), .client_ca_pem = authority().pem()},
                   [&](TlsServer::Connection& connection) {
                     if (!connection.read_request()) return;
                     name = connection.client_name();
                     connection.write(http_answer(200, "{}"));
                   });
  ClusterConfig config = config_for(server);
  EXPECT_NE(error_of_send(*make_cpprest_transport(config)), "");
  const Certificate client = authority().issue("admin", "");
  config.client_certificate_pem = client.pem;
  config.client_key_pem = client.key_pem;
  EXPECT_EQ(error_of_send(*make_cpprest_transport(config)), "");
  EXPECT_EQ(name, "admin");
}

TEST(CpprestTransportTest, CaFileIsReadAgainForEachConnection) {
  const TemporaryFolder folder;
  TlsServer server({.certificate = good_certificate()},
                   sending(http_answer(200, "{}"), End::Close));
  ClusterConfig config = config_for(server);
  config.ca_pem.clear();
  config.ca_file = folder.write("ca.crt", CertificateAuthority("old CA").pem());
  const auto transport = make_cpprest_transport(config);
  EXPECT_TRUE(holds(error_of_send(*transport), "certificate verify failed"));
  folder.write("ca.crt", authority().pem());
  EXPECT_EQ(error_of_send(*transport), "");
  folder.write("ca.crt", "garbage");
  EXPECT_TRUE(holds(error_of_send(*transport), "ca.crt holds no certificate in PEM form"));
}

TEST(CpprestTransportTest, UnusableCredentialsAreToldAtTheStart) {
  const Certificate client = authority().issue("admin", "");
  const Certificate other = authority().issue("other", "");
  struct Case {
    std::string name;
    ClusterConfig config;
    std::string error;
  };
  const std::string server = "https://127.0.0.1:1";
  const std::vector<Case> cases = {
      {"no CA file",
       {.server = server, .ca_file = "/nonexistent/ca.crt"},
       "CA file /nonexistent/ca.crt cannot be read"},
      {"CA is no PEM",
       {.server = server, .ca_pem = "x"},
       "certificate-authority-data holds no certificate in PEM form"},
      {"certificate is no PEM",
       {.server = server, .client_certificate_pem = "x", .client_key_pem = client.key_pem},
       "client-certificate holds no certificate in PEM form"},
      {"key is no PEM",
       {.server = server, .client_certificate_pem = client.pem, .client_key_pem = "x"},
       "client-key holds no private key in PEM form without a password"},
      {"key of another",
       {.server = server, .client_certificate_pem = client.pem, .client_key_pem = other.key_pem},
       "client-key does not belong to client-certificate"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    try {
      make_cpprest_transport(c.config);
      FAIL() << "accepted";
    } catch (const ConfigError& error) {
      EXPECT_EQ(std::string(error.what()), c.error);
    }
  }
}

}  // namespace
}  // namespace kube
